package stack

import (
	"net/netip"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/ethernet"
	"github.com/ztstack/ztstack/internal/be"
	"github.com/ztstack/ztstack/internal/cksum"
	"github.com/ztstack/ztstack/ipv4"
	"github.com/ztstack/ztstack/ipv6"
	"github.com/ztstack/ztstack/link"
)

const (
	// quantum is how many segments a connection sends before another has its turn.
	quantum = 16
	// ect0 is the codepoint that says that routers may mark a packet instead of dropping it: RFC 3168, Section 5.
	ect0 = 2
	// framesPerTurn is how many other frames go before connections have theirs.
	framesPerTurn = 16
	// loopbackPerCall bounds the packets that one call carries over the loopback interface.
	loopbackPerCall = 64
)

// A connQueue is a first-in-first-out list of connections that Output is to ask.
type connQueue struct{ head, tail *TCP }

func (q *connQueue) push(c *TCP) {
	c.queued, c.next = true, nil
	if q.tail == nil {
		q.head = c
	} else {
		q.tail.next = c
	}
	q.tail = c
}

func (q *connQueue) pop() *TCP {
	c := q.head
	if c == nil {
		return nil
	}
	q.head = c.next
	if q.head == nil {
		q.tail = nil
	}
	c.queued, c.next, c.burst = false, nil, 0
	return c
}

// want makes Output ask c. A connection without a path waits on the loopback interface, where its turn
// finds it one or finds that there is none.
func (s *Stack) want(c *TCP) {
	if c.queued || c.dead || c.conn == nil {
		return // a connection at rest has nothing to send
	}
	ifc := c.ifc
	if ifc == nil || s.iface(ifc.id) == nil {
		ifc = s.ifaces[0]
	}
	ifc.conns.push(c)
}

// Pending reports whether Output(i) might have a frame to write. It is cheap.
func (s *Stack) Pending(i Interface) bool {
	if s.ifaces[0].pending() {
		return true
	}
	ifc := s.iface(i)
	return ifc != nil && ifc.pending()
}

// Output writes the next frame for interface i into b, whose B and Off the caller has set with room for
// a frame of the interface's MTU, and sets b.Len, b.GSO and b.SumOK. It returns false when the interface
// has nothing to send now.
func (s *Stack) Output(now clock.Time, i Interface, b *link.Buf) bool {
	if s.ifaces[0].pending() {
		s.runLoopback(now)
	}
	ifc := s.iface(i)
	if ifc == nil || ifc.loopback || !s.output(now, ifc, b) {
		return false
	}
	s.stats.FramesOut++
	s.stats.BytesOut += uint64(b.Len)
	if s.cfg.Tap != nil {
		s.cfg.Tap(now, i, true, b.Frame())
	}
	return true
}

// output writes the next frame of ifc, taking turns between frames that are ready and connections.
func (s *Stack) output(now clock.Time, ifc *iface, b *link.Buf) bool {
	if ifc.queue.n > 0 && (ifc.inTurn < framesPerTurn || ifc.conns.head == nil) {
		ifc.inTurn++
		s.outputFrame(ifc, b)
		return true
	}
	ifc.inTurn = 0
	for c := ifc.conns.head; c != nil; c = ifc.conns.head {
		if c.dead || !s.prepare(now, ifc, c) {
			// A connection that prepare has refused has been taken off the queue.
			if c == ifc.conns.head {
				ifc.conns.pop()
			}
			continue
		}
		if s.outputConn(now, ifc, c, b) {
			if c.burst++; c.burst >= quantum && c.next != nil {
				ifc.conns.push(ifc.conns.pop())
			}
			return true
		}
		ifc.conns.pop()
		s.settle(now, c)
	}
	if ifc.queue.n > 0 {
		s.outputFrame(ifc, b)
		return true
	}
	return false
}

// outputFrame copies the next frame of the queue to b.
func (s *Stack) outputFrame(ifc *iface, b *link.Buf) {
	f := ifc.queue.pop()
	b.GSO, b.SumOK = 0, false
	b.Len = copy(b.Room(), f.bytes())
	s.frames.put(f)
	if len(ifc.blocked) > 0 && ifc.queue.n <= s.cfg.QueueFrames/2 {
		s.unblock(ifc)
	}
}

// A template is the link and IP header of a connection's segments, of which only length,
// identification and checksum change.
type template struct {
	header [ethernet.HeaderLen + ipv6.HeaderLen]byte
	n      uint8  // length of header
	is4    bool   //
	id     uint16 // of the next IPv4 packet
	ipSum  uint16 // sum of the IPv4 header with length and identification zero
	pseudo uint16 // sum of the pseudo-header with length zero
}

