package vl1

import (
	"net/netip"
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/internal/be"
	"github.com/ztstack/ztstack/zerotier/packet"
)

// Limits on HELLOs answered per peer. A node behind several sockets sends several at once.
const (
	helloAnswerInterval = time.Second / 4
	helloAnswerBurst    = 32
)

// hello handles a HELLO (PROTOCOL 10.1), the only packet that can come from somebody unknown. opened
// says that it has been authenticated already, having come encrypted.
func (s *Switch) hello(now clock.Time, at PathID, b []byte, opened bool) {
	var h packet.Hello
	payload := packet.Payload(b)
	src := packet.Src(b)
	switch {
	case !h.Parse(payload):
		s.drop(DropTruncated)
		return
	case h.Protocol < packet.MinProtocol:
		s.drop(DropVersion)
		return
	case h.Identity.Address != src:
		s.drop(DropHelloAddress)
		return
	}
	h.Identity = h.Identity.WithoutSecret()
	p := s.peers[src]
	switch {
	case p == nil:
		if p = s.meet(now, at, b, &h); p == nil {
			return
		}
	case p.id != h.Identity:
		s.collide(now, at, b, &h)
		return
	case !opened && !p.session.keys.Open(b):
		s.drop(DropMAC)
		return
	}
	if !opened {
		s.stats.Packets++
	}
	if h.Tail < len(payload) {
		p.session.keys.HelloTail(b, packet.HeaderLen+h.Tail)
		if !h.ParseTail(payload) {
			s.drop(DropTruncated)
			return
		}
	}
	// A peer sends one HELLO out of all its sockets at once, so the same packet may come over
	// several paths, but not twice over one.
	if p.sawHello(packet.ID(b), at) {
		s.drop(DropReplay)
		return
	}
	if !p.helloLimit.allow(now, helloAnswerInterval, helloAnswerBurst) {
		s.drop(DropRateLimited)
		return
	}
	p.setVersion(h.Protocol, h.Major, h.Minor, h.Revision)
	s.sendOKHello(now, p, at, packet.ID(b), &h)
	hops := packet.Hops(b)
	if hops == 0 {
		s.observe(now, p, at, h.SentTo)
	}
	s.heard(now, p, at, hops, nil)
}

// sawHello reports whether a HELLO has come over this path before, and remembers it.
func (p *peer) sawHello(id uint64, at PathID) bool {
	for i := range p.hellos {
		if p.hellos[i].id == id && p.hellos[i].path == at {
			return true
		}
	}
	p.hellos[p.nextHello] = seenHello{id, at}
	p.nextHello = (p.nextHello + 1) % len(p.hellos)
	return false
}

// meet makes a peer of the sender of a HELLO when its identity holds. The checks come in the order of
// their cost, each under a limit of its own.
func (s *Switch) meet(now clock.Time, at PathID, b []byte, h *packet.Hello) *peer {
	if s.newcomers.isInvalid(&h.Identity) {
		s.drop(DropInvalidIdentity)
		return nil
	}
	if len(s.order) >= s.cfg.MaxPeers {
		s.drop(DropPeerLimit)
		return nil
	}
	if !s.newcomers.allowSource(now, at.Remote.Addr()) {
		s.drop(DropRateLimited)
		return nil
	}
	agreed, ok := s.self.Agree(&h.Identity)
	if !ok {
		s.drop(DropMAC)
		return nil
	}
	keys := packet.NewKeys(&agreed)
	if !keys.Open(b) {
		s.drop(DropMAC)
		return nil
	}
	if !s.newcomers.allowValidation(now) {
		s.drop(DropRateLimited)
		return nil
	}
	if !s.validate(now, &h.Identity) {
		s.newcomers.addInvalid(&h.Identity)
		s.drop(DropInvalidIdentity)
		return nil
	}
	return s.addPeer(now, h.Identity, keys)
}

// collide handles a HELLO of an identity that differs from the one known under its address: when it is
// authentic, its sender is told (PROTOCOL 10.1).
func (s *Switch) collide(now clock.Time, at PathID, b []byte, h *packet.Hello) {
	if !s.newcomers.allowSource(now, at.Remote.Addr()) {
		s.drop(DropRateLimited)
		return
	}
	agreed, ok := s.self.Agree(&h.Identity)
	if !ok {
		s.drop(DropMAC)
		return
	}
	keys := packet.NewKeys(&agreed)
	if !keys.Open(b) {
		s.drop(DropMAC)
		return
	}
	s.drop(DropCollision)
	e := packet.Error{InRe: packet.VerbHello, InReID: packet.ID(b), Code: packet.ErrorIdentityCollision}
	p := s.begin(h.Identity.Address, packet.VerbError)
	p = e.Append(p)
	keys.Seal(p, packet.CipherSalsa2012, s.cfg.Rand.Uint64())
	s.put(at.Local, at.Remote, 0, p, nil)
}

