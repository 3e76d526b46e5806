package tcp

import (
	"time"

	"github.com/ztstack/ztstack/clock"
)

// rackState detects losses by time (RACK) and probes for them at the end of a flight (TLP): RFC 8985. Both need
// SACK; without it there are duplicate ACKs only.
type rackState struct {
	xmit       clock.Time    // RACK.xmit_ts: when the latest sent of the delivered segments was sent
	rtt        time.Duration // RACK.rtt: the round-trip time of that segment
	end        Seq           // RACK.end_seq: its end
	dsackEnd   Seq           // RACK.dsack_round
	probeEnd   Seq           // TLP.end_seq
	multiplier uint8         // RACK.reo_wnd_mult, less one
	persist    uint8         // RACK.reo_wnd_persist
	dsackRound bool          // dsackEnd is valid
	reordered  bool          // RACK.reordering_seen
	probing    bool          // timerRTO is a probe timeout
	probe      probeKind     // what the outstanding loss probe was
}

type probeKind uint8

const (
	probeNone   probeKind = iota
	probeNew              // a segment of new data
	probeResent           // the last segment again
	probeHead             // in fast recovery, the first segment again
)

const (
	// delayedACKAllowance is how long a peer may hold back an ACK: WCDelAckT of RFC 8985, Section 7.2.
	delayedACKAllowance = 200 * time.Millisecond
	// probeSlack is added to a probe timeout, which may be far shorter than what a busy peer needs to wake up.
	probeSlack = time.Millisecond
	// reorderPersist is for how many recoveries a widened reordering window lasts: RFC 8985, Section 6.2.
	reorderPersist = 16
)

// delivered takes note of a segment that has arrived: RFC 8985, Section 6.2, steps 2 and 3. least is the least
// round-trip time; echo is when the segment that caused the ACK was sent, as the peer tells, or Never.
func (k *rackState) delivered(now clock.Time, r *record, highest Seq, least time.Duration) {
	rtt := now.Sub(r.at)
	if r.flags&recordKarn != 0 {
		// "the original was delivered and the retransmission is spurious": so soon it cannot be an answer to it.
		if rtt < least {
			return
		}
	} else if r.end.LessThan(highest) {
		// It was sent once, and arrives after what was sent later.
		k.reordered = true
	}
	if sentAfter(r.at, r.end, k.xmit, k.end) {
		k.xmit, k.end, k.rtt = r.at, r.end, rtt
	}
}

// sentAfter orders transmissions: RFC 8985, Section 6.1.
func sentAfter(at1 clock.Time, end1 Seq, at2 clock.Time, end2 Seq) bool {
	return at1 > at2 || at1 == at2 && end2.LessThan(end1)
}

// window returns the reordering window: RFC 8985, Section 6.2, step 4. sure means that as much is SACKed as takes three
// duplicate ACKs, or that something is known to be lost.
func (k *rackState) window(sure bool, r *rttState) time.Duration {
	if !k.reordered && sure {
		return 0
	}
	return min(time.Duration(1+k.multiplier)*r.minimum/4, r.srtt)
}

// duplicateReported widens the reordering window once a round trip when the peer reports duplicates: retransmissions
// were spurious.
func (k *rackState) duplicateReported(una, nxt Seq) {
	if k.dsackRound && una.LessThan(k.dsackEnd) {
		return
	}
	k.dsackRound, k.dsackEnd = true, nxt
	if k.multiplier < 15 {
		k.multiplier++
	}
	k.persist = reorderPersist
}

// recovered is called when a recovery ends.
func (k *rackState) recovered() {
	if k.persist > 0 {
		if k.persist--; k.persist == 0 {
			k.multiplier = 0
		}
	}
}

// detectByTime marks as lost what was sent long enough before something that has arrived, and reports
// whether there was any: RFC 8985, Section 6.2, step 5.
func (c *Conn) detectByTime(now clock.Time) (found bool) {
	k, s := &c.rack, &c.sent
	if k.xmit == clock.Never {
		return false
	}
	sure := c.rec.phase != phaseOpen || int(s.sacked) > (dupThresh-1)*int(c.snd.mss) || c.rec.duplicates >= dupThresh
	wait := k.rtt + k.window(sure, &c.rtt)
	// What was sent once is in the order of time; what was sent again is in a queue in that order. So each is looked at
	// until the first that it is too soon for.
	late := false
	for ; s.fresh != s.head+s.n; s.fresh++ {
		r := s.at(s.fresh)
		if r.flags&(recordSACKed|recordLost|recordKarn) != 0 {
			continue
		}
		if !sentAfter(k.xmit, k.end, r.at, r.end) {
			break
		}
		if late = !expired(r.at, wait, now); late {
			break
		}
		s.markLost(s.fresh)
		found = true
	}
	for {
		i, ok := s.oldestResent(c.snd.una)
		if !ok {
			break
		}
		r := s.at(i)
		if !sentAfter(k.xmit, k.end, r.at, r.end) {
			break
		}
		if !expired(r.at, wait, now) {
			late = true
			break
		}
		s.markLost(i)
		found = true
	}
	c.timers[timerReorder] = clock.Never
	if late {
		// By then the time has come for all that was sent before what has arrived.
		c.setTimer(timerReorder, max(k.xmit.Add(wait), now.Add(min(wait, probeSlack)+1)))
	}
	return found
}

