package tcp

import "github.com/ztstack/ztstack/clock"

// eifelState finds out that a retransmission was not needed, and what to go back to: the Eifel detection algorithm (RFC 3522)
// and a response to it (RFC 4015). It needs timestamps: the echo in the first ACK of new data tells whether that answers the
// original or the retransmission.
type eifelState struct {
	cwnd, ssthresh int32  // before the reduction; RFC 4015's pipe_prev
	stamp          uint32 // RetransmitTS
	armed          bool   // a reduction may yet be taken back
	sent           bool   // stamp is set: the first retransmission has been sent
}

// begin remembers the window before it is reduced for a loss, or a timeout, that may turn out to be none.
func (e *eifelState) begin(w *Window) {
	*e = eifelState{cwnd: int32(w.CWND), ssthresh: int32(w.SSThresh), armed: true}
}

// resent notes a retransmission with its timestamp. Only the first one counts, and only if it is of the oldest segment in
// flight, as RFC 3522 assumes: before any other the originals of what precedes it may be acknowledged.
func (e *eifelState) resent(stamp uint32, oldest bool) {
	if e.armed && !e.sent {
		e.stamp, e.sent, e.armed = stamp, oldest, oldest
	}
}

// judge looks at the first ACK of new data after the retransmission and reports whether the original had arrived.
//
// "If the value of the Timestamp Echo Reply field of the acceptable ACK's Timestamps option is smaller than the value of
// RetransmitTS, then proceed to step (5)", where the entry into loss recovery is spurious: RFC 3522, Section 3.2 (4).
func (e *eifelState) judge(h *Header) bool {
	if !e.sent {
		return false
	}
	e.armed, e.sent = false, false
	return h.Options.HasTimestamps && h.Options.TSEcr != 0 && int32(h.Options.TSEcr-e.stamp) < 0
}

// undo takes back a reduction of the window, and the belief that anything was lost.
//
// "If the [...] congestion control state was reset [...], set SSTHRESH <- pipe_prev", and let the window be what it was, as RFC
// 4015, Section 3.2 (6 and 8) means for a network that has lost nothing. What had been marked as lost is on its way.
func (c *Conn) undo(now clock.Time) {
	e := &c.eifel
	c.cwnd.CWND = max(c.cwnd.CWND, int(e.cwnd))
	c.cwnd.SSThresh = max(c.cwnd.SSThresh, int(e.ssthresh))
	c.sent.unmarkLost()
	if !c.opt.sack {
		c.sent.sacked = 0 // an estimate, which was of the recovery
	}
	c.rec.phase = phaseOpen
	c.rec.force = false
	c.rtt.backoff = 0
	c.stats.Undos++
	c.traced(now, "undo")
}

// unmarkLost takes back that records were lost, but for those that have been sent again: these are in the network either
// way.
func (s *scoreboard) unmarkLost() {
	s.lost, s.resent, s.fresh = 0, 0, s.head
	for i := s.head; i != s.head+s.n; i++ {
		s.at(i).flags &^= recordLost | recordResent
	}
}
