package main

import (
	"fmt"
	"time"
)

// openLimit is how long an overlay may take until both ends see each other.
const openLimit = 20 * time.Second

// An overlayKind starts the processes of one overlay, client and server first, and opens both ends. It returns the processes
// that it has started even if it fails.
type overlayKind func(profile string) (started []*process, address string, err error)

// An overlayWork measures an overlay that is up.
type overlayWork func(o *overlay, warmup, d time.Duration) (sample, error)

// An overlay is two ends in processes of their own.
type overlay struct {
	processes      []*process
	client, server *process
	work           overlayWork
}

// openOverlay returns an open function for an overlay.
func openOverlay(kind overlayKind, work overlayWork, profile string) func() (subject, error) {
	return func() (subject, error) {
		started, address, err := kind(profile)
		o := &overlay{processes: started, work: work}
		if err == nil {
			o.client, o.server = started[0], started[1]
			err = o.client.call("Ready", address, new(Empty), openLimit+time.Second)
		}
		if err != nil {
			o.close()
			return nil, err
		}
		return o, nil
	}
}

// startChildren starts n children.
func startChildren(n int) (started []*process, err error) {
	for range n {
		p, err := startChild()
		if err != nil {
			return started, err
		}
		started = append(started, p)
	}
	return started, nil
}

func (o *overlay) run(warmup, d time.Duration) (sample, error) { return o.work(o, warmup, d) }

func (o *overlay) close() {
	for _, p := range o.processes {
		p.stop()
	}
}

// overlayBulk moves data from client to server on conns connections. What counts is what the server's application has read; the
// processor time is that of both processes.
func overlayBulk(conns int) overlayWork {
	return func(o *overlay, warmup, d time.Duration) (sample, error) {
		if err := o.client.call("Begin", conns, new(Empty), stallLimit+time.Second); err != nil {
			return nil, err
		}
		// Windows and buffers take longer to settle here than in memory.
		time.Sleep(2 * warmup)
		var before, after [2]Mark
		err := o.mark(&before)
		if err == nil {
			time.Sleep(d)
			err = o.mark(&after)
		}
		if end := o.client.call("End", Empty{}, new(Empty), stallLimit+time.Second); err == nil {
			err = end
		}
		if err != nil {
			return nil, err
		}
		bytes := after[1].Received - before[1].Received
		if bytes == 0 {
			return nil, fmt.Errorf("not one byte has arrived in %v", d)
		}
		var cpu time.Duration
		for i := range after {
			cpu += after[i].CPU - before[i].CPU
		}
		wall := after[1].At - before[1].At
		return sample{
			throughput.name: float64(bytes) * 8 / 1e9 / wall.Seconds(),
			cpuPerGB.name:   cpu.Seconds() / (float64(bytes) / 1e9),
		}, nil
	}
}

// mark reads the counters of client and server.
func (o *overlay) mark(m *[2]Mark) error {
	for i, p := range []*process{o.client, o.server} {
		if err := p.call("Mark", Empty{}, &m[i], stallLimit); err != nil {
			return err
		}
	}
	return nil
}

// overlayRoundTrips sends one byte there and back again and again.
func overlayRoundTrips(o *overlay, warmup, d time.Duration) (sample, error) {
	var s map[string]float64
	err := o.client.call("RoundTrips", RoundTripsArgs{warmup, d}, &s, warmup+d+2*stallLimit)
	return s, err
}
