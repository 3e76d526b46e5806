package tcp

import (
	"time"

	"github.com/ztstack/ztstack/clock"
)

// pawsIdle is how long TS.Recent is good for: "If the connection has been idle more than 24 days"
// RFC 7323, Section 5.5.
const pawsIdle = 24 * 24 * time.Hour

// Receive processes one segment whose checksum is good and whose addresses and ports are the
// connection's. payload may be of any length. Receive keeps no reference to h or payload.
// Call Output until it returns 0 after a batch of calls to Receive, Write or Poll.
//
// The steps are those of RFC 9293, Section 3.10.7.4, in its order.
func (c *Conn) Receive(now clock.Time, h *Header, payload []byte) {
	c.stats.SegsIn++
	switch c.state {
	case StateSynSent:
		c.receiveSynSent(now, h, payload)
		return
	case StateTimeWait:
		c.receiveTimeWait(now, h, len(payload))
		return
	case StateClosed, StateListen:
		c.drop(DropClosed)
		return
	}
	if c.state == StateSynReceived && c.receiveSimultaneous(h) {
		c.acceptSYNACK(now, h, payload)
		return
	}
	if !c.checkSequence(now, h, len(payload)) {
		return
	}
	if h.Flags&(RST|SYN) != 0 {
		if h.Flags&RST != 0 {
			c.receiveRST(now, h)
		} else {
			c.receiveLateSYN(now)
		}
		return
	}
	if h.Flags&ACK == 0 {
		// "if the ACK bit is off, drop the segment and return"
		c.drop(DropNoACK)
		return
	}
	c.rcv.heard = now
	if c.ecn.on {
		c.receiveECN(h, len(payload))
	}
	if !c.receiveACK(now, h, len(payload)) {
		return
	}
	if len(payload) > 0 || h.Flags&FIN != 0 {
		// Urgent data stays in line: RFC 6093, Section 5.
		c.receiveText(now, h.Seq, payload, h.Flags&FIN != 0)
	}
}

// checkSequence is the first step: is there anything in the segment that is new and fits the window?
func (c *Conn) checkSequence(now clock.Time, h *Header, n int) bool {
	if c.opt.timestamps && h.Options.HasTimestamps {
		// A segment without timestamps is taken as Linux takes it.
		// Deviation: "If a non-<RST> segment is received without a TSopt, a TCP SHOULD silently drop the
		// segment." RFC 7323, Section 3.2. There are peers, and middleboxes, that leave it out.
		if c.rcv.tsValid && int32(h.Options.TSVal-c.rcv.tsRecent) < 0 && h.Flags&RST == 0 &&
			now.Sub(c.rcv.tsRecentAt) < pawsIdle {
			// "R1) If there is a Timestamps option in the arriving segment, SEG.TSval < TS.Recent, [...] send
			// an acknowledgment in reply [...] and drop the segment" RFC 7323, Section 5.3.
			c.unacceptable(now, h, n, DropPAWS)
			return false
		}
	}
	if !c.acceptable(h, n) {
		c.unacceptable(now, h, n, DropOutOfWindow)
		return false
	}
	if c.opt.timestamps && h.Options.HasTimestamps && h.Seq.LessEq(c.rcv.acked) && h.Flags&RST == 0 {
		// "(2) If SEG.TSval >= TS.Recent and SEG.SEQ <= Last.ACK.sent, then SEG.TSval is copied to TS.Recent"
		// RFC 7323, Section 4.3.
		c.rcv.tsRecent, c.rcv.tsRecentAt, c.rcv.tsValid = h.Options.TSVal, now, true
	}
	return true
}

