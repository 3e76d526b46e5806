package tcp

import (
	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/internal/rangeset"
)

// maxRanges bounds the islands of data behind a gap, unless the window is so large that twice as many segments fit into it:
// a queue that overflows in slow start drops every second one. A peer that sends every second byte fills them and then
// has to fill the gaps.
const (
	maxRanges  = 128
	mostRanges = 8192
)

func (r *receiveState) ranges() int {
	return min(max(maxRanges, int(r.limit)/(2*int(r.ours))), mostRanges)
}

// reassembly describes the data that has arrived beyond RCV.NXT. The bytes are in the receive queue already,
// at their place.
type reassembly struct {
	set    rangeset.Set
	recent [4]Seq // where the latest segments lay, newest first: the order of SACK blocks
	fin    Seq    // where the peer's FIN lies
	hasFIN bool
}

// receiveText is the seventh and eighth step: text, and FIN. seq is that of the first byte of b.
func (c *Conn) receiveText(now clock.Time, seq Seq, b []byte, fin bool) {
	switch c.state {
	case StateEstablished, StateFinWait1, StateFinWait2:
	default:
		// "This should not occur since a FIN has been received from the remote side. Ignore the segment text."
		// A FIN sent again needs its ACK again.
		c.rcv.ackNow = true
		return
	}
	r := &c.rcv
	if behind := r.nxt.Sub(seq); behind > 0 {
		// "segments with higher beginning sequence numbers SHOULD be held for later processing"; what lies before
		// RCV.NXT has been delivered and never changes.
		if behind > len(b) || behind == len(b) && !fin {
			c.ackDuplicate(seq, seq.Add(len(b)))
			return
		}
		c.noteDuplicate(seq, r.nxt)
		b = b[behind:]
		seq = r.nxt
	}
	if over := seq.Add(len(b)).Sub(r.right); over > 0 {
		// Beyond the window.
		c.drop(DropOutOfWindow)
		b = b[:max(0, len(b)-over)]
		fin = false
		r.ackNow = true
	}
	if len(b) > 0 && c.shut.orphan {
		// "If such a host issues a CLOSE call while received data is still pending [...] or if new data is
		// received after CLOSE is called, its TCP SHOULD send a RST" RFC 1122, Section 4.2.2.13.
		c.drop(DropAfterClose)
		c.Abort(now)
		return
	}
	if r.starved && len(b) > 0 && seq != r.nxt {
		c.drop(DropNoMemory)
		r.ackNow = true
		return
	}
	if seq == r.nxt && c.ooo == nil {
		if len(b) > 0 && !c.receiveInOrder(now, b) {
			fin = false
		}
	} else {
		c.receiveBehindGap(now, seq, b, fin)
		fin = c.ooo != nil && c.ooo.hasFIN && c.ooo.fin == r.nxt
	}
	if fin {
		c.receiveFIN(now)
	}
}

// receiveInOrder takes the next bytes of the stream, and reports whether it took them all.
func (c *Conn) receiveInOrder(now clock.Time, b []byte) bool {
	r := &c.rcv
	n := c.store(0, b)
	r.nxt = r.nxt.Add(n)
	if !c.shut.read {
		r.buf.Extend(n)
		c.events |= Readable
	}
	c.stats.BytesIn += uint64(n)
	if len(b) > int(r.mss) {
		r.mss = uint16(min(len(b), int(r.ours)))
	}
	if n < len(b) {
		c.drop(DropNoMemory)
		r.ackNow = true
		return false
	}
	r.starved = false // there is memory again
	// "an ACK SHOULD be generated for at least every second full-sized segment, and MUST be generated within
	// 500 ms" RFC 5681, Section 4.2. Output sees the first by itself.
	if r.prompt > 0 {
		r.prompt--
		r.ackNow = true
	} else if c.timers[timerDelayedACK] == clock.Never {
		c.setTimer(timerDelayedACK, now.Add(delayedACK))
	}
	return true
}

