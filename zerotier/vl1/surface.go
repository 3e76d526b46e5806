package vl1

import (
	"net/netip"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/zerotier/identity"
)

// A surface is one of our own addresses as somebody outside sees it (PROTOCOL 13.4).
type surface struct {
	reporter identity.Address
	at       PathID // our socket, and the reporter's address
	scope    Scope
	mine     netip.AddrPort
	seen     clock.Time
}

const (
	maxSurfaces     = 64
	surfaceLifetime = peerExpiry + housekeeping
)

// observe takes a peer's word for our address: what a HELLO was sent to, or an OK(HELLO) says that it
// came from.
func (s *Switch) observe(now clock.Time, p *peer, at PathID, mine netip.AddrPort) {
	mine = unmap(mine)
	if !pathAllowed(mine, s.cfg.AllowLoopback) {
		return
	}
	scope := ScopeOf(mine.Addr())
	if scope != ScopeOf(at.Remote.Addr()) {
		return // seen through something else than a NAT
	}
	slot := -1
	for i := range s.surfaces {
		e := &s.surfaces[i]
		if e.reporter == p.id.Address && e.at == at && e.scope == scope {
			moved := e.mine.Addr() != mine.Addr()
			changed := e.mine != mine
			e.mine, e.seen = mine, now
			if changed {
				s.event(Event{Kind: EventSurface, Peer: p.id.Address, Path: PathID{at.Local, mine}})
			}
			if moved && p.isUpstream() {
				s.resetPaths(now, p, scope, mine.Addr().Is6())
			}
			return
		}
		if slot < 0 || e.seen < s.surfaces[slot].seen {
			slot = i
		}
	}
	e := surface{p.id.Address, at, scope, mine, now}
	if len(s.surfaces) < maxSurfaces {
		s.surfaces = append(s.surfaces, e)
	} else {
		s.surfaces[slot] = e
	}
	s.event(Event{Kind: EventSurface, Peer: p.id.Address, Path: PathID{at.Local, mine}})
}

// resetPaths puts all paths of a scope and family in doubt, after our address changed: each is probed
// and not used until it answers, while there is another way.
func (s *Switch) resetPaths(now clock.Time, reporter *peer, scope Scope, v6 bool) {
	for i := range s.surfaces {
		if e := &s.surfaces[i]; e.scope == scope && e.mine.Addr().Is6() == v6 && e.reporter != reporter.id.Address {
			e.seen = clock.Never + 1 // replaced first, and expired by the next housekeeping
		}
	}
	for _, p := range s.order {
		if p == reporter {
			continue
		}
		for _, t := range p.paths {
			if t.scope == scope && t.Remote.Addr().Is6() == v6 {
				t.suspect.Store(true)
				t.probes = 0
				s.probe(now, p, t, false)
			}
		}
		s.reroute(now, p)
		s.wake(now, p)
	}
}

func (s *Switch) expireSurfaces(now clock.Time) {
	keep := s.surfaces[:0]
	for _, e := range s.surfaces {
		if now.Sub(e.seen) < surfaceLifetime {
			keep = append(keep, e)
		}
	}
	s.surfaces = keep
}

// Surfaces returns our own addresses as upstreams and peers see them.
func (s *Switch) Surfaces() []netip.AddrPort {
	var all []netip.AddrPort
	for i := range s.surfaces {
		known := false
		for _, a := range all {
			known = known || a == s.surfaces[i].mine
		}
		if !known {
			all = append(all, s.surfaces[i].mine)
		}
	}
	return all
}