// expired reports whether what was sent at a time has had its time. Where a round trip takes no measurable time, what has
// just been sent must still get one.
func expired(at clock.Time, wait time.Duration, now clock.Time) bool {
	return at != now && at.Add(wait) <= now
}

// armRTO starts the retransmission timer, or that of a loss probe if one may be sent first: RFC 8985, Section 7.2.
func (c *Conn) armRTO(now clock.Time) {
	d := c.timeout()
	c.rack.probing = false
	if c.mayProbe() {
		// "PTO = 2 * SRTT [...] If FlightSize is one segment, [...] PTO += WCDelAckT".
		pto := max(2*c.rtt.srtt, probeSlack)
		if !c.answeredAtOnce() {
			pto += delayedACKAllowance
		}
		if pto < d {
			d = pto
			c.rack.probing = true
		}
	}
	c.setTimer(timerRTO, now.Add(d))
}

// mayProbe reports whether the next thing to do, if no ACK comes, is a loss probe.
//
// "The sender SHOULD start or restart a loss probe PTO timer [...] unless it is already in fast recovery, RTO recovery, or
// segments have been SACKed [...] These conditions are excluded because they are addressed by similar mechanisms" RFC 8985, Section 7.2.
//
// Deviation: fast recovery is not excluded. If the retransmission that is last in the network is lost, nothing that was
// sent later tells so, and no such mechanism but the timeout would.
func (c *Conn) mayProbe() bool {
	if !c.opt.sack || c.rack.probe != probeNone || !c.rtt.sampled || c.rtt.backoff > 0 || c.snd.wnd == 0 {
		return false
	}
	switch c.rec.phase {
	case phaseOpen:
		return c.sent.sacked == 0 && c.sent.lost == 0
	case phaseRecovery:
		return true
	}
	return false
}

// answeredAtOnce reports whether the peer has no reason to hold back the ACK that is awaited.
//
// "an ACK SHOULD be generated for at least every second full-sized segment" and when "the incoming segment fills in all
// or part of a gap", or is out of order: RFC 5681, Section 4.2. A peer without SACK, for which no probe is sent before
// the timeout either, is not trusted to be that modern.
func (c *Conn) answeredAtOnce() bool {
	if !c.opt.sack {
		return false
	}
	switch c.rec.phase {
	case phaseOpen:
		return c.snd.flight() >= 2*int(c.snd.mss) || c.sent.sacked > 0
	case phaseLoss:
		// What the first timeout was is doubled, whatever is in flight now.
		return c.rec.prompt
	}
	return true
}

// timeout returns the retransmission timeout.
func (c *Conn) timeout() time.Duration { return c.rtt.timeout(c.answeredAtOnce()) }

// lossProbe sends something that makes the peer tell what it has: new data if there is any and the
// peer's window allows, or the last segment again (RFC 8985, Section 7.3).
func (c *Conn) lossProbe(now clock.Time) {
	k := &c.rack
	if !c.mayProbe() {
		// The peer has told something since the timer was started.
		c.armRTO(now)
		return
	}
	k.probeEnd = c.snd.nxt
	c.rec.force = true
	c.stats.LossProbes++
	mss := int(c.snd.mss)
	if c.rec.phase == phaseRecovery {
		// What the peer waits for is the first segment. If it gets it, it says so, and whether that was the only
		// one missing.
		k.probe = probeHead
		c.sent.markHeadLostAgain(mss)
		c.setTimer(timerRTO, now.Add(c.timeout()))
		c.traced(now, "probe")
		return
	}
	unsent := c.snd.unsent()
	if usable := int(c.snd.wnd) - c.snd.flight(); unsent > 0 && usable >= min(unsent, mss) && (unsent >= mss || c.snd.noDelay) &&
		c.pipe() <= c.cwnd.CWND {
		k.probe = probeNew
	} else {
		k.probe = probeResent
		c.sent.markTailLost(mss)
	}
	c.setTimer(timerRTO, now.Add(c.timeout()))
	c.traced(now, "probe")
}

// probeAnswered ends a loss probe when an ACK covers it: RFC 8985, Section 7.4. If the last segment was sent
// again, and nothing says that it arrived twice, it has repaired a loss that nobody has noticed, and
// congestion control is told.
func (c *Conn) probeAnswered(now clock.Time, dsack, news bool) {
	k := &c.rack
	if dsack || k.probe == probeHead && news {
		k.probe = probeNone
		return
	}
	if c.snd.una.LessThan(k.probeEnd) {
		return
	}
	if k.probe == probeResent && c.rec.phase == phaseOpen {
		c.controller(now).Loss(&c.cwnd, now, max(c.snd.flight(), c.cwnd.CWND))
		c.stats.Recoveries++
		c.traced(now, "probe repaired")
	}
	k.probe = probeNone
}

// markHeadLostAgain marks the first segment in flight as lost even if it has been sent again.
func (s *scoreboard) markHeadLostAgain(mss int) {
	if s.n == 0 {
		return
	}
	if r := s.at(s.head); r.flags&recordSACKed == 0 {
		if r.len() > mss {
			s.split(s.head, r.start.Add(mss))
		}
		s.markLost(s.head)
	}
}

// markTailLost marks the last segment in flight as lost, so that it is sent again.
func (s *scoreboard) markTailLost(mss int) {
	if s.n == 0 {
		return
	}
	i := s.head + s.n - 1
	r := s.at(i)
	if n := r.len(); n > mss {
		s.split(i, r.start.Add((n-1)/mss*mss))
		i++
	}
	s.markLost(i)
}
