package vl1

import (
	"net/netip"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/packet"
)

// Receive processes one datagram, decrypting pkt in place. local is the socket that it came to. When it
// carried a packet for the layer above, that is returned; it aliases pkt, or memory of the Switch when
// it was fragmented or compressed, and holds until the next call of Receive or Next.
func (s *Switch) Receive(now clock.Time, local int, from netip.AddrPort, pkt []byte) (m Message, ok bool) {
	at := PathID{local, unmap(from)}
	s.stats.Datagrams++
	s.stats.BytesIn += uint64(len(pkt))
	m, ok = s.datagram(now, at, pkt)
	s.settle(now)
	return m, ok
}

// ReceiveOpened is Receive for a whole packet, addressed to this node, that the sender's Session has
// opened.
func (s *Switch) ReceiveOpened(now clock.Time, local int, from netip.AddrPort, pkt []byte) (m Message, ok bool) {
	at := PathID{local, unmap(from)}
	s.stats.Datagrams++
	s.stats.BytesIn += uint64(len(pkt))
	p := s.peers[packet.Src(pkt)]
	if p == nil {
		s.drop(DropUnknownSender) // forgotten since
		return Message{}, false
	}
	m, ok = s.opened(now, now, p, at, pkt)
	s.settle(now)
	return m, ok
}

// datagram is the receive pipeline up to the whole packet (PROTOCOL 9).
func (s *Switch) datagram(now clock.Time, at PathID, b []byte) (m Message, ok bool) {
	if len(b) <= packet.FragmentHeaderLen {
		s.drop(DropRunt) // hole-punching junk and LAN beacons among them
		return Message{}, false
	}
	if len(b) > packet.MaxLen || packet.Dst(b).IsReserved() {
		s.drop(DropGarbage)
		return Message{}, false
	}
	if packet.IsFragment(b) {
		return s.fragment(now, at, b)
	}
	if len(b) < packet.HeaderLen {
		s.drop(DropRunt)
		return Message{}, false
	}
	if src := packet.Src(b); src == s.self.Address || src.IsReserved() {
		s.drop(DropGarbage)
		return Message{}, false
	}
	if packet.Dst(b) != s.self.Address {
		s.relay(now, at, b)
		return Message{}, false
	}
	if packet.IsHead(b) {
		whole, ok := s.assembler.Head(b)
		if !ok {
			return Message{}, false
		}
		b = whole
	}
	return s.whole(now, now, at, b)
}

// fragment takes a piece of a packet other than its head.
func (s *Switch) fragment(now clock.Time, at PathID, b []byte) (m Message, ok bool) {
	f, ok := packet.ParseFragment(b)
	if !ok {
		s.drop(DropGarbage)
		return Message{}, false
	}
	if f.Dst != s.self.Address {
		s.relay(now, at, b)
		return Message{}, false
	}
	whole, ok := s.assembler.Fragment(&f)
	if !ok {
		return Message{}, false
	}
	// The assembler returns what it was given: a head that lied about its length or its
	// addresses is still possible.
	if len(whole) < packet.HeaderLen || packet.Dst(whole) != s.self.Address {
		s.drop(DropGarbage)
		return Message{}, false
	}
	return s.whole(now, now, at, whole)
}

// whole takes an assembled packet for this node. since is when it arrived.
func (s *Switch) whole(now, since clock.Time, at PathID, b []byte) (m Message, ok bool) {
	cipher := packet.CipherOf(b)
	if cipher == packet.CipherTrusted || cipher > packet.CipherAES {
		s.drop(DropCipher)
		return Message{}, false
	}
	if cipher == packet.CipherPoly1305 && packet.VerbOf(b) == packet.VerbHello {
		s.hello(now, at, b, false)
		return Message{}, false
	}
	src := packet.Src(b)
	p := s.peers[src]
	if p == nil {
		s.await(now, at, b)
		return Message{}, false
	}
	if !p.session.keys.Open(b) {
		s.drop(DropMAC)
		return Message{}, false
	}
	return s.opened(now, since, p, at, b)
}

// whoisLen is the length of a packet that asks for one identity.
const whoisLen = packet.HeaderLen + identity.AddressLen

// await keeps a packet whose sender is not known while upstreams are asked who that is. Anybody can make
// us ask, so the questions are limited in number and are no longer altogether than the packet.
func (s *Switch) await(now clock.Time, at PathID, b []byte) {
	src := packet.Src(b)
	attempts := min(len(b)/whoisLen, strangerAttempts)
	if s.findLookup(src) == nil {
		if attempts == 0 || s.bestUpstream(now, nil) == nil {
			s.drop(DropUnknownSender)
			return
		}
		if !s.newcomers.allowWhois(now) {
			s.drop(DropRateLimited)
			return
		}
		s.ask(now, src, attempts)
	}
	if s.strangers.add(now, src, at, b, clock.Never) {
		s.drop(DropWaitFull)
	}
}

