package tcp

import (
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/internal/be"
	"github.com/ztstack/ztstack/internal/cksum"
)

// A TimeWait is what remains of a connection in TIME-WAIT: 64 bytes that a stack keeps in the Conn's place.
type TimeWait struct {
	Expires clock.Time // when the record is to be dropped; may move later

	duration         time.Duration
	tsRecentAt       clock.Time
	nxt              Seq // SND.NXT
	rcvNxt           Seq
	tsRecent         uint32
	tsOffset         uint32
	srcPort, dstPort uint16
	window           uint16 // as the last segment had it
	sum              bool
	timestamps       bool
	budget           uint8      // ACKs that may still be sent in the period that ends at
	budgetEnd        clock.Time // this time
}

// TWAction is what a segment that meets a TimeWait calls for.
type TWAction uint8

// The actions.
const (
	TWDrop  TWAction = iota // nothing
	TWAck                   // send what Output writes
	TWReuse                 // a new SYN: forget the record, and let a listener have the segment
)

// timeWaitACKs is how many ACKs a record sends in a second.
const timeWaitACKs = 10

// TimeWaitRecord returns the record that may replace c, if c is in TIME-WAIT and has nothing left to send or to be
// read. The Conn is then to be Released.
func (c *Conn) TimeWaitRecord() (TimeWait, bool) {
	if c.state != StateTimeWait || c.rcv.ackNow || c.reset.due || c.rcv.buf.Len() > 0 && !c.shut.orphan {
		return TimeWait{}, false
	}
	return c.timeWaitRecord(), true
}

func (c *Conn) timeWaitRecord() TimeWait {
	return TimeWait{
		Expires:    c.timers[timerClose],
		duration:   c.timeWait,
		tsRecentAt: c.rcv.tsRecentAt,
		nxt:        c.snd.nxt,
		rcvNxt:     c.rcv.nxt,
		tsRecent:   c.rcv.tsRecent,
		tsOffset:   c.challenge.tsOffset,
		srcPort:    c.srcPort, dstPort: c.dstPort,
		window:     uint16(min(c.rcv.window()>>c.rcv.scale, 0xffff)),
		sum:        c.opt.sum,
		timestamps: c.opt.timestamps,
		budget:     timeWaitACKs,
	}
}

// enterTimeWait enters TIME-WAIT.
func (c *Conn) enterTimeWait(now clock.Time) {
	c.state = StateTimeWait
	c.timers = [numTimers]clock.Time{}
	c.setTimer(timerClose, now.Add(c.timeWait))
	c.snd.buf.Reset(c.pool)
	c.sent.release()
	c.keepAlive.probe = false
	c.events |= Closed
	c.counted(nil)
}

// receiveTimeWait processes a segment in TIME-WAIT for a Conn that has not been replaced by its record. A
// new SYN is then answered like an old one.
func (c *Conn) receiveTimeWait(now clock.Time, h *Header, n int) {
	t := c.timeWaitRecord()
	t.budget = 1
	t.budgetEnd = now + 1
	action := t.Receive(now, h, n)
	c.timers[timerClose] = t.Expires
	if action != TWDrop {
		c.challengeACK(now, DropTimeWait)
	}
}

// Receive says what to do with a segment for the connection that t remembers. If it returns TWAck, Output
// writes the answer.
func (t *TimeWait) Receive(now clock.Time, h *Header, payloadLen int) TWAction {
	newer := t.timestamps && h.Options.HasTimestamps && int32(h.Options.TSVal-t.tsRecent) > 0
	older := t.timestamps && h.Options.HasTimestamps && int32(h.Options.TSVal-t.tsRecent) < 0
	switch {
	case h.Flags&RST != 0:
		// "Ignore RST segments in TIME-WAIT state." RFC 1337, Section 3 (fix F1).
		return TWDrop
	case h.Flags&SYN != 0:
		// A SYN with a timestamp later than the last one seen, or, if there is nothing to say about timestamps, with a
		// sequence number above the last one, begins a new connection: RFC 6191, Section 2.
		if h.Flags&(ACK|FIN) == 0 && (newer || !older && t.rcvNxt.LessThan(h.Seq)) {
			return TWReuse
		}
		return t.answer(now)
	case h.Flags&ACK == 0:
		return TWDrop
	case older && now.Sub(t.tsRecentAt) < pawsIdle:
		return t.answer(now)
	case h.Flags&FIN != 0 && h.Seq.Add(payloadLen) == t.rcvNxt-1:
		// "The only thing that can arrive in this state is a retransmission of the remote FIN. Acknowledge it, and
		// restart the 2 MSL timeout."
		t.Expires = now.Add(t.duration)
		return t.answer(now)
	case payloadLen == 0 && h.Flags&FIN == 0 && h.Seq == t.rcvNxt:
		// The ACK of an ACK.
		return TWDrop
	}
	return t.answer(now)
}

// answer allows an ACK, unless there have been too many of them lately.
func (t *TimeWait) answer(now clock.Time) TWAction {
	if !(now < t.budgetEnd) {
		t.budget, t.budgetEnd = timeWaitACKs, now.Add(time.Second)
	}
	if t.budget == 0 {
		return TWDrop
	}
	t.budget--
	return TWAck
}

// Output writes the ACK that Receive asked for into dst and returns its length. The checksum field is as
// Conn.Output leaves it.
func (t *TimeWait) Output(now clock.Time, dst []byte) int {
	h := Header{SrcPort: t.srcPort, DstPort: t.dstPort, Seq: t.nxt, Ack: t.rcvNxt, Flags: ACK, Window: t.window}
	if t.timestamps {
		h.Options.HasTimestamps = true
		h.Options.TSVal, h.Options.TSEcr = uint32(now.Milliseconds())+t.tsOffset, t.tsRecent
	}
	n := h.Put(dst)
	if t.sum {
		be.PutUint16(dst[16:], cksum.Sum(dst[:n]))
	}
	return n
}