// acceptable makes the four tests of RFC 9293, Section 3.10.7.4.
func (c *Conn) acceptable(h *Header, n int) bool {
	r := &c.rcv
	size := h.Flags.seqLen(n)
	wnd := r.right.Sub(r.nxt)
	off := h.Seq.Sub(r.nxt)
	if size == 0 {
		if h.Flags&RST != 0 {
			return off == 0 || 0 < off && off < wnd
		}
		// Deviation: a segment that is empty and lies just behind the window is taken. It comes from a peer
		// that has filled the window, some of which was lost, and its ACK is as good as any.
		return 0 <= off && off <= max(wnd, 0)
	}
	if wnd <= 0 {
		// "If the RCV.WND is zero, no segments will be acceptable, but special allowance should be made to
		// accept valid ACKs, URGs, and RSTs."
		return off == 0
	}
	return off < wnd && off+size > 0
}

// unacceptable answers a segment that failed the first step.
func (c *Conn) unacceptable(now clock.Time, h *Header, n int, why DropReason) {
	// "If an incoming segment is not acceptable, an acknowledgment should be sent in reply (unless the RST
	// bit is set [...])"
	switch {
	case h.Flags&RST != 0:
		c.drop(why)
	case c.state == StateSynReceived && h.Flags&SYN != 0:
		// The peer has not got our SYN,ACK.
		c.drop(why)
		if c.challenge.allow(now) {
			c.snd.nxt = c.snd.iss
		}
	case n > 0 || h.Flags&FIN != 0:
		// The peer has not got our acknowledgement, and needs it at once.
		c.drop(why)
		c.ackDuplicate(h.Seq, h.Seq.Add(n))
	default:
		// Nothing but a probe is like that, or an attack, or the other half of an endless exchange of ACKs.
		c.challengeACK(now, why)
	}
}

// receiveRST is the second step.
func (c *Conn) receiveRST(now clock.Time, h *Header) {
	// "If the RST bit is set and the sequence number exactly matches the next expected sequence number
	// (RCV.NXT), then TCP endpoints MUST reset the connection [...] If the RST bit is set and the sequence
	// number does not exactly match [...], yet is within the current receive window, TCP endpoints MUST send
	// an acknowledgment (challenge ACK)" RFC 5961, Section 3.2.
	if h.Seq != c.rcv.nxt {
		c.challengeACK(now, DropRST)
		return
	}
	switch c.state {
	case StateSynReceived:
		if c.shut.passive {
			c.end(ErrReset)
		} else {
			c.end(ErrRefused)
		}
	case StateClosing, StateLastAck:
		c.end(nil)
	default:
		c.end(ErrReset)
	}
}

// receiveLateSYN is the fourth step: "TCP endpoints MUST send a 'challenge ACK' to the remote peer"
// RFC 5961, Section 4.2, whatever the sequence number.
func (c *Conn) receiveLateSYN(now clock.Time) { c.challengeACK(now, DropSYN) }

// receiveACK is the fifth step. It reports whether the rest of the segment is to be processed.
func (c *Conn) receiveACK(now clock.Time, h *Header, n int) bool {
	if c.state == StateSynReceived {
		if h.Ack != c.snd.iss+1 {
			// "If the segment acknowledgment is not acceptable, form a reset segment <SEQ=SEG.ACK><CTL=RST>"
			c.drop(DropBadACK)
			c.reset.answer(h.Ack)
			return false
		}
		c.setWindow(h)
		c.established(now)
		return true
	}
	s := &c.snd
	ack := h.Ack
	if ack == s.una && s.nxt == s.una && h.Options.NumSACK == 0 {
		// Nothing is in flight: only the window can be news.
		c.updateWindow(now, h, false)
		return true
	}
	if s.nxt.LessThan(ack) || ack.LessThan(s.una.Add(-int(s.maxWnd))) {
		// "The ACK value is considered acceptable only if it is in the range of ((SND.UNA - MAX.SND.WND) <=
		// SEG.ACK <= SND.NXT). All incoming segments whose ACK value doesn't satisfy the above condition MUST be
		// discarded and an ACK sent back." RFC 5961, Section 5.2.
		c.challengeACK(now, DropBadACK)
		return false
	}
	if ack.LessThan(s.una) {
		// "If the ACK is a duplicate (SEG.ACK =< SND.UNA), it can be ignored."
		return true
	}
	moved := c.takeACK(now, h, n)
	if moved && s.finSent {
		return c.finAcknowledged(now)
	}
	return true
}

