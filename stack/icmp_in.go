package stack

import (
	"net/netip"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/icmp"
	"github.com/ztstack/ztstack/ipv4"
	"github.com/ztstack/ztstack/ipv6"
	"github.com/ztstack/ztstack/tcp"
)

// inputICMP4 handles an ICMP message.
func (s *Stack) inputICMP4(now clock.Time, in *inbound, b []byte) {
	var m icmp.Message
	if m.Parse4(b) < 0 {
		s.drop(DropICMP)
		return
	}
	s.stats.ICMPIn++
	src, dst := netip.AddrFrom4(in.src4), netip.AddrFrom4(in.dst4)
	switch m.Type {
	case icmp.Type4Echo:
		// "An ICMP Echo Request destined to an IP broadcast or IP multicast address MAY be silently
		// discarded." RFC 1122, Section 3.2.2.6.
		if in.cast != castUnicast || in.group {
			s.drop(DropEchoGroup)
			return
		}
		reply := icmp.Echo4(true, m.EchoID(), m.EchoSeq(), m.Body)
		s.sendICMP(now, dst, src, in.ifc.id, in.tos, &reply)
	case icmp.Type4EchoReply:
		s.echoReply(in, src, dst, &m)
	case icmp.Type4Unreachable, icmp.Type4TimeExceeded, icmp.Type4ParamProblem:
		q, ok := icmp.ParseQuote4(m.Body)
		if !ok || in.cast != castUnicast {
			s.drop(DropICMPQuote)
			return
		}
		r := report4(&m)
		r.quote = &q
		s.deliverReport(now, &r)
	default:
		s.drop(DropICMPType) // Source Quench among them: RFC 6633.
	}
}

// inputICMP6 handles an ICMPv6 message.
func (s *Stack) inputICMP6(now clock.Time, in *inbound, b []byte) {
	var m icmp.Message
	if m.Parse6(b, in.src6, in.dst6) < 0 {
		s.drop(DropICMP)
		return
	}
	s.stats.ICMPIn++
	src, dst := netip.AddrFrom16(in.src6), netip.AddrFrom16(in.dst6)
	switch m.Type {
	case icmp.Type6NeighborSolicit, icmp.Type6NeighborAdvert, icmp.Type6RouterSolicit, icmp.Type6RouterAdvert, icmp.Type6Redirect:
		s.inputNDP(now, in, &m)
		return
	case icmp.Type6MLDQuery, icmp.Type6MLDv1Report, icmp.Type6MLDv1Done, icmp.Type6MLDv2Report:
		s.inputMLD(now, in, &m)
		return
	}
	if ipv6.IsUnspecified(in.src6) {
		s.drop(DropMartianSource)
		return
	}
	switch m.Type {
	case icmp.Type6Echo:
		if in.cast != castUnicast || in.group {
			s.drop(DropEchoGroup)
			return
		}
		reply := icmp.Echo6(true, m.EchoID(), m.EchoSeq(), m.Body)
		s.sendICMP(now, dst, src, in.ifc.id, in.tos, &reply)
	case icmp.Type6EchoReply:
		s.echoReply(in, src, dst, &m)
	case icmp.Type6Unreachable, icmp.Type6PacketTooBig, icmp.Type6TimeExceeded, icmp.Type6ParamProblem:
		q, ok := icmp.ParseQuote6(m.Body)
		if !ok || in.cast != castUnicast {
			s.drop(DropICMPQuote)
			return
		}
		r := report6(&m)
		r.quote = &q
		s.deliverReport(now, &r)
	default:
		s.drop(DropICMPType)
	}
}

// A report is what an ICMP error tells a socket.
type report struct {
	quote *icmp.Quote
	err   error
	hard  bool // ends a connection that is only beginning (RFC 1122, Section 4.2.3.9; RFC 5461)
	mtu   int  // of a Fragmentation Needed or Packet Too Big, else 0
}

// report4 says what an ICMP error means.
func report4(m *icmp.Message) report {
	r := report{err: ErrUnreachable}
	if m.Type != icmp.Type4Unreachable {
		return r
	}
	switch m.Code {
	case icmp.Code4Net, icmp.Code4NetUnknown, icmp.Code4NetDenied, icmp.Code4NetTOS:
		r.err = ErrNoRoute
		r.hard = m.Code == icmp.Code4NetDenied || m.Code == icmp.Code4NetUnknown
	case icmp.Code4Port, icmp.Code4Protocol:
		r.err, r.hard = ErrRefused, true
	case icmp.Code4FragNeeded:
		r.err, r.mtu = ErrMessageTooLong, max(1, m.MTU4())
	case icmp.Code4HostDenied, icmp.Code4AdminDenied, icmp.Code4HostUnknown:
		r.hard = true
	}
	return r
}