// sendHello sends a HELLO over a path, or to an address that may become one.
func (s *Switch) sendHello(now clock.Time, p *peer, to PathID) {
	s.sendHelloVia(now, p, to, to.Remote)
}

// sendHelloVia sends a HELLO by way of via. sentTo is the physical address of the peer, zero when
// that is not known because the packet is relayed.
func (s *Switch) sendHelloVia(now clock.Time, p *peer, via PathID, sentTo netip.AddrPort) {
	h := packet.Hello{
		Protocol: packet.ProtocolVersion, Major: s.cfg.Version.Major, Minor: s.cfg.Version.Minor,
		Revision: s.cfg.Version.Revision, Timestamp: s.unix(now), Identity: s.self, SentTo: sentTo,
	}
	if s.planet != nil {
		h.PlanetID, h.PlanetTimestamp = s.planet.ID, s.planet.Timestamp
	}
	for _, m := range s.moons {
		h.Moons = append(h.Moons, packet.Moon{Type: byte(Moon), ID: m.ID, Timestamp: m.Timestamp})
	}
	for _, o := range s.orbits {
		h.Moons = append(h.Moons, packet.Moon{Type: byte(Moon), ID: o.id})
	}
	b := h.Append(s.begin(p.id.Address, packet.VerbHello))
	id := s.cfg.Rand.Uint64()
	be.PutUint64(b, id)
	p.session.keys.HelloTail(b, packet.HeaderLen+h.Tail)
	p.session.keys.Seal(b, packet.CipherPoly1305, id)
	s.expect.add(id)
	p.noteProbe(now, id)
	s.put(via.Local, via.Remote, 0, b, nil)
}

// sendOKHello answers a HELLO to where it came from.
func (s *Switch) sendOKHello(now clock.Time, p *peer, at PathID, id uint64, h *packet.Hello) {
	o := packet.OKHello{
		Timestamp: h.Timestamp, Protocol: packet.ProtocolVersion, Major: s.cfg.Version.Major,
		Minor: s.cfg.Version.Minor, Revision: s.cfg.Version.Revision, SentFrom: at.Remote,
		Worlds: s.updatesFor(h),
	}
	ok := packet.OK{InRe: packet.VerbHello, InReID: id, Body: o.Append(nil)}
	s.finishOn(now, p, ok.Append(s.begin(p.id.Address, packet.VerbOK)), at)
}

// okHello takes the answer to a HELLO.
func (s *Switch) okHello(now clock.Time, p *peer, m *Message) {
	var o packet.OKHello
	if !o.Parse(m.Payload) {
		s.drop(DropTruncated)
		return
	}
	if o.Protocol < packet.MinProtocol {
		s.drop(DropVersion)
		return
	}
	p.setVersion(o.Protocol, o.Major, o.Minor, o.Revision)
	if m.Hops == 0 {
		if t := p.findPath(m.Path); t != nil && t.latency < 0 {
			// The answer to a HELLO that went out of several sockets: the clock it
			// echoes is good to a millisecond.
			t.measure(time.Duration(int64(s.unix(now)-o.Timestamp)) * time.Millisecond)
		}
		s.observe(now, p, m.Path, o.SentFrom)
	}
	s.takeWorlds(now, p, o.Worlds)
}

// answerEcho returns the bytes of an ECHO to where it came from (PROTOCOL 10.8).
func (s *Switch) answerEcho(now clock.Time, p *peer, m *Message) {
	limit := &p.strange
	interval, burst := time.Duration(confirmInterval/2), 16
	if t := p.findPath(m.Path); t != nil && m.Hops == 0 {
		limit, interval, burst = &t.echoed, echoGap, 4
	}
	if !limit.allow(now, interval, burst) {
		s.drop(DropRateLimited)
		return
	}
	ok := packet.OK{InRe: packet.VerbEcho, InReID: m.ID, Body: m.Payload}
	s.finishOn(now, p, ok.Append(s.begin(p.id.Address, packet.VerbOK)), m.Path)
}
