package vl2

import (
	"net/netip"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/ethernet"
	"github.com/ztstack/ztstack/internal/be"
	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/packet"
)

// SendFrame takes an Ethernet frame (14-byte header, no VLAN tag) of the host. When it is for one member, it says how to send it
// and ok is true; everything else (multicast, several bridges, copies) comes out of Output, or is answered through Deliver.
// It does not change or keep the frame.
func (n *Networks) SendFrame(now clock.Time, id NetworkID, frame []byte) (u Unicast, ok bool) {
	nw := n.byID[id]
	switch {
	case nw == nil:
		n.drop(DropUnknownNetwork)
		return u, false
	case !nw.usable():
		n.drop(DropNoConfig)
		return u, false
	case len(frame) < ethernetHeaderLen:
		n.drop(DropMalformed)
		return u, false
	case len(frame)-ethernetHeaderLen > nw.cfg.MTU:
		n.drop(DropTooBig)
		return u, false
	}
	s := scene{
		cfg: nw.cfg, theirs: &noCredentials, self: n.self, src: n.self, dstMAC: ethernet.Addr(frame[:6]), srcMAC: ethernet.Addr(frame[6:12]),
		etherType: be.Uint16(frame[12:]), frame: frame[ethernetHeaderLen:], random: n.cfg.Rand,
	}
	if s.srcMAC != nw.mac && (!nw.cfg.isBridge(n.self) || !s.srcMAC.IsUnicast()) {
		n.drop(DropBadSource)
		return u, false
	}
	switch {
	case s.dstMAC.IsMulticast():
		n.sendMulticast(now, nw, &s)
		return u, false
	case s.dstMAC == nw.mac:
		n.deliver(Frame{Network: id, From: n.self, Dst: s.dstMAC, Src: s.srcMAC, Type: s.etherType, Payload: append([]byte(nil), s.frame...)})
		return u, false
	}
	if to := AddressOf(s.dstMAC, id); !to.IsReserved() && to != n.self {
		return n.sendUnicast(now, nw, &s, to)
	}
	return n.sendBridged(now, nw, &s)
}

const ethernetHeaderLen = 14

// sendUnicast sends a frame to one member. A host's own frame to a member's own address goes as FRAME, everything else as
// EXT_FRAME.
func (n *Networks) sendUnicast(now clock.Time, nw *network, s *scene, to identity.Address) (Unicast, bool) {
	mem := n.memberOf(now, nw, to)
	if mem == nil {
		return Unicast{}, false
	}
	mem.heard = now
	if mem.refusedOut() {
		n.drop(DropRevokedCredential)
		return Unicast{}, false
	}
	s.dst, s.theirs = to, mem.theirs
	target, pass := n.filterOut(now, nw, s, true)
	if !pass {
		return Unicast{}, false
	}
	if target != to { // redirected
		return n.unicastTo(now, nw, s, target, packet.ExtFrameRedirectOut)
	}
	n.pushIfDue(now, nw, mem)
	n.keepGateOpen(now, nw, mem, false)
	n.stats.FramesOut++
	if s.srcMAC == nw.mac && s.dstMAC == MAC(to, nw.id) {
		u := Unicast{To: to, Verb: packet.VerbFrame, Len: 10}
		be.PutUint64(u.Prefix[:], uint64(nw.id))
		be.PutUint16(u.Prefix[8:], s.etherType)
		return u, true
	}
	return extUnicast(nw, s, to, 0), true
}

// unicastTo sends a frame to a member that it is not addressed to.
func (n *Networks) unicastTo(now clock.Time, nw *network, s *scene, to identity.Address, flags uint8) (Unicast, bool) {
	mem := n.memberOf(now, nw, to)
	if mem == nil {
		return Unicast{}, false
	}
	mem.heard = now
	n.pushIfDue(now, nw, mem)
	n.stats.FramesOut++
	return extUnicast(nw, s, to, flags), true
}

func extUnicast(nw *network, s *scene, to identity.Address, flags uint8) Unicast {
	u := Unicast{To: to, Verb: packet.VerbExtFrame, Len: 23}
	be.PutUint64(u.Prefix[:], uint64(nw.id))
	u.Prefix[8] = flags
	copy(u.Prefix[9:], s.dstMAC[:])
	copy(u.Prefix[15:], s.srcMAC[:])
	be.PutUint16(u.Prefix[21:], s.etherType)
	return u
}

// filterOut applies the rules to a frame on its way to s.dst (PROTOCOL 20.2). It returns whom to send it to, which a REDIRECT
// changes; copies are made only when tee is set, so that a multicast makes them once.
func (n *Networks) filterOut(now clock.Time, nw *network, s *scene, tee bool) (identity.Address, bool) {
	if acceptsAll(nw.cfg.Rules) {
		return s.dst, true
	}
	v, rules, capability := s.judge(nil)
	if v < verdictAccept {
		n.drop(DropRules)
		return 0, false
	}
	if tee {
		n.forwardCopy(now, nw, s, &capability, packet.ExtFrameTeeOutbound, packet.ExtFrameWatchOutbound)
		n.forwardCopy(now, nw, s, &rules, packet.ExtFrameTeeOutbound, packet.ExtFrameWatchOutbound)
	}
	if v == verdictRedirect {
		if rules.target != 0 {
			return rules.target, true
		}
		return capability.target, true
	}
	return s.dst, true
}

// sendMulticast sends a frame of the host to a group (PROTOCOL 21.2 to 21.5), after what is answered locally.
func (n *Networks) sendMulticast(now clock.Time, nw *network, s *scene) {
	g := groupKey{nw.id, s.dstMAC, 0}
	switch {
	case s.dstMAC.IsBroadcast():
		ip, ok := arpTarget(s)
		if ok {
			g.adi = ip
		} else if nw.cfg.Flags&FlagBroadcast == 0 {
			n.drop(DropBroadcastOff)
			return
		}
	case s.etherType == etherIPv6 && s.srcMAC == nw.mac:
		reply, owner, handled := emulateNDP(nw.cfg, n.self, s.frame)
		if reply != nil {
			n.deliver(Frame{Network: nw.id, From: n.self, Dst: s.srcMAC, Src: owner, Type: etherIPv6, Payload: reply})
		}
		if handled {
			return
		}
	}
	if nw.cfg.MulticastMax == 0 {
		n.drop(DropMulticastOff)
		return
	}
	if target, ok := n.filterOut(now, nw, s, true); !ok {
		return
	} else if target != 0 {
		n.sendExtFrame(now, nw, s, target, packet.ExtFrameRedirectOut, s.frame)
		n.drop(DropRedirected)
		return
	}
	n.multicast(now, nw, s, g)
}

// arpTarget returns the IPv4 address that an ARP request asks for, which takes the place of the group's additional
// distinguishing information (PROTOCOL 21.3).
func arpTarget(s *scene) (uint32, bool) {
	p := s.frame
	if s.etherType != etherARP || len(p) < 28 || be.Uint16(p[2:]) != etherIPv4 || p[4] != 6 || p[5] != 4 || p[7] != 1 {
		return 0, false
	}
	return be.Uint32(p[24:]), true
}

// adiOf returns the additional distinguishing information of the ARP group of an IPv4 address.
func adiOf(a netip.Addr) uint32 {
	b := a.As4()
	return be.Uint32(b[:])
}