// opened takes an authentic packet: it decompresses and dispatches on the verb.
func (s *Switch) opened(now, since clock.Time, p *peer, at PathID, b []byte) (m Message, ok bool) {
	s.stats.Packets++
	if packet.IsCompressed(b) {
		n := packet.Decompress(b, s.inflateBuf)
		if n < 0 {
			s.drop(DropCompression)
			return Message{}, false
		}
		b = s.inflateBuf[:n]
	}
	m = Message{
		From: p.id.Address, Verb: packet.VerbOf(b), ID: packet.ID(b), Hops: packet.Hops(b),
		Payload: packet.Payload(b), Path: at, Packet: b, Since: since,
	}
	if m.Verb == packet.VerbHello {
		s.hello(now, at, b, true)
		return Message{}, false
	}
	var reply *Message
	if m.Verb == packet.VerbOK {
		if !s.parseOK(&m) {
			return Message{}, false
		}
		reply = &m
	}
	s.heard(now, p, at, m.Hops, reply)
	if !s.dispatch(now, p, &m) {
		return Message{}, false
	}
	s.touch(now, p)
	s.stats.Messages++
	return m, true
}

// parseOK reads the prefix of an OK and checks that it was asked for (PROTOCOL 9.1).
func (s *Switch) parseOK(m *Message) bool {
	var o packet.OK
	if !o.Parse(m.Payload) {
		s.drop(DropTruncated)
		return false
	}
	if !s.expect.has(o.InReID) {
		s.drop(DropUnexpectedReply)
		return false
	}
	m.InRe, m.InReID, m.Payload = o.InRe, o.InReID, o.Body
	return true
}

// dispatch handles the verbs of this layer. It returns true for those of the layer above.
func (s *Switch) dispatch(now clock.Time, p *peer, m *Message) bool {
	switch m.Verb {
	case packet.VerbNop:
	case packet.VerbError:
		return s.errorReply(p, m)
	case packet.VerbOK:
		return s.okReply(now, p, m)
	case packet.VerbWhois:
		s.answerWhois(now, p, m)
	case packet.VerbRendezvous:
		s.receiveRendezvous(now, p, m)
	case packet.VerbEcho:
		s.answerEcho(now, p, m)
	case packet.VerbPushDirectPaths:
		s.receivePaths(now, p, m)
	case packet.VerbNetworkCredentials, packet.VerbNetworkConfig:
		// What was kept by Retry may pass after this.
		s.retries.ready(now, m.From)
		return true
	case packet.VerbFrame, packet.VerbExtFrame, packet.VerbMulticastLike, packet.VerbNetworkConfigRequest,
		packet.VerbMulticastGather, packet.VerbMulticastFrame, packet.VerbUserMessage, packet.VerbRemoteTrace:
		return true
	default:
		// QOS_MEASUREMENT, PATH_NEGOTIATION_REQUEST and ACK matter to bonds only; verbs that
		// are not known count as received.
		s.drop(DropIgnored)
	}
	return false
}

// okReply handles an OK in re a verb of this layer.
func (s *Switch) okReply(now clock.Time, p *peer, m *Message) bool {
	switch m.InRe {
	case packet.VerbHello:
		s.okHello(now, p, m)
	case packet.VerbWhois:
		s.okWhois(now, p, m)
	case packet.VerbEcho:
		// The reference answers a pushed NETWORK_CONFIG with an OK in re ECHO whose body is
		// two integers (PROTOCOL 10.3); nobody needs it.
	case packet.VerbNetworkConfigRequest:
		s.retries.readyAll(now)
		return true
	default:
		return true
	}
	return false
}

// errorReply handles an ERROR: only the collision of identities is this layer's (PROTOCOL 10.2).
func (s *Switch) errorReply(p *peer, m *Message) bool {
	var e packet.Error
	if !e.Parse(m.Payload) {
		s.drop(DropTruncated)
		return false
	}
	m.InRe, m.InReID, m.Code, m.Payload = e.InRe, e.InReID, e.Code, e.Body
	if e.Code != packet.ErrorIdentityCollision {
		return true
	}
	if !p.isUpstream() {
		s.drop(DropNotUpstream)
		return false
	}
	s.event(Event{Kind: EventCollision, Peer: p.id.Address})
	return false
}

// heard notes an authentic packet of p and follows up on the path it came over (PROTOCOL 9.2). reply is
// the packet when it answers one of ours, else nil.
func (s *Switch) heard(now clock.Time, p *peer, at PathID, hops int, reply *Message) {
	p.heard = now
	if p.silent {
		s.answersAgain(p)
	}
	if hops == 0 {
		t := p.findPath(at)
		switch {
		case t != nil:
			t.heard.Store(int64(now))
			if t.suspect.Load() || t.probes > 0 {
				s.revive(t)
				s.reroute(now, p)
			}
		case reply != nil:
			if t = s.learnPath(now, p, at); t != nil && reply.InRe == packet.VerbHello {
				t.helloAt = now
			}
		case p.strange.allow(now, confirmInterval/2, 16):
			s.try(now, p, at, 1)
		default:
			s.drop(DropRateLimited)
		}
		if t != nil && reply != nil {
			if sent, ok := p.probeSent(reply.InReID); ok {
				t.measure(now.Sub(sent))
			}
		}
	}
	s.pushPaths(now, p)
}
