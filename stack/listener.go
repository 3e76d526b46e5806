package stack

import (
	"net/netip"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/tcp"
)

// A Listener accepts TCP connections on one local address and port.
type Listener struct {
	s       *Stack
	addr    netip.Addr // bound address; the zero Addr for both families
	port    uint16
	cfg     *tcp.Config
	backlog int
	half    int    // connections in SYN-RECEIVED
	waiting []*TCP // established, waiting for Accept; oldest first
	sig     signal
	next    *Listener // on the same port
	closed  bool
}

const defaultBacklog = 128

// ListenTCP listens on local. An unspecified IPv6 address means both families, the unspecified IPv4
// address IPv4 only, and with V6Only the former IPv6 only; port 0 is chosen. While backlog connections wait for Accept, 0 means 128, no new ones are
// begun.
func (s *Stack) ListenTCP(local netip.AddrPort, backlog int, cfg *tcp.Config, owner any, flags ...BindFlag) (*Listener, error) {
	a := bindAddr(local.Addr(), flags...)
	if a.IsValid() && !a.IsUnspecified() {
		if a.IsMulticast() {
			return nil, ErrInvalid
		}
		if _, ok := s.local(a); !ok {
			return nil, ErrNotAvailable
		}
	}
	port := local.Port()
	if port == 0 {
		var ok bool
		port, ok = s.ephemeral(netip.IPv6Unspecified(), netip.AddrPortFrom(netip.IPv6Unspecified(), 0), func(p uint16) bool {
			return s.listeners[p] == nil
		})
		if !ok {
			return nil, ErrNoPorts
		}
	}
	for l := s.listeners[port]; l != nil; l = l.next {
		if clash(l.addr, a) {
			return nil, ErrInUse
		}
	}
	if backlog <= 0 {
		backlog = defaultBacklog
	}
	l := &Listener{s: s, addr: a, port: port, backlog: backlog, next: s.listeners[port]}
	if cfg != nil {
		own := *cfg
		l.cfg = &own
	}
	l.sig.owner = owner
	s.listeners[port] = l
	return l, nil
}

// listenerFor returns the listener for connections to local: one bound to the very address, else one
// bound to all of its family, else one bound to everything.
func (s *Stack) listenerFor(local netip.AddrPort) *Listener {
	var best *Listener
	for l := s.listeners[local.Port()]; l != nil; l = l.next {
		if covers(l.addr, local.Addr()) && (best == nil || specificity(l.addr) > specificity(best.addr)) {
			best = l
		}
	}
	return best
}

// Accept returns the connection that became established first, giving it an owner, or ok false.
func (l *Listener) Accept(owner any) (t *TCP, ok bool) {
	if len(l.waiting) == 0 {
		return nil, false
	}
	c := l.waiting[0]
	copy(l.waiting, l.waiting[1:])
	l.waiting[len(l.waiting)-1] = nil
	l.waiting = l.waiting[:len(l.waiting)-1]
	c.accepted, c.listener = true, nil
	l.s.setOwner(&c.sig, owner)
	return c, true
}

// Events returns and clears the listener's events: Readable when Accept has something.
func (l *Listener) Events() Event { return l.sig.take() }

// SetOwner sets what Ready returns for this listener.
func (l *Listener) SetOwner(owner any) { l.s.setOwner(&l.sig, owner) }

// Local returns the address listened on, with the port that was chosen.
func (l *Listener) Local() netip.AddrPort { return netip.AddrPortFrom(shownAddr(l.addr), l.port) }

