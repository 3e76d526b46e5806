package vl2

import (
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/ethernet"
	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/packet"
)

// groupKey names a multicast group of a network (PROTOCOL 21.2).
type groupKey struct {
	network NetworkID
	mac     ethernet.Addr
	adi     uint32 // additional distinguishing information
}

func keyOf(g *packet.Group) groupKey { return groupKey{NetworkID(g.Network), g.MAC, g.ADI} }

func (k groupKey) group() packet.Group {
	return packet.Group{Network: uint64(k.network), MAC: k.mac, ADI: k.adi}
}

// group is the members known of a multicast group.
type group struct {
	members  []groupMember
	gathered clock.Time // last explicit gather
}

type groupMember struct {
	addr    identity.Address
	expires clock.Time
}

// Times and limits of groups (PROTOCOL 10.9, 14, 28). The database of a root holds every network's groups.
const (
	likeTimeout       = 600 * time.Second
	maxGroupEntries   = 1 << 16 // members of all groups together
	maxGroupEntriesUp = 1 << 21 // likewise on a root
	maxLikes          = 4096    // new entries per peer and likeTimeout
)

// addToGroup notes a member of a group and reports whether it is new.
func (n *Networks) addToGroup(now clock.Time, k groupKey, a identity.Address) bool {
	g, ok := n.groups.get(k)
	if ok {
		for i := range g.members {
			if m := &g.members[i]; m.addr == a {
				m.expires = now.Add(likeTimeout)
				return false
			}
		}
	}
	limit := maxGroupEntries
	if n.cfg.Upstream {
		limit = maxGroupEntriesUp
	}
	if n.groupSize >= limit || n.groups.len() >= limit {
		n.drop(DropTableFull)
		return false
	}
	if !ok {
		g = &group{}
		n.groups.put(k, g)
	}
	g.members = append(g.members, groupMember{a, now.Add(likeTimeout)})
	n.groupSize++
	return true
}

// removeFromGroup forgets a member of a group.
func (n *Networks) removeFromGroup(k groupKey, a identity.Address) {
	g, ok := n.groups.get(k)
	if !ok {
		return
	}
	for i := range g.members {
		if g.members[i].addr == a {
			g.members = append(g.members[:i], g.members[i+1:]...)
			n.groupSize--
			return
		}
	}
}

// expireGroups forgets members that were not announced for long, and empty groups.
func (n *Networks) expireGroups(now clock.Time) {
	for i := n.groups.len() - 1; i >= 0; i-- {
		g := *n.groups.at(i)
		kept := g.members[:0]
		for _, m := range g.members {
			if !m.expires.Expired(now) {
				kept = append(kept, m)
			}
		}
		n.groupSize -= len(g.members) - len(kept)
		g.members = kept
		if len(kept) == 0 && now.Sub(g.gathered) >= gatherPeriod {
			n.groups.deleteAt(i)
		}
	}
}

// someOf appends up to limit members of a group in random order, without those that expired and without except.
func (n *Networks) someOf(now clock.Time, dst []identity.Address, k groupKey, limit int, except identity.Address) []identity.Address {
	g, ok := n.groups.get(k)
	if !ok {
		return dst
	}
	base := len(dst)
	for _, m := range g.members {
		if m.addr != except && m.addr != n.self && !m.expires.Expired(now) {
			dst = append(dst, m.addr)
		}
	}
	list := dst[base:]
	limit = min(limit, len(list))
	for i := range limit {
		j := i + n.cfg.Rand.IntN(len(list)-i)
		list[i], list[j] = list[j], list[i]
	}
	return dst[:base+limit]
}

// keepsGroups reports whether announcements and gathers of a on network id are accepted: on a root from everybody, on the
// network's controller from those it configured lately, on a member from those who pass the gate (PROTOCOL 10.9, 10.12).
func (n *Networks) keepsGroups(now clock.Time, id NetworkID, a identity.Address) bool {
	if n.cfg.Upstream {
		return true
	}
	if t, ok := n.configured.get(memberKey{id, a}); ok && !t.Expired(now) {
		return true
	}
	nw := n.byID[id]
	return nw != nil && n.passes(now, nw, a)
}

// receiveLike processes MULTICAST_LIKE (PROTOCOL 10.9).
func (n *Networks) receiveLike(now clock.Time, m *Message) Verdict {
	var p packet.MulticastLike
	if !p.Parse(m.Payload) {
		return n.drop(DropMalformed)
	}
	peer := n.peerOf(now, m.From)
	if peer.likesSince == clock.Never || now.Sub(peer.likesSince) > likeTimeout {
		peer.likes, peer.likesSince = 0, now
	}
	accepted, early := false, false
	for i := range p.Groups {
		k := keyOf(&p.Groups[i])
		if !k.mac.IsMulticast() || !n.keepsGroups(now, k.network, m.From) {
			n.drop(DropNotMember)
			nw := n.byID[k.network]
			early = early || nw != nil && nw.usable()
			continue
		}
		accepted = true
		if peer.likes >= maxLikes {
			n.drop(DropRateLimited)
			continue
		}
		if n.addToGroup(now, k, m.From) {
			peer.likes++
			n.groupGrew(now, k)
		}
	}
	switch {
	case accepted:
		return Done
	case early:
		// Its certificate was sent before this but may have taken a longer way; the next announcement is a minute away.
		return Retry
	}
	return Drop
}

// receiveUnwanted processes ERROR UNWANTED_MULTICAST (PROTOCOL 10.2).
func (n *Networks) receiveUnwanted(now clock.Time, nw *network, m *Message) Verdict {
	var u packet.UnwantedMulticast
	if !u.Parse(m.Payload) {
		return n.drop(DropMalformed)
	}
	if !n.passes(now, nw, m.From) {
		return n.drop(DropNotMember)
	}
	n.removeFromGroup(keyOf(&u.Group), m.From)
	return Done
}
