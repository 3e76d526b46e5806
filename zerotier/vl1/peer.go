package vl1

import (
	"net/netip"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/internal/wheel"
	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/packet"
)

// A peer is a node whose identity is known.
type peer struct {
	id      identity.Identity
	session *Session
	index   int // in Switch.order

	role      Role
	endpoints []netip.AddrPort // of a root: where the world says it is

	protocol int // announced version, 0 when unknown
	version  Version

	paths      []*path
	candidates []candidate
	sentProbes [8]sentProbe
	nextProbe  int

	born   clock.Time
	heard  clock.Time // last authentic packet by any way
	active clock.Time // last message of the layer above, either way; see also Session.active
	sentAt clock.Time // last message of the layer above that went out; see also Session.sent
	trust  clock.Time // last traffic that passed a network's gate; see also Session.trusted

	silent bool // reported as unreachable

	greetAt   clock.Time // when a HELLO is relayed to it, to learn its version
	contactAt clock.Time // upstreams: when endpoints are tried again while there is no path
	contacts  int        // and how often they have been

	hellos     [8]seenHello // HELLOs seen lately
	nextHello  int
	helloLimit bucket // HELLOs answered
	strange    bucket // probes sent because a packet came from an unknown address
	whois      bucket // WHOIS answered
	pushesIn   int    // PUSH_DIRECT_PATHS with gaps of at most 30 s
	pushInAt   clock.Time
	pushOutAt  clock.Time // last PUSH_DIRECT_PATHS sent

	timer  wheel.Timer
	wakeAt clock.Time
}

type seenHello struct {
	id   uint64
	path PathID
}

// addPeer makes a peer of an identity that is believed. keys may be nil.
func (s *Switch) addPeer(now clock.Time, id identity.Identity, keys *packet.Keys) *peer {
	if id.Address == s.self.Address || id.Address.IsReserved() {
		return nil
	}
	if len(s.order) >= s.cfg.MaxPeers {
		s.drop(DropPeerLimit)
		return nil
	}
	id = id.WithoutSecret()
	if keys == nil {
		agreed, ok := s.self.Agree(&id)
		if !ok {
			s.drop(DropInvalidIdentity)
			return nil
		}
		keys = packet.NewKeys(&agreed)
	}
	p := &peer{id: id, index: len(s.order), born: now, session: newSession(id.Address, keys)}
	p.timer.Owner = p
	s.peers[id.Address] = p
	s.order = append(s.order, p)
	s.event(Event{Kind: EventPeer, Peer: id.Address, Identity: &p.id})
	s.reroute(now, p)
	s.identified(now, p)
	s.wake(now, p)
	return p
}

// forget removes a peer that has been silent for too long.
func (s *Switch) forget(p *peer) {
	s.wheel.Disarm(&p.timer)
	p.session.route.Store(nil)
	p.session.known.Store(nil)
	delete(s.peers, p.id.Address)
	// The order of the others is kept: iteration must not depend on who left.
	s.order = append(s.order[:p.index], s.order[p.index+1:]...)
	for i := p.index; i < len(s.order); i++ {
		s.order[i].index = i
	}
	s.event(Event{Kind: EventLost, Peer: p.id.Address})
}

// setVersion takes the version that a HELLO or the OK to one announced.
func (p *peer) setVersion(protocol, major, minor uint8, revision uint16) {
	p.protocol = int(protocol)
	p.version = Version{major, minor, revision}
	cipher := packet.CipherSalsa2012
	if p.protocol >= packet.AESProtocol {
		cipher = packet.CipherAES
	}
	p.session.cipher.Store(uint32(cipher))
}

// isUpstream reports whether p is a root.
func (p *peer) isUpstream() bool { return p.role != RoleLeaf }

// lastActive returns when the layer above last had something from or for p.
func (p *peer) lastActive() clock.Time { return max(p.active, p.session.active()) }

// lastTrust returns when traffic of p last passed a network's gate, or Never.
func (p *peer) lastTrust() clock.Time { return max(p.trust, clock.Time(p.session.trusted.Load())) }

// lastHeard returns when p was last heard by any way.
func (p *peer) lastHeard() clock.Time { return max(p.heard, clock.Time(p.session.heard.Load())) }

func (p *peer) trusted(now clock.Time) bool {
	t := p.lastTrust()
	return t != clock.Never && now.Sub(t) < trustLifetime
}

// reroute chooses the way to p anew and publishes it (PROTOCOL 14.3): the best direct path; else
// through the best upstream; else a direct path that is thought dead.
func (s *Switch) reroute(now clock.Time, p *peer) {
	t, direct := p.bestPath(now), true
	if t == nil {
		t, direct = s.relayFor(now, p), false
	}
	if t == nil {
		t, direct = p.anyPath(), true
	}
	old := p.session.route.Load()
	switch {
	case t == nil:
		if old != nil {
			p.session.route.Store(nil)
			s.relayDue = s.relayDue || p.isUpstream()
		}
		return
	case old != nil && old.path == t && old.direct == direct:
		return
	}
	p.session.route.Store(&route{path: t, mtu: s.cfg.PhysicalMTU, direct: direct})
	switch {
	case direct:
		s.event(Event{Kind: EventDirect, Peer: p.id.Address, Path: t.PathID})
	case old == nil || old.direct:
		s.event(Event{Kind: EventRelayed, Peer: p.id.Address})
	}
	s.flushDue = true
	if p.isUpstream() {
		s.relayDue = true
	}
}

// relayFor returns the path over which an upstream relays to p.
func (s *Switch) relayFor(now clock.Time, p *peer) *path {
	up := s.bestUpstream(now, p)
	if up == nil {
		return nil
	}
	if t := up.bestPath(now); t != nil {
		return t
	}
	return up.anyPath()
}

// bestUpstream returns the upstream with a path that relays best, other than not (PROTOCOL 13.1).
func (s *Switch) bestUpstream(now clock.Time, not *peer) *peer {
	var best *peer
	var least int64
	for _, u := range s.upstreams {
		if u == not || len(u.paths) == 0 {
			continue
		}
		if q := u.relayQuality(now); best == nil || q < least {
			best, least = u, q
		}
	}
	return best
}

// relayQuality is what the choice among upstreams minimises: latency × (1 + age/61 s), worst when not
// heard for 500 s or no path is usable.
func (p *peer) relayQuality(now clock.Time) int64 {
	age := now.Sub(p.lastHeard())
	t := p.bestPath(now)
	if t == nil || age >= peerExpiry {
		return 1<<62 + int64(age)>>2
	}
	latency := int64(unknownLatency)
	if t.latency >= 0 {
		latency = int64(t.latency.Microseconds()) + 1
	}
	if t.probes > 1 {
		latency += unknownLatency // it should have answered
	}
	return latency * int64(1+age/relayQualityAge)
}

// updateRelay reroutes all peers that are reached through an upstream, after the choice among upstreams
// or their paths may have changed.
func (s *Switch) updateRelay(now clock.Time) {
	s.relayDue = false
	for _, p := range s.order {
		if r := p.session.route.Load(); r == nil || !r.direct || r.path.suspect.Load() {
			s.reroute(now, p)
		}
	}
}
