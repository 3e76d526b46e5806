package stack

import (
	"net/netip"

	"github.com/ztstack/ztstack/clock"
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

// patience is how many TIME-WAIT records a search for a port passes over at most in the hope of a free one.
const patience = 16

// dialPort chooses the local port of t: one that nobody listens on and with which the tuple is free, or else one whose
// TIME-WAIT record, which is returned, makes room.
//
// Ports to one destination follow each other, so that of the records in the way the first is about the oldest. While all ports
// to a busy server are in TIME-WAIT, the search takes the first at once: each record that it has passed over in vain makes
// it less patient.
func (s *Stack) dialPort(now clock.Time, src, dst netip.Addr, t *tuple) (old *timeWait, ok bool) {
	passed := uint32(0)
	_, ok = s.ephemeral(src, netip.AddrPortFrom(dst, t.remotePort), func(port uint16) bool {
		if s.listeners[port] != nil && s.listenerFor(netip.AddrPortFrom(src, port)) != nil {
			return false
		}
		t.localPort = port
		f := s.getFlow(t)
		if f == nil {
			old, s.portPatience = nil, patience
			return true
		}
		if f.wait == nil || !f.wait.rec.Yields(now) {
			return false
		}
		if old == nil {
			old = f.wait
		} else {
			passed++
		}
		return passed >= s.portPatience
	})
	if old == nil {
		return nil, ok
	}
	s.portPatience /= 2
	s.portNext -= passed // the next one for the next search
	t.localPort = old.flow.tuple.localPort
	return old, true
}

// covers reports whether a socket bound to b takes what is sent to address a. The zero Addr stands for
// both families.
func covers(b, a netip.Addr) bool {
	return !b.IsValid() || b == a || b.IsUnspecified() && b.Is4() == a.Is4()
}

// A BindFlag changes what it means to bind a socket to an address.
type BindFlag uint8

// V6Only binds to IPv6 alone where the unspecified address would otherwise mean both families (RFC 3493, Section 5.3).
const V6Only BindFlag = 1

// bindAddr turns the address of an API into that of a bound socket: :: and the zero Addr mean both families,
// which the zero Addr stands for, unless V6Only is among the flags.
func bindAddr(a netip.Addr, flags ...BindFlag) netip.Addr {
	a = a.Unmap().WithZone("")
	if a.IsValid() && !(a.Is6() && a.IsUnspecified()) {
		return a
	}
	for _, f := range flags {
		if f&V6Only != 0 {
			return netip.IPv6Unspecified()
		}
	}
	return netip.Addr{}
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
