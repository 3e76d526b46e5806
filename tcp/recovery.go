package tcp

import (
	"time"

	"github.com/ztstack/ztstack/clock"
)

// phase is what the sender thinks of the network.
type phase uint8

const (
	phaseOpen     phase = iota // nothing is known to be lost
	phaseRecovery              // fast recovery: RFC 6675, RFC 6582
	phaseLoss                  // a timeout has occurred; what was in flight then is being sent again
)

// recoveryState is the state of loss recovery.
type recoveryState struct {
	phase      phase
	force      bool  // the first retransmission of a recovery is sent whatever the window
	prompt     bool  // the timeout that began phaseLoss was one for ACKs that are not delayed
	duplicates uint8 // duplicate ACKs in a row
	recover    Seq   // RecoveryPoint: the phase ends when this is acknowledged
	prr        reduction
}

// pipe returns how many bytes are in the network.
func (c *Conn) pipe() int { return c.sent.pipe(c.snd.flight()) }

// advance processes an acknowledgement of new data. n is how far una moves.
func (c *Conn) advance(now clock.Time, h *Header, n int) {
	flight := c.snd.flight()
	a := c.ackRecords(now, h.Ack)
	rtt := c.sampleRTT(now, h, a)
	bytes := n
	c.snd.una = h.Ack
	c.snd.progress = now
	if c.hole.probing {
		c.probePassed(now)
	}
	if c.soft != nil {
		c.soft = nil // whatever it was, it is over
	}
	if c.snd.finAcked() {
		bytes--
	}
	c.snd.buf.Discard(c.pool, bytes)
	c.noteDelivered(now, bytes)
	if c.snd.small.LessThan(c.snd.una) {
		c.snd.small = c.snd.una
	}
	c.rec.duplicates = 0
	if c.rec.phase == phaseOpen && !c.opt.sack {
		c.sent.sacked = 0
	}
	if c.eifel.sent && c.eifel.judge(h) && c.rec.phase != phaseOpen {
		c.undo(now)
	}
	phase := c.rec.phase
	if phase != phaseOpen && c.rec.recover.LessEq(c.snd.una) {
		c.leaveRecovery(now)
	} else if phase == phaseRecovery {
		c.partialACK(n)
	}
	if phase != phaseRecovery && (c.cc != nil || 2*flight >= c.cwnd.CWND) {
		c.controller(now).Acked(&c.cwnd, Ack{Now: now, Acked: n, Flight: flight, RTT: rtt, UNA: c.snd.una, NXT: c.snd.nxt, Timeout: phase == phaseLoss})
	}
	if c.snd.una == c.snd.nxt {
		// "When all outstanding data has been acknowledged, turn off the retransmission timer." RFC 6298, Section 5 (5.2).
		c.timers[timerRTO] = clock.Never
	} else {
		// "When an ACK is received that acknowledges new data, restart the retransmission timer" (5.3).
		c.armRTO(now)
	}
	if c.snd.starved && c.snd.buf.Len() <= int(c.snd.limit-c.snd.limit/4) {
		// Not for every segment's worth of room: a writer is woken for a quarter of the buffer.
		c.snd.starved = false
		c.events |= Writable
	}
	if c.trace != nil {
		c.traced(now, "ack")
	}
}

// ackRecords drops the records that lie before una, and tells RACK.
func (c *Conn) ackRecords(now clock.Time, una Seq) acked {
	if c.opt.sack || c.bbr != nil {
		// Of segments sent once and in order the last says it all; the others are few.
		s := &c.sent
		for i := s.head; i != s.head+s.n; i++ {
			r := s.at(i)
			if una.LessThan(r.end) {
				if c.bbr != nil && r.start.LessThan(una) && r.flags&recordSACKed == 0 {
					c.bbr.rate.arrived(i, r)
				}
				break
			}
			if r.flags&recordSACKed != 0 {
				continue
			}
			if next := i + 1; r.flags&recordKarn == 0 && s.sacked == 0 && next != s.head+s.n && !una.LessThan(s.at(next).end) {
				continue
			}
			c.arrived(now, i, r)
		}
	}
	return c.sent.ackTo(una)
}

