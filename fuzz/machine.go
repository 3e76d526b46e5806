package fuzz

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/internal/be"
	"github.com/ztstack/ztstack/internal/bytequeue"
	"github.com/ztstack/ztstack/internal/cksum"
	"github.com/ztstack/ztstack/tcp"
)

// Options are what a Machine's two endpoints differ in.
type Options struct {
	SendBuffer, ReceiveBuffer, MSS      [2]int
	ISS                                 [2]uint32
	NoDelay                             [2]bool
	NoSACK, NoTimestamps, NoWindowScale [2]bool
	Congestion                          [2]string
	MaxSegs                             int
	Simultaneous                        bool // both open actively
}

// A Machine is two TCP endpoints, their applications and the network between them, in virtual time. Every
// method is an action. The first invariant that does not hold is kept, and returned by Err.
type Machine struct {
	// Log, if set, is told of every segment sent.
	Log func(format string, args ...any)

	now  clock.Time
	ends [2]endpoint
	opts Options
	err  error
	buf  [1 << 17]byte

	forged  bool // an endpoint was sent something its peer did not say: data may never arrive
	impeded bool // a segment was lost, or time passed: connections may time out
}

// An endpoint is one Conn, its application and the segments on their way to it.
type endpoint struct {
	conn    tcp.Conn
	cfg     tcp.Config
	opened  bool
	wire    [][]byte
	written int  // bytes that Write took
	read    int  // bytes that Read gave
	eof     bool // Read has returned io.EOF
	closed  bool // no more is written
	unread  bool // the application reads no more
	aborted bool

	right    tcp.Seq // the highest right edge advertised
	hasRight bool
	nxt      tcp.Seq // SND.NXT when last looked at
	pipe     int     // bytes in the network then
	probes   uint32  // loss probes sent by then
}

// maxWire bounds the segments on their way to one endpoint: what is more is lost.
const maxWire = 2048

// New returns a machine whose client has sent its SYN.
func New(o Options) *Machine {
	m := &Machine{now: 1e9, opts: o}
	for i := range m.ends {
		m.ends[i].cfg = tcp.Config{
			Pool: bytequeue.NewPool(0), SendBuffer: o.SendBuffer[i], ReceiveBuffer: o.ReceiveBuffer[i], MSS: o.MSS[i],
			NoDelay: o.NoDelay[i], NoSACK: o.NoSACK[i], NoTimestamps: o.NoTimestamps[i], NoWindowScale: o.NoWindowScale[i],
			Congestion: o.Congestion[i], ISNKey: [2]uint64{1, uint64(i)},
		}
	}
	m.open(0)
	if o.Simultaneous {
		m.open(1)
	}
	m.flush()
	return m
}

func (m *Machine) open(i int) {
	e := &m.ends[i]
	e.conn.Open(&e.cfg, m.now, uint16(1+i), uint16(2-i), tcp.Seq(m.opts.ISS[i]))
	e.opened = true
}

// Err returns the first violation of an invariant.
func (m *Machine) Err() error { return m.err }

func (m *Machine) failf(format string, args ...any) {
	if m.err == nil {
		m.err = fmt.Errorf("at %v: "+format, append([]any{time.Duration(m.now - 1e9)}, args...)...)
	}
}

// content is byte i of the stream that end sends.
func content(end, i int) byte { return byte(i ^ i>>8*31 ^ i>>16 ^ end*85) }

// Write has the application of an end write n bytes.
func (m *Machine) Write(end, n int) {
	e := &m.ends[end]
	if !e.opened {
		return
	}
	b := make([]byte, n)
	for i := range b {
		b[i] = content(end, e.written+i)
	}
	k, err := e.conn.Write(m.now, b)
	switch {
	case k < 0 || k > n || k > 0 && err != nil:
		m.failf("end %d: Write of %d bytes = %d, %v", end, n, k, err)
	case e.closed && k > 0:
		m.failf("end %d: Write after close took %d bytes", end, k)
	}
	e.written += k
	m.flush()
}

// Read has the application of an end read up to n bytes.
func (m *Machine) Read(end, n int) {
	m.readInto(end, n)
	m.flush()
}

func (m *Machine) readInto(end, n int) (progress bool) {
	e := &m.ends[end]
	if !e.opened || e.unread || e.aborted {
		return false
	}
	b := make([]byte, n)
	k, err := e.conn.Read(m.now, b)
	if k > 0 && e.eof {
		m.failf("end %d: %d bytes after the end of the stream", end, k)
	}
	// Bytes read are a prefix of bytes written.
	for i, c := range b[:k] {
		if c != content(1-end, e.read+i) {
			m.failf("end %d: byte %d of the stream is %#x, want %#x", end, e.read+i, c, content(1-end, e.read+i))
			break
		}
	}
	e.read += k
	if e.read > m.ends[1-end].written {
		m.failf("end %d has read %d bytes of %d written", end, e.read, m.ends[1-end].written)
	}
	if errors.Is(err, io.EOF) {
		e.eof = true
		if p := &m.ends[1-end]; !m.forged && (!p.closed || e.read != p.written) {
			m.failf("end %d: end of stream after %d of %d bytes, closed %v", end, e.read, p.written, p.closed)
		}
	}
	return k > 0
}

// CloseWrite half-closes an end.
func (m *Machine) CloseWrite(end int) {
	e := &m.ends[end]
	if e.opened {
		e.conn.CloseWrite(m.now)
		e.closed = true
	}
	m.flush()
}

// Close closes an end.
func (m *Machine) Close(end int) {
	e := &m.ends[end]
	if e.opened {
		if e.conn.Readable() > 0 {
			e.aborted = true // RFC 1122, Section 4.2.2.13
		}
		e.conn.Close(m.now)
		e.closed, e.unread = true, true
	}
	m.flush()
}

