package tcp

import (
	"math"
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/internal/be"
	"github.com/ztstack/ztstack/internal/cksum"
)

// A TimeWait is what remains of a connection in TIME-WAIT: 64 bytes that a stack keeps in the Conn's place.
type TimeWait struct {
	Expires clock.Time // when the record is to be dropped; may move later

	tsRecentAt       clock.Time
	duration         uint32 // of TIME-WAIT, in milliseconds
	nxt              Seq    // SND.NXT
	rcvNxt           Seq
	tsRecent         uint32
	tsOffset         uint32
	tsSent           uint32 // the last timestamp sent, or a later one
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

// isnGap is how far beyond SND.NXT of the old connection a new one between the same ports begins at least: whatever is
// still underway from the old one lies outside of a window that is not scaled.
const isnGap = 65536

// TimeWaitRecord returns the record that may replace c, if c is in TIME-WAIT and has nothing left to send or to be
// read. The Conn is then to be Released.
func (c *Conn) TimeWaitRecord(now clock.Time) (TimeWait, bool) {
	if c.state != StateTimeWait || c.rcv.ackNow || c.reset.due || c.rcv.buf.Len() > 0 && !c.shut.orphan {
		return TimeWait{}, false
	}
	return c.timeWaitRecord(now), true
}

func (c *Conn) timeWaitRecord(now clock.Time) TimeWait {
	return TimeWait{
		Expires:    c.timers[timerClose],
		tsRecentAt: c.rcv.tsRecentAt,
		duration:   uint32(min(c.timeWait.Milliseconds(), math.MaxUint32)),
		nxt:        c.snd.nxt,
		rcvNxt:     c.rcv.nxt,
		tsRecent:   c.rcv.tsRecent,
		tsOffset:   c.challenge.tsOffset,
		tsSent:     c.timestamp(now),
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
	t := c.timeWaitRecord(now)
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
		t.Expires = now.Add(time.Duration(t.duration) * time.Millisecond)
		return t.answer(now)
	case payloadLen == 0 && h.Flags&FIN == 0 && h.Seq == t.rcvNxt:
		// The ACK of an ACK.
		return TWDrop
	}
	return t.answer(now)
}

// Yields reports whether an active open between the same ports may take t's place now, if the new connection Succeeds
// t: nothing that the old one has sent can then be taken for a part of the new one, nor the new one's SYN, by a peer in
// TIME-WAIT, for a part of the old one.
//
// "When a connection is closed actively, it MUST linger in TIME-WAIT state for a time 2xMSL [...]. However, it MAY accept a
// new SYN from the remote TCP to reopen the connection directly from TIME-WAIT state, if it: (1) assigns its initial
// sequence number for the new connection to be larger than the largest sequence number it used on the previous connection
// incarnation" RFC 1122, Section 4.2.2.13. RFC 6191, Section 2 adds that timestamps, where used, have to be later.
func (t *TimeWait) Yields(now clock.Time) bool {
	return !t.timestamps || int32(uint32(now.Milliseconds())+t.tsOffset-t.tsSent) > 0
}

// Succeed makes c, which has just been opened and has sent nothing yet, the next incarnation of the connection that t
// remembers: its sequence numbers and timestamps begin beyond those of the old one.
func (c *Conn) Succeed(t *TimeWait) {
	if least := t.nxt.Add(isnGap); c.snd.iss.LessThan(least) {
		c.snd.init(int(c.snd.limit), int(c.snd.most), least)
	}
	c.challenge.tsOffset = t.tsOffset
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
		t.tsSent = uint32(now.Milliseconds()) + t.tsOffset
		h.Options.HasTimestamps = true
		h.Options.TSVal, h.Options.TSEcr = t.tsSent, t.tsRecent
	}
	n := h.Put(dst)
	if t.sum {
		be.PutUint16(dst[16:], cksum.Sum(dst[:n]))
	}
	return n
}
