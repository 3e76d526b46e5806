package stack

import (
	"net/netip"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/ethernet"
	"github.com/ztstack/ztstack/icmp"
	"github.com/ztstack/ztstack/ipv6"
)

// inputNDP handles the Neighbour Discovery messages that a host without router discovery understands.
func (s *Stack) inputNDP(now clock.Time, in *inbound, m *icmp.Message) {
	if in.ifc.linkLen == 0 {
		s.drop(DropNDP)
		return
	}
	e := icmp.Envelope{Src: in.src6, Dst: in.dst6, HopLimit: in.ttl, Fragmented: in.fragmented, RouterAlert: in.routerAlert}
	switch m.Type {
	case icmp.Type6NeighborSolicit:
		var ns icmp.NeighborSolicitation
		if !ns.Parse(m, &e) {
			s.drop(DropNDP)
			return
		}
		s.solicited(now, in, &ns)
	case icmp.Type6NeighborAdvert:
		var na icmp.NeighborAdvertisement
		if !na.Parse(m, &e) {
			s.drop(DropNDP)
			return
		}
		s.neighborAdvert(now, in, &na)
	default:
		s.drop(DropICMPType)
	}
}

// solicited answers a Neighbour Solicitation: RFC 4861, Sections 7.2.3 and 7.2.4.
func (s *Stack) solicited(now clock.Time, in *inbound, ns *icmp.NeighborSolicitation) {
	a := in.ifc.own(netip.AddrFrom16(ns.Target))
	if a == nil {
		return
	}
	dad := ipv6.IsUnspecified(in.src6)
	if a.state != addrValid {
		// "If the target address is tentative, [... and] the source address [...] is the unspecified
		// address, [... then] the tentative address is a duplicate" RFC 4862, Section 5.4.3, unless it
		// is our own solicitation that came back (RFC 7527, Section 4.2).
		if dad && a.state == addrTentative && string(ns.Options.Nonce) != string(a.nonce[:]) {
			s.dadConflict(a)
		}
		return
	}
	na := icmp.NeighborAdvertisement{Target: ns.Target, Override: true, Solicited: !dad}
	na.Options.TargetLink, na.Options.HasTargetLink = in.ifc.info.Addr, true
	if dad {
		s.sendNDP(now, in.ifc, ns.Target, ipv6.AllNodes, ethernet.Multicast6(ipv6.AllNodes), &na)
		return
	}
	src := netip.AddrFrom16(in.src6)
	if ns.Options.HasSourceLink {
		s.heard(now, in.ifc, src, ns.Options.SourceLink, true)
	}
	n := s.neighborFor(now, in.ifc, src)
	if s.usable(now, n) {
		s.sendNDP(now, in.ifc, ns.Target, in.src6, n.hw, &na)
		return
	}
	s.sendNDPTo(now, in.ifc, ns.Target, in.src6, &na)
}

// neighborAdvert applies a Neighbour Advertisement.
func (s *Stack) neighborAdvert(now clock.Time, in *inbound, na *icmp.NeighborAdvertisement) {
	target := netip.AddrFrom16(na.Target)
	if a := in.ifc.own(target); a != nil {
		if a.state == addrTentative {
			s.dadConflict(a) // RFC 4862, Section 5.4.4.
		}
		return
	}
	// "There is no need to create an entry if none exists" RFC 4861, Section 7.2.5.
	n := in.ifc.neighbors.get(target)
	if n == nil {
		return
	}
	s.advertised(now, n, advert{
		hw: na.Options.TargetLink, hasHW: na.Options.HasTargetLink && na.Options.TargetLink.IsUnicast(),
		solicited: na.Solicited, override: na.Override, router: na.Router,
	})
}

// sendSolicitation asks for n.
func (s *Stack) sendSolicitation(now clock.Time, n *neighbor, unicast bool) {
	a := bestSource(n.ifc, n.addr)
	if a == nil {
		return // no address to ask from: the attempt will fail
	}
	ns := icmp.NeighborSolicitation{Target: n.addr.As16()}
	ns.Options.SourceLink, ns.Options.HasSourceLink = n.ifc.info.Addr, true
	if unicast {
		s.sendNDP(now, n.ifc, a.a16, ns.Target, n.hw, &ns)
		return
	}
	group := ipv6.SolicitedNode(ns.Target)
	s.sendNDP(now, n.ifc, a.a16, group, ethernet.Multicast6(group), &ns)
}

// ndpMessage is a Neighbour Discovery message that can be sent.
type ndpMessage interface {
	Message(buf []byte) icmp.Message
}

// sendNDP sends a message with the hop limit 255 that all of them have to have.
func (s *Stack) sendNDP(now clock.Time, ifc *iface, src, dst [16]byte, hw ethernet.Addr, p ndpMessage) {
	if f := s.ndpFrame(ifc, src, dst, p); f != nil {
		s.pushFrame(ifc, hw, ethernet.TypeIPv6, f)
	}
}

// sendNDPTo is sendNDP to a neighbour that is yet to be resolved.
func (s *Stack) sendNDPTo(now clock.Time, ifc *iface, src, dst [16]byte, p ndpMessage) {
	if f := s.ndpFrame(ifc, src, dst, p); f != nil {
		s.transmit(now, ifc, netip.AddrFrom16(dst), f)
	}
}

func (s *Stack) ndpFrame(ifc *iface, src, dst [16]byte, p ndpMessage) *frame {
	if !ifc.up {
		return nil
	}
	var buf [128]byte
	m := p.Message(buf[:])
	f := s.frames.get(headerRoom + ipv6.HeaderLen + m.Len())
	f.off, f.n = headerRoom, ipv6.HeaderLen+m.Len()
	h := ipv6.Header{Next: ipv6.ProtoICMPv6, HopLimit: 255, PayloadLen: m.Len(), Src: src, Dst: dst}
	h.Put(f.buf[f.off:])
	m.Put6(f.buf[f.off+ipv6.HeaderLen:], src, dst)
	s.stats.ICMPOut++
	return f
}
