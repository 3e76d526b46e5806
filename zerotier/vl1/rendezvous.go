package vl1

import (
	"net/netip"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/packet"
)

// junkTTL lets hole-punching junk leave our NAT, and open it, but not reach the other side's.
const junkTTL = 2

// rendezvousAttempts is how often the address of a RENDEZVOUS is tried, a second apart.
const rendezvousAttempts = 3

// sendRendezvous tells to that peer about can be reached at path t.
func (s *Switch) sendRendezvous(now clock.Time, to, about *peer, t *path) {
	r := packet.Rendezvous{Peer: about.id.Address, Endpoint: t.Remote}
	var payload [32]byte
	s.sendNow(now, to, packet.VerbRendezvous, r.Append(payload[:0]))
}

// A pendingRendezvous waits for the identity of the peer that it is about.
//
// Deviation: the reference ignores a RENDEZVOUS about a peer that it does not know yet. The receiving
// side of a first packet never knows the sender, so one side would not open its NAT until the
// upstream repeats itself 30 s later.
type pendingRendezvous struct {
	peer  identity.Address
	local int
	at    netip.AddrPort
	since clock.Time
}

// receiveRendezvous handles a RENDEZVOUS (PROTOCOL 10.5). Only an upstream is believed.
func (s *Switch) receiveRendezvous(now clock.Time, p *peer, m *Message) {
	if !p.isUpstream() {
		s.drop(DropNotUpstream)
		return
	}
	var r packet.Rendezvous
	if !r.Parse(m.Payload) {
		s.drop(DropTruncated)
		return
	}
	at := unmap(r.Endpoint)
	if r.Peer == s.self.Address || !pathAllowed(at, s.cfg.AllowLoopback) {
		s.drop(DropBadAddress)
		return
	}
	local := m.Path.Local
	if m.Path.Remote.Addr().Unmap().Is4() != at.Addr().Is4() {
		// Deviation: the reference sends from the socket over which it was told. When the upstream is reached over
		// the other family, that socket cannot reach the address.
		local = AllSockets
	}
	if about := s.peers[r.Peer]; about != nil {
		s.meetAt(now, about, local, at)
		return
	}
	slot := 0
	for i := range s.rendezvous {
		if s.rendezvous[i].peer == r.Peer {
			slot = i
			break
		}
		if s.rendezvous[i].since < s.rendezvous[slot].since {
			slot = i
		}
	}
	s.rendezvous[slot] = pendingRendezvous{r.Peer, local, at, now}
}

// resumeRendezvous acts on a RENDEZVOUS about a peer that was not known when it came.
func (s *Switch) resumeRendezvous(now clock.Time, p *peer) {
	for i := range s.rendezvous {
		r := &s.rendezvous[i]
		if r.peer != p.id.Address {
			continue
		}
		if now.Sub(r.since) < queueTimeout {
			s.meetAt(now, p, r.local, r.at)
		}
		*r = pendingRendezvous{}
		return
	}
}

// meetAt opens our NAT towards an address of p and tries to reach p there.
func (s *Switch) meetAt(now clock.Time, p *peer, local int, at netip.AddrPort) {
	for _, t := range p.paths {
		if t.Remote == at && (t.Local == local || local == AllSockets) && t.usable(now) && t.alive(now) {
			return
		}
	}
	if at.Addr().Is4() {
		var junk [4]byte
		v := s.cfg.Rand.Uint32()
		junk[0], junk[1], junk[2], junk[3] = byte(v), byte(v>>8), byte(v>>16), byte(v>>24)
		s.put(local, at, junkTTL, junk[:], nil)
	}
	s.try(now, p, PathID{local, at}, rendezvousAttempts)
}

// TryPath makes the Switch try an address at which a known peer may be reached; local may be
// AllSockets. It is for addresses from files and from the user.
func (s *Switch) TryPath(now clock.Time, addr identity.Address, local int, at netip.AddrPort) {
	if p := s.peers[addr]; p != nil {
		s.try(now, p, PathID{local, unmap(at)}, rendezvousAttempts)
	}
}
