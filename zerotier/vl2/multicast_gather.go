package vl2

import (
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/packet"
)

// Times and limits of gathering (PROTOCOL 14, 21.5).
const (
	gatherPeriod   = 60 * time.Second
	gatherHurry    = 250 * time.Millisecond // when nobody is known
	maxGatherReply = 256                    // so that the answer fits one datagram
	gatherBurst    = 64
	gatherInterval = 50 * time.Millisecond
)

// receiveGather answers MULTICAST_GATHER (PROTOCOL 10.12).
func (n *Networks) receiveGather(now clock.Time, m *Message) Verdict {
	var p packet.MulticastGather
	if !p.Parse(m.Payload) {
		return n.drop(DropMalformed)
	}
	if p.COM != nil && !n.acceptInlineCOM(now, m, p.COM) {
		return Retry
	}
	k := keyOf(&p.Group)
	if !n.keepsGroups(now, k.network, m.From) {
		return n.drop(DropNotMember)
	}
	if !n.peerOf(now, m.From).gathers.take(now, gatherBurst, gatherInterval) {
		return n.drop(DropRateLimited)
	}
	members := n.membersFor(now, k, int(min(p.Limit, maxGatherReply)), m.From)
	if len(members) == 0 {
		return Done
	}
	ok := packet.OKMulticastGather{Group: p.Group, Total: n.totalOf(k), Members: members}
	n.out.commit(ok.Append(n.out.begin()))
	n.sendOK(m, packet.VerbMulticastGather)
	return Done
}

// membersFor returns up to limit members for somebody who asked, ourselves first when we are one.
func (n *Networks) membersFor(now clock.Time, k groupKey, limit int, asker identity.Address) []identity.Address {
	var members []identity.Address
	if limit <= 0 {
		return nil
	}
	if nw := n.byID[k.network]; nw != nil && nw.usable() && nw.findSubscription(k.mac, k.adi) != nil {
		members = append(members, n.self)
		limit--
	}
	return n.someOf(now, members, k, limit, asker)
}

// totalOf returns how many members of a group are known, ourselves included.
func (n *Networks) totalOf(k groupKey) uint32 {
	total := 0
	if g, ok := n.groups.get(k); ok {
		total = len(g.members)
	}
	if nw := n.byID[k.network]; nw != nil && nw.findSubscription(k.mac, k.adi) != nil {
		total++
	}
	return uint32(total)
}

// receiveGathered processes the answer to a gather.
func (n *Networks) receiveGathered(now clock.Time, m *Message) Verdict {
	var p packet.OKMulticastGather
	if !p.Parse(m.Payload) {
		return n.drop(DropMalformed)
	}
	return n.learnMembers(now, keyOf(&p.Group), p.Members)
}

// receiveImplicitlyGathered processes the answer to a MULTICAST_FRAME that asked for members.
func (n *Networks) receiveImplicitlyGathered(now clock.Time, m *Message) Verdict {
	var p packet.OKMulticastFrame
	if !p.Parse(m.Payload) {
		return n.drop(DropMalformed)
	}
	if !p.Gather {
		return Done
	}
	return n.learnMembers(now, keyOf(&p.Group), p.Members)
}

func (n *Networks) learnMembers(now clock.Time, k groupKey, members []identity.Address) Verdict {
	nw := n.byID[k.network]
	if nw == nil || !nw.usable() {
		return n.drop(DropUnknownNetwork)
	}
	grew := false
	for _, a := range members {
		if a != n.self && !a.IsReserved() {
			grew = n.addToGroup(now, k, a) || grew
		}
	}
	if grew {
		n.groupGrew(now, k)
	}
	return Done
}

// gather asks the best upstream, the controller, anchors and replicators for members of a group: at once when none is
// known, else once in a while (PROTOCOL 21.5).
func (n *Networks) gather(now clock.Time, nw *network, k groupKey, known int) {
	g, ok := n.groups.get(k)
	if !ok {
		g = &group{}
		n.groups.put(k, g)
	}
	wait := gatherPeriod
	if known == 0 {
		wait = gatherHurry
	}
	if g.gathered != clock.Never && now.Sub(g.gathered) < wait {
		return
	}
	g.gathered = now
	p := packet.MulticastGather{Group: k.group(), Limit: uint32(nw.cfg.MulticastMax - known + 1)}
	if !nw.cfg.COM.IsZero() {
		p.COM = nw.cfg.COM.Append(nil)
	}
	n.out.commit(p.Append(n.out.begin()))
	if len(n.upstreams) > 0 {
		n.sendGather(0)
	}
	if n.announcesToController(nw) || len(n.upstreams) > 1 && nw.id.Controller() != n.self && !nw.id.IsAdHoc() {
		n.sendGather(nw.id.Controller())
	}
	for _, s := range nw.cfg.Specialists {
		if s.Flags&(SpecialistAnchor|SpecialistReplicator) != 0 && s.Address != n.self {
			n.sendGather(s.Address)
		}
	}
}

func (n *Networks) sendGather(to identity.Address) {
	n.stats.Gathers++
	n.send(Send{To: to, Verb: packet.VerbMulticastGather})
}
