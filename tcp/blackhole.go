package tcp

import (
	"time"

	"github.com/ztstack/ztstack/clock"
)

const (
	// holeTimeouts is how many timeouts in a row make one believe that large packets are lost without a word.
	holeTimeouts = 4
	// holeProbe is when a larger segment is tried again for the first time. The interval doubles up to 2^maxHoleWait times
	// that, about the ten minutes of RFC 4821, Section 7.7.
	holeProbe   = 5 * time.Second
	maxHoleWait = 7
)

// holeSteps are the sizes that a sender falls back to: what IPv6's least MTU carries, then what every IPv4 host takes (RFC
// 4821, Section 7.7; RFC 8899, Section 5.1.2).
var holeSteps = [...]uint16{1220, 536}

// holeState is that of black hole detection: RFC 4821, Section 7.7, and RFC 8899, Section 4.3. It needs no ICMP.
type holeState struct {
	at      clock.Time // when a larger segment may be tried
	end     Seq        // of the one that is being tried
	full    uint16     // route MSS that was given up; 0 if none
	wait    uint8      // doublings of the interval
	probing bool
}

// suspectHole is called when the retransmission timer expires. If it was for a full segment, and not for the first time, smaller
// ones are sent from now on.
//
// "The black hole detection [...] is triggered by [...] a sequence of lost PL packets that are larger than the base size"
// in the sense of RFC 8899, Section 4.3.
func (c *Conn) suspectHole(now clock.Time) {
	if c.rtt.backoff%holeTimeouts != 0 || c.sent.n == 0 || c.sent.at(c.sent.head).len() < int(c.snd.mss) {
		return
	}
	for _, size := range holeSteps {
		if c.routeMSS <= size || c.peerMSS <= size {
			continue
		}
		if c.hole.full == 0 {
			c.hole = holeState{full: c.routeMSS}
		}
		c.hole.at = now.Add(holeProbe << c.hole.wait)
		c.resize(size)
		c.stats.BlackHoles++
		c.traced(now, "black hole")
		return
	}
}

// resize makes segments larger or smaller.
func (c *Conn) resize(mss uint16) {
	c.routeMSS = mss
	c.updateMSS()
	c.cwnd.CWND = max(c.cwnd.CWND, c.cwnd.MSS)
	c.cwnd.SSThresh = max(c.cwnd.SSThresh, 2*c.cwnd.MSS)
}

// probeSize returns the size for the next segment of new data: a larger one than mss when it is time to try whether that
// passes, and nothing is known to be lost.
func (c *Conn) probeSize(now clock.Time, mss, unsent int) int {
	e := &c.hole
	big := mss + int(min(e.full, c.peerMSS)) - int(min(c.routeMSS, c.peerMSS))
	if e.probing || !e.at.Expired(now) || c.rec.phase != phaseOpen || unsent < big || c.cwnd.CWND-c.pipe() < big {
		return mss
	}
	return big
}

// probeSent notes that the segment up to end is larger than others.
func (e *holeState) probeSent(end Seq) { e.probing, e.end = true, end }

// probeLost notes that a record is sent again. If it is the larger segment, that did not pass.
//
// Deviation: the loss of a probe "SHOULD NOT be treated as congestion" (RFC 4821, Section 7.6.2). Here it is: there are few of
// them, and a path that loses for both reasons is not told apart.
func (e *holeState) probeLost(now clock.Time, r *record) {
	if r.start.LessThan(e.end) && e.end.LessEq(r.end) {
		e.probing = false
		e.wait = min(e.wait+1, maxHoleWait)
		e.at = now.Add(holeProbe << e.wait)
	}
}

// probePassed goes back to the size that was given up if the larger segment has been acknowledged.
func (c *Conn) probePassed(now clock.Time) {
	if c.snd.una.LessThan(c.hole.end) {
		return
	}
	full := c.hole.full
	c.hole = holeState{}
	c.resize(full)
	c.traced(now, "larger segments pass")
}
