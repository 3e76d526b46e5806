package stack

import (
	"net/netip"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/internal/be"
	"github.com/ztstack/ztstack/internal/cksum"
	"github.com/ztstack/ztstack/ipv4"
	"github.com/ztstack/ztstack/tcp"
)

// tcpFast4 handles a segment of a connection that exists, which nearly all are. It reports false, having
// done nothing, for others.
func (s *Stack) tcpFast4(now clock.Time, in *inbound, seg []byte) bool {
	if len(seg) < tcp.HeaderLen || tcp.Flags(seg[13])&(tcp.SYN|tcp.ACK) == tcp.SYN {
		return false
	}
	k := key4(in.dst4, in.src4, be.Uint16(seg[2:]), be.Uint16(seg))
	if last := &s.last4; last.conn == nil || last.key != k {
		f, _ := s.flows4.Get(k)
		if f == nil || f.conn == nil {
			return false
		}
		last.key, last.conn = k, f.conn
	}
	s.tcpReceive(now, in, s.last4.conn, seg)
	return true
}

// tcpFast6 is tcpFast4 for IPv6.
func (s *Stack) tcpFast6(now clock.Time, in *inbound, seg []byte) bool {
	if len(seg) < tcp.HeaderLen || tcp.Flags(seg[13])&(tcp.SYN|tcp.ACK) == tcp.SYN {
		return false
	}
	k := key6(in.dst6, in.src6, be.Uint16(seg[2:]), be.Uint16(seg), in.ifc.id)
	if last := &s.last6; last.conn == nil || last.key != k {
		f, _ := s.flows6.Get(k)
		if f == nil || f.conn == nil {
			return false
		}
		last.key, last.conn = k, f.conn
	}
	s.tcpReceive(now, in, s.last6.conn, seg)
	return true
}

// tcpReceive hands a segment to its connection.
func (s *Stack) tcpReceive(now clock.Time, in *inbound, c *TCP, seg []byte) {
	if !in.sumOK {
		// The pseudo-header is the same in both directions.
		sum := cksum.Add(cksum.Add(cksum.Sum(seg), c.template.pseudo), uint16(len(seg)))
		if sum != 0xffff {
			s.drop(DropTCPChecksum)
			return
		}
	}
	h := &s.header
	n := h.Parse(seg)
	if n < 0 {
		s.drop(DropTCPHeader)
		return
	}
	h.CE = in.tos&3 == 3
	s.stats.TCPSegmentsIn++
	c.awake().Receive(now, h, seg[n:])
	s.touched(now, c)
}

// tcpInput handles any segment, its addresses having been checked.
func (s *Stack) tcpInput(now clock.Time, in *inbound, src, dst netip.Addr, seg []byte) {
	// "A TCP implementation MUST silently discard an incoming SYN segment that is addressed to a broadcast
	// or multicast address" RFC 9293, Section 3.9.2.3 (MUST-57). Other segments are no better, and
	// neither are those in a link-layer broadcast (RFC 1122, Section 3.3.6).
	if in.cast != castUnicast || in.group {
		s.drop(DropTCPGroup)
		return
	}
	h := &s.header
	n := h.Parse(seg)
	if n < 0 {
		s.drop(DropTCPHeader)
		return
	}
	if !in.sumOK {
		pseudo := cksum.Pseudo4(in.src4, in.dst4, ipv4.ProtoTCP, len(seg))
		if dst.Is6() {
			pseudo = cksum.Pseudo6(in.src6, in.dst6, ipv4.ProtoTCP, len(seg))
		}
		if cksum.Add(cksum.Sum(seg), pseudo) != 0xffff {
			s.drop(DropTCPChecksum)
			return
		}
	}
	h.CE = in.tos&3 == 3
	s.stats.TCPSegmentsIn++
	t := makeTuple(netip.AddrPortFrom(dst, h.DstPort), netip.AddrPortFrom(src, h.SrcPort), in.ifc.id)
	var old *timeWait
	if f := s.getFlow(&t); f != nil {
		if f.conn != nil {
			f.conn.awake().Receive(now, h, seg[n:])
			s.touched(now, f.conn)
			return
		}
		if old = f.wait; s.timeWaitInput(now, old, h, len(seg)-n) {
			return
		}
	}
	l := s.listenerFor(netip.AddrPortFrom(dst, h.DstPort))
	if l == nil {
		s.drop(DropTCPNoListener)
		s.sendReset(now, &t, h, len(seg)-n)
		return
	}
	switch tcp.ListenSegment(h) {
	case tcp.ListenReset:
		if s.acceptCookie(now, l, &t, h, seg[n:]) {
			return
		}
		s.drop(DropTCPNoListener)
		s.sendReset(now, &t, h, len(seg)-n)
	case tcp.ListenAccept:
		s.acceptSYN(now, l, &t, h, old)
	default:
		s.drop(DropTCPNoListener)
	}
}

// sendReset answers a segment that belongs to no connection, where an answer is due (RFC 9293, Section
// 3.10.7.1).
func (s *Stack) sendReset(now clock.Time, t *tuple, h *tcp.Header, payload int) {
	if n := tcp.Reset(h, payload, s.segment[:]); n > 0 {
		s.stats.TCPResetsOut++
		s.sendSegment(now, t, s.segment[:n])
	}
}

// sendSegment sends a segment outside of any connection. Its checksum field holds the folded sum without
// the pseudo-header.
func (s *Stack) sendSegment(now clock.Time, t *tuple, seg []byte) {
	dst := t.remoteAddr()
	p, ok := s.lookup(dst, t.via())
	if !ok {
		s.drop(DropNoRoute)
		return
	}
	src := t.localAddr()
	f, body := s.newPacket(dst, len(seg))
	copy(body, seg)
	pseudo := uint16(0)
	if dst.Is4() {
		pseudo = cksum.Pseudo4(src.As4(), dst.As4(), ipv4.ProtoTCP, len(seg))
	} else {
		pseudo = cksum.Pseudo6(src.As16(), dst.As16(), ipv4.ProtoTCP, len(seg))
	}
	be.PutUint16(body[16:], ^cksum.Add(be.Uint16(body[16:]), pseudo))
	s.stats.TCPSegmentsOut++
	s.sendPacket(now, p, &packet{src: src, dst: dst, proto: ipv4.ProtoTCP, dontFrag: true}, f)
}
