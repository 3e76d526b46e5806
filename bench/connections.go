package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"runtime"
	"time"
)

// connectionsPerWorld is after how many connections a pair of hosts is replaced by a new one. Each leaves a record in TIME-WAIT, so that
// more would run out of ports, which is not what is measured.
const connectionsPerWorld = 10000

// A tally is what connection after connection has taken, setting up hosts excluded.
type tally struct {
	n         int
	cpu, wall time.Duration
}

func (t *tally) sample() sample {
	s := sample{rate.name: float64(t.n) / t.wall.Seconds()}
	if t.cpu > 0 {
		s[ratePerCPU.name] = float64(t.n) / t.cpu.Seconds()
	}
	return s
}

// count makes connections with once until d has passed or a world is used up.
func (t *tally) count(d time.Duration, once func() error) error {
	cpu, start := cpuTime(), time.Now()
	n := 0
	for n < connectionsPerWorld && time.Since(start) < d {
		if err := once(); err != nil {
			return fmt.Errorf("connection %d: %w", n+1, err)
		}
		n++
	}
	t.n += n
	t.cpu += cpuTime() - cpu
	t.wall += time.Since(start)
	return nil
}

// connectOver connects, sends a byte each way and closes, again and again: one client, which closes first, and a server that takes
// one connection at a time.
func connectOver(open opener) job {
	return func(warmup, d time.Duration) (sample, error) {
		var t tally
		for warm := true; warm || t.wall < d; warm = false {
			length := d - t.wall
			if warm {
				length = warmup
			}
			_, err := within(open, length+stallLimit, func(ctx context.Context, w world) (sample, error) {
				ln, err := w.listen()
				if err != nil {
					return nil, err
				}
				done := make(chan struct{})
				go func() { defer close(done); serveOneByOne(ln) }()
				err = t.count(length, func() error { return connectOnce(ctx, w) })
				ln.Close()
				<-done
				return nil, err
			})
			if err != nil {
				return nil, err
			}
			if warm {
				t = tally{}
			}
		}
		return t.sample(), nil
	}
}

func connectOnce(ctx context.Context, w world) error {
	c, err := w.dial(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	return byteTrip(c)()
}

// serveOneByOne answers one byte on each connection, until ln is closed.
func serveOneByOne(ln net.Listener) {
	var b [1]byte
	for {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		if _, err := io.ReadFull(c, b[:]); err == nil {
			c.Write(b[:])
			c.Read(b[:]) // until the client has closed
		}
		c.Close()
	}
}

// idleOver establishes n connections and reports what each end takes of the heap, once garbage is collected: goroutine stacks
// included, buffers of the application not. The first connection is not counted, because it brings what all share.
func idleOver(open opener, n int) job {
	return func(_, _ time.Duration) (sample, error) {
		return within(open, time.Minute, func(ctx context.Context, w world) (sample, error) {
			ln, err := w.listen()
			if err != nil {
				return nil, err
			}
			conns := make([]net.Conn, 0, 2*n+2)
			pair := func() error {
				c, err := w.dial(ctx)
				if err != nil {
					return err
				}
				s, err := ln.Accept()
				conns = append(conns, c, s)
				return err
			}
			s, err := heapOf(n, pair)
			ln.Close()
			for _, c := range conns {
				if c != nil {
					c.Close()
				}
			}
			return s, err
		})
	}
}

// heapOf calls pair once, and then n times to see what that costs for each of the two ends.
func heapOf(n int, pair func() error) (sample, error) {
	if err := pair(); err != nil {
		return nil, err
	}
	before := heap()
	for i := range n {
		if err := pair(); err != nil {
			return nil, fmt.Errorf("connection %d: %w", i+1, err)
		}
	}
	return sample{bytesPerConn.name: float64(heap()-before) / float64(2*n)}, nil
}

// heap returns the bytes in use once garbage is collected. Twice, because what a finalizer holds goes in the second turn.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}
