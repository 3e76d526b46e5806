package stack

import (
	"net/netip"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/internal/wheel"
	"github.com/ztstack/ztstack/tcp"
)

// Event is what has happened to a socket since its events were last taken.
type Event = tcp.Event

// A TCP is one TCP connection of a Stack.
type TCP struct {
	flow flow
	s    *Stack
	conn *tcp.Conn    // nil while at rest, and once freed
	rest *tcp.Dormant // not nil while at rest

	// What Output needs: see output.go.
	template   template
	mtu        uint16 // of the path
	ifc        *iface // that the path leads out of; nil if it is not known
	neighbor   *neighbor
	generation uint32 // of the Stack when the path was found
	version    uint32 // of neighbor when template was made
	burst      uint16 // segments sent since the connection's turn came
	queued     bool   // in a connQueue
	dead       bool   // no longer in the table
	released   bool   // nobody holds it any more: free it when it is dead
	accepted   bool   // not, or no longer, waiting to be accepted
	noSum      bool   // the connection leaves checksums out
	inHalf     bool   // in the list of half-open connections
	starving   bool   // in Stack.starving
	next       *TCP   // in a connQueue

	timer wheel.Timer
	sig   signal

	listener           *Listener // while half-open, or waiting to be accepted
	prevHalf, nextHalf *TCP      // in the list of half-open connections
}

// Read takes received bytes. It returns ErrWouldBlock (of package tcp) when there are none yet, and
// io.EOF after the peer's FIN.
func (t *TCP) Read(now clock.Time, b []byte) (int, error) {
	if t.rest != nil && len(b) > 0 {
		return 0, tcp.ErrWouldBlock
	}
	n, err := t.awake().Read(now, b)
	if n > 0 {
		t.s.touched(now, t) // the window may be worth announcing
	}
	return n, err
}

// Write queues bytes to be sent. It takes what fits and returns tcp.ErrWouldBlock if that is nothing.
func (t *TCP) Write(now clock.Time, b []byte) (int, error) {
	n, err := t.awake().Write(now, b)
	if n > 0 || t.s.cfg.BufferLimit != 0 {
		t.s.touched(now, t)
	}
	return n, err
}

// CloseRead discards what has been and will be received.
func (t *TCP) CloseRead(now clock.Time) {
	t.awake().CloseRead(now)
	t.s.touched(now, t)
}

// CloseWrite sends a FIN after the bytes queued so far.
func (t *TCP) CloseWrite(now clock.Time) {
	t.awake().CloseWrite(now)
	t.s.touched(now, t)
}

// Close gives the connection up: the Stack sends what is queued, finishes the close handshake and then
// frees it. The owner hears no more of it; t must not be used afterwards. Closing with unread data resets.
func (t *TCP) Close(now clock.Time) {
	if t.released {
		return
	}
	t.awake().Close(now)
	t.s.letGo(now, t)
}

// Abort resets the connection. The owner hears no more of it; t must not be used afterwards.
func (t *TCP) Abort(now clock.Time) {
	if t.released {
		return
	}
	t.awake().Abort(now)
	t.s.letGo(now, t)
}

// Events returns and clears the connection's events.
func (t *TCP) Events() Event { return t.sig.take() }

// Readable returns the number of bytes that Read can take now.
func (t *TCP) Readable() int {
	if t.rest != nil {
		return 0
	}
	return t.awake().Readable()
}

// Writable returns the number of bytes that Write can take now.
func (t *TCP) Writable() int { return t.awake().Writable() }

// State returns the connection's state.
func (t *TCP) State() tcp.State {
	if t.rest != nil {
		return tcp.StateEstablished
	}
	return t.awake().State()
}

// Err returns why the connection ended, or nil.
func (t *TCP) Err() error {
	if t.rest != nil {
		return nil
	}
	return t.awake().Err()
}

// Conn gives access to the state machine for options and Info. It is valid until the next call into the Stack. Output will
// ask the connection again, whatever was done to it.
func (t *TCP) Conn() *tcp.Conn {
	t.Kick()
	return t.conn
}

// Kick makes Output ask the connection again.
func (t *TCP) Kick() {
	t.awake()
	t.s.want(t)
}

// Local returns the local address and port.
func (t *TCP) Local() netip.AddrPort {
	return t.s.zoned(netip.AddrPortFrom(t.flow.tuple.localAddr(), t.flow.tuple.localPort), t.flow.tuple.ifc)
}

