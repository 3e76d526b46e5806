package stack

import (
	"net/netip"
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/ethernet"
	"github.com/ztstack/ztstack/internal/wheel"
)

// One state machine, that of RFC 4861, Section 7.3, keeps the neighbours of both families: ARP requests
// and replies are to it what Neighbour Solicitations and Advertisements are.

// A nudState is the state of a neighbour's reachability.
type nudState uint8

const (
	nudIncomplete nudState = iota // being resolved
	nudReachable                  // known to be reachable until neighbor.expires
	nudStale                      // was reachable; nobody has asked since
	nudDelay                      // used while stale: about to be asked
	nudProbe                      // being asked
	nudFailed                     // did not answer; kept for a moment so as not to ask again at once
)

// Protocol constants of RFC 4861, Section 10; RFC 1122, Section 2.3.2.1 wants at most one ARP request a
// second, which retransTimer grants.
const (
	maxSolicits   = 3 // MAX_MULTICAST_SOLICIT and MAX_UNICAST_SOLICIT
	delayProbe    = 5 * time.Second
	reachableTime = 30 * time.Second // times a random factor between ½ and 1½
	failedTime    = time.Second
)

// maxWaiting is how many packets wait for one neighbour, enough for a datagram in the most fragments; the
// oldest gives way. "The link layer SHOULD save (rather than discard) at least one (the latest) packet of
// each set of packets destined to the same unresolved IP address" RFC 1122, Section 2.3.2.2. All packets
// that wait on an interface are bounded by Config.QueueFrames.
const maxWaiting = 64

// A neighbor is one entry of an interface's neighbour cache.
type neighbor struct {
	ifc     *iface
	addr    netip.Addr
	hw      ethernet.Addr
	state   nudState
	router  bool
	probes  int
	version uint32     // changes with hw and when the entry is dropped
	expires clock.Time // end of nudReachable
	timer   wheel.Timer

	witness  *TCP   // a connection that was at this progress when the entry came into nudDelay, or nil: see hint
	progress uint32 //

	waiting frameQueue // packets without Ethernet header
	parked  connQueue  // connections that wait to be asked

	list       *neighborList
	prev, next *neighbor
}

// resolved reports whether packets can be sent.
func (n *neighbor) resolved() bool { return n.state != nudIncomplete && n.state != nudFailed }

// neighborFor returns the entry for addr, making one and asking for it if there is none.
func (s *Stack) neighborFor(now clock.Time, ifc *iface, addr netip.Addr) *neighbor {
	if n := ifc.neighbors.get(addr); n != nil {
		return n
	}
	n := s.newNeighbor(now, ifc, addr, &ifc.neighbors.unresolved)
	s.solicit(now, n)
	return n
}

// newNeighbor makes an entry, for which another may have to go.
func (s *Stack) newNeighbor(now clock.Time, ifc *iface, addr netip.Addr, list *neighborList) *neighbor {
	// Entries that nobody has answered for may take a quarter of the cache at most: a scan of a large
	// subnet does not push out the neighbours that exist (RFC 6583, Section 6).
	c, most := &ifc.neighbors, s.cfg.MaxNeighbors
	if list == &c.unresolved {
		most = max(1, most/4)
	} else {
		most = max(1, most-most/4)
	}
	if list.n >= most {
		s.drop(DropNeighborLimit)
		s.forget(now, list.head)
	}
	n := &neighbor{ifc: ifc, addr: addr}
	n.timer.Owner, n.timer.Kind = n, timerNeighbor
	c.entries.Put(addrKey(addr), n)
	list.pushTail(n)
	return n
}

// solicit sends the next request for n and arms the timer for the one after it.
func (s *Stack) solicit(now clock.Time, n *neighbor) {
	n.probes++
	s.wheel.Arm(&n.timer, now.Add(retransTimer))
	unicast := n.state == nudProbe
	if n.addr.Is4() {
		s.sendARPRequest(now, n, unicast)
	} else {
		s.sendSolicitation(now, n, unicast)
	}
}

