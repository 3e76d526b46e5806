package demo

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/ztstack/ztstack/zerotier/vl2"
)

// A conductor leads the demonstration through its steps.
type conductor struct {
	opt   Options
	out   *printer
	began time.Time

	actors []*actor
	roles  map[string]*actor
	info   map[string]StartReply
	addrs  map[string][]netip.Addr
	nwid   vl2.NetworkID
	served ServeReply
	result Result

	mu         sync.Mutex // for lock
	step, node string     // what is being done, where
	since      time.Time
}

// names of the nodes.
const (
	nameRoot       = "root"
	nameController = "controller"
	nameA          = "a"
	nameB          = "b"
)

// Limits of the steps. Losses between nodes cost whole retries of the protocol, so they are generous.
const (
	limitStart  = 90 * time.Second // making identities is real work, on a slow or busy machine
	limitOnline = 20 * time.Second
	limitJoin   = 30 * time.Second
	limitMeet   = 30 * time.Second
	limitPing   = time.Second
)

var errTimeout = errors.New("no answer in time")

// limit returns how long something may take that takes at most d and some round trips.
func (c *conductor) limit(d time.Duration) time.Duration { return d + 40*c.opt.Delay }

// run leads the demonstration. The error is a *Failure, or wraps ErrInterrupted.
func (c *conductor) run(ctx context.Context) error {
	c.began = time.Now()
	all, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	err := c.steps(all, cancel)
	var lost *lostError
	why := ""
	if errors.As(err, &lost) {
		// A signal to the whole group may reach a node before it reaches us.
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
			why = lost.Error()
		}
	}
	since := time.Since(c.since)
	stopping := time.Now()
	stopErr := stopAll(c.alive(), why)
	c.took("stop", time.Since(stopping))
	switch {
	case err != nil && errors.Is(context.Cause(ctx), ErrInterrupted):
		err = c.interruption(context.Cause(ctx), since)
	case err != nil:
		err = c.failure(err, since)
	case stopErr != nil:
		c.at("writing the frames to "+c.opt.Pcap, nameB)
		err = c.failure(stopErr, 0)
	}
	c.result.OK = err == nil
	c.result.ElapsedMS = milliseconds(time.Since(c.began))
	return err
}

// alive returns the actors whose processes have not ended.
func (c *conductor) alive() []*actor {
	var out []*actor
	for _, x := range c.actors {
		select {
		case <-x.gone:
			x.client.Close()
		default:
			out = append(out, x)
		}
	}
	return out
}

// steps does one thing after another, and stops at the first that fails. cancel ends all of it.
func (c *conductor) steps(ctx context.Context, cancel context.CancelCauseFunc) error {
	if err := c.startActors(cancel); err != nil {
		return err
	}
	for _, s := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"start", c.startNodes}, {"online", c.goOnline}, {"network", c.createNetwork}, {"join", c.join}, {"meet", c.meet}, {"hash", c.serve},
		{"ping IPv4", func(ctx context.Context) error { return c.measure(ctx, "IPv4") }},
		{"IPv4", func(ctx context.Context) error { return c.transfer(ctx, "IPv4") }},
		{"ping IPv6", func(ctx context.Context) error { return c.measure(ctx, "IPv6") }},
		{"IPv6", func(ctx context.Context) error { return c.transfer(ctx, "IPv6") }},
	} {
		start := time.Now()
		if err := s.do(ctx); err != nil {
			return err
		}
		c.took(s.name, time.Since(start))
	}
	return nil
}

// took notes how long a part took.
func (c *conductor) took(what string, d time.Duration) {
	c.result.Timings = append(c.result.Timings, Timing{what, milliseconds(d)})
}

// at notes what is being done, for the error that it may end with.
func (c *conductor) at(step, node string) {
	c.step, c.node, c.since = step, node, time.Now()
}

// lock runs f while no other call of lock does: results of concurrent calls are collected in it.
func (c *conductor) lock(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
}

// each runs f for several nodes at once and returns the first error, naming its node.
func (c *conductor) each(ctx context.Context, names []string, f func(ctx context.Context, i int, name string, x *actor) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	var first error
	for i, name := range names {
		wg.Go(func() {
			err := f(ctx, i, name, c.roles[name])
			if err == nil {
				return
			}
			c.lock(func() {
				if first == nil {
					first, c.node = err, name
				}
			})
			cancel(err)
		})
	}
	wg.Wait()
	return first
}

// address returns a member's address of a family.
func (c *conductor) address(name, family string) (netip.Addr, error) {
	for _, a := range c.addrs[name] {
		if a.Is4() == (family == "IPv4") {
			return a, nil
		}
	}
	return netip.Addr{}, fmt.Errorf("node %s has no %s address", name, family)
}

// serve starts the HTTP server on a.
func (c *conductor) serve(ctx context.Context) error {
	c.at("starting the HTTP server", nameA)
	args := ServeArgs{File: c.opt.File, Bytes: c.opt.Bytes, Seed: c.opt.Seed}
	if err := c.roles[nameA].call(ctx, "Serve", args, &c.served); err != nil {
		return err
	}
	c.result.Bytes, c.result.SHA256 = c.served.Bytes, c.served.SHA256
	return nil
}
