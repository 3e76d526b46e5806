package fuzz

import (
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/internal/be"
	"github.com/ztstack/ztstack/internal/cksum"
	"github.com/ztstack/ztstack/tcp"
)

// maxBurst is more segments than a connection can have to send at one time.
const maxBurst = 100_000

// flush takes out all that the endpoints have to send, and checks what holds then.
func (m *Machine) flush() {
	for i := range m.ends {
		e := &m.ends[i]
		if !e.opened || m.err != nil {
			continue
		}
		for count := 0; ; count++ {
			n, gso := e.conn.Output(m.now, m.buf[:], max(m.opts.MaxSegs, 1))
			if n == 0 {
				break
			}
			m.send(i, m.buf[:n], gso)
			if count > maxBurst {
				m.failf("end %d does not stop sending", i)
				break
			}
		}
		e.conn.Events()
		m.check(i)
	}
}

// send cuts a segment as a device would, and puts the pieces on the wire.
func (m *Machine) send(from int, b []byte, gso int) {
	var h tcp.Header
	n := h.Parse(b)
	if n < 0 {
		m.failf("end %d sent %x, which is no segment", from, b)
		return
	}
	field := be.Uint16(b[16:])
	be.PutUint16(b[16:], 0)
	if sum := cksum.Sum(b); sum != field && sum%0xffff != field%0xffff {
		m.failf("end %d: checksum field %#x, want the sum %#x", from, field, sum)
	}
	m.checkEdge(from, &h)
	payload := b[n:]
	m.checkContent(from, &h, payload)
	if gso == 0 {
		gso = max(len(payload), 1)
	}
	for first := true; first || len(payload) > 0; first = false {
		k := min(gso, len(payload))
		g := h
		if k < len(payload) {
			g.Flags &^= tcp.FIN | tcp.PSH
		}
		seg := make([]byte, tcp.MaxHeaderLen+k)
		hdr := g.Put(seg)
		copy(seg[hdr:], payload[:k])
		seg = seg[:hdr+k]
		seal(seg)
		if m.Log != nil {
			m.Log("%v: %d sends %v %d+%d ack %d win %d %+v", time.Duration(m.now-1e9), from, g.Flags, g.Seq, k, g.Ack, g.Window, g.Options)
		}
		if to := &m.ends[1-from]; len(to.wire) < maxWire {
			to.wire = append(to.wire, seg)
		} else {
			m.impeded = true
		}
		payload = payload[k:]
		h.Seq = h.Seq.Add(k)
	}
}

// checkEdge: the advertised right edge never moves left.
func (m *Machine) checkEdge(from int, h *tcp.Header) {
	e := &m.ends[from]
	if !e.opened || h.Flags&tcp.ACK == 0 || h.Flags&(tcp.RST|tcp.SYN) != 0 || e.conn.State() == tcp.StateTimeWait {
		return
	}
	in := e.conn.Info()
	right := h.Ack.Add(int(h.Window) << in.ReceiveScale)
	if e.hasRight && right.LessThan(e.right) {
		m.failf("end %d: the right edge moved left from %d to %d", from, e.right, right)
	}
	e.right, e.hasRight = right, true
	if in.RcvNXT.LessThan(h.Ack) {
		m.failf("end %d acknowledges %d, which has not arrived (%d)", from, h.Ack, in.RcvNXT)
	}
}

// checkContent: what is sent is what was written, at its place.
func (m *Machine) checkContent(from int, h *tcp.Header, payload []byte) {
	e := &m.ends[from]
	at := h.Seq.Sub(tcp.Seq(m.opts.ISS[from]).Add(1))
	for i, c := range payload {
		if at+i < 0 || at+i >= e.written || c != content(from, at+i) {
			m.failf("end %d: byte %d of what it sends, of %d written, is %#x", from, at+i, e.written, c)
			return
		}
	}
	if h.Flags&tcp.FIN != 0 && at+len(payload) != e.written {
		m.failf("end %d: FIN after %d of %d bytes", from, at+len(payload), e.written)
	}
}

