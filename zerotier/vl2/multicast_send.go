package vl2

import (
	"slices"
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/ethernet"
	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/packet"
)

// A multicast for which too few members are known waits for more (PROTOCOL 21.5, 28).
const (
	queueTime = 5 * time.Second
	maxQueued = 32 // per network
)

// queuedMulticast is a frame that is sent to further members as they are learned.
type queuedMulticast struct {
	key       groupKey
	src       ethernet.Addr
	etherType uint16
	frame     []byte
	sent      []identity.Address
	expires   clock.Time
}

// multicast sends a frame to members of a group: to the best replicator if there is one, else to members, active bridges
// first, and later to more of them when too few are known (PROTOCOL 21.5).
func (n *Networks) multicast(now clock.Time, nw *network, s *scene, k groupKey) {
	n.stats.MulticastsOut++
	if r := n.replicator(nw); r != 0 {
		n.sendMulticastFrame(now, nw, s, k, r, 0, true)
		return
	}
	limit := nw.cfg.MulticastMax
	var to []identity.Address
	for _, b := range nw.cfg.Specialists {
		if b.Flags&SpecialistBridge != 0 && b.Address != n.self && len(to) < limit {
			to = append(to, b.Address)
		}
	}
	bridges := len(to)
	for _, a := range n.someOf(now, nil, k, limit, 0) {
		if len(to) < limit && !slices.Contains(to[:bridges], a) {
			to = append(to, a)
		}
	}
	want := limit - len(to) + 1
	for _, a := range to {
		n.sendMulticastFrame(now, nw, s, k, a, want, false)
	}
	if len(to) >= limit {
		return
	}
	n.gather(now, nw, k, len(to)-bridges)
	if len(nw.queued) >= maxQueued {
		n.drop(DropQueueFull)
		nw.queued = slices.Delete(nw.queued, 0, 1)
	}
	nw.queued = append(nw.queued, queuedMulticast{k, s.srcMAC, s.etherType, slices.Clone(s.frame), to, now.Add(queueTime)})
	n.wakeAt(now.Add(gatherHurry))
}

// replicator returns the replicator to leave the work to, the one heard last, or zero: when there is none, or we are one or a
// bridge ourselves.
func (n *Networks) replicator(nw *network) identity.Address {
	if nw.cfg.specialist(n.self)&(SpecialistBridge|SpecialistReplicator) != 0 {
		return 0
	}
	var best identity.Address
	var heard clock.Time
	for _, s := range nw.cfg.Specialists {
		if s.Flags&SpecialistReplicator == 0 || s.Address == n.self {
			continue
		}
		t := clock.Time(-1)
		if m, ok := nw.members.get(s.Address); ok {
			t = m.heard
		}
		if best == 0 || t > heard {
			best, heard = s.Address, t
		}
	}
	return best
}

// sendMulticastFrame sends MULTICAST_FRAME to one member, if the rules let it pass to that one, after our credentials if they are due.
func (n *Networks) sendMulticastFrame(now clock.Time, nw *network, s *scene, k groupKey, to identity.Address, gather int, replicate bool) {
	mem := n.memberOf(now, nw, to)
	if mem == nil {
		return
	}
	if mem.refusedOut() {
		n.drop(DropRevokedCredential)
		return
	}
	s.dst, s.theirs = to, mem.theirs
	if target, ok := n.filterOut(now, nw, s, false); !ok || target != to {
		return
	}
	n.pushIfDue(now, nw, mem)
	p := packet.MulticastFrame{
		Network: uint64(nw.id), Gather: gather > 0, GatherLimit: uint32(gather), HasSrc: s.srcMAC != nw.mac || replicate, Src: s.srcMAC,
		Replicate: replicate, Dst: k.mac, ADI: k.adi, EtherType: s.etherType, Payload: s.frame,
	}
	n.out.commit(p.Append(n.out.begin()))
	n.send(Send{To: to, Verb: packet.VerbMulticastFrame})
	n.stats.Copies++
}

// groupGrew sends what waits for members of a group to those that are new.
func (n *Networks) groupGrew(now clock.Time, k groupKey) {
	nw := n.byID[k.network]
	if nw == nil || len(nw.queued) == 0 || !nw.usable() {
		return
	}
	g, ok := n.groups.get(k)
	if !ok {
		return
	}
	limit := nw.cfg.MulticastMax
	for i := range nw.queued {
		q := &nw.queued[i]
		if q.key != k || q.expires.Expired(now) {
			continue
		}
		s := scene{cfg: nw.cfg, self: n.self, src: n.self, srcMAC: q.src, dstMAC: k.mac, etherType: q.etherType, frame: q.frame, random: n.cfg.Rand}
		for j := len(g.members) - 1; j >= 0 && len(q.sent) < limit; j-- {
			if a := g.members[j].addr; a != n.self && !slices.Contains(q.sent, a) {
				q.sent = append(q.sent, a)
				n.sendMulticastFrame(now, nw, &s, k, a, limit-len(q.sent)+1, false)
			}
		}
	}
	nw.queued = slices.DeleteFunc(nw.queued, func(q queuedMulticast) bool { return len(q.sent) >= limit })
}

// pollQueued forgets multicasts that waited long enough, asks again for members of groups in which nobody is known
// (whoever is in them may just not have announced it yet), and returns when there is more to do.
func (n *Networks) pollQueued(now clock.Time, nw *network) (next clock.Time) {
	nw.queued = slices.DeleteFunc(nw.queued, func(q queuedMulticast) bool { return q.expires.Expired(now) })
	for i := range nw.queued {
		q := &nw.queued[i]
		next = clock.Min(next, q.expires)
		if len(q.sent) > 0 || !nw.usable() {
			continue
		}
		n.gather(now, nw, q.key, 0)
		if g, ok := n.groups.get(q.key); ok {
			next = clock.Min(next, g.gathered.Add(gatherHurry))
		}
	}
	return next
}
