package vl2

import (
	"math/rand/v2"
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/packet"
)

// Config configures Networks.
type Config struct {
	Self         *identity.Identity
	Rand         *rand.Rand // order of multicast recipients, MATCH_RANDOM
	Platform     string     // reported to controllers, such as "linux/amd64"; "" reports "unknown"
	Major, Minor uint8      // software version reported to controllers
	Revision     uint16
	Upstream     bool // this node is a root: it keeps the multicast members of every network and answers gathers
}

// Networks holds the networks of one node. See the package comment.
type Networks struct {
	cfg  Config
	self identity.Address

	list  []*network // in the order of joining
	byID  map[NetworkID]*network
	peers register[identity.Address, peer]

	known  register[identity.Address, *knownIdentity]
	wanted []identity.Address

	groups     register[groupKey, *group]
	groupSize  int // members of all groups
	configured register[memberKey, clock.Time]
	upstreams  []identity.Address

	out       outQueue
	events    []Event
	gates     []memberKey
	delivered []Frame

	housekeeping clock.Time
	next         clock.Time // no later than the earliest deadline; Never: see Poll
	stats        Stats
}

// memberKey names a member of a network.
type memberKey struct {
	network NetworkID
	member  identity.Address
}

// knownIdentity is an identity with the time it was last of use.
type knownIdentity struct {
	id   identity.Identity
	used clock.Time
}

// Times (PROTOCOL 14).
const (
	housekeepingPeriod = 30 * time.Second
	memberTimeout      = 500 * time.Second
)

// maxIdentities bounds what is remembered of Learn.
const maxIdentities = 1 << 16

// New returns a Networks that has joined nothing.
func New(cfg Config, now clock.Time) *Networks {
	if cfg.Platform == "" {
		cfg.Platform = "unknown"
	}
	return &Networks{cfg: cfg, self: cfg.Self.Address, byID: make(map[NetworkID]*network), housekeeping: now.Add(housekeepingPeriod), next: now.Add(housekeepingPeriod)}
}

// Join joins a network; its configuration is requested at once. The token, if any, is presented to the controller. Joining
// again changes the token and requests anew.
func (n *Networks) Join(now clock.Time, id NetworkID, token string) {
	nw := n.byID[id]
	if nw == nil {
		nw = newNetwork(id, n.self)
		n.byID[id] = nw
		n.list = append(n.list, nw)
	}
	nw.token = token
	if nw.cfg == nil {
		n.event(EventRequesting, nw)
	}
	if id.IsAdHoc() {
		n.joinAdHoc(now, nw)
		return
	}
	n.request(now, nw)
}

// Leave leaves a network.
func (n *Networks) Leave(now clock.Time, id NetworkID) {
	nw := n.byID[id]
	if nw == nil {
		return
	}
	for i := range nw.members.len() {
		n.closeGate(nw, *nw.members.at(i))
	}
	delete(n.byID, id)
	for i := range n.list {
		if n.list[i] == nw {
			n.list = append(n.list[:i], n.list[i+1:]...)
			break
		}
	}
	nw.status = StatusRequesting
	n.event(EventDown, nw)
}

// List returns the joined networks in the order of joining.
func (n *Networks) List() []NetworkID {
	ids := make([]NetworkID, len(n.list))
	for i, nw := range n.list {
		ids[i] = nw.id
	}
	return ids
}

// SetUpstreams tells which roots there are; groups are announced to them, and gathered from the best of them. It does not
// keep the slice.
func (n *Networks) SetUpstreams(now clock.Time, roots []identity.Address) {
	n.upstreams = n.upstreams[:0]
	for _, a := range roots {
		if a != n.self {
			n.upstreams = append(n.upstreams, a)
		}
	}
	for _, nw := range n.list {
		if nw.usable() {
			n.announceSoon(now, nw)
		}
	}
}

// Online tells that the upstreams can be reached (again): pending requests are sent at once instead of at their next retry.
func (n *Networks) Online(now clock.Time) {
	for _, nw := range n.list {
		if !nw.id.IsAdHoc() && nw.tries > 0 {
			nw.tries = 0
			n.request(now, nw)
		}
		if nw.usable() {
			n.announceSoon(now, nw)
		}
	}
}

// Learn makes an identity known. The caller vouches that it is authentic (PROTOCOL 2.2, 10.4).
func (n *Networks) Learn(now clock.Time, id *identity.Identity) {
	if k, ok := n.known.get(id.Address); ok {
		k.used = now
		return
	}
	if n.known.len() >= maxIdentities {
		n.known.deleteAt(0)
	}
	n.known.put(id.Address, &knownIdentity{id.WithoutSecret(), now})
	for _, nw := range n.list {
		if m, ok := nw.members.get(id.Address); ok {
			n.refreshMember(now, nw, m)
			n.membersChanged(now, nw, m)
		}
	}
}

