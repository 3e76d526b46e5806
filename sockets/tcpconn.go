package sockets

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/stack"
	"github.com/ztstack/ztstack/tcp"
)

// maxHold is the most bytes copied in one hold of the shard.
const maxHold = 64 << 10

// A TCPConn is a TCP connection on a Host. It implements net.Conn with the methods of net.TCPConn that
// have a meaning here, and may be used from several goroutines at once.
type TCPConn struct {
	host          *Host
	local, remote netip.AddrPort

	// Guarded by host.shard.mu:

	tcp      *stack.TCP // nil once closed
	rd, wr   half
	finished bool // the outcome of the handshake is known
	hold     int  // bytes of a long Write taken in one hold; 0: not yet known
	member   member
}

var _ net.Conn = (*TCPConn)(nil)

// ready implements socket.
func (c *TCPConn) ready(w *wakeList) {
	if c.tcp == nil {
		return
	}
	ev := c.tcp.Events()
	if ev&(tcp.Connected|tcp.Closed) != 0 {
		c.finished = true
	}
	if ev&(tcp.Readable|tcp.ReadClosed|tcp.Closed) != 0 {
		c.rd.signal(w)
	}
	if ev&(tcp.Writable|tcp.Connected|tcp.Closed) != 0 {
		c.wr.signal(w)
	}
}

// Read implements net.Conn. It returns io.EOF after the peer has closed its side.
func (c *TCPConn) Read(b []byte) (int, error) {
	s := &c.host.shard
	now := s.enter()
	for {
		n, err := c.tryRead(now, b)
		if !errors.Is(err, tcp.ErrWouldBlock) {
			s.leave(now)
			return n, c.opError("read", err)
		}
		now = s.wait(&c.rd, now)
	}
}

// tryRead reads what there is. The caller holds the shard's lock.
func (c *TCPConn) tryRead(now clock.Time, b []byte) (int, error) {
	if c.tcp == nil {
		return 0, net.ErrClosed
	}
	if err := c.rd.err(); err != nil {
		return 0, err
	}
	if len(b) == 0 {
		return 0, nil
	}
	return c.tcp.Read(now, b[:min(len(b), maxHold)])
}

// Write implements net.Conn. It returns once every byte is queued; fewer were queued if it returns an error.
func (c *TCPConn) Write(b []byte) (int, error) {
	s := &c.host.shard
	now := s.enter()
	for done := 0; ; {
		n, err := c.tryWrite(now, b[done:])
		done += n
		switch {
		case errors.Is(err, tcp.ErrWouldBlock):
			now = s.wait(&c.wr, now)
		case err != nil || done == len(b):
			s.leave(now)
			return done, c.opError("write", err)
		default:
			// Let the stack send, and others in, between two pieces of a large buffer.
			s.leave(now)
			now = s.enter()
		}
	}
}

// tryWrite queues what there is room for. The caller holds the shard's lock.
func (c *TCPConn) tryWrite(now clock.Time, b []byte) (int, error) {
	if c.tcp == nil {
		return 0, net.ErrClosed
	}
	if err := c.wr.err(); err != nil {
		return 0, err
	}
	if len(b) == 0 {
		return 0, nil
	}
	if len(b) > maxHold {
		b = b[:c.fullSuper()]
	}
	return c.tcp.Write(now, b)
}

// fullSuper returns how many bytes make up a full super, or several small ones, but at most maxHold: the pieces of a long
// Write then leave in whole supers. The caller holds the shard's lock.
func (c *TCPConn) fullSuper() int {
	if c.hold == 0 {
		one := c.tcp.Conn().Info().MSS
		for _, l := range *c.host.shard.links.Load() {
			one = max(one, c.tcp.Conn().Info().MSS*l.dev.Info().Batch)
		}
		c.hold = maxHold
		if 0 < one && one < maxHold {
			c.hold -= maxHold % one
		}
	}
	return c.hold
}