// neighborTimer moves n on when its timer has expired.
func (s *Stack) neighborTimer(now clock.Time, n *neighbor) {
	switch n.state {
	case nudIncomplete, nudProbe:
		if n.probes < maxSolicits {
			s.solicit(now, n)
			return
		}
		s.neighborFailed(now, n)
	case nudDelay:
		if c := n.witness; c != nil && !c.dead && c.conn != nil {
			if s.hint(now, n, c); n.state == nudReachable {
				return
			}
		}
		n.state, n.probes = nudProbe, 0
		s.solicit(now, n)
	case nudFailed:
		s.forget(now, n)
	}
}

// usable reports whether packets can be sent to n now. It is told of each packet, so that a neighbour in
// use is found out when it is gone.
func (s *Stack) usable(now clock.Time, n *neighbor) bool {
	if n.state == nudReachable && now < n.expires {
		return true
	}
	switch n.state {
	case nudReachable, nudStale:
		// "The first time a node sends a packet to a neighbor whose entry is STALE, the sender
		// changes the state to DELAY and sets a timer to expire in DELAY_FIRST_PROBE_TIME seconds."
		// RFC 4861, Section 7.3.3.
		n.state = nudDelay
		n.list.toTail(n)
		s.wheel.Arm(&n.timer, now.Add(delayProbe))
		return true
	case nudDelay, nudProbe:
		return true
	}
	return false
}

// hint lets a connection that is about to send say whether n, which is no longer known to be reachable, is: "hints from
// upper-layer protocols that indicate a connection is making 'forward progress'" RFC 4861, Section 7.3.1. It costs nothing
// while n is known to be.
func (s *Stack) hint(now clock.Time, n *neighbor, c *TCP) {
	switch p := c.conn.Progress(); {
	case n.witness == c && p != n.progress:
		s.reachable(now, n)
	case n.witness == nil || n.witness.dead:
		n.witness, n.progress = c, p
	}
}

// reachable records the proof that n is reachable.
func (s *Stack) reachable(now clock.Time, n *neighbor) {
	n.state, n.probes, n.witness = nudReachable, 0, nil
	n.expires = now.Add(reachableTime/2 + time.Duration(s.rand.Int64N(int64(reachableTime))))
	n.list.toTail(n)
	s.wheel.Arm(&n.timer, clock.Never)
}

// setHW gives n an address; what waited for one goes out.
func (s *Stack) setHW(now clock.Time, n *neighbor, hw ethernet.Addr) {
	n.hw = hw
	n.version++
	if n.list != &n.ifc.neighbors.resolved {
		n.list.remove(n)
		if r := &n.ifc.neighbors.resolved; r.n >= max(1, s.cfg.MaxNeighbors-s.cfg.MaxNeighbors/4) {
			s.drop(DropNeighborLimit)
			s.forget(now, r.head)
		}
		n.ifc.neighbors.resolved.pushTail(n)
	}
}

// release sends what waited for n.
func (s *Stack) release(now clock.Time, n *neighbor) {
	n.ifc.neighbors.waiting -= n.waiting.n
	for f := n.waiting.pop(); f != nil; f = n.waiting.pop() {
		s.sendFrame(n.ifc, n.hw, f)
	}
	for c := n.parked.pop(); c != nil; c = n.parked.pop() {
		s.want(c)
	}
}

// An advert is what an ARP reply or a Neighbour Advertisement says.
type advert struct {
	hw        ethernet.Addr
	hasHW     bool
	solicited bool // an answer to us
	override  bool // hw replaces another address
	router    bool
}

