package vl1

import (
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/packet"
)

// Role says what a peer is to this node.
type Role uint8

// Roles.
const (
	RoleLeaf   Role = iota
	RoleMoon        // root of a moon
	RolePlanet      // root of the planet
)

// String returns the role's name as the stock API spells it.
func (r Role) String() string {
	switch r {
	case RoleMoon:
		return "MOON"
	case RolePlanet:
		return "PLANET"
	}
	return "LEAF"
}

// PeerInfo describes a peer by value.
type PeerInfo struct {
	Address   identity.Address
	Role      Role
	Protocol  int // announced protocol version, 0 when unknown
	Version   Version
	Cipher    packet.Cipher // that packets to it are sealed with
	Latency   time.Duration // of the best path, or -1 when unknown
	Direct    bool          // the best path goes straight to the peer
	LastHeard clock.Time
	Paths     []PathInfo
}

// PathInfo describes one path of a peer.
type PathInfo struct {
	PathID
	Latency   time.Duration // -1 when unknown
	LastHeard clock.Time
	LastSent  clock.Time
	Alive     bool // heard within 19 s
	Preferred bool // the path that data takes
}

// Address returns this node's address.
func (s *Switch) Address() identity.Address { return s.self.Address }

// Peer describes a peer.
func (s *Switch) Peer(now clock.Time, addr identity.Address) (PeerInfo, bool) {
	p := s.peers[addr]
	if p == nil {
		return PeerInfo{}, false
	}
	return p.info(now), true
}

// Peers describes all peers, in the order in which they were met.
func (s *Switch) Peers(now clock.Time) []PeerInfo {
	all := make([]PeerInfo, 0, len(s.order))
	for _, p := range s.order {
		all = append(all, p.info(now))
	}
	return all
}

func (p *peer) info(now clock.Time) PeerInfo {
	i := PeerInfo{
		Address: p.id.Address, Role: p.role, Protocol: p.protocol, Version: p.version,
		Cipher: p.session.Cipher(), Latency: -1, LastHeard: p.lastHeard(),
	}
	r := p.session.route.Load()
	for _, t := range p.paths {
		preferred := r != nil && r.direct && r.path == t
		if preferred {
			i.Direct, i.Latency = true, t.latency
		}
		i.Paths = append(i.Paths, PathInfo{
			PathID: t.PathID, Latency: t.latency, LastHeard: t.lastHeard(), LastSent: t.lastSent(),
			Alive: t.alive(now) && !t.suspect.Load(), Preferred: preferred,
		})
	}
	return i
}

// Upstreams returns the addresses of all roots but this node itself.
func (s *Switch) Upstreams() []identity.Address {
	all := make([]identity.Address, 0, len(s.upstreams))
	for _, u := range s.upstreams {
		all = append(all, u.id.Address)
	}
	return all
}

// Upstream returns the best upstream that has a path.
func (s *Switch) Upstream(now clock.Time) (identity.Address, bool) {
	if u := s.bestUpstream(now, nil); u != nil {
		return u.id.Address, true
	}
	return 0, false
}

// IsUpstream reports whether addr is an upstream of this node.
func (s *Switch) IsUpstream(addr identity.Address) bool {
	p := s.peers[addr]
	return p != nil && p.isUpstream()
}

// IsRoot reports whether this node is a root of its planet or of one of its moons.
func (s *Switch) IsRoot() bool { return s.isRoot }

// Learn adds a peer whose identity is known to be valid, for instance from a file, and reports whether
// it is known now.
func (s *Switch) Learn(now clock.Time, id identity.Identity) bool {
	if p := s.peers[id.Address]; p != nil {
		return p.id.Public == id.Public
	}
	ok := s.addPeer(now, id, nil) != nil
	s.settle(now)
	return ok
}

// Session returns the session of a peer, or nil when it is not known.
func (s *Switch) Session(addr identity.Address) *Session {
	if p := s.peers[addr]; p != nil {
		return p.session
	}
	return nil
}

// Planet returns the current planet, or nil. It must not be changed.
func (s *Switch) Planet() *World { return s.planet }

// Moons returns the current moons. They must not be changed.
func (s *Switch) Moons() []*World { return append([]*World(nil), s.moons...) }

// Stats returns the counters.
func (s *Switch) Stats() Stats { return s.stats }