// NeedIdentity returns the next address whose identity is wanted, each once per request. Answer with Learn, at any time.
func (n *Networks) NeedIdentity() (identity.Address, bool) {
	if len(n.wanted) == 0 {
		return 0, false
	}
	a := n.wanted[0]
	n.wanted = n.wanted[1:]
	return a, true
}

// identityOf returns a known identity, or asks for it and returns nil.
func (n *Networks) identityOf(now clock.Time, a identity.Address) *identity.Identity {
	if a == n.self {
		return n.cfg.Self
	}
	if k, ok := n.known.get(a); ok {
		k.used = now
		return &k.id
	}
	for _, w := range n.wanted {
		if w == a {
			return nil
		}
	}
	if len(n.wanted) < 256 {
		n.wanted = append(n.wanted, a)
	}
	return nil
}

// Receive processes one message. A frame aliases m.Payload.
func (n *Networks) Receive(now clock.Time, m *Message) (Frame, Verdict) {
	switch m.Verb {
	case packet.VerbFrame:
		return n.receiveFrame(now, m)
	case packet.VerbExtFrame:
		return n.receiveExtFrame(now, m)
	case packet.VerbMulticastFrame:
		return n.receiveMulticastFrame(now, m)
	case packet.VerbMulticastLike:
		return Frame{}, n.receiveLike(now, m)
	case packet.VerbMulticastGather:
		return Frame{}, n.receiveGather(now, m)
	case packet.VerbNetworkCredentials:
		return Frame{}, n.receiveCredentials(now, m)
	case packet.VerbNetworkConfig:
		return Frame{}, n.receiveConfig(now, m)
	case packet.VerbOK:
		return Frame{}, n.receiveOK(now, m)
	case packet.VerbError:
		return Frame{}, n.receiveError(now, m)
	}
	return Frame{}, Done
}

// Deliver returns the next frame for the host that was made locally (NDP emulation). Call it after SendFrame. Nothing may be
// written before its payload.
func (n *Networks) Deliver() (Frame, bool) {
	if len(n.delivered) == 0 {
		return Frame{}, false
	}
	f := n.delivered[0]
	n.delivered = n.delivered[1:]
	return f, true
}

// deliver queues a frame for Deliver; the host gets them right after the call that made them, so a few are enough.
func (n *Networks) deliver(f Frame) {
	if len(n.delivered) < 64 {
		n.delivered = append(n.delivered, f)
	}
}

// Output returns the next message to send. Call it until it returns false after every other call.
func (n *Networks) Output() (Send, bool) { return n.out.next() }

// Event returns the next event.
func (n *Networks) Event() (Event, bool) {
	if len(n.events) == 0 {
		return Event{}, false
	}
	e := n.events[0]
	n.events = n.events[1:]
	return e, true
}

func (n *Networks) event(kind EventKind, nw *network) {
	n.events = append(n.events, Event{Kind: kind, Network: nw.id, Config: nw.cfg})
}

// Configured tells that this node, as the controller of id, has just configured a member: its groups are kept and its
// gathers answered for a while, though this node need not be on the network.
func (n *Networks) Configured(now clock.Time, id NetworkID, member identity.Address) {
	if id.Controller() == n.self {
		n.configured.put(memberKey{id, member}, now.Add(memberTimeout))
	}
}

// Poll runs what is due and returns the next deadline.
func (n *Networks) Poll(now clock.Time) clock.Time {
	if !n.next.Expired(now) {
		return n.next
	}
	if n.housekeeping.Expired(now) {
		n.housekeeping = now.Add(housekeepingPeriod)
		n.expire(now)
	}
	n.next = n.housekeeping
	for _, nw := range n.list {
		n.next = clock.Min(n.next, n.pollNetwork(now, nw))
	}
	return n.next
}

// expire forgets what has not been of use for long.
func (n *Networks) expire(now clock.Time) {
	for i := n.known.len() - 1; i >= 0; i-- {
		if now.Sub((*n.known.at(i)).used) > memberTimeout {
			n.known.deleteAt(i)
		}
	}
	for i := n.configured.len() - 1; i >= 0; i-- {
		if n.configured.at(i).Expired(now) {
			n.configured.deleteAt(i)
		}
	}
	for i := n.peers.len() - 1; i >= 0; i-- {
		if now.Sub(n.peers.at(i).heard) > memberTimeout {
			n.peers.deleteAt(i)
		}
	}
	n.expireGroups(now)
	for _, nw := range n.list {
		n.expireMembers(now, nw)
	}
}

// wakeAt makes sure that Poll runs at t.
func (n *Networks) wakeAt(t clock.Time) { n.next = clock.Min(n.next, t) }