// takeACK lets an ACK in order update the send state, and reports whether it moved SND.UNA. n is the length of the
// payload it came with.
func (c *Conn) takeACK(now clock.Time, h *Header, n int) (moved bool) {
	s := &c.snd
	newly := 0
	dsacks := c.stats.DSACKs
	had := c.snd.flight() - int(c.sent.sacked)
	una := s.una
	var lost uint32
	if c.bbr != nil {
		lost = c.measure()
	}
	if h.Options.NumSACK > 0 && c.opt.sack {
		newly = c.receiveSACK(now, h)
	}
	same := s.wnd == uint32(h.Window)<<s.scale
	moved = h.Ack != s.una
	if moved {
		c.advance(now, h, h.Ack.Sub(s.una))
	}
	c.updateWindow(now, h, moved)
	if s.wnd == 0 && !c.shut.orphan {
		// "As long as the receiving TCP peer continues to send acknowledgments in response to the probe segments, the
		// sending TCP peer MUST allow the connection to stay open" RFC 9293, Section 3.8.6.1 (MUST-37).
		s.progress = now
	}
	if !moved && n == 0 && h.Flags&FIN == 0 && s.una != s.nxt {
		// A duplicate ACK by RFC 5681, Section 2, or by RFC 6675, Section 2.
		if newly > 0 || same && !c.opt.sack && s.wnd > 0 {
			c.duplicateACK(now, newly)
		}
	}
	if h.Flags&ECE != 0 && c.ecn.on {
		c.congestionEchoed(now, had)
	}
	if c.rack.probe != probeNone {
		c.probeAnswered(now, c.stats.DSACKs != dsacks, moved || newly > 0)
	}
	if newly > 0 && !moved {
		// A selective acknowledgement of new data restarts the timer like a cumulative one.
		c.armRTO(now)
	}
	if c.rec.duplicates > 0 || newly > 0 || c.rec.phase != phaseOpen || c.sent.sacked > 0 {
		c.detectLoss(now)
	}
	if c.bbr != nil {
		c.model(now, max(0, had-c.snd.flight()+int(c.sent.sacked)), s.una.Sub(una), lost)
	} else if c.rec.phase == phaseRecovery && c.opt.sack {
		left := c.snd.flight() - int(c.sent.sacked)
		c.cwnd.CWND = c.rec.prr.window(max(0, had-left), c.pipe(), c.cwnd.SSThresh, int(s.mss))
	}
	return moved
}

// setWindow takes the first window of a synchronised connection.
func (c *Conn) setWindow(h *Header) {
	s := &c.snd
	s.wnd = uint32(h.Window)
	if h.Flags&SYN == 0 {
		// "The window field in a segment where the SYN bit is set [...] MUST NOT be scaled." RFC 7323, Section 2.2.
		s.wnd <<= s.scale
	}
	s.maxWnd = max(s.maxWnd, s.wnd)
	s.wl1, s.wl2 = h.Seq, h.Ack
}

// finAcknowledged moves the state if our FIN has been acknowledged, and reports whether to go on.
func (c *Conn) finAcknowledged(now clock.Time) bool {
	if !c.snd.finAcked() {
		return true
	}
	switch c.state {
	case StateFinWait1:
		c.state = StateFinWait2
		c.timers[timerClose] = clock.Never // nothing is left to linger for
		if c.shut.orphan {
			c.setTimer(timerClose, now.Add(c.finWait2))
		}
	case StateClosing:
		c.enterTimeWait(now)
		return false
	case StateLastAck:
		c.end(nil)
		return false
	}
	return true
}
