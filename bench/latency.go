package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"time"
)

// maxRoundTrips bounds the memory of a run.
const maxRoundTrips = 2 << 20

// A histogram is the times that round trips have taken, in nanoseconds.
type histogram struct{ ns []uint32 }

func (h *histogram) add(d time.Duration) { h.ns = append(h.ns, uint32(min(d, 4*time.Second))) }

// sample returns the percentiles, in microseconds. There is at least one time.
func (h *histogram) sample() (sample, error) {
	slices.Sort(h.ns)
	return sample{roundTrip50.name: percentile(h.ns, 50) / 1e3, roundTrip99.name: percentile(h.ns, 99) / 1e3}, nil
}

// pingPong makes round trips with trip for warmup, and then for d, and returns the times of those that ended after the warm-up. The
// last one counts however late it ends: a stall is no reason to leave it out.
func pingPong(warmup, d time.Duration, trip func() error) (*histogram, error) {
	h := &histogram{ns: make([]uint32, 0, 1<<16)}
	begin := time.Now()
	for last := begin; len(h.ns) < maxRoundTrips; {
		if err := trip(); err != nil {
			return nil, err
		}
		now := time.Now()
		since := now.Sub(begin)
		if since >= warmup {
			h.add(now.Sub(last))
		}
		if since >= warmup+d {
			break
		}
		last = now
	}
	return h, nil
}

// byteTrip returns a function that sends one byte on c and reads the one that comes back.
func byteTrip(c net.Conn) func() error {
	var out, in [1]byte
	return func() error {
		out[0]++
		if _, err := c.Write(out[:]); err != nil {
			return fmt.Errorf("writing: %w", err)
		}
		if _, err := io.ReadFull(c, in[:]); err != nil {
			return fmt.Errorf("reading: %w", err)
		}
		if in != out {
			return fmt.Errorf("sent %d, %d came back", out[0], in[0])
		}
		return nil
	}
}

// echo sends back what comes, a byte at a time, until c is closed.
func echo(c net.Conn) {
	defer c.Close()
	var b [1]byte
	for {
		if _, err := c.Read(b[:]); err != nil {
			return
		}
		if _, err := c.Write(b[:]); err != nil {
			return
		}
	}
}

// roundTripsOver sends one byte there and back again and again, a goroutine at each end.
func roundTripsOver(open opener) job {
	return func(warmup, d time.Duration) (sample, error) {
		return within(open, warmup+d+stallLimit, func(ctx context.Context, w world) (sample, error) {
			clients, servers, err := connect(ctx, w, 1)
			if err != nil {
				return nil, err
			}
			done := make(chan struct{})
			go func() { defer close(done); echo(servers[0]) }()
			h, err := pingPong(warmup, d, byteTrip(clients[0]))
			clients[0].Close()
			<-done
			if err != nil {
				return nil, err
			}
			return h.sample()
		})
	}
}