// Close stops listening and aborts the connections that were not accepted.
func (l *Listener) Close(now clock.Time) {
	if l.closed {
		return
	}
	l.closed = true
	l.sig.owner = nil
	s := l.s
	if s.listeners[l.port] == l {
		s.listeners[l.port] = l.next
		if l.next == nil {
			delete(s.listeners, l.port)
		}
	} else {
		for x := s.listeners[l.port]; x != nil; x = x.next {
			if x.next == l {
				x.next = l.next
			}
		}
	}
	for _, c := range l.waiting {
		c.accepted, c.listener = true, nil
		c.Abort(now)
	}
	l.waiting = nil
	for c := s.halfOpen.head; c != nil; {
		next := c.nextHalf
		if c.listener == l {
			c.listener, c.accepted = nil, true
			c.Abort(now)
		}
		c = next
	}
}

// waits reports whether c is in the queue of established connections.
func (l *Listener) waits(c *TCP) bool {
	for _, x := range l.waiting {
		if x == c {
			return true
		}
	}
	return false
}

// acceptSYN makes a half-open connection for a SYN, in the place of the TIME-WAIT record old if there is one.
func (s *Stack) acceptSYN(now clock.Time, l *Listener, t *tuple, h *tcp.Header, old *timeWait) {
	if len(l.waiting) >= l.backlog {
		s.drop(DropTCPBacklog)
		return
	}
	remote := t.remoteAddr()
	s.freshPMTU(now, remote)
	p, ok := s.lookup(remote, t.via())
	if !ok {
		s.drop(DropNoRoute)
		return
	}
	if s.halfOpen.n >= s.cfg.MaxHalfOpen || s.numConns >= s.cfg.MaxConns {
		// Those that are half-open are left alone, and so is memory. But a cookie cannot begin beyond an old
		// connection: its successor takes the place of whoever has waited longest (RFC 4987, Section 3.2).
		if old == nil && s.halfOpen.n > 0 {
			s.sendCookie(now, l, t, h, p)
			return
		}
		if !s.evictOldest() {
			return
		}
	}
	c := s.newTCP(*t)
	s.admit(l, c)
	full := s.tcpConfig(l.cfg, p, t.is4)
	c.noSum = full.NoSum
	c.conn.Accept(&full, now, h, s.isn(now, t))
	if old != nil {
		s.succeed(c, old)
	}
	c.route(now, p)
	s.stats.TCPPassiveOpens++
	s.touched(now, c)
}

// admit makes c one of l's half-open connections.
func (s *Stack) admit(l *Listener, c *TCP) {
	c.listener = l
	s.halfOpen.push(c)
	c.inHalf = true
	l.half++
}

// evict forgets a half-open connection without a word.
func (s *Stack) evict(c *TCP) {
	s.deleteFlow(&c.flow)
	s.detach(c)
}

// progress notices that a connection that waits to be accepted has been established.
func (s *Stack) progress(now clock.Time, c *TCP, ev Event) {
	if ev&tcp.Connected == 0 {
		return
	}
	l := c.listener
	s.leaveHalfOpen(c)
	l.waiting = append(l.waiting, c)
	s.raise(&l.sig, tcp.Readable)
}

// A halfOpenList is the connections in SYN-RECEIVED of all listeners, the oldest first.
type halfOpenList struct {
	head, tail *TCP
	n          int
}

func (q *halfOpenList) push(c *TCP) {
	c.prevHalf, c.nextHalf = q.tail, nil
	if q.tail == nil {
		q.head = c
	} else {
		q.tail.nextHalf = c
	}
	q.tail = c
	q.n++
}

// leaveHalfOpen takes c out of the list, if it is in there.
func (s *Stack) leaveHalfOpen(c *TCP) {
	if !c.inHalf {
		return
	}
	q := &s.halfOpen
	c.inHalf = false
	if c.listener != nil {
		c.listener.half--
	}
	if c.prevHalf == nil {
		q.head = c.nextHalf
	} else {
		c.prevHalf.nextHalf = c.nextHalf
	}
	if c.nextHalf == nil {
		q.tail = c.prevHalf
	} else {
		c.nextHalf.prevHalf = c.prevHalf
	}
	c.prevHalf, c.nextHalf = nil, nil
	q.n--
}
