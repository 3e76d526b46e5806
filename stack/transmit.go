package stack

import (
	"net/netip"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/ethernet"
	"github.com/ztstack/ztstack/ipv4"
	"github.com/ztstack/ztstack/ipv6"
)

// A packet is what is to be said in the IP header of a packet that the Stack originates.
type packet struct {
	src, dst netip.Addr
	proto    uint8
	ttl      uint8 // 0 means the Stack's default
	tos      uint8
	dontFrag bool
}

func ipHeaderLen(a netip.Addr) int {
	if a.Is4() {
		return ipv4.HeaderLen
	}
	return ipv6.HeaderLen
}

// maxPayload is how many bytes follow the IP header of a packet to a at most.
func maxPayload(a netip.Addr) int {
	if a.Is4() {
		return ipv4.MaxLen - ipv4.HeaderLen
	}
	return ipv6.MaxPayload
}

// newPacket returns a frame for an IP packet to dst with n bytes of payload, and those bytes.
func (s *Stack) newPacket(dst netip.Addr, n int) (f *frame, body []byte) {
	h := ipHeaderLen(dst)
	f = s.frames.get(headerRoom + h + n)
	f.off, f.n = headerRoom, h+n
	return f, f.buf[f.off+h : f.off+h+n]
}

// sendPacket puts the IP header before the payload in f and sends the packet along p, in fragments if
// need be. It takes f.
func (s *Stack) sendPacket(now clock.Time, p path, k *packet, f *frame) {
	ttl := k.ttl
	if ttl == 0 {
		ttl = s.cfg.HopLimit
	}
	s.nextID++
	if k.dst.Is4() {
		h := ipv4.Header{
			TOS: k.tos, Proto: k.proto, TTL: ttl, DF: k.dontFrag, ID: uint16(s.nextID),
			TotalLen: f.n, Src: k.src.As4(), Dst: k.dst.As4(),
		}
		if f.n <= p.mtu {
			h.Put(f.buf[f.off:])
			s.transmit(now, p.ifc, p.next, f)
			return
		}
		s.fragment4(now, p, &h, f)
		return
	}
	h := ipv6.Header{
		Traffic: k.tos, Next: k.proto, HopLimit: ttl, PayloadLen: f.n - ipv6.HeaderLen,
		Src: k.src.As16(), Dst: k.dst.As16(),
	}
	if f.n <= p.mtu {
		h.Put(f.buf[f.off:])
		s.transmit(now, p.ifc, p.next, f)
		return
	}
	s.fragment6(now, p, &h, f)
}

func (s *Stack) fragment4(now clock.Time, p path, h *ipv4.Header, f *frame) {
	payload := f.bytes()[ipv4.HeaderLen:]
	for off := 0; off < len(payload); {
		g := s.frames.get(headerRoom + p.mtu)
		n, next := ipv4.Fragment(h, payload, p.mtu, off, g.buf[headerRoom:])
		if n == 0 {
			s.drop(DropTooBig)
			s.frames.put(g)
			break
		}
		g.off, g.n = headerRoom, n
		s.transmit(now, p.ifc, p.next, g)
		off = next
	}
	s.frames.put(f)
}

func (s *Stack) fragment6(now clock.Time, p path, h *ipv6.Header, f *frame) {
	payload := f.bytes()[ipv6.HeaderLen:]
	for off := 0; off < len(payload); {
		g := s.frames.get(headerRoom + p.mtu)
		n, next := ipv6.Fragment(h, s.nextID, payload, p.mtu, off, g.buf[headerRoom:])
		if n == 0 {
			s.drop(DropTooBig)
			s.frames.put(g)
			break
		}
		g.off, g.n = headerRoom, n
		s.transmit(now, p.ifc, p.next, g)
		off = next
	}
	s.frames.put(f)
}

// transmit sends the IP packet in f to the neighbour next on ifc, or makes it wait for that neighbour to
// be resolved. It takes f.
func (s *Stack) transmit(now clock.Time, ifc *iface, next netip.Addr, f *frame) {
	if !ifc.up {
		s.drop(DropNoInterface)
		s.frames.put(f)
		return
	}
	if ifc.linkLen == 0 {
		s.enqueue(ifc, f)
		return
	}
	if hw, ok := groupAddr(ifc, next); ok {
		s.sendFrame(ifc, hw, f)
		return
	}
	n := s.neighborFor(now, ifc, next)
	switch {
	case s.usable(now, n):
		s.sendFrame(ifc, n.hw, f)
	case n.state == nudFailed:
		s.drop(DropNeighborFailed)
		s.unreachable(now, f.bytes())
		s.frames.put(f)
	default:
		s.park(n, f)
	}
}

// groupAddr returns the link address of a destination that is a group or everybody.
func groupAddr(ifc *iface, a netip.Addr) (ethernet.Addr, bool) {
	if a.Is4() {
		b := a.As4()
		if ipv4.IsMulticast(b) {
			return ethernet.Multicast4(b), true
		}
		return ethernet.Broadcast, ifc.isBroadcast4(b)
	}
	b := a.As16()
	return ethernet.Multicast6(b), ipv6.IsMulticast(b)
}

// sendFrame sends the IP packet in f to a link address.
func (s *Stack) sendFrame(ifc *iface, dst ethernet.Addr, f *frame) {
	typ := ethernet.TypeIPv4
	if f.buf[f.off]>>4 == 6 {
		typ = ethernet.TypeIPv6
	}
	s.pushFrame(ifc, dst, typ, f)
}

// pushFrame puts the Ethernet header before the packet in f and queues the frame.
func (s *Stack) pushFrame(ifc *iface, dst ethernet.Addr, typ ethernet.EtherType, f *frame) {
	h := ethernet.Header{Dst: dst, Src: ifc.info.Addr, Type: typ}
	f.off -= ethernet.HeaderLen
	f.n += ethernet.HeaderLen
	h.Put(f.buf[f.off:])
	s.enqueue(ifc, f)
}

// enqueue makes f wait for Output. The newest frame is dropped when the queue is full.
func (s *Stack) enqueue(ifc *iface, f *frame) {
	if ifc.queue.n >= s.cfg.QueueFrames {
		s.drop(DropQueueFull)
		s.frames.put(f)
		return
	}
	ifc.queue.push(f)
}