// advertised applies an advertisement to n, as RFC 4861, Section 7.2.5 says.
func (s *Stack) advertised(now clock.Time, n *neighbor, a advert) {
	if !n.resolved() {
		if !a.hasHW {
			return
		}
		n.router = a.router
		s.setHW(now, n, a.hw)
		if a.solicited {
			s.reachable(now, n)
		} else {
			s.stale(n)
		}
		s.release(now, n)
		return
	}
	differs := a.hasHW && a.hw != n.hw
	if differs && !a.override {
		// "If the Override flag is clear and the supplied link-layer address differs [...] a. If the state
		// of the entry is REACHABLE, set it to STALE, but do not update the entry in any other way."
		if n.state == nudReachable {
			s.stale(n)
		}
		return
	}
	if differs {
		s.setHW(now, n, a.hw)
	}
	n.router = a.router
	switch {
	case a.solicited:
		s.reachable(now, n)
	case differs:
		s.stale(n)
	}
}

// heard notes the link address of a neighbour that has asked us something: RFC 4861, Section 7.2.3. Only
// if create is set does that make an entry.
func (s *Stack) heard(now clock.Time, ifc *iface, addr netip.Addr, hw ethernet.Addr, create bool) {
	n := ifc.neighbors.get(addr)
	switch {
	case n == nil && create:
		n = s.newNeighbor(now, ifc, addr, &ifc.neighbors.resolved)
		n.hw = hw
		n.version++
		s.stale(n)
		// Until we use it, it is the first to go: whoever asks from many addresses evicts his own.
		n.list.toHead(n)
	case n == nil:
	case !n.resolved():
		s.setHW(now, n, hw)
		s.stale(n)
		s.release(now, n)
	case n.hw != hw:
		s.setHW(now, n, hw)
		s.stale(n)
	}
}

func (s *Stack) stale(n *neighbor) {
	n.state, n.probes, n.witness = nudStale, 0, nil
	s.wheel.Arm(&n.timer, clock.Never)
}

// neighborFailed gives n up: its packets are dropped and their sockets told.
func (s *Stack) neighborFailed(now clock.Time, n *neighbor) {
	n.state = nudFailed
	n.version++
	if n.list != &n.ifc.neighbors.unresolved {
		n.list.remove(n)
		n.ifc.neighbors.unresolved.pushTail(n)
	}
	s.wheel.Arm(&n.timer, now.Add(failedTime))
	s.dropWaiting(now, n, DropNeighborFailed, true)
}

// forget removes n from the cache.
func (s *Stack) forget(now clock.Time, n *neighbor) {
	s.wheel.Disarm(&n.timer)
	n.version++
	n.list.remove(n)
	n.ifc.neighbors.entries.Delete(addrKey(n.addr))
	n.ifc.neighbors.last = nil
	s.dropWaiting(now, n, DropNeighborLimit, false)
	n.state = nudFailed
}

// dropWaiting drops the packets that wait for n. Connections are asked again; those that are only
// beginning are told that there is nobody, if that is so.
func (s *Stack) dropWaiting(now clock.Time, n *neighbor, why Drop, gone bool) {
	n.ifc.neighbors.waiting -= n.waiting.n
	for f := n.waiting.pop(); f != nil; f = n.waiting.pop() {
		s.drop(why)
		if gone {
			s.unreachable(now, f.bytes())
		}
		s.frames.put(f)
	}
	for c := n.parked.pop(); c != nil; c = n.parked.pop() {
		if gone {
			s.connUnreachable(now, c)
		}
		s.want(c)
	}
}

// forgetNeighbors empties the cache of ifc.
func (s *Stack) forgetNeighbors(now clock.Time, ifc *iface) {
	for _, l := range []*neighborList{&ifc.neighbors.unresolved, &ifc.neighbors.resolved} {
		for l.head != nil {
			s.forget(now, l.head)
		}
	}
}

// park makes f wait for n to be resolved.
func (s *Stack) park(n *neighbor, f *frame) {
	c := &n.ifc.neighbors
	if n.waiting.n >= maxWaiting {
		s.drop(DropNeighborQueue)
		s.frames.put(n.waiting.pop())
		c.waiting--
	}
	if c.waiting >= s.cfg.QueueFrames {
		s.drop(DropNeighborQueue)
		s.frames.put(f)
		return
	}
	c.waiting++
	n.waiting.push(f)
}