// arrived takes note of record i, of which the peer says for the first time that it has all of it.
func (c *Conn) arrived(now clock.Time, i uint32, r *record) {
	c.rack.delivered(now, r, c.highest(), c.rtt.minimum)
	if c.bbr != nil {
		c.bbr.rate.arrived(i, r)
	}
}

// highest returns the end of the highest segment known to have arrived.
func (c *Conn) highest() Seq {
	if c.sent.sacked > 0 {
		return c.sent.highest
	}
	return c.snd.una
}

// partialACK deals with an ACK in fast recovery that does not end it.
func (c *Conn) partialACK(n int) {
	if c.opt.sack {
		return // RACK sees to it
	}
	// "deflate the congestion window by the amount of new data acknowledged [...] add back SMSS bytes"
	// RFC 6582, Section 3.2 (step 3): here the estimate of what has left the network is what shrinks.
	mss := int(c.snd.mss)
	c.sent.sacked -= min(c.sent.sacked, uint32(max(n-mss, 0)))
	// "retransmit the first unacknowledged segment" RFC 6582, Section 3.2.
	c.sent.markHeadLost(mss)
	c.limitEstimate()
}

// limitEstimate keeps the estimate of what has arrived below what can have.
func (c *Conn) limitEstimate() {
	if !c.opt.sack {
		c.sent.sacked = min(c.sent.sacked, uint32(c.snd.flight())-c.sent.lost)
	}
}

// duplicateACK counts an ACK that moved nothing. newly is how many bytes it SACKed.
func (c *Conn) duplicateACK(now clock.Time, newly int) {
	if c.rec.duplicates < 255 {
		c.rec.duplicates++
	}
	c.stats.DuplicateACKs++
	if !c.opt.sack && c.rec.phase != phaseLoss {
		// Each duplicate tells that some segment has arrived: RFC 5681, Section 3.2 inflates the window by
		// it, and RFC 3042 sends new data for it; taking it out of the pipe does both. No more can have arrived than
		// was outstanding, whatever a peer sends.
		out := c.snd.flight()
		if c.rec.phase == phaseRecovery {
			out = min(out, c.rec.recover.Sub(c.snd.una))
		}
		room := out - min(out, int(c.sent.lost)) - min(out, int(c.snd.mss))
		c.sent.sacked = uint32(max(0, min(int(c.sent.sacked)+int(c.snd.mss), room)))
	}
}

// detectLoss decides whether something is lost, after an ACK has been taken in.
func (c *Conn) detectLoss(now clock.Time) {
	found := false
	if c.opt.sack {
		// Counting, which is quicker to see a loss, is right only as long as segments arrive in order.
		found = !c.rack.reordered && c.sent.judge(int(c.snd.mss))
		found = c.detectByTime(now) || found
	}
	if c.rec.phase != phaseOpen {
		return
	}
	switch {
	case c.snd.una == c.snd.nxt:
	case found:
		c.enterRecovery(now)
	case c.opt.sack && c.rack.reordered:
	case c.rec.duplicates >= dupThresh && (c.opt.sack || c.rec.recover.LessThan(c.snd.una)):
		// Without SACK: "If the Cumulative Acknowledgment field covers more than recover": RFC 6582, Section
		// 3.2 (step 2), lest duplicates of what a timeout sent again count as a loss.
		c.enterRecovery(now)
	}
}

