package vl1

import (
	"net/netip"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/packet"
)

// An orbit is a moon that is wanted and not yet known.
type orbit struct {
	id   uint64
	seed identity.Address // a root of it, which is asked
}

// Limits on worlds.
const (
	maxMoons       = 16
	maxWorldsTaken = 1 + maxMoons // in one OK(HELLO)
)

// applyWorlds makes the roots of the planet and of all moons upstreams, and other peers leaves.
func (s *Switch) applyWorlds(now clock.Time) {
	for _, u := range s.upstreams {
		u.role, u.endpoints = RoleLeaf, nil
	}
	s.upstreams, s.isRoot = nil, false
	if s.planet != nil {
		s.applyWorld(now, s.planet, RolePlanet)
	}
	for _, m := range s.moons {
		s.applyWorld(now, m, RoleMoon)
	}
	s.relayDue = true
	for _, p := range s.order {
		s.wake(now, p)
	}
}

func (s *Switch) applyWorld(now clock.Time, w *World, role Role) {
	for i := range w.Roots {
		r := &w.Roots[i]
		if r.Identity.Address == s.self.Address {
			s.isRoot = s.isRoot || r.Identity.Public == s.self.Public
			continue
		}
		p := s.peers[r.Identity.Address]
		if p == nil {
			p = s.addPeer(now, r.Identity, nil)
		}
		if p == nil {
			continue
		}
		if p.id.Public != r.Identity.Public {
			s.drop(DropCollision)
			continue
		}
		if !p.isUpstream() {
			s.upstreams = append(s.upstreams, p)
			p.role = role
			p.contacts, p.contactAt = 0, clock.Never
		}
		for _, e := range r.Endpoints {
			if e = unmap(e); e.IsValid() && !containsAddr(p.endpoints, e) {
				p.endpoints = append(p.endpoints, e)
			}
		}
	}
}

func containsAddr(list []netip.AddrPort, a netip.AddrPort) bool {
	for _, b := range list {
		if a == b {
			return true
		}
	}
	return false
}

// SetWorld offers a planet or moon, for instance one from a file. It must be newer than the one in use
// and signed as that demands; the first of its kind is taken as it is.
func (s *Switch) SetWorld(now clock.Time, w *World) error {
	if w.Type == Planet {
		if s.planet != nil {
			if err := mayReplace(s.planet, w); err != nil {
				return err
			}
		}
		s.planet = w
	} else {
		known := false
		for i, m := range s.moons {
			if m.ID != w.ID {
				continue
			}
			if err := mayReplace(m, w); err != nil {
				return err
			}
			s.moons[i], known = w, true
		}
		if !known {
			if len(s.moons) >= maxMoons {
				return ErrWorldOld
			}
			s.moons = append(s.moons, w)
		}
	}
	s.dropOrbit(w.ID)
	s.applyWorlds(now)
	s.settle(now)
	return nil
}

func mayReplace(old, w *World) error {
	switch {
	case w.Type != old.Type || w.ID != old.ID || w.Timestamp <= old.Timestamp:
		return ErrWorldOld
	case !w.Verify(&old.SignedBy):
		return ErrWorldSign
	}
	return nil
}

// Orbit makes the Switch want a moon, of which seed is a root: seed is asked for it, and EventWorld
// follows when it answers.
func (s *Switch) Orbit(now clock.Time, id uint64, seed identity.Address) {
	for _, m := range s.moons {
		if m.ID == id {
			return
		}
	}
	s.dropOrbit(id)
	if len(s.orbits) < maxMoons {
		s.orbits = append(s.orbits, orbit{id, seed})
	}
	if p := s.peers[seed]; p != nil {
		if r := p.session.route.Load(); r != nil {
			s.sendHello(now, p, r.path.PathID)
		}
		return
	}
	s.IdentityOf(now, seed)
}

// Deorbit gives up a moon.
func (s *Switch) Deorbit(now clock.Time, id uint64) {
	s.dropOrbit(id)
	for i, m := range s.moons {
		if m.ID == id {
			s.moons = append(s.moons[:i:i], s.moons[i+1:]...)
			s.applyWorlds(now)
			break
		}
	}
	s.settle(now)
}

func (s *Switch) dropOrbit(id uint64) {
	for i := range s.orbits {
		if s.orbits[i].id == id {
			s.orbits = append(s.orbits[:i], s.orbits[i+1:]...)
			return
		}
	}
}

// updatesFor returns, serialized, the worlds that are newer here than those that a HELLO names
// (PROTOCOL 10.1).
func (s *Switch) updatesFor(h *packet.Hello) (b []byte) {
	if s.planet != nil && h.PlanetID == s.planet.ID && h.PlanetTimestamp < s.planet.Timestamp {
		b = s.planet.Append(b)
	}
	for i, theirs := range h.Moons {
		if i == maxMoons {
			break
		}
		for _, m := range s.moons {
			if theirs.Type == byte(Moon) && theirs.ID == m.ID && theirs.Timestamp < m.Timestamp {
				b = m.Append(b)
			}
		}
	}
	return b
}

// takeWorlds takes the updates that an OK(HELLO) carries, when they come from an upstream or from the
// seed of a moon that is wanted.
func (s *Switch) takeWorlds(now clock.Time, p *peer, b []byte) {
	for range maxWorldsTaken {
		if len(b) == 0 {
			return
		}
		w, n := ParseWorld(b)
		if n < 0 {
			s.drop(DropWorld)
			return
		}
		b = b[n:]
		wanted := s.isOrbit(w, p)
		switch {
		case !p.isUpstream() && !wanted:
			s.drop(DropNotUpstream)
		case !s.knowsWorld(w) && !wanted,
			s.SetWorld(now, w) != nil:
			s.drop(DropWorld)
		default:
			s.event(Event{Kind: EventWorld, Peer: p.id.Address, World: w})
		}
	}
}

// isOrbit reports whether w is a moon that is wanted, offered by its seed, which it names as a root.
func (s *Switch) isOrbit(w *World, p *peer) bool {
	for _, o := range s.orbits {
		if w.Type == Moon && w.ID == o.id && w.hasRoot(o.seed) && (p.id.Address == o.seed || p.isUpstream()) {
			return w.Verify(&w.SignedBy)
		}
	}
	return false
}

func (s *Switch) knowsWorld(w *World) bool {
	if w.Type == Planet {
		return s.planet != nil && s.planet.ID == w.ID
	}
	for _, m := range s.moons {
		if m.ID == w.ID {
			return true
		}
	}
	return false
}
