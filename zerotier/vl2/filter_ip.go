package vl2

import (
	"net/netip"

	"github.com/ztstack/ztstack/internal/be"
)

// IP protocols that rules look into.
const (
	protoICMP    = 1
	protoTCP     = 6
	protoUDP     = 17
	protoICMPv6  = 58
	protoSCTP    = 132
	protoUDPLite = 136
)

// ipView is where the parts of an IP packet are.
type ipView struct {
	version int // 4 or 6; 0: not IP, or too short
	proto   int // -1: not found
	l4      int // offset of the transport header
}

// look parses the frame once per scene.
func (s *scene) look() *ipView {
	if s.parsed {
		return &s.ip
	}
	s.parsed = true
	s.ip.proto = -1
	switch {
	case s.etherType == etherIPv4 && len(s.frame) >= 20:
		s.ip = ipView{4, int(s.frame[9]), int(s.frame[0]&15) * 4}
	case s.etherType == etherIPv6 && len(s.frame) >= 40:
		s.ip.version = 6
		s.ip.proto, s.ip.l4 = walkIPv6(s.frame)
	}
	return &s.ip
}

// walkIPv6 finds the transport header behind hop-by-hop, routing, destination and mobility headers. Fragments, AH and
// ESP stop it (PROTOCOL 20.3).
func walkIPv6(p []byte) (proto, off int) {
	proto, off = int(p[6]), 40
	for off <= len(p) {
		switch proto {
		case 0, 43, 60, 135:
			if off+8 > len(p) {
				return -1, 0
			}
			proto, off = int(p[off]), off+8+8*int(p[off+1])
		case 44, 50, 51:
			return -1, 0
		default:
			return proto, off
		}
	}
	return -1, 0
}

func hasPorts(proto int) bool {
	return proto == protoTCP || proto == protoUDP || proto == protoSCTP || proto == protoUDPLite
}

// matchIP tests what lies in an IP packet.
func (s *scene) matchIP(r *Rule) match {
	ip := s.look()
	f := r.field[:]
	switch r.Type {
	case MatchSourceIPv4, MatchDestIPv4:
		if ip.version != 4 {
			return hardNo
		}
		at := 12
		if r.Type == MatchDestIPv4 {
			at = 16
		}
		return matchIf(samePrefix(s.frame[at:at+4], f[:4], int(f[4])))
	case MatchSourceIPv6, MatchDestIPv6:
		if ip.version != 6 {
			return hardNo
		}
		at := 8
		if r.Type == MatchDestIPv6 {
			at = 24
		}
		return matchIf(samePrefix(s.frame[at:at+16], f[:16], int(f[16])))
	case MatchTOS:
		var tos byte
		switch ip.version {
		case 4:
			tos = s.frame[1]
		case 6:
			tos = s.frame[0]<<4 | s.frame[1]>>4
		default:
			return hardNo
		}
		tos &= f[0]
		return matchIf(f[1] <= tos && tos <= f[2])
	case MatchIPProtocol:
		if ip.version == 0 || ip.proto < 0 {
			return hardNo
		}
		return matchIf(ip.proto == int(f[0]))
	case MatchICMP:
		if (ip.version != 4 || ip.proto != protoICMP) && (ip.version != 6 || ip.proto != protoICMPv6) || len(s.frame) < ip.l4+2 {
			return hardNo
		}
		return matchIf(s.frame[ip.l4] == f[0] && (f[2]&1 == 0 || s.frame[ip.l4+1] == f[1]))
	case MatchSourcePort:
		return s.matchPort(f, 0)
	case MatchDestPort:
		return s.matchPort(f, 2)
	case MatchCharacteristics:
		return matchIf(s.characteristics(be.Uint64(f))&be.Uint64(f) != 0)
	}
	return unmatched
}

// samePrefix reports whether a and b agree in their first bits.
func samePrefix(a, b []byte, bits int) bool {
	bits = min(bits, 8*len(a))
	for i := 0; bits > 0; i++ {
		mask := byte(0xff)
		if bits < 8 {
			mask <<= 8 - bits
		}
		if (a[i]^b[i])&mask != 0 {
			return false
		}
		bits -= 8
	}
	return true
}

// matchPort tests the port at the given offset of the transport header.
func (s *scene) matchPort(f []byte, at int) match {
	ip := s.ip
	port := -1
	if hasPorts(ip.proto) && len(s.frame) >= ip.l4+at+2 {
		port = int(be.Uint16(s.frame[ip.l4+at:]))
	}
	switch {
	case ip.version == 4 && port < 0:
		return unmatched // so NOT makes it true, as in the reference
	case ip.version == 0, ip.version == 6 && port <= 0:
		return hardNo
	}
	return matchIf(between(port, f))
}

// Bits of MATCH_CHARACTERISTICS above the TCP flags.
const (
	charInbound   = 1 << 63
	charMulticast = 1 << 62
	charBroadcast = 1 << 61
	charSenderIP  = 1 << 60
	charSenderMAC = 1 << 59
)

// characteristics returns those bits of the scene that are in mask; the costly ones are not computed otherwise.
func (s *scene) characteristics(mask uint64) uint64 {
	var c uint64
	if s.inbound {
		c |= charInbound
	}
	if s.dstMAC.IsMulticast() {
		c |= charMulticast
	}
	if s.dstMAC.IsBroadcast() {
		c |= charBroadcast
	}
	if mask&charSenderIP != 0 && s.senderIPAuthenticated() {
		c |= charSenderIP
	}
	if mask&charSenderMAC != 0 && s.senderOwns(ThingOfMAC(s.srcMAC)) {
		c |= charSenderMAC
	}
	ip := s.look()
	if ip.proto == protoTCP && len(s.frame) >= ip.l4+14 {
		c |= uint64(s.frame[ip.l4+13]) | uint64(s.frame[ip.l4+12]&15)<<8
	}
	return c
}

// senderOwns reports whether the sending side has a certificate of ownership for t.
func (s *scene) senderOwns(t Thing) bool {
	if s.inbound {
		return owns(s.theirs.ownership, t)
	}
	return owns(s.cfg.Ownership, t)
}

// senderIPAuthenticated reports whether the sender may use the IP address it uses: the source of an IP packet, the sender in
// ARP, the target of a neighbour advertisement. Neighbour solicitations need no proof.
func (s *scene) senderIPAuthenticated() bool {
	ip := s.look()
	var a netip.Addr
	switch {
	case ip.version == 4:
		a = netip.AddrFrom4([4]byte(s.frame[12:16]))
	case ip.version == 6:
		a = netip.AddrFrom16([16]byte(s.frame[8:24]))
		if ip.proto == protoICMPv6 && len(s.frame) >= ip.l4+24 {
			switch s.frame[ip.l4] {
			case ndpSolicitation:
				return true
			case ndpAdvertisement:
				a = netip.AddrFrom16([16]byte(s.frame[ip.l4+8 : ip.l4+24]))
			}
		}
	case s.etherType == etherARP && len(s.frame) >= 28:
		a = netip.AddrFrom4([4]byte(s.frame[14:18]))
	default:
		return false
	}
	if s.senderOwns(ThingOf(a)) {
		return true
	}
	// With NDP emulation the addresses that are made from a member's ZeroTier address need no certificate.
	return s.cfg.Flags&FlagNDPEmulation != 0 && emulatedOwner(s.cfg.ID, a) == s.src && s.src != 0
}
