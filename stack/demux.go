package stack

import (
	"net/netip"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/internal/be"
	"github.com/ztstack/ztstack/internal/table"
	"github.com/ztstack/ztstack/ipv6"
	"github.com/ztstack/ztstack/tcp"
)

// A flow is what a 4-tuple leads to: a connection, or what TIME-WAIT keeps of one.
type flow struct {
	conn *TCP
	wait *timeWait
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

// A tuple is a 4-tuple of either family, without zones, with the interface that link-local ones are on.
type tuple struct {
	local, remote netip.AddrPort
	ifc           Interface
}

func (t *tuple) is4() bool { return t.local.Addr().Is4() }

func (t *tuple) key4() table.Key4 {
	return key4(t.local.Addr().As4(), t.remote.Addr().As4(), t.local.Port(), t.remote.Port())
}

func (t *tuple) key6() table.Key6 {
	return key6(t.local.Addr().As16(), t.remote.Addr().As16(), t.local.Port(), t.remote.Port(), t.ifc)
}

func (s *Stack) getFlow(t *tuple) (flow, bool) {
	if t.is4() {
		return s.flows4.Get(t.key4())
	}
	return s.flows6.Get(t.key6())
}

// A flowCache is the connection that the last segment belonged to. Segments come in bunches: most need no
// hash.
type flowCache[K comparable] struct {
	key  K
	conn *TCP
}

func (s *Stack) putFlow(t *tuple, f flow) {
	s.last4.conn, s.last6.conn = nil, nil
	if t.is4() {
		s.flows4.Put(t.key4(), f)
	} else {
		s.flows6.Put(t.key6(), f)
	}
}

func (s *Stack) deleteFlow(t *tuple) {
	s.last4.conn, s.last6.conn = nil, nil
	if t.is4() {
		s.flows4.Delete(t.key4())
	} else {
		s.flows6.Delete(t.key6())
	}
}

// connOf returns the connection between two addresses, or nil. Link-local ones are tried on every
// interface.
func (s *Stack) connOf(local, remote netip.AddrPort) *TCP {
	t := tuple{local: local, remote: remote}
	if !isLinkLocal(local.Addr()) && !isLinkLocal(remote.Addr()) {
		f, _ := s.getFlow(&t)
		return f.conn
	}
	for i := range s.ifaces {
		t.ifc = Interface(i)
		if f, ok := s.getFlow(&t); ok {
			return f.conn
		}
	}
	return nil
}

// isn returns the initial sequence number for a new connection (RFC 6528).
func (s *Stack) isn(now clock.Time, t *tuple) tcp.Seq {
	if t.is4() {
		k := t.key4()
		return tcp.ISN(s.isnKey, now, k[:])
	}
	k := t.key6()
	return tcp.ISN(s.isnKey, now, k[:])
}

// forEachConn calls f with every connection. f may not add connections.
func (s *Stack) forEachConn(f func(c *TCP)) {
	for i := range s.flows4.Cap() {
		if _, fl, ok := s.flows4.At(i); ok && fl.conn != nil {
			f(fl.conn)
		}
	}
	for i := range s.flows6.Cap() {
		if _, fl, ok := s.flows6.At(i); ok && fl.conn != nil {
			f(fl.conn)
		}
	}
}
