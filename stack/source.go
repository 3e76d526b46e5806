package stack

import (
	"math/bits"
	"net/netip"

	"github.com/ztstack/ztstack/internal/be"
	"github.com/ztstack/ztstack/ipv6"
)

// source returns the address to send from to dst on path p, by those rules of RFC 6724, Section 5, that
// matter without privacy extensions and home agents: the same address (1), appropriate scope (2), the
// outgoing interface (5), matching label as far as unique local addresses go (6), longest prefix (8).
func (s *Stack) source(p path, dst netip.Addr) (netip.Addr, bool) {
	if p.ifc.loopback {
		return dst.WithZone(""), true
	}
	if a := bestSource(p.ifc, dst); a != nil {
		return a.addr, true
	}
	// Rule 5 is a preference: an unnumbered interface borrows an address.
	for _, ifc := range s.ifaces[1:] {
		if ifc == nil || ifc == p.ifc || isLinkLocal(dst) {
			continue
		}
		if a := bestSource(ifc, dst); a != nil && !isLinkLocal(a.addr) {
			return a.addr, true
		}
	}
	return netip.Addr{}, false
}

// bestSource returns the best address of one interface for dst, or nil.
func bestSource(ifc *iface, dst netip.Addr) *ifaceAddr {
	var best *ifaceAddr
	for _, a := range ifc.addrs {
		if a.state != addrValid || a.is4 != dst.Is4() {
			continue
		}
		if best == nil || betterSource(a, best, dst) {
			best = a
		}
	}
	return best
}

// betterSource reports whether a is to be preferred to b as the source for dst.
func betterSource(a, b *ifaceAddr, dst netip.Addr) bool {
	if a.is4 {
		return commonBits4(a.a4, dst.As4()) > commonBits4(b.a4, dst.As4())
	}
	d := dst.As16()
	sa, sb, sd := ipv6.Scope(a.a16), ipv6.Scope(b.a16), ipv6.Scope(d)
	if sa != sb {
		// "If Scope(SA) < Scope(SB): If Scope(SA) < Scope(D), then prefer SB and otherwise prefer SA."
		// RFC 6724, Section 5, Rule 2.
		if sa < sb {
			return sa >= sd
		}
		return sb < sd
	}
	if la, lb, ld := ipv6.IsUniqueLocal(a.a16), ipv6.IsUniqueLocal(b.a16), ipv6.IsUniqueLocal(d); la != lb {
		return la == ld
	}
	return commonBits6(a.a16, d) > commonBits6(b.a16, d)
}

func commonBits4(a, b [4]byte) int {
	return bits.LeadingZeros32(be.Uint32(a[:]) ^ be.Uint32(b[:]))
}

func commonBits6(a, b [16]byte) int {
	if x := be.Uint64(a[:]) ^ be.Uint64(b[:]); x != 0 {
		return bits.LeadingZeros64(x)
	}
	return 64 + bits.LeadingZeros64(be.Uint64(a[8:])^be.Uint64(b[8:]))
}
