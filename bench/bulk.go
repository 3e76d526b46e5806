package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// checked is how many bytes at the beginning of each connection are compared with what was sent. The rest is
// only counted, so that the comparison is no part of what is measured.
const checked = 1 << 20

// pattern returns the block that is sent again and again: bytes that differ from place to place.
func pattern() []byte {
	b := make([]byte, block)
	x := uint32(1)
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	return b
}

// A checker compares the beginning of a stream with the pattern.
type checker struct {
	want []byte
	off  int64
}

// next takes the next bytes of the stream.
func (c *checker) next(b []byte) error {
	for len(b) > 0 && c.off < checked {
		at := int(c.off % block)
		n := min(len(b), block-at)
		if !bytes.Equal(b[:n], c.want[at:at+n]) {
			return fmt.Errorf("bytes from %d on are not what was sent", c.off)
		}
		c.off += int64(n)
		b = b[n:]
	}
	return nil
}

// bulkOver moves data from the first host to the second over conns connections as fast as it goes, 64 KiB a
// Write and a Read, a goroutine at each end of each connection.
func bulkOver(open opener, conns int) job {
	return func(warmup, d time.Duration) (sample, error) {
		return within(open, warmup+d+stallLimit, func(ctx context.Context, w world) (sample, error) {
			clients, servers, err := connect(ctx, w, conns)
			if err != nil {
				return nil, err
			}
			t := startTransfer(clients, servers)
			time.Sleep(warmup)
			bytes, cpu, start := t.received.Load(), cpuTime(), time.Now()
			time.Sleep(d)
			bytes, cpu = t.received.Load()-bytes, cpuTime()-cpu
			wall := time.Since(start)
			if err := t.stop(); err != nil {
				return nil, err
			}
			return bulkSample(bytes, cpu, wall)
		})
	}
}

// bulkSample makes a sample of what a transfer has moved and used.
func bulkSample(bytes int64, cpu, wall time.Duration) (sample, error) {
	if bytes == 0 {
		return nil, errors.New("not one byte has arrived while it was measured")
	}
	bits := float64(bytes) * 8 / 1e9
	s := sample{throughput.name: bits / wall.Seconds()}
	if cpu > 0 {
		s[perCPU.name] = bits / cpu.Seconds()
	}
	return s, nil
}

// A transfer is a number of connections under load.
type transfer struct {
	received atomic.Int64
	stopping atomic.Bool
	wg       sync.WaitGroup
	mu       sync.Mutex
	err      error // the first; guarded by mu
}

// startTransfer starts a writer for each client and a reader for each server. They take over the connections.
func startTransfer(clients, servers []net.Conn) *transfer {
	t := &transfer{}
	data := pattern()
	for i := range clients {
		t.wg.Go(func() { t.write(clients[i], data) })
		t.wg.Go(func() { t.read(servers[i], data) })
	}
	return t
}

// stop ends the transfer and returns its first error.
func (t *transfer) stop() error {
	t.stopping.Store(true)
	t.wg.Wait()
	return t.err
}

func (t *transfer) fail(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err == nil {
		t.err = err
	}
}

func (t *transfer) write(c net.Conn, data []byte) {
	defer c.Close()
	for !t.stopping.Load() {
		if _, err := c.Write(data); err != nil {
			t.fail(fmt.Errorf("writing: %w", err))
			return
		}
	}
}

func (t *transfer) read(c net.Conn, data []byte) {
	defer c.Close()
	buf := make([]byte, block)
	check := checker{want: data}
	for {
		n, err := c.Read(buf)
		t.received.Add(int64(n))
		if wrong := check.next(buf[:n]); wrong != nil {
			t.fail(wrong)
			return
		}
		if err != nil {
			if !errors.Is(err, io.EOF) {
				t.fail(fmt.Errorf("reading: %w", err))
			}
			return
		}
	}
}