// store puts b into the receive queue at off bytes beyond RCV.NXT and returns how many bytes there was
// room for.
func (c *Conn) store(off int, b []byte) int {
	if c.shut.read {
		return len(b)
	}
	at := c.rcv.buf.Len() + off
	if room := c.rcv.hardLimit() - at; len(b) > room {
		b = b[:max(0, room)]
	}
	n := c.rcv.buf.WriteAt(c.pool, at, b)
	if n < len(b) {
		c.starve()
	}
	return n
}

// receiveBehindGap takes a segment while there is, or was until now, a gap in the stream.
func (c *Conn) receiveBehindGap(now clock.Time, seq Seq, b []byte, fin bool) {
	r := &c.rcv
	if c.ooo == nil {
		c.ooo = new(reassembly)
		c.ooo.set.Init(c.rcv.ranges())
	}
	o := c.ooo
	// "A TCP receiver SHOULD send an immediate duplicate ACK when an out-of-order segment arrives [and] an
	// immediate ACK when the incoming segment fills in all or part of a gap" RFC 5681, Section 4.2.
	c.acknowledgeNow()
	r.prompt = promptSegments
	if len(b) > 0 {
		if seq != r.nxt {
			c.stats.OutOfOrder++
		}
		c.insert(seq, b)
	}
	if fin {
		c.noteFIN(seq.Add(len(b)))
	}
	if first, ok := o.set.First(); ok && Seq(first.Start).LessEq(r.nxt) && r.nxt.LessThan(Seq(first.End)) {
		n := int(Seq(first.End) - r.nxt)
		r.nxt = Seq(first.End)
		o.set.RemoveBefore(first.End)
		c.stats.BytesIn += uint64(n)
		if !c.shut.read {
			r.buf.Extend(n)
			c.events |= Readable
		}
	}
	if o.set.Len() == 0 && !o.hasFIN {
		c.ooo = nil
	}
}

// insert stores a segment beyond or at RCV.NXT.
func (c *Conn) insert(seq Seq, b []byte) {
	o := c.ooo
	if o.hasFIN {
		// "two different FINs", or data behind the end: the first word stands.
		if over := seq.Add(len(b)).Sub(o.fin); over > 0 {
			c.drop(DropBeyondFIN)
			b = b[:max(0, len(b)-over)]
		}
	}
	whole := rangeset.Range{Start: uint32(seq), End: uint32(seq.Add(len(b)))}
	if o.set.Covers(whole) {
		c.noteDuplicate(seq, seq.Add(len(b)))
		o.touch(seq)
		return
	}
	// Bytes that are there already do not change: only the parts between the ranges are written.
	for pos := seq; len(b) > 0; {
		next, ok := o.set.Next(uint32(pos))
		gap := len(b)
		if ok {
			gap = min(gap, Seq(next.Start).Sub(pos))
		}
		if gap > 0 {
			if c.storeRange(pos, b[:gap], ok && gap < len(b)) < gap {
				return
			}
			b, pos = b[gap:], pos.Add(gap)
			continue
		}
		skip := min(len(b), Seq(next.End).Sub(pos))
		b, pos = b[skip:], pos.Add(skip)
	}
	o.touch(seq)
}

// storeRange stores bytes that are not there yet and returns how many it could. joined says that there is
// a range right behind them.
func (c *Conn) storeRange(pos Seq, b []byte, joined bool) int {
	o := c.ooo
	if o.set.Len() >= c.rcv.ranges() && !joined && !o.set.Contains(uint32(pos-1)) {
		c.drop(DropTooManyRanges)
		return 0
	}
	// The bytes go in first: a range must not claim what the pool had no page for.
	n := c.store(pos.Sub(c.rcv.nxt), b)
	if n < len(b) {
		c.drop(DropNoMemory)
	}
	o.set.Add(rangeset.Range{Start: uint32(pos), End: uint32(pos.Add(n))})
	return n
}

