package stack

import (
	"net/netip"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/icmp"
	"github.com/ztstack/ztstack/ipv4"
)

// input4 handles an IPv4 packet.
func (s *Stack) input4(now clock.Time, in *inbound, b []byte) {
	var h ipv4.Header
	n := h.Parse(b)
	if n < 0 {
		s.drop(DropIPHeader)
		return
	}
	b = b[:h.TotalLen]
	in.packet, in.ttl, in.tos = b, h.TTL, h.TOS
	in.src4, in.dst4 = h.Src, h.Dst
	// A segment of a connection that exists needs no further look at its addresses: they are the
	// connection's.
	if h.Proto == ipv4.ProtoTCP && n == ipv4.HeaderLen && !h.IsFragment() && !in.group &&
		s.tcpFast4(now, in, b[n:]) {
		return
	}
	if !s.accept4(now, in, &h) {
		return
	}
	if h.IsFragment() {
		s.reassemble4(now, in, &h, b[n:])
		return
	}
	s.deliver4(now, in, h.Proto, b[n:])
}

// accept4 applies the rules for addresses and options, and finds out what the destination is to us.
func (s *Stack) accept4(now clock.Time, in *inbound, h *ipv4.Header) bool {
	ifc := in.ifc
	if !ifc.loopback {
		if ipv4.IsMartianSource(h.Src) || ifc.isBroadcast4(h.Src) {
			s.drop(DropMartianSource)
			return false
		}
		if _, own := s.local4(h.Src); own {
			s.drop(DropMartianSource)
			return false
		}
		if ipv4.IsMartianDestination(h.Dst) {
			s.drop(DropMartianDst)
			return false
		}
	}
	if len(h.Options) > 0 {
		o, pointer, ok := ipv4.CheckOptions(h.Options)
		if !ok {
			s.drop(DropIPOptions)
			in.cast = s.cast4(ifc, h.Dst)
			if in.cast == castUnicast {
				m := icmp.ParamProblem4(uint8(pointer), in.packet)
				s.icmpError4(now, in, h.Proto, h.FragOff, in.packet[h.Len():], &m)
			}
			return false
		}
		if o.SourceRoute {
			s.drop(DropSourceRoute)
			return false
		}
	}
	in.cast = s.cast4(ifc, h.Dst)
	if in.cast == castOther {
		if ipv4.IsMulticast(h.Dst) {
			s.drop(DropGroup)
		} else {
			s.drop(DropNotLocal)
		}
		return false
	}
	return true
}

// cast4 says what a destination address is to us when it arrives on ifc.
func (s *Stack) cast4(ifc *iface, dst [4]byte) cast {
	if ipv4.IsMulticast(dst) {
		if ifc.member(netip.AddrFrom4(dst)) {
			return castMulticast
		}
		return castOther
	}
	if _, ok := s.local4(dst); ok {
		return castUnicast
	}
	if ifc.isBroadcast4(dst) {
		return castBroadcast
	}
	return castOther
}

func (s *Stack) reassemble4(now clock.Time, in *inbound, h *ipv4.Header, payload []byte) {
	b, ok := s.frag4.Receive(now, h, payload)
	n := -1
	if ok {
		n = h.Parse(b)
	}
	if n < 0 {
		s.drop(DropFragment)
	} else {
		in.packet, in.fragmented, in.sumOK = b, true, false
		s.deliver4(now, in, h.Proto, b[n:])
	}
	s.armReassembly(now) // not earlier: b is valid until then
}

// deliver4 hands a whole datagram to its protocol.
func (s *Stack) deliver4(now clock.Time, in *inbound, proto uint8, b []byte) {
	switch proto {
	case ipv4.ProtoTCP:
		s.tcpInput(now, in, netip.AddrFrom4(in.src4), netip.AddrFrom4(in.dst4), b)
	case ipv4.ProtoUDP:
		s.udpInput(now, in, netip.AddrFrom4(in.src4), netip.AddrFrom4(in.dst4), b)
	case ipv4.ProtoICMP:
		s.inputICMP4(now, in, b)
	case ipv4.ProtoIGMP:
		s.inputIGMP(now, in, b)
	default:
		s.drop(DropProtocol)
		m := icmp.Unreachable4(icmp.Code4Protocol, in.packet)
		s.icmpError4(now, in, proto, 0, b, &m)
	}
}

// armReassembly sets the timer of both reassemblers.
func (s *Stack) armReassembly(now clock.Time) {
	next := clock.Min(s.frag4.Poll(now), s.frag6.Poll(now))
	s.wheel.Arm(&s.fragT, next)
}

// pollReassembly gives up datagrams whose fragments did not all come, and tells the senders of those
// whose first fragment did.
func (s *Stack) pollReassembly(now clock.Time) {
	s.armReassembly(now)
	for q, ok := s.frag4.Expired(); ok; q, ok = s.frag4.Expired() {
		s.timeExceeded4(now, q)
	}
	for q, ok := s.frag6.Expired(); ok; q, ok = s.frag6.Expired() {
		s.timeExceeded6(now, q)
	}
}
