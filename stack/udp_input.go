package stack

import (
	"net/netip"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/icmp"
	"github.com/ztstack/ztstack/internal/cksum"
	"github.com/ztstack/ztstack/ipv4"
	"github.com/ztstack/ztstack/ipv6"
	"github.com/ztstack/ztstack/tcp"
	"github.com/ztstack/ztstack/udp"
)

// udpInput handles a datagram, its addresses having been checked.
func (s *Stack) udpInput(now clock.Time, in *inbound, src, dst netip.Addr, b []byte) {
	var h udp.Header
	n := h.Parse(b)
	if n < 0 || h.DstPort == 0 {
		s.drop(DropUDPHeader)
		return
	}
	whole := b
	b = b[:h.Length]
	if !in.sumOK {
		pseudo := uint16(0)
		if dst.Is4() {
			pseudo = cksum.Pseudo4(in.src4, in.dst4, ipv4.ProtoUDP, len(b))
		} else {
			pseudo = cksum.Pseudo6(in.src6, in.dst6, ipv6.ProtoUDP, len(b))
		}
		if !udp.Verify(b, pseudo, dst.Is4()) {
			s.drop(DropUDPChecksum)
			return
		}
	}
	s.stats.UDPIn++
	m := udp.Meta{From: netip.AddrPortFrom(src, h.SrcPort), Local: dst, If: int32(in.ifc.id), TTL: in.ttl, TOS: in.tos}
	if in.cast != castUnicast {
		s.udpGroup(in, &h, &m, b[n:])
		return
	}
	u := s.udpFor(dst, h.DstPort, m.From)
	if u == nil {
		s.drop(DropUDPNoSocket)
		if dst.Is4() {
			e := icmp.Unreachable4(icmp.Code4Port, in.packet)
			s.icmpError4(now, in, ipv4.ProtoUDP, 0, whole, &e)
		} else {
			e := icmp.Unreachable6(icmp.Code6Port, in.packet)
			s.icmpError6(now, in, ipv6.ProtoUDP, whole, false, &e)
		}
		return
	}
	s.udpDeliver(u, &m, b[n:])
}

func (s *Stack) udpDeliver(u *UDP, m *udp.Meta, payload []byte) {
	if !u.queue.Push(m, payload) {
		s.drop(DropUDPFull)
		return
	}
	s.raise(&u.sig, tcp.Readable)
}

// udpGroup delivers a datagram sent to a group or to everybody to all sockets that want it.
func (s *Stack) udpGroup(in *inbound, h *udp.Header, m *udp.Meta, payload []byte) {
	found := false
	for u := s.udps[h.DstPort]; u != nil; u = u.next {
		wanted := in.cast == castBroadcast && covers(u.addr, m.Local) || u.addr == m.Local ||
			in.cast == castMulticast && covers(u.addr, m.Local) && u.joined(in.ifc.id, m.Local)
		if !wanted || u.remote.IsValid() && u.remote != m.From {
			continue
		}
		found = true
		s.udpDeliver(u, m, payload)
	}
	if !found {
		s.drop(DropUDPNoSocket)
	}
}

// udpFor returns the socket for a datagram from remote to a local address: a connected one whose remote
// that is, else the one that is bound the most specifically.
func (s *Stack) udpFor(local netip.Addr, port uint16, remote netip.AddrPort) *UDP {
	var best *UDP
	rank := -1
	for u := s.udps[port]; u != nil; u = u.next {
		if !covers(u.addr, local) {
			continue
		}
		r := specificity(u.addr)
		if u.remote.IsValid() {
			if u.remote != remote {
				continue
			}
			r += 4
		}
		if r > rank {
			best, rank = u, r
		}
	}
	return best
}
