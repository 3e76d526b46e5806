package stack

import (
	"net/netip"

	"github.com/ztstack/ztstack/internal/be"
	"github.com/ztstack/ztstack/internal/siphash"
)

// The ephemeral ports: the upper half of all.
const (
	firstEphemeral = 32768
	numEphemeral   = 65536 - firstEphemeral
)

// ephemeral returns a port for which free reports true, by the hash-based algorithm of RFC 6056, Section
// 3.3.3: ports to one destination follow each other, those to different ones cannot be guessed from them.
func (s *Stack) ephemeral(local netip.Addr, remote netip.AddrPort, free func(port uint16) bool) (uint16, bool) {
	var b [34]byte
	l, r := local.As16(), remote.Addr().As16()
	copy(b[0:], l[:])
	copy(b[16:], r[:])
	be.PutUint16(b[32:], remote.Port())
	offset := uint32(siphash.Sum13(s.portKey[0], s.portKey[1], b[:]))
	for range numEphemeral {
		s.portNext++
		port := uint16(firstEphemeral + (offset+s.portNext)%numEphemeral)
		if free(port) {
			return port, true
		}
	}
	return 0, false
}

// covers reports whether a socket bound to b takes what is sent to address a. The zero Addr stands for
// both families.
func covers(b, a netip.Addr) bool {
	return !b.IsValid() || b == a || b.IsUnspecified() && b.Is4() == a.Is4()
}

// bindAddr turns the address of an API into that of a bound socket: :: and the zero Addr mean both families,
// which the zero Addr stands for.
func bindAddr(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if a.Is6() && a.IsUnspecified() {
		return netip.Addr{}
	}
	return a
}

// shownAddr is the reverse of bindAddr.
func shownAddr(a netip.Addr) netip.Addr {
	if !a.IsValid() {
		return netip.IPv6Unspecified()
	}
	return a
}

// clash reports whether sockets bound to a and b cannot share a port: they are bound to the same
// address, or one to both families and the other to one of them.
func clash(a, b netip.Addr) bool {
	return a == b || !a.IsValid() && b.IsUnspecified() || !b.IsValid() && a.IsUnspecified()
}

// specificity ranks the addresses that sockets are bound to.
func specificity(a netip.Addr) int {
	switch {
	case !a.IsValid():
		return 0
	case a.IsUnspecified():
		return 1
	}
	return 2
}
