package stack

import (
	"net/netip"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/internal/be"
	"github.com/ztstack/ztstack/internal/table"
	"github.com/ztstack/ztstack/ipv6"
	"github.com/ztstack/ztstack/tcp"
)

// A tuple is a 4-tuple of either family, without zones, with the interface that link-local ones are on. It holds no
// pointers, as netip.AddrPort does: there may be very many of them.
type tuple struct {
	local, remote         [16]byte // an IPv4 address has the first four bytes
	localPort, remotePort uint16
	ifc                   Interface
	is4                   bool
}

func makeTuple(local, remote netip.AddrPort, ifc Interface) (t tuple) {
	t = tuple{localPort: local.Port(), remotePort: remote.Port(), ifc: ifc, is4: local.Addr().Is4()}
	if t.is4 {
		*(*[4]byte)(t.local[:]), *(*[4]byte)(t.remote[:]) = local.Addr().As4(), remote.Addr().As4()
	} else {
		t.local, t.remote = local.Addr().As16(), remote.Addr().As16()
	}
	return t
}

// localAddr returns the local address, without a zone.
func (t *tuple) localAddr() netip.Addr { return t.addr(&t.local) }

// remoteAddr returns the remote address, without a zone.
func (t *tuple) remoteAddr() netip.Addr { return t.addr(&t.remote) }

func (t *tuple) addr(a *[16]byte) netip.Addr {
	if t.is4 {
		return netip.AddrFrom4([4]byte(a[:]))
	}
	return netip.AddrFrom16(*a)
}

// via returns the interface that a route to the remote address is bound to, or 0 for any.
func (t *tuple) via() Interface {
	if !t.is4 && ipv6.IsLinkLocal(t.remote) {
		return t.ifc
	}
	return 0
}

// scoped reports whether the addresses mean something only together with the interface.
func (t *tuple) scoped() bool {
	return !t.is4 && (ipv6.IsLinkLocal(t.local) || ipv6.IsLinkLocal(t.remote))
}

func (t *tuple) key4() table.Key4 {
	return key4([4]byte(t.local[:]), [4]byte(t.remote[:]), t.localPort, t.remotePort)
}

func (t *tuple) key6() table.Key6 {
	return key6(t.local, t.remote, t.localPort, t.remotePort, t.ifc)
}

// key4 packs a 4-tuple.
func key4(local, remote [4]byte, localPort, remotePort uint16) (k table.Key4) {
	*(*[4]byte)(k[0:4]) = local
	*(*[4]byte)(k[4:8]) = remote
	be.PutUint16(k[8:], localPort)
	be.PutUint16(k[10:], remotePort)
	return k
}

// key6 packs a 4-tuple. Link-local addresses mean something only together with their interface.
func key6(local, remote [16]byte, localPort, remotePort uint16, i Interface) (k table.Key6) {
	*(*[16]byte)(k[0:16]) = local
	*(*[16]byte)(k[16:32]) = remote
	be.PutUint16(k[32:], localPort)
	be.PutUint16(k[34:], remotePort)
	if ipv6.IsLinkLocal(local) || ipv6.IsLinkLocal(remote) {
		be.PutUint32(k[36:], uint32(i)+1)
	}
	return k
}

// bytes returns the packed 4-tuple, in b.
func (t *tuple) bytes(b *[40]byte) []byte {
	if t.is4 {
		k := t.key4()
		return b[:copy(b[:], k[:])]
	}
	k := t.key6()
	return b[:copy(b[:], k[:])]
}

// isn returns the initial sequence number for a new connection (RFC 6528).
func (s *Stack) isn(now clock.Time, t *tuple) tcp.Seq {
	if t.is4 {
		k := t.key4()
		return tcp.ISN(s.isnKey, now, k[:])
	}
	k := t.key6()
	return tcp.ISN(s.isnKey, now, k[:])
}
