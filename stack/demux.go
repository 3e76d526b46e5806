package stack

import (
	"net/netip"
)

// A flow is what a 4-tuple leads to: a connection, or what TIME-WAIT keeps of one. It is a part of either, so that the
// tables need one pointer for an entry.
type flow struct {
	tuple tuple
	conn  *TCP
	wait  *timeWait
}

// getFlow returns the flow of a 4-tuple, or nil.
func (s *Stack) getFlow(t *tuple) *flow {
	var f *flow
	if t.is4 {
		f, _ = s.flows4.Get(t.key4())
	} else {
		f, _ = s.flows6.Get(t.key6())
	}
	return f
}

// putFlow enters f under its 4-tuple, in the place of what may have been there.
func (s *Stack) putFlow(f *flow) {
	if f.tuple.is4 {
		k := f.tuple.key4()
		s.flows4.Put(k, f)
		s.last4.forget(k)
	} else {
		k := f.tuple.key6()
		s.flows6.Put(k, f)
		s.last6.forget(k)
	}
}

// deleteFlow removes f.
func (s *Stack) deleteFlow(f *flow) {
	if f.tuple.is4 {
		k := f.tuple.key4()
		s.flows4.Delete(k)
		s.last4.forget(k)
	} else {
		k := f.tuple.key6()
		s.flows6.Delete(k)
		s.last6.forget(k)
	}
}

// A flowCache is the connection that the last segment belonged to. Segments come in bunches: most need no
// hash.
type flowCache[K comparable] struct {
	key  K
	conn *TCP
}

// forget makes the cache empty if it is about the flow with key k, which has changed.
func (c *flowCache[K]) forget(k K) {
	if c.key == k {
		c.conn = nil
	}
}

// connOf returns the connection between two addresses, or nil. Link-local ones are tried on every
// interface.
func (s *Stack) connOf(local, remote netip.AddrPort) *TCP {
	t := makeTuple(local, remote, 0)
	for i := range s.ifaces {
		t.ifc = Interface(i)
		if f := s.getFlow(&t); f != nil {
			return f.conn
		}
		if !t.scoped() {
			break
		}
	}
	return nil
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
