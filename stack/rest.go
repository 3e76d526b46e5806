package stack

import (
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/tcp"
)

// Most of very many connections are idle at any time. One that has been quiet for a while goes to rest: its tcp.Conn, by far
// the largest part of it, gives way to a tcp.Dormant, and serves another connection. Whatever happens to it wakes it.

const (
	// restAfter is how long a connection has been quiet when it goes to rest.
	restAfter = time.Second
	// restFresh is that for a connection which has not carried data yet.
	restFresh = 2 * time.Millisecond
	// keepConns is how many tcp.Conns and tcp.Dormants are kept for reuse, beyond those in use.
	keepConns = 256
)

// A freeList holds things for reuse, last in, first out.
type freeList[T any] struct{ free []*T }

// get returns a thing that is not in use. It holds what it last did.
func (l *freeList[T]) get() *T {
	n := len(l.free)
	if n == 0 {
		return new(T)
	}
	x := l.free[n-1]
	l.free[n-1] = nil
	l.free = l.free[:n-1]
	return x
}

// put takes back a thing that nobody but the caller holds.
func (l *freeList[T]) put(x *T) {
	if len(l.free) < keepConns {
		l.free = append(l.free, x)
	}
}

// awake returns t's state machine, having woken it if it was at rest. That of a connection which has been let go is that of
// one which has ended.
//
// The pointer must not be kept: tcp.Conns serve one connection after another. A TCP itself is never used again, so that
// a caller who holds one for too long does no harm.
func (t *TCP) awake() *tcp.Conn {
	if t.conn == nil {
		t.wake()
	}
	return t.conn
}

func (t *TCP) wake() {
	if t.rest == nil {
		t.conn = new(tcp.Conn)
		return
	}
	s := t.s
	t.conn = s.conns.get()
	t.rest.Wake(t.conn)
	s.dormants.put(t.rest)
	t.rest = nil
	s.numResting--
}

// restAt returns when c, which has nothing more to send, may go to rest, or clock.Never.
func restAt(now clock.Time, c *tcp.Conn) clock.Time {
	if !c.Quiet() {
		return clock.Never
	}
	at := c.LastActive().Add(restDelay(c))
	if at <= now {
		return now.Add(restAfter) // there is something that Sleep minds; it will pass
	}
	return at
}

func restDelay(c *tcp.Conn) time.Duration {
	if c.Fresh() {
		return restFresh
	}
	return restAfter
}

// goToRest puts c to rest if it can be, and reports whether it did.
func (s *Stack) goToRest(now clock.Time, c *TCP) bool {
	if c.queued || !c.conn.Quiet() || now.Sub(c.conn.LastActive()) < restDelay(c.conn) {
		return false
	}
	d := s.dormants.get()
	if !c.conn.Sleep(now, d) {
		s.dormants.put(d)
		return false
	}
	s.conns.put(c.conn)
	c.conn, c.rest = nil, d
	s.numResting++
	s.wheel.Arm(&c.timer, d.Deadline())
	return true
}
