package sockets

import (
	"context"
	"net"
	"net/netip"
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/stack"
)

// A Pinger sends ICMP echo requests from a Host and matches the replies.
type Pinger struct {
	host   *Host
	to     netip.Addr
	member member

	// Guarded by host.shard.mu:

	p   *stack.Ping // nil once closed
	rd  half
	seq uint16
}

// NewPinger returns a Pinger for one destination.
func (h *Host) NewPinger(to netip.Addr) (*Pinger, error) {
	p := &Pinger{host: h, to: to}
	err := h.do(func(st *stack.Stack, _ clock.Time) (err error) {
		if p.p, err = st.BindPing(unspecified(to), p); err == nil {
			h.members.add(&p.member, p)
		}
		return err
	})
	if err != nil {
		return nil, opError("ping", "ip", nil, &net.IPAddr{IP: to.AsSlice(), Zone: to.Zone()}, err)
	}
	return p, nil
}

// ready implements socket.
func (p *Pinger) ready(w *wakeList) {
	if p.p != nil {
		p.p.Events()
		p.rd.signal(w)
	}
}

// Ping sends one echo request with size bytes of payload and waits for its reply. It returns the round trip.
func (p *Pinger) Ping(ctx context.Context, size int) (time.Duration, error) {
	s := &p.host.shard
	stop := context.AfterFunc(ctx, func() {
		now := s.enter()
		p.rd.signal(&s.wakes)
		s.leave(now)
	})
	defer stop()
	payload := make([]byte, size)
	for i := range payload {
		payload[i] = byte(i)
	}
	now := s.enter()
	rtt, now, err := p.exchange(ctx, now, payload)
	s.leave(now)
	if err != nil {
		return 0, opError("ping", "ip", nil, &net.IPAddr{IP: p.to.AsSlice(), Zone: p.to.Zone()}, err)
	}
	return rtt, nil
}

// exchange sends payload and waits for the reply with its sequence number. The caller holds the shard's lock.
func (p *Pinger) exchange(ctx context.Context, now clock.Time, payload []byte) (time.Duration, clock.Time, error) {
	s := &p.host.shard
	if p.p == nil {
		return 0, now, net.ErrClosed
	}
	p.seq++
	seq, sent := p.seq, now
	if err := p.p.Send(now, p.to, seq, payload); err != nil {
		return 0, now, err
	}
	got := make([]byte, len(payload))
	for {
		if err := ctx.Err(); err != nil {
			return 0, now, ctxError(err)
		}
		now = s.wait(&p.rd, now)
		if p.p == nil {
			return 0, now, net.ErrClosed
		}
		if err := p.p.Err(); err != nil {
			return 0, now, err
		}
		for {
			n, from, reply, ok := p.p.Recv(got)
			if !ok {
				break
			}
			if reply == seq && from.WithZone("") == p.to.WithZone("") && string(got[:n]) == string(payload) {
				return now.Sub(sent), now, nil
			}
		}
	}
}

// Close frees the Pinger.
func (p *Pinger) Close() error {
	s := &p.host.shard
	now := s.enter()
	err := net.ErrClosed
	if p.p != nil {
		p.abandon(now)
		err = nil
	}
	s.leave(now)
	return err
}

// abandon implements abandoner.
func (p *Pinger) abandon(clock.Time) {
	p.p.Close()
	p.p = nil
	p.rd.signal(&p.host.shard.wakes)
	p.host.members.remove(&p.member)
}
