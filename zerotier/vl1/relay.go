package vl1

import (
	"math/rand/v2"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/packet"
)

// relay forwards a datagram for somebody else (PROTOCOL 13.2): when this node is an upstream, or the
// physical path that the datagram came over has carried trusted traffic lately.
func (s *Switch) relay(now clock.Time, at PathID, b []byte) {
	if !s.isRoot && !s.isCarrier(now, at) {
		s.drop(DropRelayRefused)
		return
	}
	if !packet.AddHop(b) {
		s.drop(DropRelayHops)
		return
	}
	to := s.relayPath(now, packet.Dst(b))
	if to == nil || to.PathID == at {
		s.drop(DropRelayNoPath)
		return
	}
	to.sent.Store(int64(now))
	s.stats.Relayed++
	s.put(to.Local, to.Remote, 0, b, nil)
	if s.isRoot && !packet.IsFragment(b) {
		s.introduce(now, packet.Src(b), packet.Dst(b))
	}
}

// relayPath returns the path over which a datagram for dst is forwarded, or nil.
func (s *Switch) relayPath(now clock.Time, dst identity.Address) *path {
	if p := s.peers[dst]; p != nil {
		if r := p.session.route.Load(); r != nil && !r.path.expired(now) {
			return r.path
		}
		return nil
	}
	if up := s.bestUpstream(now, nil); up != nil {
		return up.bestPath(now)
	}
	return nil
}

// maxCarriers bounds the table of physical paths that carried trusted traffic.
const maxCarriers = 4096

// noteCarrier records that the way to p has carried trusted traffic.
func (s *Switch) noteCarrier(now clock.Time, p *peer) {
	r := p.session.route.Load()
	if r == nil || s.isRoot {
		return
	}
	if len(s.carriers) >= maxCarriers {
		clear(s.carriers)
	}
	s.carriers[r.path.PathID] = now
}

func (s *Switch) isCarrier(now clock.Time, at PathID) bool {
	t, ok := s.carriers[at]
	return ok && now.Sub(t) < trustLifetime
}

// introductions remembers which pairs were introduced lately, in a table where pairs that meet in one
// slot displace each other.
type introductions struct {
	seed  uint64
	slots []introduction
}

type introduction struct {
	a, b identity.Address
	at   clock.Time
}

const introductionSlots = 8192

func (t *introductions) init(r *rand.Rand) { t.seed = r.Uint64() }

// allow reports whether a and b may be introduced again, and remembers that they were.
func (t *introductions) allow(now clock.Time, a, b identity.Address) bool {
	if a > b {
		a, b = b, a
	}
	if t.slots == nil {
		t.slots = make([]introduction, introductionSlots)
	}
	x := (uint64(a) ^ t.seed) * 0x9e3779b97f4a7c15
	x = (x ^ x>>32 ^ uint64(b)) * 0xd6e8feb86659fd93
	e := &t.slots[x>>(64-13)]
	if e.a == a && e.b == b && now.Sub(e.at) < introduceGap {
		return false
	}
	*e = introduction{a, b, now}
	return true
}

// introduce tells two peers whose traffic we relay of each other's physical address (PROTOCOL 13.3).
func (s *Switch) introduce(now clock.Time, from, to identity.Address) {
	a, b := s.peers[from], s.peers[to]
	if a == nil || b == nil || a == b || len(a.paths) == 0 || len(b.paths) == 0 {
		return
	}
	pa, pb := commonPaths(now, a, b)
	if pa == nil || !s.introduced.allow(now, from, to) {
		return
	}
	s.stats.Introduced++
	if s.cfg.Rand.Uint32()&1 != 0 {
		a, b, pa, pb = b, a, pb, pa
	}
	s.sendRendezvous(now, a, b, pb)
	s.sendRendezvous(now, b, a, pa)
}

// commonPaths picks the paths at which two peers can meet: of the highest scope that they share, IPv6
// before IPv4.
func commonPaths(now clock.Time, a, b *peer) (pa, pb *path) {
	for scope := numScopes - 1; scope > ScopeMulticast; scope-- {
		for _, v6 := range [2]bool{true, false} {
			pa, pb = a.bestIn(now, scope, v6), b.bestIn(now, scope, v6)
			if pa != nil && pb != nil {
				return pa, pb
			}
		}
	}
	return nil, nil
}