// copySize is how many bytes ReadFrom and WriteTo copy at a time: several supers.
const copySize = 4 * maxHold

// buffers are for ReadFrom and WriteTo.
var buffers = sync.Pool{New: func() any { return new([copySize]byte) }}

// ReadFrom implements io.ReaderFrom: it copies r to the connection in large pieces.
func (c *TCPConn) ReadFrom(r io.Reader) (int64, error) {
	return copyBuffer(struct{ io.Writer }{c}, struct{ io.Reader }{r})
}

// WriteTo implements io.WriterTo.
func (c *TCPConn) WriteTo(w io.Writer) (int64, error) {
	return copyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{c})
}

func copyBuffer(w io.Writer, r io.Reader) (int64, error) {
	b := buffers.Get().(*[copySize]byte)
	defer buffers.Put(b)
	return io.CopyBuffer(w, r, b[:])
}

// Close closes the connection. Bytes queued before are still delivered in the background; closing with
// received bytes unread resets the connection (RFC 1122, Section 4.2.2.13).
func (c *TCPConn) Close() error {
	return c.shut("close", func(now clock.Time) {
		c.tcp.Close(now)
		c.release()
	})
}

// Abort resets the connection: bytes queued are discarded, and the peer's next read fails.
func (c *TCPConn) Abort() error {
	return c.shut("abort", c.abandon)
}

// CloseWrite sends a FIN after the bytes queued so far; reading goes on.
func (c *TCPConn) CloseWrite() error {
	return c.shut("close", func(now clock.Time) { c.tcp.CloseWrite(now) })
}

// CloseRead discards what has been and will be received; writing goes on.
func (c *TCPConn) CloseRead() error {
	return c.shut("close", func(now clock.Time) {
		c.tcp.CloseRead(now)
		c.rd.signal(&c.host.shard.wakes)
	})
}

// shut runs fn under the lock unless the connection is closed already.
func (c *TCPConn) shut(op string, fn func(now clock.Time)) error {
	s := &c.host.shard
	now := s.enter()
	var err error
	if c.tcp == nil {
		err = net.ErrClosed
	} else {
		fn(now)
	}
	s.leave(now)
	return c.opError(op, err)
}

// release forgets the stack's connection and wakes everybody. The caller holds the shard's lock.
func (c *TCPConn) release() {
	s := &c.host.shard
	c.rd.disarm(s)
	c.wr.disarm(s)
	c.tcp = nil
	c.rd.signal(&s.wakes)
	c.wr.signal(&s.wakes)
	c.host.members.remove(&c.member)
}

// abandon implements abandoner.
func (c *TCPConn) abandon(now clock.Time) {
	c.tcp.Abort(now)
	c.release()
}

// SetDeadline implements net.Conn.
func (c *TCPConn) SetDeadline(t time.Time) error { return c.setDeadline(t, &c.rd, &c.wr) }

// SetReadDeadline implements net.Conn.
func (c *TCPConn) SetReadDeadline(t time.Time) error { return c.setDeadline(t, &c.rd) }

// SetWriteDeadline implements net.Conn.
func (c *TCPConn) SetWriteDeadline(t time.Time) error { return c.setDeadline(t, &c.wr) }

func (c *TCPConn) setDeadline(t time.Time, halves ...*half) error {
	return c.shut("set", func(now clock.Time) {
		for _, h := range halves {
			h.setDeadline(&c.host.shard, now, t)
		}
	})
}

// LocalAddr implements net.Conn.
func (c *TCPConn) LocalAddr() net.Addr { return net.TCPAddrFromAddrPort(c.local) }

// RemoteAddr implements net.Conn.
func (c *TCPConn) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(c.remote) }

// opError wraps err for the caller, leaving nil and io.EOF alone.
func (c *TCPConn) opError(op string, err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	return opError(op, "tcp", c.LocalAddr(), c.RemoteAddr(), err)
}
