package vl2

import (
	"net/netip"
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/ethernet"
	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/packet"
)

const (
	announcePeriod   = 60 * time.Second
	maxSubscriptions = 4096
	maxLikeGroups    = 500 // in one MULTICAST_LIKE, to stay within a packet
)

// subscription is a group that this node is a member of.
type subscription struct {
	mac     ethernet.Addr
	adi     uint32
	wanted  bool // by Subscribe
	managed bool // needed by an address or by broadcast
}

func (nw *network) findSubscription(mac ethernet.Addr, adi uint32) *subscription {
	for i := range nw.subscriptions {
		if s := &nw.subscriptions[i]; s.mac == mac && s.adi == adi {
			return s
		}
	}
	return nil
}

// subscribe adds a group and returns it, or nil when there are too many.
func (nw *network) subscribe(mac ethernet.Addr, adi uint32) (s *subscription, added bool) {
	if s := nw.findSubscription(mac, adi); s != nil {
		return s, false
	}
	if len(nw.subscriptions) >= maxSubscriptions {
		return nil, false
	}
	nw.subscriptions = append(nw.subscriptions, subscription{mac: mac, adi: adi})
	return &nw.subscriptions[len(nw.subscriptions)-1], true
}

// Subscribe makes this node a member of the multicast group (mac, adi) of a network, and announces it at once. The groups that the managed
// addresses need (ARP, solicited-node, broadcast) are subscribed by themselves.
func (n *Networks) Subscribe(now clock.Time, id NetworkID, mac ethernet.Addr, adi uint32) {
	nw := n.byID[id]
	if nw == nil || !mac.IsMulticast() {
		return
	}
	s, added := nw.subscribe(mac, adi)
	if s == nil {
		n.drop(DropTableFull)
		return
	}
	s.wanted = true
	if added && nw.usable() {
		n.announceSoon(now, nw)
	}
}

// Unsubscribe undoes Subscribe.
func (n *Networks) Unsubscribe(now clock.Time, id NetworkID, mac ethernet.Addr, adi uint32) {
	nw := n.byID[id]
	if nw == nil {
		return
	}
	if s := nw.findSubscription(mac, adi); s != nil {
		s.wanted = false
		nw.dropSubscriptions()
	}
}

func (nw *network) dropSubscriptions() {
	kept := nw.subscriptions[:0]
	for _, s := range nw.subscriptions {
		if s.wanted || s.managed {
			kept = append(kept, s)
		}
	}
	nw.subscriptions = kept
}

// SetAddresses replaces the addresses that the host has on a network beside the managed ones, so that ARP and
// neighbour solicitations for them arrive. It does not keep the slice.
func (n *Networks) SetAddresses(now clock.Time, id NetworkID, addrs []netip.Addr) {
	nw := n.byID[id]
	if nw == nil {
		return
	}
	nw.extra = append(nw.extra[:0], addrs...)
	if nw.usable() {
		n.subscribeManaged(now, nw)
	}
}

// subscribeManaged subscribes to what the addresses need: the ARP group of each IPv4 address, the solicited-node group of each
// IPv6 address, and broadcast when the network has it (PROTOCOL 21.2 to 21.4).
func (n *Networks) subscribeManaged(now clock.Time, nw *network) {
	for i := range nw.subscriptions {
		nw.subscriptions[i].managed = false
	}
	grew := false
	add := func(mac ethernet.Addr, adi uint32) {
		s, added := nw.subscribe(mac, adi)
		if s != nil {
			s.managed = true
			grew = grew || added
		}
	}
	address := func(a netip.Addr) {
		if a = a.Unmap(); a.Is4() {
			add(ethernet.Broadcast, adiOf(a))
		} else if a.Is6() {
			b := a.As16()
			add(ethernet.Addr{0x33, 0x33, 0xff, b[13], b[14], b[15]}, 0)
		}
	}
	if nw.cfg.Flags&FlagBroadcast != 0 {
		add(ethernet.Broadcast, 0)
	}
	for _, p := range nw.cfg.Addresses {
		address(p.Addr())
	}
	for _, a := range nw.extra {
		address(a)
	}
	nw.dropSubscriptions()
	if grew {
		n.announceSoon(now, nw)
	}
}

// announceSoon announces at the next Poll, which is due at once: so what a caller changes in one go is announced in one message.
func (n *Networks) announceSoon(now clock.Time, nw *network) {
	nw.nextAnnounce = now
	n.wakeAt(now)
}

// announce tells the upstreams, the controller, anchors, replicators and the members we know which groups we are in
// (PROTOCOL 21.6).
func (n *Networks) announce(now clock.Time, nw *network) {
	nw.nextAnnounce = now.Add(announcePeriod)
	if !nw.usable() || nw.cfg.MulticastMax == 0 || len(nw.subscriptions) == 0 {
		return
	}
	for _, up := range n.upstreams {
		n.like(nw, up)
	}
	if n.announcesToController(nw) {
		n.like(nw, nw.id.Controller())
	}
	for _, s := range nw.cfg.Specialists {
		if s.Flags&(SpecialistAnchor|SpecialistReplicator) != 0 && s.Address != n.self {
			if m := n.memberOf(now, nw, s.Address); m != nil {
				n.announceTo(now, nw, m)
			}
		}
	}
	for i := range nw.members.len() {
		m := *nw.members.at(i)
		if m.likedAt != now && now.Sub(m.heard) < memberTimeout && n.memberPasses(now, nw, m) {
			n.announceTo(now, nw, m)
		}
	}
}

// announcesToController reports whether the controller is there, is not ourselves and is no upstream, which gets its own.
func (n *Networks) announcesToController(nw *network) bool {
	c := nw.id.Controller()
	if nw.id.IsAdHoc() || c == n.self {
		return false
	}
	for _, up := range n.upstreams {
		if up == c {
			return false
		}
	}
	return true
}

// announceTo announces to a member, after our credentials if they are due: without them it would not listen.
func (n *Networks) announceTo(now clock.Time, nw *network, m *member) {
	m.likedAt = now
	if m.refusedOut() || len(nw.subscriptions) == 0 || nw.cfg.MulticastMax == 0 {
		return
	}
	n.pushIfDue(now, nw, m)
	n.like(nw, m.addr)
}

// like sends MULTICAST_LIKE with all our groups.
func (n *Networks) like(nw *network, to identity.Address) {
	for rest := nw.subscriptions; len(rest) > 0; {
		some := rest[:min(len(rest), maxLikeGroups)]
		rest = rest[len(some):]
		var p packet.MulticastLike
		for _, s := range some {
			p.Groups = append(p.Groups, groupKey{nw.id, s.mac, s.adi}.group())
		}
		n.out.commit(p.Append(n.out.begin()))
		n.send(Send{To: to, Verb: packet.VerbMulticastLike})
	}
}