// prepare makes sure that c has a path and a link address to send to, and belongs to ifc. It returns false,
// and has taken c off ifc's queue, if it has to wait or to be asked elsewhere.
func (s *Stack) prepare(now clock.Time, ifc *iface, c *TCP) bool {
	n := c.neighbor
	known := n != nil && n.version == c.version
	var next netip.Addr
	if c.generation != s.generation || c.ifc == nil || !known && ifc.linkLen != 0 {
		remote := c.flow.tuple.remoteAddr()
		s.freshPMTU(now, remote)
		p, ok := s.lookup(remote, c.flow.tuple.via())
		if !ok {
			s.blackhole(now, ifc, c, DropNoRoute)
			return false
		}
		if p.mtu != int(c.mtu) {
			c.conn.SetMSS(now, mssOf(p.mtu, c.flow.tuple.is4))
		}
		if c.generation != s.generation || c.ifc != p.ifc {
			c.route(now, p)
			n, known = c.neighbor, c.neighbor != nil
		}
		next = p.next
	}
	if c.ifc != ifc {
		ifc.conns.pop()
		s.want(c)
		return false
	}
	if ifc.linkLen == 0 {
		return true
	}
	if !known {
		n = s.neighborFor(now, ifc, next)
	}
	if !s.usable(now, n) {
		c.neighbor = nil
		if n.state == nudFailed {
			s.blackhole(now, ifc, c, DropNeighborFailed)
			return false
		}
		ifc.conns.pop()
		n.parked.push(c)
		s.wheel.Arm(&c.timer, c.conn.Deadline())
		return false
	}
	if n.state != nudReachable {
		s.hint(now, n, c)
	}
	if !known {
		c.neighbor, c.version = n, n.version
		c.fill()
	}
	return true
}

// blackhole lets c send what it has to say into nothing, so that its timers run and end it in time.
func (s *Stack) blackhole(now clock.Time, ifc *iface, c *TCP, why Drop) {
	ifc.conns.pop()
	for range quantum {
		n, _ := c.conn.Output(now, s.loopbackBuffer(), 1)
		if n == 0 {
			break
		}
		s.drop(why)
	}
	s.settle(now, c)
}

// outputConn writes c's next segment into b.
func (s *Stack) outputConn(now clock.Time, ifc *iface, c *TCP, b *link.Buf) bool {
	room := b.Room()
	t := &c.template
	hl := int(t.n)
	maxSegs := ifc.info.MaxSegs
	limit := ifc.linkLen + int(c.mtu)
	if maxSegs > 1 {
		limit = ifc.linkLen + 65535
	}
	// The whole array is copied, which is four moves; Output then overwrites what is too much.
	*(*[len(t.header)]byte)(room) = t.header
	n, gso := c.conn.Output(now, room[hl:min(limit, len(room))], maxSegs)
	if n == 0 {
		return false
	}
	seg := room[hl : hl+n]
	if t.is4 {
		ip := room[hl-ipv4.HeaderLen : hl]
		total := uint16(ipv4.HeaderLen + n)
		t.id++
		be.PutUint16(ip[2:], total)
		be.PutUint16(ip[4:], t.id)
		sum := cksum.Add(cksum.Add(t.ipSum, total), t.id)
		if c.conn.ECT() {
			ip[1] = ect0
			sum = cksum.Add(sum, ect0)
		}
		be.PutUint16(ip[10:], ^sum)
	} else {
		ip := room[hl-ipv6.HeaderLen : hl]
		be.PutUint16(ip[4:], uint16(n))
		if c.conn.ECT() {
			ip[1] |= ect0 << 4
		}
	}
	b.GSO, b.SumOK, b.Len = gso, ifc.info.NoSum, hl+n
	if !ifc.info.NoSum {
		sum := be.Uint16(seg[16:])
		if c.noSum {
			sum = cksum.Sum(seg) // the path was over another interface when the connection began
		}
		be.PutUint16(seg[16:], ^cksum.Add(cksum.Add(sum, t.pseudo), uint16(n)))
	}
	s.stats.TCPSegmentsOut++
	return true
}

// route makes c use p.
func (c *TCP) route(now clock.Time, p path) {
	c.ifc, c.mtu = p.ifc, uint16(p.mtu)
	c.generation = c.s.generation
	c.neighbor = nil
	if p.ifc.linkLen != 0 {
		if n := p.ifc.neighbors.get(p.next); n != nil && n.resolved() {
			c.neighbor, c.version = n, n.version
		}
	}
	c.fill()
}

// fill makes the template.
func (c *TCP) fill() {
	t := &c.template
	s := c.s
	at := 0
	local, remote := &c.flow.tuple.local, &c.flow.tuple.remote
	t.is4 = c.flow.tuple.is4
	if c.ifc.linkLen != 0 {
		h := ethernet.Header{Src: c.ifc.info.Addr, Type: ethernet.TypeIPv6}
		if t.is4 {
			h.Type = ethernet.TypeIPv4
		}
		if c.neighbor != nil {
			h.Dst = c.neighbor.hw
		}
		at = h.Put(t.header[:])
	}
	if t.is4 {
		h := ipv4.Header{Proto: ipv4.ProtoTCP, TTL: s.cfg.HopLimit, DF: true, Src: [4]byte(local[:]), Dst: [4]byte(remote[:]), TotalLen: ipv4.HeaderLen}
		n := h.Put(t.header[at:])
		ip := t.header[at : at+n]
		be.PutUint16(ip[2:], 0)
		be.PutUint16(ip[10:], 0)
		t.ipSum = cksum.Sum(ip)
		t.pseudo = cksum.Pseudo4(h.Src, h.Dst, ipv4.ProtoTCP, 0)
		t.n = uint8(at + n)
		return
	}
	h := ipv6.Header{Next: ipv6.ProtoTCP, HopLimit: s.cfg.HopLimit, Src: *local, Dst: *remote}
	n := h.Put(t.header[at:])
	t.pseudo = cksum.Pseudo6(h.Src, h.Dst, ipv6.ProtoTCP, 0)
	t.n = uint8(at + n)
}