// report6 says what an ICMPv6 error means.
func report6(m *icmp.Message) report {
	r := report{err: ErrUnreachable}
	switch m.Type {
	case icmp.Type6PacketTooBig:
		r.err, r.mtu = ErrMessageTooLong, int(min(max(1, m.MTU6()), 65535))
	case icmp.Type6ParamProblem:
		r.err, r.hard = ErrRefused, m.Code == icmp.Code6NextHeader
	case icmp.Type6Unreachable:
		switch m.Code {
		case icmp.Code6NoRoute, icmp.Code6BeyondScope:
			r.err = ErrNoRoute
		case icmp.Code6Port:
			r.err, r.hard = ErrRefused, true
		case icmp.Code6Prohibited, icmp.Code6SourcePolicy, icmp.Code6RejectRoute:
			r.hard = true
		}
	}
	return r
}

// deliverReport finds the socket that sent the packet quoted, and tells it.
func (s *Stack) deliverReport(now clock.Time, r *report) {
	q := r.quote
	if _, ours := s.local(q.Src); !ours {
		s.drop(DropICMPQuote)
		return
	}
	switch q.Proto {
	case ipv4.ProtoTCP:
		s.reportTCP(now, r)
	case ipv4.ProtoUDP:
		s.reportUDP(now, r)
	case ipv4.ProtoICMP, ipv6.ProtoICMPv6:
		p := s.pings[q.EchoID]
		if p == nil {
			s.drop(DropICMPQuote)
			return
		}
		if r.mtu != 0 {
			s.learnPMTU(now, q.Dst, r.mtu)
			return
		}
		p.err = r.err
		s.raise(&p.sig, tcp.Readable)
	default:
		s.drop(DropICMPQuote)
	}
}

// reportTCP tells a connection, if the sequence number quoted is one that it has in flight.
func (s *Stack) reportTCP(now clock.Time, r *report) {
	q := r.quote
	c := s.connOf(netip.AddrPortFrom(q.Src, q.SrcPort), netip.AddrPortFrom(q.Dst, q.DstPort))
	if c == nil || !q.HasSeq {
		s.drop(DropICMPQuote)
		return
	}
	seq := tcp.Seq(q.Seq)
	// "TCP MUST check that the TCP sequence number [...] is within the range SND.UNA =< SEG.SEQ < SND.NXT"
	// RFC 5927, Section 4.1.
	if c.conn == nil || !c.conn.InFlight(seq) {
		s.drop(DropICMPQuote)
		return
	}
	if r.mtu != 0 {
		// A segment that was no larger than the MTU told of cannot have met it.
		if r.mtu < q.PacketLen && s.learnPMTU(now, q.Dst, r.mtu) {
			s.want(c)
		}
		return
	}
	c.conn.ICMPError(now, r.hard, seq, r.err)
	s.touched(now, c)
}

// reportUDP tells a connected socket, once (RFC 1122, Section 4.1.3.3).
func (s *Stack) reportUDP(now clock.Time, r *report) {
	q := r.quote
	u := s.udpFor(q.Src, q.SrcPort, netip.AddrPortFrom(q.Dst, q.DstPort))
	if u == nil {
		s.drop(DropICMPQuote)
		return
	}
	if r.mtu != 0 {
		s.learnPMTU(now, q.Dst, r.mtu)
		return
	}
	if u.remote.IsValid() && u.remote.Port() == q.DstPort && u.remote.Addr().WithZone("") == q.Dst {
		u.err = r.err
		s.raise(&u.sig, tcp.Readable|tcp.Writable)
	}
}

// unreachable tells the socket that sent an IP packet that its neighbour does not answer.
func (s *Stack) unreachable(now clock.Time, b []byte) {
	var q icmp.Quote
	var ok bool
	if b[0]>>4 == 4 {
		q, ok = icmp.ParseQuote4(b)
	} else {
		q, ok = icmp.ParseQuote6(b)
	}
	if ok {
		s.deliverReport(now, &report{quote: &q, err: ErrUnreachable})
	}
}
