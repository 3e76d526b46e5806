package tcp

import (
	"io"
	"time"

	"github.com/ztstack/ztstack/clock"
)

// Write queues bytes to be sent and returns how many it took: what fits. It returns ErrWouldBlock if that
// is none; Events will have Writable when there is room again. It keeps no reference to b.
func (c *Conn) Write(now clock.Time, b []byte) (n int, err error) {
	switch {
	case c.state == StateClosed && c.err != nil:
		return 0, c.err
	case c.state == StateClosed || c.snd.closed:
		return 0, ErrClosed
	}
	room := c.Writable()
	if len(b) > room {
		c.snd.starved = true
		if room == 0 {
			return 0, ErrWouldBlock
		}
		b = b[:room]
	}
	n = c.snd.buf.Append(c.pool, b)
	if n < len(b) {
		// The pool is exhausted. There may be no ACK to come that would wake the writer.
		c.snd.starved = true
		c.events |= Starved
		if n == 0 {
			return 0, ErrWouldBlock
		}
	}
	return n, nil
}

// Writable returns how many bytes Write would take.
func (c *Conn) Writable() int {
	if c.snd.closed || c.state == StateClosed {
		return 0
	}
	return max(0, int(c.snd.limit)-c.snd.buf.Len())
}

// Read copies received bytes into b and consumes them. It returns ErrWouldBlock if there are none yet, and
// io.EOF after the last byte the peer has sent. After a reset what had arrived can still be read.
func (c *Conn) Read(now clock.Time, b []byte) (n int, err error) {
	if c.shut.read {
		if c.err != nil {
			return 0, c.err
		}
		return 0, io.EOF
	}
	n = c.rcv.buf.ReadAt(0, b)
	if n > 0 {
		c.rcv.buf.Discard(c.pool, n)
		c.noteConsumed(now, n)
		return n, nil
	}
	switch {
	case len(b) == 0 && c.rcv.buf.Len() > 0:
		return 0, nil
	case c.rcv.peerClosed:
		return 0, io.EOF
	case c.state == StateClosed && c.err != nil:
		return 0, c.err
	case c.state == StateClosed:
		return 0, ErrClosed
	}
	return 0, ErrWouldBlock
}

// Peek copies received bytes, beginning off bytes after the next one to be read, into b without consuming
// them, and returns how many there were.
func (c *Conn) Peek(off int, b []byte) int { return c.rcv.buf.ReadAt(off, b) }

// Discard consumes up to n received bytes and returns how many there were.
func (c *Conn) Discard(now clock.Time, n int) int {
	n = min(n, c.rcv.buf.Len())
	c.rcv.buf.Discard(c.pool, n)
	c.noteConsumed(now, n)
	return n
}

// Readable returns how many bytes can be read.
func (c *Conn) Readable() int { return c.rcv.buf.Len() }

// CloseWrite says that no more will be written: after what is queued a FIN is sent (RFC 9293, Section 3.6,
// half-close).
func (c *Conn) CloseWrite(now clock.Time) {
	if c.snd.closed {
		return
	}
	switch c.state {
	case StateSynSent:
		// "Delete the TCB": RFC 9293, Section 3.10.4, SYN-SENT. Only what was written before is sent all the
		// same, as a half-close promises, and the FIN waits for the handshake.
		if c.snd.buf.Len() == 0 && c.shut.orphan {
			c.end(ErrClosed)
			return
		}
	case StateEstablished:
		c.state = StateFinWait1
	case StateCloseWait:
		c.state = StateLastAck
	case StateSynReceived:
	default:
		return
	}
	c.snd.closed = true
}

// CloseRead says that no more will be read. What has arrived and what will arrive is thrown away.
func (c *Conn) CloseRead(now clock.Time) {
	c.shut.read = true
	c.rcv.buf.Reset(c.pool)
	c.rcv.consumed = true
}

// Close gives the connection up in an orderly way: what is queued is sent, then a FIN. If received data
// has not been read, the peer is told by an RST that it is lost: RFC 1122, Section 4.2.2.13. The owner
// keeps c until it is in StateClosed, or has given a TimeWaitRecord.
func (c *Conn) Close(now clock.Time) {
	if c.state == StateClosed || c.shut.orphan {
		return
	}
	unread := c.rcv.buf.Len() > 0 && !c.shut.read
	c.shut.orphan = true
	c.shut.read = true
	if unread || c.shut.linger && c.linger == 0 {
		c.Abort(now)
		return
	}
	c.CloseRead(now)
	c.CloseWrite(now)
	switch {
	case c.state == StateFinWait2:
		c.setTimer(timerClose, now.Add(c.finWait2))
	case c.shut.linger && c.state != StateTimeWait && c.state != StateClosed:
		c.setTimer(timerClose, now.Add(c.linger))
	}
}

// Abort ends the connection at once. The peer is sent an RST: RFC 9293, Section 3.10.5.
func (c *Conn) Abort(now clock.Time) {
	switch c.state {
	case StateSynReceived, StateEstablished, StateFinWait1, StateFinWait2, StateCloseWait, StateClosing, StateLastAck:
		// "<SEQ=SND.NXT><CTL=RST>". With an ACK, as is usual, firewalls believe it.
		c.reset = resetSegment{due: true, ack: true, seq: c.snd.nxt}
	}
	c.rcv.buf.Reset(c.pool)
	c.shut.read = true
	c.end(ErrAborted)
}

// SetLinger sets what Close does while data is unsent or unacknowledged: if on, it waits for d, after which
// the connection is aborted; with d = 0 Close is Abort.
func (c *Conn) SetLinger(on bool, d time.Duration) { c.shut.linger, c.linger = on, d }

// SetNoDelay turns Nagle's algorithm off, or on again. Call Output after it.
func (c *Conn) SetNoDelay(now clock.Time, on bool) { c.snd.noDelay = on }

// SetUserTimeout sets Config's UserTimeout: RFC 9293, Section 3.8.3.
func (c *Conn) SetUserTimeout(d time.Duration) { c.userTimeout = orDefault(d, defaultUserTimeout) }
