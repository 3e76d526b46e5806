package vl2

import (
	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/ethernet"
	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/packet"
)

// gated returns the network of an incoming frame and its sender, when the sender passes the membership gate.
func (n *Networks) gated(now clock.Time, m *Message, id uint64) (*network, *member, Verdict) {
	nw := n.byID[NetworkID(id)]
	if nw == nil {
		return nil, nil, n.drop(DropUnknownNetwork)
	}
	if !n.passes(now, nw, m.From) {
		return nil, nil, n.refuse(now, nw, m)
	}
	mem := n.memberOf(now, nw, m.From)
	if mem == nil {
		return nil, nil, Drop
	}
	mem.heard = now
	return nw, mem, Done
}

// receiveFrame processes FRAME (PROTOCOL 10.6).
func (n *Networks) receiveFrame(now clock.Time, m *Message) (Frame, Verdict) {
	var p packet.Frame
	if !p.Parse(m.Payload) {
		return Frame{}, n.drop(DropMalformed)
	}
	nw, mem, v := n.gated(now, m, p.Network)
	if nw == nil {
		return Frame{}, v
	}
	if len(p.Payload) > MaxMTU {
		return Frame{}, n.drop(DropTooBig)
	}
	n.keepGateOpen(now, nw, mem, true)
	f := Frame{Network: nw.id, From: m.From, Dst: nw.mac, Src: MAC(m.From, nw.id), Type: p.EtherType, Payload: p.Payload}
	if n.filterIn(now, nw, mem, &f) < verdictAccept {
		return Frame{}, DoneTrusted
	}
	n.stats.FramesIn++
	return f, HasFrame
}

// receiveExtFrame processes EXT_FRAME (PROTOCOL 10.7).
func (n *Networks) receiveExtFrame(now clock.Time, m *Message) (Frame, Verdict) {
	var p packet.ExtFrame
	if !p.Parse(m.Payload) {
		return Frame{}, n.drop(DropMalformed)
	}
	if p.COM != nil && !n.acceptInlineCOM(now, m, p.COM) {
		return Frame{}, Retry
	}
	nw, mem, v := n.gated(now, m, p.Network)
	if nw == nil {
		return Frame{}, v
	}
	if p.Src == (ethernet.Addr{}) || p.Src == nw.mac {
		return Frame{}, n.drop(DropBadSource)
	}
	if len(p.Payload) > MaxMTU {
		return Frame{}, n.drop(DropTooBig)
	}
	f := Frame{Network: nw.id, From: m.From, Dst: p.Dst, Src: p.Src, Type: p.EtherType, Payload: p.Payload}
	switch n.filterIn(now, nw, mem, &f) {
	case verdictAccept:
		if r, ok := n.mayExchange(now, nw, mem, &f); !ok {
			n.drop(r)
			return Frame{}, DoneTrusted
		}
	case verdictSuper:
	default:
		return Frame{}, DoneTrusted
	}
	if p.Flags&packet.ExtFrameAck != 0 {
		n.out.commit(append64(n.out.begin(), p.Network))
		n.sendOK(m, packet.VerbExtFrame)
	}
	n.stats.FramesIn++
	return f, HasFrame
}

// mayExchange checks the addresses of a frame in an EXT_FRAME: a foreign source needs the sender to be a bridge, a foreign
// destination needs us to be one.
func (n *Networks) mayExchange(now clock.Time, nw *network, mem *member, f *Frame) (DropReason, bool) {
	if f.Src != MAC(mem.addr, nw.id) {
		if !nw.cfg.isBridge(mem.addr) || f.Src.IsMulticast() {
			return DropBadSource, false
		}
		n.learnBridge(now, nw, f.Src, mem.addr)
	}
	switch {
	case f.Dst == nw.mac:
	case f.Dst.IsMulticast():
		if nw.cfg.MulticastMax == 0 {
			return DropMulticastOff, false
		}
	case !nw.cfg.isBridge(n.self):
		return DropBadDestination, false
	}
	return 0, true
}

// filterIn applies the rules to an incoming frame, sends what they want sent, and counts what they drop
// (PROTOCOL 20.2).
func (n *Networks) filterIn(now clock.Time, nw *network, mem *member, f *Frame) verdict {
	if acceptsAll(nw.cfg.Rules) {
		return verdictAccept
	}
	s := scene{cfg: nw.cfg, theirs: mem.theirs, self: n.self, src: mem.addr, dst: n.self, srcMAC: f.Src, dstMAC: f.Dst,
		etherType: f.Type, frame: f.Payload, random: n.cfg.Rand, inbound: true}
	v, rules, capability := s.judge(nil)
	if v < verdictAccept {
		n.drop(DropRules)
		return v
	}
	n.forwardCopy(now, nw, &s, &capability, packet.ExtFrameTeeInbound, packet.ExtFrameWatchInbound)
	n.forwardCopy(now, nw, &s, &rules, packet.ExtFrameTeeInbound, packet.ExtFrameWatchInbound)
	if v == verdictRedirect {
		target := rules.target
		if target == 0 {
			target = capability.target
		}
		n.sendExtFrame(now, nw, &s, target, packet.ExtFrameRedirectInbound, s.frame)
		n.drop(DropRedirected)
		return verdictDrop
	}
	return v
}

// forwardCopy sends what a TEE or WATCH asked for.
func (n *Networks) forwardCopy(now clock.Time, nw *network, s *scene, e *effect, tee, watch uint8) {
	if e.copyTo == 0 {
		return
	}
	flags, frame := tee, s.frame
	if e.watch {
		flags = watch
	}
	if e.length > 0 && e.length < len(frame) {
		frame = frame[:e.length]
	}
	n.sendExtFrame(now, nw, s, e.copyTo, flags, frame)
}

// sendExtFrame sends a frame, or the beginning of one, to a member as EXT_FRAME, after our credentials if they are due.
func (n *Networks) sendExtFrame(now clock.Time, nw *network, s *scene, to identity.Address, flags uint8, frame []byte) {
	if mem := n.memberOf(now, nw, to); mem != nil {
		n.pushIfDue(now, nw, mem)
	}
	p := packet.ExtFrame{Network: uint64(nw.id), Flags: flags, Dst: s.dstMAC, Src: s.srcMAC, EtherType: s.etherType, Payload: frame}
	n.out.commit(p.Append(n.out.begin()))
	n.send(Send{To: to, Verb: packet.VerbExtFrame})
}

// acceptInlineCOM takes the certificate that old versions put into frames. It reports false when the frame has to wait for an
// identity.
func (n *Networks) acceptInlineCOM(now clock.Time, m *Message, b []byte) bool {
	var c COM
	if c.Parse(b) < 0 || n.byID[c.Network()] == nil || c.IssuedTo() != m.From {
		return true
	}
	if n.identityOf(now, c.Network().Controller()) == nil {
		return false
	}
	if mem, ok := n.byID[c.Network()].members.get(m.From); ok && mem.com == c {
		return true
	}
	if n.peerOf(now, m.From).credentials.take(now, credentialBurst, credentialInterval) {
		n.acceptCOM(now, b)
	}
	return true
}
