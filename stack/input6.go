package stack

import (
	"net/netip"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/icmp"
	"github.com/ztstack/ztstack/ipv6"
)

// input6 handles an IPv6 packet.
func (s *Stack) input6(now clock.Time, in *inbound, b []byte) {
	var h ipv6.Header
	n := h.Parse(b)
	if n < 0 {
		s.drop(DropIPHeader)
		return
	}
	b = b[:n+h.PayloadLen]
	in.packet, in.ttl, in.tos = b, h.HopLimit, h.Traffic
	in.src6, in.dst6 = h.Src, h.Dst
	if h.Next == ipv6.ProtoTCP && !in.group && s.tcpFast6(now, in, b[n:]) {
		return
	}
	if !s.accept6(in) {
		return
	}
	c, v := ipv6.Walk(h.Next, b[n:])
	in.fragmented, in.routerAlert = c.Fragmented, c.RouterAlert
	switch v.Action {
	case ipv6.Deliver:
		s.deliver6(now, in, &c)
	case ipv6.Reassemble:
		s.reassemble6(now, in, &c)
	default:
		s.refuse6(now, in, &c, v)
	}
}

// accept6 applies the rules for addresses, and finds out what the destination is to us.
func (s *Stack) accept6(in *inbound) bool {
	if !in.ifc.loopback {
		if ipv6.IsMartianSource(in.src6) {
			s.drop(DropMartianSource)
			return false
		}
		if _, own := s.local6(in.src6); own {
			s.drop(DropMartianSource)
			return false
		}
		if ipv6.IsMartianDestination(in.dst6) {
			s.drop(DropMartianDst)
			return false
		}
	}
	in.cast = s.cast6(in.ifc, in.dst6)
	if in.cast == castOther {
		if ipv6.IsMulticast(in.dst6) {
			s.drop(DropGroup)
		} else {
			s.drop(DropNotLocal)
		}
		return false
	}
	return true
}

// cast6 says what a destination address is to us when it arrives on ifc.
func (s *Stack) cast6(ifc *iface, dst [16]byte) cast {
	if ipv6.IsMulticast(dst) {
		if ifc.member(netip.AddrFrom16(dst)) {
			return castMulticast
		}
		return castOther
	}
	a, ok := s.local6(dst)
	if !ok || ipv6.IsLinkLocal(dst) && a.ifc != ifc && !ifc.loopback && ifc.own(a.addr) == nil {
		return castOther
	}
	return castUnicast
}

// refuse6 drops a packet whose extension headers cannot be processed, and says so where that is due.
func (s *Stack) refuse6(now clock.Time, in *inbound, c *ipv6.Chain, v ipv6.Verdict) {
	if v.Reason == ipv6.Stored {
		s.drop(DropFragment)
		return
	}
	s.drop(DropExtension)
	if v.Action == ipv6.ParamProblem {
		m := icmp.ParamProblem6(v.Code, v.Pointer, in.packet)
		s.icmpError6(now, in, c.Next, in.packet[min(c.Off, len(in.packet)):], v.EvenMulticast, &m)
	}
}

func (s *Stack) reassemble6(now clock.Time, in *inbound, c *ipv6.Chain) {
	b, v := s.frag6.Receive(now, in.packet, c)
	if v.Action == ipv6.Deliver {
		s.reassembled6(now, in, b)
	} else {
		s.refuse6(now, in, c, v)
	}
	s.armReassembly(now) // not earlier: b is valid until then
}

// reassembled6 handles a packet that has been put together.
func (s *Stack) reassembled6(now clock.Time, in *inbound, b []byte) {
	var h ipv6.Header
	n := h.Parse(b)
	if n < 0 {
		s.drop(DropFragment)
		return
	}
	in.packet, in.sumOK = b, false
	whole, v := ipv6.Walk(h.Next, b[n:])
	in.fragmented = true
	if v.Action != ipv6.Deliver {
		s.refuse6(now, in, &whole, v)
		return
	}
	s.deliver6(now, in, &whole)
}

// deliver6 hands a whole packet to its protocol.
func (s *Stack) deliver6(now clock.Time, in *inbound, c *ipv6.Chain) {
	b := in.packet[c.Off:]
	// Only Neighbour Discovery and MLD are spoken from the unspecified address.
	if ipv6.IsUnspecified(in.src6) && c.Next != ipv6.ProtoICMPv6 {
		s.drop(DropMartianSource)
		return
	}
	switch c.Next {
	case ipv6.ProtoTCP:
		s.tcpInput(now, in, netip.AddrFrom16(in.src6), netip.AddrFrom16(in.dst6), b)
	case ipv6.ProtoUDP:
		s.udpInput(now, in, netip.AddrFrom16(in.src6), netip.AddrFrom16(in.dst6), b)
	case ipv6.ProtoICMPv6:
		s.inputICMP6(now, in, b)
	default:
		s.drop(DropProtocol)
		m := icmp.ParamProblem6(icmp.Code6NextHeader, uint32(c.NextAt), in.packet)
		s.icmpError6(now, in, c.Next, b, false, &m)
	}
}
