package vl1

import (
	"net/netip"
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/zerotier/packet"
)

// Limits on PUSH_DIRECT_PATHS received (PROTOCOL 10.14).
const (
	maxPushes     = 8
	pushGap       = 30 * time.Second
	maxPushTried  = 8 // per scope and address family
	maxPushedOut  = 16
	redirectScale = 8 // priority of a path that a peer asked us to prefer
)

// pushPaths tells a trusted peer at which addresses we can be reached (PROTOCOL 13.5): every 15 s while
// its packets come relayed, else every 120 s.
func (s *Switch) pushPaths(now clock.Time, p *peer) {
	if !p.trusted(now) {
		return
	}
	r := p.session.route.Load()
	if r == nil {
		return
	}
	gap := time.Duration(pushRelayed)
	if r.direct {
		gap = pushDirect
	}
	if p.pushOutAt != clock.Never && now.Sub(p.pushOutAt) < gap {
		return
	}
	var d packet.PushDirectPaths
	add := func(a netip.AddrPort) {
		if len(d.Paths) >= maxPushedOut || !pathAllowed(a, s.cfg.AllowLoopback) {
			return
		}
		for _, have := range d.Paths {
			if have.Addr == a {
				return
			}
		}
		d.Paths = append(d.Paths, packet.DirectPath{Addr: a})
	}
	for _, a := range s.cfg.LocalAddrs {
		add(unmap(a))
	}
	for i := range s.surfaces {
		add(s.surfaces[i].mine)
	}
	if len(d.Paths) == 0 {
		return
	}
	p.pushOutAt = now
	s.sendNow(now, p, packet.VerbPushDirectPaths, d.Append(nil))
}

// receivePaths handles PUSH_DIRECT_PATHS: the addresses are tried.
func (s *Switch) receivePaths(now clock.Time, p *peer, m *Message) {
	if now.Sub(p.pushInAt) > pushGap {
		p.pushesIn = 0
	}
	p.pushInAt = now
	if p.pushesIn++; p.pushesIn > maxPushes {
		s.drop(DropRateLimited)
		return
	}
	var d packet.PushDirectPaths
	if !d.Parse(m.Payload) {
		s.drop(DropTruncated)
		return
	}
	var tried [numScopes][2]int
	for i := range d.Paths {
		a := unmap(d.Paths[i].Addr)
		if !s.mayPath(p, a) {
			s.drop(DropBadAddress)
			continue
		}
		family := 0
		if a.Addr().Is6() {
			family = 1
		}
		scope := ScopeOf(a.Addr())
		if tried[scope][family]++; tried[scope][family] > maxPushTried {
			continue
		}
		s.tryPushed(now, p, a, d.Paths[i].Flags&packet.PathClusterRedirect != 0)
	}
}

func (s *Switch) tryPushed(now clock.Time, p *peer, a netip.AddrPort, prefer bool) {
	for _, t := range p.paths {
		if t.Remote == a && t.usable(now) && t.alive(now) {
			if prefer && t.priority < redirectScale {
				t.priority = redirectScale
				s.reroute(now, p)
			}
			return
		}
	}
	// The packet may have come over a socket of the other family.
	s.try(now, p, PathID{AllSockets, a}, 1)
}

// SetLocalAddrs replaces Config.LocalAddrs, when interfaces, port mappings or sockets have changed.
func (s *Switch) SetLocalAddrs(addrs []netip.AddrPort) {
	s.cfg.LocalAddrs = append([]netip.AddrPort(nil), addrs...)
	for _, p := range s.order {
		p.pushOutAt = clock.Never
	}
}
