package demo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// meet pings over both families until packets go straight from member to member. What is sent before that goes through the root.
func (c *conductor) meet(ctx context.Context) error {
	c.at("finding the way from b to a", nameB)
	m := &Meeting{FirstEcho: make(map[string]float64), Relay: c.info[nameRoot].UDP.String()}
	ctx, cancel := context.WithTimeoutCause(ctx, c.limit(limitMeet), errTimeout)
	defer cancel()
	errs := make(chan error)
	for _, family := range []string{"IPv4", "IPv6"} {
		go func() {
			took, err := c.firstEcho(ctx, family)
			c.lock(func() { m.FirstEcho[family] = float64(took.Nanoseconds()) / 1e3 })
			errs <- err
		}()
	}
	err, other := <-errs, <-errs
	if err = cmp.Or(err, other); err != nil {
		return err
	}
	all, relays, err := c.frames(ctx)
	if err != nil {
		return err
	}
	m.Frames, m.FramesRelayed = all, relays
	c.result.Meeting = m
	c.out.step(fmt.Sprintf("first echo answered; %d of the %d frames until then came through the root", relays, all), time.Since(c.since))

	for {
		b, err := c.route(ctx, nameB, nameA)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(b.Changes, func(r RouteChange) bool { return r.What == direct })
		if b.Direct && i >= 0 {
			after := b.Changes[i].At.Sub(c.since)
			m.DirectMS = milliseconds(after)
			c.out.step("direct path from b to a: "+b.Path, after)
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("packets still go through the root: %w", context.Cause(ctx))
		case <-time.After(10 * time.Millisecond):
		}
		// Traffic makes the root introduce the two again.
		if _, err := c.firstEcho(ctx, "IPv4"); err != nil {
			return err
		}
	}
}

// firstEcho sends echo requests from b to a until one is answered, and returns how long that took.
func (c *conductor) firstEcho(ctx context.Context, family string) (time.Duration, error) {
	to, err := c.address(nameA, family)
	if err != nil {
		return 0, err
	}
	for start := time.Now(); ; {
		var ping PingReply
		err := c.roles[nameB].call(ctx, "Ping", PingArgs{To: to, Count: 1, Limit: c.pingLimit()}, &ping)
		switch {
		case errors.Is(err, errTimeout):
			return 0, fmt.Errorf("%v does not answer", to)
		case err != nil:
			return 0, err
		case len(ping.RTT) > 0:
			return time.Since(start), nil
		}
	}
}

// pingLimit is how long an echo may take. It is shorter when losses are expected.
func (c *conductor) pingLimit() time.Duration {
	if c.opt.Loss > 0 {
		return limitPing/4 + 4*c.opt.Delay
	}
	return limitPing + 4*c.opt.Delay
}

// route asks a member for its route to the other.
func (c *conductor) route(ctx context.Context, from, to string) (reply RouteReply, err error) {
	err = c.roles[from].call(ctx, "Route", c.info[to].Address, &reply)
	return reply, err
}

// frames counts the frames that the members have received of each other, and how many of them came through the root.
func (c *conductor) frames(ctx context.Context) (all, relayed uint64, err error) {
	a, err := c.route(ctx, nameA, nameB)
	if err != nil {
		return 0, 0, err
	}
	b, err := c.route(ctx, nameB, nameA)
	return a.Frames.All + b.Frames.All, a.Frames.Relayed + b.Frames.Relayed, err
}

// reroute notes the history of both routes in the result, and returns b's with its description.
func (c *conductor) reroute(ctx context.Context) (b RouteReply, path string, err error) {
	a, err := c.route(ctx, nameA, nameB)
	if err != nil {
		return b, "", err
	}
	if b, err = c.route(ctx, nameB, nameA); err != nil {
		return b, "", err
	}
	m := c.result.Meeting
	m.TotalRelayed = a.Frames.Relayed + b.Frames.Relayed
	m.Routes = nil
	for _, h := range []struct {
		from, to string
		changes  []RouteChange
	}{{nameB, nameA, b.Changes}, {nameA, nameB, a.Changes}} {
		for _, r := range h.changes {
			m.Routes = append(m.Routes, Route{milliseconds(r.At.Sub(c.began)), h.from, h.to, r.What, r.Path})
		}
	}
	return b, describe(b.Changes, m.TotalRelayed), nil
}
