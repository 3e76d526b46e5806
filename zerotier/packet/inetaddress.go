package packet

import (
	"net/netip"

	"github.com/ztstack/ztstack/internal/be"
)

// InetAddress types (PROTOCOL 11).
const (
	inetNone     = 0
	inetEthernet = 1 // six bytes follow, without meaning here
	inetBluet    = 2 // likewise
	inetOther    = 3 // u16 length and that many bytes follow, without meaning here
	inetIPv4     = 4
	inetIPv6     = 6
)

// AppendInetAddress appends the coding of a (PROTOCOL 11): type 0 for the zero AddrPort. An IPv4-mapped
// IPv6 address is written as IPv4, zones are not written.
func AppendInetAddress(dst []byte, a netip.AddrPort) []byte {
	ip := a.Addr().Unmap()
	switch {
	case ip.Is4():
		b := ip.As4()
		dst = append(append(dst, inetIPv4), b[:]...)
	case ip.Is6():
		b := ip.As16()
		dst = append(append(dst, inetIPv6), b[:]...)
	default:
		return append(dst, inetNone)
	}
	return append16(dst, a.Port())
}

// ParseInetAddress parses an address at the start of b and returns its length, or -1. Address
// types that have no meaning here are skipped: the result is then the zero AddrPort. An IPv4-mapped IPv6 address
// comes out as IPv4.
func ParseInetAddress(b []byte) (a netip.AddrPort, n int) {
	if len(b) == 0 {
		return netip.AddrPort{}, -1
	}
	switch b[0] {
	case inetNone:
		n = 1
	case inetEthernet, inetBluet:
		n = 7
	case inetOther:
		if len(b) < 3 {
			return netip.AddrPort{}, -1
		}
		n = 3 + int(be.Uint16(b[1:]))
	case inetIPv4:
		n = 7
	case inetIPv6:
		n = 19
	default:
		return netip.AddrPort{}, -1
	}
	if len(b) < n {
		return netip.AddrPort{}, -1
	}
	switch b[0] {
	case inetIPv4:
		a = netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[1:])), be.Uint16(b[5:]))
	case inetIPv6:
		a = netip.AddrPortFrom(netip.AddrFrom16([16]byte(b[1:])).Unmap(), be.Uint16(b[17:]))
	}
	return a, n
}