// Remote returns the peer's address and port.
func (t *TCP) Remote() netip.AddrPort {
	return t.s.zoned(netip.AddrPortFrom(t.flow.tuple.remoteAddr(), t.flow.tuple.remotePort), t.flow.tuple.ifc)
}

// SetOwner sets what Ready returns for this connection. Events that are pending are announced to it.
func (t *TCP) SetOwner(owner any) { t.s.setOwner(&t.sig, owner) }

// zoned adds the zone to a link-local address.
func (s *Stack) zoned(a netip.AddrPort, i Interface) netip.AddrPort {
	if ifc := s.iface(i); ifc != nil && isLinkLocal(a.Addr()) {
		return netip.AddrPortFrom(a.Addr().WithZone(ifc.name), a.Port())
	}
	return a
}

// touched follows every call into a connection, which is awake: its events are announced, and Output will ask it.
func (s *Stack) touched(now clock.Time, c *TCP) {
	if ev := c.conn.Events(); ev != 0 {
		if c.listener != nil && !c.accepted {
			s.progress(now, c, ev)
		}
		if ev&tcp.Starved != 0 {
			s.starved(c)
		}
		s.raise(&c.sig, ev&^tcp.Starved)
	}
	if !c.queued && !c.dead {
		s.want(c)
	}
	if len(s.starving) != 0 {
		s.feed(now)
	}
}

// pollConn runs a connection's timers.
func (s *Stack) pollConn(now clock.Time, c *TCP) {
	c.awake().Poll(now)
	if !s.goToRest(now, c) {
		s.touched(now, c)
	}
}

// settle follows Output's having nothing more to send: what the connection has become decides.
func (s *Stack) settle(now clock.Time, c *TCP) {
	if c.dead {
		return
	}
	switch c.conn.State() {
	case tcp.StateClosed:
		s.deleteFlow(&c.flow)
		s.detach(c)
	case tcp.StateTimeWait:
		rec, ok := c.conn.TimeWaitRecord(now)
		if !c.released || !ok {
			s.wheel.Arm(&c.timer, c.conn.Deadline())
			return
		}
		s.addTimeWait(now, &c.flow.tuple, rec)
		s.detach(c)
	default:
		s.wheel.Arm(&c.timer, clock.Min(c.conn.Deadline(), restAt(now, c.conn)))
		return
	}
	if len(s.starving) != 0 {
		s.feed(now) // what the connection held is free
	}
}

// detach takes c, which is no longer in the table, out of the rest of the Stack and frees it if nobody holds it.
func (s *Stack) detach(c *TCP) {
	c.dead = true
	s.wheel.Disarm(&c.timer)
	s.leaveHalfOpen(c)
	s.numConns--
	if ev := c.conn.Events() &^ tcp.Starved; ev != 0 {
		s.raise(&c.sig, ev)
	}
	if c.listener != nil && !c.accepted && !c.listener.waits(c) {
		c.released = true // never established: nobody will see it
		c.listener = nil
	}
	if c.released {
		s.free(c)
	}
}

// letGo follows Close and Abort.
func (s *Stack) letGo(now clock.Time, c *TCP) {
	c.released = true
	c.sig.owner = nil
	if c.dead {
		s.free(c)
		return
	}
	s.want(c)
}

// free gives a dead connection's memory back.
func (s *Stack) free(c *TCP) {
	c.conn.Release()
	s.conns.put(c.conn)
	c.conn = nil
	c.sig.owner = nil
	c.neighbor = nil
	c.ifc = nil
}

// connUnreachable tells a connection that is only beginning that its neighbour does not answer. Others
// find out by their timers.
func (s *Stack) connUnreachable(now clock.Time, c *TCP) {
	if c.State() == tcp.StateSynSent {
		// The SYN has waited here. It counts as sent, since there is something to be said about it.
		if n, _ := c.conn.Output(now, s.loopbackBuffer(), 1); n > 0 {
			s.drop(DropNeighborFailed)
		}
		c.conn.ICMPError(now, true, c.conn.Info().SndUNA, ErrUnreachable)
		s.touched(now, c)
	}
}

// kickAll makes Output ask every connection again, after something that may matter to all.
func (s *Stack) kickAll(now clock.Time) {
	s.forEachConn(func(c *TCP) { s.want(c) })
}

// abortFrom aborts the connections of a local address that is gone.
func (s *Stack) abortFrom(now clock.Time, a netip.Addr) {
	s.forEachConn(func(c *TCP) {
		if c.flow.tuple.localAddr() == a {
			c.awake().Abort(now)
			s.touched(now, c)
		}
	})
}
