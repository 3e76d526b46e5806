package stack

import (
	"net/netip"

	"github.com/ztstack/ztstack/arp"
	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/ethernet"
)

// inputARP handles an ARP packet, as "Packet Reception" in RFC 826 says, with the checks of RFC 5227.
func (s *Stack) inputARP(now clock.Time, in *inbound, b []byte) {
	var p arp.Packet
	s.stats.ARPIn++
	if p.Parse(b) < 0 {
		s.drop(DropARP)
		return
	}
	ifc := in.ifc
	sender := netip.AddrFrom4(p.SenderIP)
	if a := ifc.own(sender); a != nil {
		// "If [the sender IP address is one of ours and the sender hardware address is not], then
		// this is a conflicting ARP packet" RFC 5227, Section 2.4.
		if p.SenderHW != ifc.info.Addr {
			s.drop(DropARPConflict)
			s.defend(now, a)
		}
		return
	}
	target := ifc.own(netip.AddrFrom4(p.TargetIP))
	if p.Op == arp.Reply {
		if n := ifc.neighbors.get(sender); n != nil && !p.IsProbe() {
			ours := target != nil && !in.group
			s.advertised(now, n, advert{hw: p.SenderHW, hasHW: true, override: true, solicited: ours && awaited(n)})
		}
		return
	}
	if !p.IsProbe() && !sender.IsUnspecified() {
		s.heard(now, ifc, sender, p.SenderHW, target != nil)
	}
	if target != nil {
		s.sendARP(now, ifc, p.SenderHW, &arp.Packet{
			Op: arp.Reply, SenderHW: ifc.info.Addr, SenderIP: p.TargetIP,
			TargetHW: p.SenderHW, TargetIP: p.SenderIP,
		})
	}
}

// awaited reports whether a reply from n is one that we have asked for.
func awaited(n *neighbor) bool {
	return n.state == nudIncomplete || n.state == nudProbe || n.state == nudDelay
}

// sendARPRequest asks for n.
func (s *Stack) sendARPRequest(now clock.Time, n *neighbor, unicast bool) {
	p := arp.Packet{Op: arp.Request, SenderHW: n.ifc.info.Addr, TargetIP: n.addr.As4()}
	if a := bestSource(n.ifc, n.addr); a != nil {
		p.SenderIP = a.a4
	}
	dst := ethernet.Broadcast
	if unicast {
		dst = n.hw
	}
	s.sendARP(now, n.ifc, dst, &p)
}

// sendARPAnnouncement tells everybody that a is ours.
func (s *Stack) sendARPAnnouncement(now clock.Time, a *ifaceAddr) {
	s.sendARP(now, a.ifc, ethernet.Broadcast, &arp.Packet{
		Op: arp.Request, SenderHW: a.ifc.info.Addr, SenderIP: a.a4, TargetIP: a.a4,
	})
}

func (s *Stack) sendARP(now clock.Time, ifc *iface, dst ethernet.Addr, p *arp.Packet) {
	if !ifc.up {
		return
	}
	f := s.frames.get(headerRoom + arp.Len)
	f.off, f.n = headerRoom, arp.Len
	p.Put(f.buf[f.off:])
	s.stats.ARPOut++
	s.pushFrame(ifc, dst, ethernet.TypeARP, f)
}
