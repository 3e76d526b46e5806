package vl1

import (
	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/packet"
)

// Send queues a packet for a peer, or for the best upstream when to is zero. The result is the packet
// ID, which a reply will quote; it is zero when the packet has to wait for the peer's identity or for
// a way to it, which it does for 5 s.
func (s *Switch) Send(now clock.Time, to identity.Address, v packet.Verb, payload []byte) (id uint64) {
	if to == 0 {
		up := s.bestUpstream(now, nil)
		if up == nil {
			s.queueSend(now, 0, v, payload)
			return 0
		}
		to = up.id.Address
	}
	if to == s.self.Address || to.IsReserved() {
		s.drop(DropGarbage)
		return 0
	}
	p := s.peers[to]
	if p != nil {
		s.touch(now, p)
		p.sentAt = now
		if id, ok := s.sendNow(now, p, v, payload); ok {
			return id
		}
	}
	s.queueSend(now, to, v, payload)
	return 0
}

// SendOK answers packet inReID of a peer, whose verb was inRe, with an OK.
func (s *Switch) SendOK(now clock.Time, to identity.Address, inRe packet.Verb, inReID uint64, body []byte) {
	ok := packet.OK{InRe: inRe, InReID: inReID, Body: body}
	s.Send(now, to, packet.VerbOK, ok.Append(nil))
}

// SendError answers packet inReID of a peer, whose verb was inRe, with an ERROR.
func (s *Switch) SendError(now clock.Time, to identity.Address, inRe packet.Verb, inReID uint64, code packet.ErrorCode, body []byte) {
	e := packet.Error{InRe: inRe, InReID: inReID, Code: code, Body: body}
	s.Send(now, to, packet.VerbError, e.Append(nil))
}

// Trust notes that traffic of a peer passed a network's gate, or that a credential of its was accepted
// (PROTOCOL 14.4).
func (s *Switch) Trust(now clock.Time, peer identity.Address) {
	p := s.peers[peer]
	if p == nil {
		return
	}
	first := !p.trusted(now)
	p.trust = now
	s.touch(now, p)
	s.noteCarrier(now, p)
	if first {
		s.pushPaths(now, p)
	}
}

// sendNow sends a packet over the peer's route, if there is one.
func (s *Switch) sendNow(now clock.Time, p *peer, v packet.Verb, payload []byte) (id uint64, ok bool) {
	r := p.session.route.Load()
	if r == nil {
		return 0, false
	}
	if len(payload) > packet.MaxPayload {
		s.drop(DropSendTooLong)
		return 0, true
	}
	if r.direct && !r.path.alive(now) {
		s.wake(now, p) // find out whether it still is
	}
	b := append(s.begin(p.id.Address, v), payload...)
	return s.finishOn(now, p, b, r.path.PathID), true
}

// begin starts a packet in the buffer for packets under construction and returns its header, to which
// the payload is appended.
func (s *Switch) begin(to identity.Address, v packet.Verb) []byte {
	b := s.packetBuf[:packet.HeaderLen]
	packet.PutHeader(b, 0, to, s.self.Address, v)
	return b
}

// finishOn compresses, seals and cuts a packet and queues it for a path. It returns the packet ID.
func (s *Switch) finishOn(now clock.Time, p *peer, b []byte, at PathID) uint64 {
	if len(b) > packet.MaxLen {
		s.drop(DropSendTooLong)
		return 0
	}
	if compressible(b) {
		if n := packet.Compress(b, s.compressBuf); n > 0 {
			b = s.compressBuf[:n]
		}
	}
	pieces, size := packet.SplitEqual(len(b), s.cfg.PhysicalMTU)
	if pieces == 0 {
		s.drop(DropSendTooLong)
		return 0
	}
	verb := packet.VerbOf(b)
	packet.SetHead(b, pieces > 1)
	p.session.Seal(b, s.cfg.Rand.Uint64())
	id := packet.ID(b)
	if verb != packet.VerbOK && verb != packet.VerbError && verb != packet.VerbFrame {
		s.expect.add(id)
	}
	s.emit(at.Local, at.Remote, b, pieces, size)
	s.noteSent(now, p, at)
	return id
}

// noteSent records that something went over a path, for its heartbeat.
func (s *Switch) noteSent(now clock.Time, p *peer, at PathID) {
	if r := p.session.route.Load(); r != nil && r.path.PathID == at {
		r.path.sent.Store(int64(now))
	} else if t := p.findPath(at); t != nil {
		t.sent.Store(int64(now))
	}
}

// compressible reports whether the reference compresses packets of this kind (PROTOCOL 7).
// MULTICAST_FRAME is left out: a network can forbid it, frames seldom shrink, and it costs time.
func compressible(b []byte) bool {
	switch packet.VerbOf(b) {
	case packet.VerbNetworkConfigRequest, packet.VerbNetworkConfig, packet.VerbNetworkCredentials,
		packet.VerbMulticastLike, packet.VerbPushDirectPaths, packet.VerbUserMessage:
		return true
	case packet.VerbOK:
		return len(b) > packet.HeaderLen && packet.Verb(b[packet.HeaderLen]) == packet.VerbNetworkConfigRequest
	}
	return false
}
