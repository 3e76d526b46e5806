package demo

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// PingArgs says whom to ping.
type PingArgs struct {
	To       netip.Addr
	Count    int
	Limit    time.Duration // for each
	Parallel int           // how many may be under way
}

// PingReply has the round trips of the echoes that were answered, in ascending order.
type PingReply struct {
	RTT  []time.Duration
	Lost int
}

// Ping sends echo requests: one after another, or so in several rows.
func (a *Agent) Ping(args PingArgs, reply *PingReply) error {
	rows := max(1, min(args.Parallel, args.Count))
	errs := make([]error, rows)
	replies := make([]PingReply, rows)
	var wg sync.WaitGroup
	for i := range rows {
		row := args
		row.Count = (args.Count + i) / rows
		wg.Go(func() { errs[i] = a.pingRow(row, &replies[i]) })
	}
	wg.Wait()
	for i, r := range replies {
		if errs[i] != nil {
			return errs[i]
		}
		reply.RTT = append(reply.RTT, r.RTT...)
		reply.Lost += r.Lost
	}
	slices.Sort(reply.RTT)
	return nil
}

// pingRow sends echo requests one after another.
func (a *Agent) pingRow(args PingArgs, reply *PingReply) error {
	p, err := a.network.Host().NewPinger(args.To)
	if err != nil {
		return err
	}
	defer p.Close()
	for range args.Count {
		ctx, cancel := context.WithTimeout(a.ctx, args.Limit)
		rtt, err := p.Ping(ctx, 56)
		cancel()
		switch {
		case a.stopped():
			return errStopped
		case err != nil:
			reply.Lost++
		default:
			reply.RTT = append(reply.RTT, rtt)
		}
	}
	return nil
}