// check checks what holds whenever an end has nothing more to send.
func (m *Machine) check(i int) {
	e := &m.ends[i]
	in := e.conn.Info()
	if in.SndNXT.LessThan(in.SndUNA) {
		m.failf("end %d: SND.UNA %d > SND.NXT %d", i, in.SndUNA, in.SndNXT)
	}
	if in.State == tcp.StateClosed {
		return
	}
	if in.Pipe < 0 || in.Pipe > in.Flight || in.Lost+in.SACKed > in.Flight || in.Resent > in.Lost {
		m.failf("end %d: flight %d is not SACKed %d, lost %d, resent %d, pipe %d", i, in.Flight, in.SACKed, in.Lost, in.Resent, in.Pipe)
	}
	// "flight <= cwnd + 1 MSS outside recovery": what was SACKed has left, so that limited transmit may replace it
	// (RFC 3042). The window may have shrunk since the data was sent, so only new data counts.
	allowed := in.CWND
	if in.Stats.LossProbes != e.probes {
		// A loss probe is one segment more whatever the window (RFC 8985, Section 7.3), also when the window has shrunk since
		// the data before it was sent.
		allowed = max(allowed, e.pipe)
	}
	if e.nxt != in.SndNXT && in.State.Synchronized() && !in.InRecovery && in.Pipe > allowed+in.MSS {
		m.failf("end %d: sent new data with %d bytes in the network and cwnd %d", i, in.Pipe, in.CWND)
	}
	e.nxt, e.pipe, e.probes = in.SndNXT, in.Pipe, in.Stats.LossProbes
	if in.CWND < in.MSS && in.State.Synchronized() {
		m.failf("end %d: cwnd %d is below a segment of %d", i, in.CWND, in.MSS)
	}
	// A connection with data to send, or to be acknowledged, always has a deadline.
	if d := e.conn.Deadline(); d == clock.Never && in.State != tcp.StateTimeWait && (in.Flight > 0 || in.SendQueued > 0) {
		m.failf("end %d: %d in flight, %d queued, and no deadline", i, in.Flight, in.SendQueued)
	}
	if p := &m.ends[1-i]; !m.forged && p.hasRight && p.right.Add(2).LessThan(in.SndNXT) && in.State.Synchronized() {
		m.failf("end %d: sent up to %d, and the window ends at %d", i, in.SndNXT, p.right)
	}
}

// Finish lets the network behave, the applications read all there is, and time pass, until nothing happens any more. Then
// everything that was written must have been read, unless something was done that excuses it, and memory
// must have been given back.
func (m *Machine) Finish() {
	start := m.now
	for step := 0; m.err == nil; step++ {
		busy := false
		for i := range m.ends {
			for range len(m.ends[i].wire) {
				m.Deliver(i, 0)
				busy = true
			}
			for m.readInto(i, 1<<16) {
				busy = true
			}
		}
		m.flush()
		if busy {
			if step > 100_000 {
				m.failf("the endpoints do not come to rest")
			}
			continue
		}
		next := clock.Never
		for i := range m.ends {
			if m.ends[i].opened {
				next = clock.Min(next, m.ends[i].conn.Deadline())
			}
		}
		if next == clock.Never {
			break
		}
		m.now = max(m.now, next)
		m.poll()
		if m.now.Sub(start) > 24*time.Hour {
			m.failf("something still happens after a day")
		}
	}
	m.checkEnd()
}

func (m *Machine) checkEnd() {
	excused := m.forged
	for i := range m.ends {
		e := &m.ends[i]
		excused = excused || !e.opened || e.aborted
		// Time, and segments lost, may end a connection, and so may a peer that has closed and gets more data.
		excused = excused || e.conn.Err() != nil && (m.impeded || e.unread || m.ends[1-i].unread)
	}
	for i := range m.ends {
		if err := m.ends[i].conn.Err(); err != nil && !excused {
			m.failf("end %d: %v", i, err)
		}
	}
	for i := range m.ends {
		e, p := &m.ends[i], &m.ends[1-i]
		if !excused && !e.unread && (e.read != p.written || e.eof != p.closed) {
			m.failf("end %d has read %d of %d bytes, end %v of %v", i, e.read, p.written, e.eof, p.closed)
		}
		if !e.opened {
			continue
		}
		e.conn.Release()
		if n := e.cfg.Pool.InUse(); n != 0 {
			m.failf("end %d: %d bytes of buffers were not given back", i, n)
		}
	}
}