// Abort aborts an end.
func (m *Machine) Abort(end int) {
	if e := &m.ends[end]; e.opened {
		e.conn.Abort(m.now)
		e.closed, e.aborted = true, true
	}
	m.flush()
}

// SetMSS changes the route's segment size for an end.
func (m *Machine) SetMSS(end, mss int) {
	if e := &m.ends[end]; e.opened {
		e.conn.SetMSS(m.now, mss)
	}
	m.flush()
}

// Advance lets time pass, and timers run when they are due.
func (m *Machine) Advance(d time.Duration) {
	end := m.now.Add(d)
	for range 10_000 {
		next := clock.Never
		for i := range m.ends {
			if m.ends[i].opened {
				next = clock.Min(next, m.ends[i].conn.Deadline())
			}
		}
		if next == clock.Never || next > end {
			break
		}
		m.now = max(m.now, next)
		m.poll()
	}
	m.now = end
	m.impeded = m.impeded || d > time.Second
	m.poll()
}

func (m *Machine) poll() {
	for i := range m.ends {
		e := &m.ends[i]
		if !e.opened {
			continue
		}
		first := e.conn.Poll(m.now)
		before := e.conn.Info()
		if again := e.conn.Poll(m.now); again != first || e.conn.Info() != before {
			m.failf("end %d: Poll again = %d after %d, %+v after %+v", i, again, first, e.conn.Info(), before)
		}
		if first.Expired(m.now) {
			m.failf("end %d: Poll leaves a deadline that has passed", i)
		}
	}
	m.flush()
}

// Deliver hands the k-th segment on its way to an end over; the others stay in order.
func (m *Machine) Deliver(end, k int) {
	if b, ok := m.take(end, k); ok {
		m.receive(end, b)
	}
	m.flush()
}

// Drop loses a segment.
func (m *Machine) Drop(end, k int) {
	if _, ok := m.take(end, k); ok {
		m.impeded = true
	}
}

// Duplicate puts a second copy of a segment behind all others.
func (m *Machine) Duplicate(end, k int) {
	e := &m.ends[end]
	if n := len(e.wire); n > 0 && n < maxWire {
		e.wire = append(e.wire, append([]byte(nil), e.wire[k%n]...))
	}
}

// Reorder puts a segment behind all others.
func (m *Machine) Reorder(end, k int) {
	if b, ok := m.take(end, k); ok {
		m.ends[end].wire = append(m.ends[end].wire, b)
	}
}

// Corrupt flips a bit of a segment on its way: the checksum finds it, whoever else does not.
func (m *Machine) Corrupt(end, k, bit int) {
	e := &m.ends[end]
	if len(e.wire) == 0 {
		return
	}
	b := e.wire[k%len(e.wire)]
	if !intact(b) {
		return // a second flip might hide the first
	}
	bit %= len(b) * 8
	b[bit/8] ^= 1 << (bit % 8)
	if intact(b) {
		m.failf("a flipped bit left the checksum intact")
	}
}

// Forge changes the header of a segment that is on its way as somebody on the path could, with a good checksum, and
// delivers it. It may end the connection or stop it, but not change what is read.
func (m *Machine) Forge(end, k, field int, value uint32) {
	b, ok := m.take(end, k)
	if !ok || !intact(b) {
		return
	}
	hdr := int(b[12]>>4) * 4
	switch field % 5 {
	case 0: // a new acknowledgement number
		be.PutUint32(b[8:], be.Uint32(b[8:])+value)
	case 1: // a new window
		be.PutUint16(b[14:], uint16(value))
	case 2: // new flags
		b[13] = byte(value)
	case 3: // a sequence number elsewhere, without the payload that would not belong there
		b = b[:hdr]
		be.PutUint32(b[4:], be.Uint32(b[4:])+value)
	case 4: // garbage in the options
		if hdr > tcp.HeaderLen {
			b[tcp.HeaderLen+int(value>>8)%(hdr-tcp.HeaderLen)] = byte(value)
		}
	}
	seal(b)
	m.forged = true
	m.receive(end, b)
	m.flush()
}

// take removes the k-th segment on its way to an end.
func (m *Machine) take(end, k int) ([]byte, bool) {
	e := &m.ends[end]
	if len(e.wire) == 0 {
		return nil, false
	}
	k %= len(e.wire)
	b := e.wire[k]
	e.wire = append(e.wire[:k], e.wire[k+1:]...)
	return b, true
}

// receive gives a segment to an end, which accepts the first SYN. A host answers for a connection that is gone.
func (m *Machine) receive(end int, b []byte) {
	var h tcp.Header
	n := h.Parse(b)
	if !intact(b) {
		m.impeded = true
		return
	}
	if n < 0 {
		m.failf("end %d: an intact segment does not parse: %x", end, b)
		return
	}
	e := &m.ends[end]
	if !e.opened {
		if tcp.ListenSegment(&h) == tcp.ListenAccept {
			e.conn.Accept(&e.cfg, m.now, &h, tcp.Seq(m.opts.ISS[end]))
			e.opened = true
			return
		}
		m.impeded = true
	}
	if !e.opened || e.conn.State() == tcp.StateClosed {
		if k := tcp.Reset(&h, len(b)-n, m.buf[:]); k > 0 {
			m.send(end, m.buf[:k], 0)
		}
		return
	}
	e.conn.Receive(m.now, &h, b[n:])
}

// intact reports whether the checksum of b, which has no pseudo-header, is right.
func intact(b []byte) bool { return cksum.Sum(b) == 0xffff }

// seal makes it so.
func seal(b []byte) {
	be.PutUint16(b[16:], 0)
	be.PutUint16(b[16:], ^cksum.Sum(b))
}