// enterRecovery begins fast retransmit and fast recovery: RFC 6675, Section 5 (4); RFC 6582, Section 3.2.
func (c *Conn) enterRecovery(now clock.Time) {
	c.eifel.begin(&c.cwnd)
	c.ecn.cwr = c.ecn.on
	c.rec.phase = phaseRecovery
	c.rec.recover = c.snd.nxt
	c.rec.force = true
	c.rec.prr.begin(c.snd.flight())
	c.controller(now).Loss(&c.cwnd, now, c.snd.flight())
	if c.sent.lost == c.sent.resent {
		c.sent.markHeadLost(int(c.snd.mss))
		c.limitEstimate()
	}
	if c.opt.sack && c.bbr == nil {
		c.cwnd.CWND = c.rec.prr.window(0, c.pipe(), c.cwnd.SSThresh, int(c.snd.mss))
	}
	c.stats.Recoveries++
	c.traced(now, "loss")
}

// leaveRecovery ends fast recovery, or the repair after a timeout.
func (c *Conn) leaveRecovery(now clock.Time) {
	if c.bbr != nil {
		c.bbr.repaired(&c.cwnd)
	} else if c.rec.phase == phaseRecovery && !c.opt.sack {
		// "Set cwnd to either (1) min (ssthresh, max(FlightSize, SMSS) + SMSS)" RFC 6582, Section 3.2 (step 3).
		mss := int(c.snd.mss)
		c.cwnd.CWND = min(c.cwnd.SSThresh, max(c.snd.flight(), mss)+mss)
	}
	if c.rec.phase == phaseRecovery && c.opt.sack && c.bbr == nil {
		c.cwnd.CWND = c.cwnd.SSThresh // RFC 6937, Section 3
	}
	if !c.opt.sack {
		c.sent.sacked = 0
	}
	c.rec.phase = phaseOpen
	c.rec.force = false
	c.rack.recovered()
	c.traced(now, "recovered")
}

// lossTimeout does what the expiry of the retransmission timer calls for: RFC 6298, Section 5 (5.4–5.6);
// RFC 5681, Section 3.1.
func (c *Conn) lossTimeout(now clock.Time) {
	again := c.rec.phase == phaseLoss
	if c.rec.phase == phaseOpen {
		c.eifel.begin(&c.cwnd)
	}
	c.ecn.cwr = c.ecn.on
	c.controller(now).Timeout(&c.cwnd, now, c.snd.flight(), again)
	c.rec.prompt = c.answeredAtOnce()
	c.rec.phase = phaseLoss
	c.rec.force = true
	c.rec.duplicates = 0
	c.rack.probe = probeNone
	// "After a retransmit timeout, record the highest sequence number transmitted in the variable recover"
	// RFC 6582, Section 3.2 (step 4).
	c.rec.recover = c.snd.nxt
	c.sent.markAllLost()
	c.stats.Timeouts++
	c.count.timeout()
	c.traced(now, "timeout")
}

// windowReopened is called when a window of zero is no longer one. What was sent beyond it, probes, was
// thrown away by the peer, which says nothing about the network.
func (c *Conn) windowReopened(now clock.Time) {
	c.rtt.backoff = 0
	if c.snd.una == c.snd.nxt {
		c.timers[timerRTO] = clock.Never
		return
	}
	c.sent.markAllLost()
	c.rec.force = true
	c.armRTO(now)
}

// sampleRTT takes a measurement from an ACK of new data and returns it, or 0 if it tells nothing.
func (c *Conn) sampleRTT(now clock.Time, h *Header, a acked) (rtt time.Duration) {
	switch {
	case a.sentAt != clock.Never && !a.karn:
		rtt = now.Sub(a.sentAt)
	case c.opt.timestamps && h.Options.HasTimestamps && h.Options.TSEcr != 0:
		// Timestamps tell even for segments sent twice which sending is acknowledged: RFC 7323, Section 4.1.
		// A value that was never sent must not spoil the estimate.
		ms := c.timestamp(now) - h.Options.TSEcr
		if ms > maxEcho {
			return 0
		}
		rtt = time.Duration(max(ms, 1)) * 1e6
	default:
		return 0
	}
	c.rtt.sample(rtt, c.minRTO)
	return rtt
}

// maxEcho is the age in milliseconds beyond which an echoed timestamp is not believed.
const maxEcho = 60_000
