package stack

import (
	"net/netip"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/icmp"
	"github.com/ztstack/ztstack/ipv4"
	"github.com/ztstack/ztstack/ipv6"
)

// ICMP errors are limited by one token bucket (RFC 1812, Section 4.3.2.8; RFC 4443, Section 2.4 (f)).
const (
	icmpErrorsPerSecond = 100
	icmpErrorsBurst     = 20
)

// icmpError4 sends the error m about the packet in, if the rules allow one. transport is what follows
// the packet's IP header.
func (s *Stack) icmpError4(now clock.Time, in *inbound, proto uint8, fragOff int, transport []byte, m *icmp.Message) {
	o := icmp.Offender4{
		Src: in.src4, Dst: in.dst4, Proto: proto, FragOff: fragOff, Transport: transport,
		LinkGroup: in.group, DstBroadcast: in.cast == castBroadcast, SrcBroadcast: in.ifc.isBroadcast4(in.src4),
	}
	if !icmp.MayAnswer4(&o) {
		return
	}
	if !s.errRate.Allow(now) {
		s.drop(DropICMPRate)
		return
	}
	s.stats.ICMPErrorsOut++
	src := netip.Addr{}
	if in.cast == castUnicast {
		src = netip.AddrFrom4(in.dst4)
	}
	s.sendICMP(now, src, netip.AddrFrom4(in.src4), in.ifc.id, 0, m)
}

// icmpError6 is icmpError4 for IPv6. evenGroup is set for the errors that a group's packets cause too.
func (s *Stack) icmpError6(now clock.Time, in *inbound, proto uint8, transport []byte, evenGroup bool, m *icmp.Message) {
	o := icmp.Offender6{
		Src: in.src6, Dst: in.dst6, Proto: proto, Transport: transport, LinkGroup: in.group, EvenMulticast: evenGroup,
	}
	if !icmp.MayAnswer6(&o) {
		return
	}
	if !s.errRate.Allow(now) {
		s.drop(DropICMPRate)
		return
	}
	s.stats.ICMPErrorsOut++
	src := netip.Addr{}
	if in.cast == castUnicast {
		src = netip.AddrFrom16(in.dst6)
	}
	s.sendICMP(now, src, netip.AddrFrom16(in.src6), in.ifc.id, 0, m)
}

// sendICMP sends a message of dst's family. An invalid src is chosen. A link-local destination is one
// of interface via.
func (s *Stack) sendICMP(now clock.Time, src, dst netip.Addr, via Interface, tos uint8, m *icmp.Message) {
	if !isLinkLocal(dst) && !dst.IsMulticast() {
		via = 0
	}
	p, ok := s.lookup(dst, via)
	if !ok {
		s.drop(DropNoRoute)
		return
	}
	if !src.IsValid() || src.IsMulticast() {
		if src, ok = s.source(p, dst); !ok {
			s.drop(DropNoRoute)
			return
		}
	}
	f, body := s.newPacket(dst, m.Len())
	k := packet{src: src, dst: dst, proto: ipv4.ProtoICMP, tos: tos}
	if dst.Is4() {
		m.Put4(body)
	} else {
		k.proto = ipv6.ProtoICMPv6
		m.Put6(body, src.As16(), dst.As16())
	}
	s.stats.ICMPOut++
	s.sendPacket(now, p, &k, f)
}

// timeExceeded4 tells the sender of a datagram that not all of its fragments have come.
func (s *Stack) timeExceeded4(now clock.Time, quote []byte) {
	var h ipv4.Header
	n := h.ParseQuote(quote)
	if n < 0 {
		return
	}
	in := inbound{ifc: s.ifaces[0], src4: h.Src, dst4: h.Dst, cast: s.cast4(s.ifaces[0], h.Dst), packet: quote}
	m := icmp.TimeExceeded4(icmp.Code4Reassembly, quote)
	s.icmpError4(now, &in, h.Proto, 0, quote[n:], &m)
}

// timeExceeded6 is timeExceeded4 for IPv6.
func (s *Stack) timeExceeded6(now clock.Time, quote []byte) {
	var h ipv6.Header
	n := h.ParseQuote(quote)
	if n < 0 || ipv6.IsLinkLocal(h.Src) {
		return // nobody remembers which interface it came from
	}
	in := inbound{ifc: s.ifaces[0], src6: h.Src, dst6: h.Dst, cast: s.cast6(s.ifaces[0], h.Dst), packet: quote}
	m := icmp.TimeExceeded6(icmp.Code6Reassembly, quote)
	s.icmpError6(now, &in, h.Next, quote[n:], false, &m)
}