// touch makes seq the place that was hit last.
func (o *reassembly) touch(seq Seq) {
	copy(o.recent[1:], o.recent[:3])
	o.recent[0] = seq
}

// noteFIN remembers where the stream ends, if that can be.
func (c *Conn) noteFIN(seq Seq) {
	o := c.ooo
	if last, ok := o.set.Last(); ok && seq.LessThan(Seq(last.End)) {
		c.drop(DropBeyondFIN)
		return
	}
	if !o.hasFIN {
		o.hasFIN, o.fin = true, seq
	}
}

// receiveFIN is the eighth step: all that the peer has sent has been received.
func (c *Conn) receiveFIN(now clock.Time) {
	c.rcv.nxt++
	c.rcv.peerClosed = true
	c.rcv.ackNow = true
	c.ooo = nil
	c.events |= ReadClosed | Readable
	switch c.state {
	case StateEstablished:
		c.state = StateCloseWait
	case StateFinWait1:
		// "If our FIN has been ACKed (perhaps in this segment), then enter TIME-WAIT, start the time-wait timer, turn
		// off the other timers; otherwise, enter the CLOSING state." It would be FIN-WAIT-2 if it had.
		c.state = StateClosing
	case StateFinWait2:
		c.enterTimeWait(now)
	}
}

// acknowledgeNow makes an acknowledgement due; a peer that does not know SACK counts them.
func (c *Conn) acknowledgeNow() {
	r := &c.rcv
	if r.ackNow && !c.opt.sack && r.duplicates < 255 {
		r.duplicates++
	}
	r.ackNow = true
}

// ackDuplicate answers a segment that brought nothing new.
func (c *Conn) ackDuplicate(start, end Seq) {
	c.stats.DuplicateSegs++
	c.noteDuplicate(start, end)
	c.acknowledgeNow()
}

// noteDuplicate remembers a range that arrived twice for the next ACK to report: RFC 2883, Section 4. A segment that
// was refused for another reason, such as an old timestamp, is no duplicate.
func (c *Conn) noteDuplicate(start, end Seq) {
	known := end.LessEq(c.rcv.nxt) || c.ooo != nil && c.ooo.set.Covers(rangeset.Range{Start: uint32(start), End: uint32(end)})
	if !known || !start.LessThan(end) {
		return
	}
	c.rcv.prompt = promptSegments
	if c.opt.sack {
		c.rcv.dsackStart, c.rcv.dsackEnd = start, end
	}
}

// sackBlocks writes the blocks that describe the out-of-order data into o, at most limit of them, and
// forgets the duplicate they report.
//
// "The first SACK block [...] MUST specify the contiguous block of data containing the segment which
// triggered this ACK [...] The data receiver SHOULD include as many distinct SACK blocks as possible [...]
// repeating the most recently reported SACK blocks" RFC 2018, Section 4.
func (c *Conn) sackBlocks(o *Options, limit int) {
	r := &c.rcv
	if r.dsackStart != r.dsackEnd {
		o.SACK[0] = SACKBlock{r.dsackStart, r.dsackEnd}
		o.NumSACK = 1
		r.dsackStart, r.dsackEnd = 0, 0
	}
	if c.ooo == nil {
		return
	}
	first := o.NumSACK
	add := func(q rangeset.Range) {
		b := SACKBlock{Seq(q.Start), Seq(q.End)}
		for _, have := range o.SACK[first:o.NumSACK] {
			if have == b {
				return
			}
		}
		if o.NumSACK < limit {
			o.SACK[o.NumSACK] = b
			o.NumSACK++
		}
	}
	for _, seq := range c.ooo.recent {
		if q, ok := c.ooo.set.Next(uint32(seq)); ok && Seq(q.Start).LessEq(seq) {
			add(q)
		}
	}
	for i := 0; i < c.ooo.set.Len() && o.NumSACK < limit; i++ {
		add(c.ooo.set.At(i))
	}
}
