package vl2

import (
	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/ethernet"
	"github.com/ztstack/ztstack/zerotier/packet"
)

// receiveMulticastFrame processes MULTICAST_FRAME (PROTOCOL 10.13).
func (n *Networks) receiveMulticastFrame(now clock.Time, m *Message) (Frame, Verdict) {
	var p packet.MulticastFrame
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
	k := groupKey{nw.id, p.Dst, p.ADI}
	if p.GatherLimit > 0 {
		n.answerImplicitGather(now, m, k, p.GatherLimit)
	}
	src := MAC(m.From, nw.id)
	if p.HasSrc {
		src = p.Src
	}
	switch {
	case nw.cfg.MulticastMax == 0:
		n.drop(DropMulticastOff)
		return Frame{}, DoneTrusted
	case !p.Dst.IsMulticast():
		n.drop(DropBadDestination)
		return Frame{}, DoneTrusted
	case !src.IsUnicast() || src == nw.mac || !n.mayMulticast(now, nw, mem, src):
		n.drop(DropBadSource)
		return Frame{}, DoneTrusted
	case len(p.Payload) == 0 || len(p.Payload) > MaxMTU:
		n.drop(DropTooBig)
		return Frame{}, DoneTrusted
	}
	f := Frame{Network: nw.id, From: m.From, Dst: p.Dst, Src: src, Type: p.EtherType, Payload: p.Payload}
	if p.Replicate && nw.cfg.specialist(n.self)&SpecialistReplicator != 0 {
		n.replicate(now, nw, mem, &f, k)
	}
	if n.filterIn(now, nw, mem, &f) < verdictAccept {
		return Frame{}, DoneTrusted
	}
	n.stats.MulticastsIn++
	return f, HasFrame
}

// mayMulticast reports whether a member may send multicasts from a MAC address: from its own, from any when it is a bridge,
// and, for others, when it is a replicator.
func (n *Networks) mayMulticast(now clock.Time, nw *network, mem *member, src ethernet.Addr) bool {
	if src == MAC(mem.addr, nw.id) {
		return true
	}
	switch f := nw.cfg.specialist(mem.addr); {
	case f&SpecialistBridge != 0:
		n.learnBridge(now, nw, src, mem.addr)
		return true
	case f&SpecialistReplicator != 0:
		return true
	}
	return false
}

// answerImplicitGather names other members to the sender of a multicast that asked for them.
func (n *Networks) answerImplicitGather(now clock.Time, m *Message, k groupKey, limit uint32) {
	if !n.peerOf(now, m.From).gathers.take(now, gatherBurst, gatherInterval) {
		n.drop(DropRateLimited)
		return
	}
	members := n.membersFor(now, k, int(min(limit, maxGatherReply)), m.From)
	if len(members) == 0 {
		return
	}
	ok := packet.OKMulticastFrame{Group: k.group(), Gather: true, Total: n.totalOf(k), Members: members}
	n.out.commit(ok.Append(n.out.begin()))
	n.sendOK(m, packet.VerbMulticastFrame)
}

// replicate sends a multicast on behalf of a member to the other members we know.
func (n *Networks) replicate(now clock.Time, nw *network, from *member, f *Frame, k groupKey) {
	s := scene{cfg: nw.cfg, self: n.self, src: n.self, srcMAC: f.Src, dstMAC: f.Dst, etherType: f.Type, frame: f.Payload, random: n.cfg.Rand}
	for _, a := range n.someOf(now, nil, k, nw.cfg.MulticastMax, from.addr) {
		n.sendMulticastFrame(now, nw, &s, k, a, 0, false)
	}
}
