package tcp

import (
	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/internal/bytequeue"
)

// receiveState holds the receive sequence variables (RFC 9293, Section 3.3.1) and the bytes behind them.
type receiveState struct {
	nxt   Seq // RCV.NXT
	acked Seq // the last acknowledgement number sent: Last.ACK.sent of RFC 7323
	right Seq // right edge of the window as the peer has last been told; it never moves left
	limit int32
	most  int32  // how far limit may grow: see autotune.go
	mss   uint16 // the largest segment the peer has sent, at most what we have announced
	ours  uint16 // the MSS we announce
	scale uint8  // Rcv.Wind.Shift
	quick int8   // segments still to be acknowledged two by two even when they come in batches

	prompt uint8 // segments still to be acknowledged each at once

	consumed   bool  // the application has read since the window was last told
	starved    bool  // the pool was exhausted when data came: see starve
	ackNow     bool  // an acknowledgement is due without delay
	duplicates uint8 // further acknowledgements that are due, for a peer without SACK
	tsValid    bool
	tsRecent   uint32     // TS.Recent
	tsRecentAt clock.Time // when it was set
	heard      clock.Time // when the last acceptable segment came
	buf        bytequeue.Queue
	meter      meter
	irs        Seq
	peerClosed bool // the peer's FIN has been processed
	dsackStart Seq  // a range received twice, to be reported: RFC 2883
	dsackEnd   Seq
}

// quickSegments is for how many segments of a new connection the peer gets an acknowledgement for every
// second one, so that its congestion window opens at the usual pace.
const quickSegments = 16

// promptSegments is for how many segments after a sign of loss each gets its acknowledgement at once. A sender whose
// congestion window has become small may have sent no second one, and would wait for a delayed ACK.
const promptSegments = 16

// roundSlack is how many units of the window's granularity the window may exceed the buffer by: the right
// edge must not move left, and cannot be told exactly when it is scaled.
const roundSlack = 64

func (r *receiveState) init(limit, most, mss int) {
	r.limit, r.most = int32(limit), int32(most)
	r.ours = uint16(mss)
	r.mss = uint16(min(mss, defaultMSS)) // until a larger one has been seen
	r.quick = quickSegments
	for r.scale < maxWindowScale && most > 0xffff<<r.scale {
		r.scale++
	}
}

// start sets what the peer's SYN determines. offered is the window that our SYN has offered; 0 if it has not
// been sent.
func (r *receiveState) start(irs Seq, offered int) {
	r.irs = irs
	r.nxt = irs + 1
	r.acked = r.nxt
	r.right = r.nxt.Add(offered)
}

// synWindow returns the window that a SYN without an ACK offers. "The window field in a segment where the SYN
// bit is set [...] MUST NOT be scaled." RFC 7323, Section 2.2.
func (r *receiveState) synWindow() int { return min(int(r.limit), 0xffff) }

// hardLimit returns the most bytes that are stored, in order or not.
func (r *receiveState) hardLimit() int {
	if r.scale == 0 {
		return int(r.limit)
	}
	return int(r.limit) + roundSlack<<r.scale
}

// window returns RCV.WND as the peer knows it.
func (r *receiveState) window() int { return max(0, r.right.Sub(r.nxt)) }

// edge returns where the right edge would lie if all free room were offered: a whole number of the scaled
// window's units, so that it can be told exactly.
func (r *receiveState) edge() Seq {
	free := min(max(0, int(r.limit)-r.buf.Len()), 0xffff<<r.scale)
	return r.nxt.Add(free >> r.scale << r.scale)
}

// step returns by how much the right edge moves at least.
//
// "the receiver should keep RCV.NXT+RCV.WND fixed until such time as RCV.BUFF - RCV.USER - RCV.WND >=
// min(Fr * RCV.BUFF, Eff.snd.MSS), where Fr is [...] 1/2" RFC 9293, Section 3.8.6.2.2.
func (r *receiveState) step() int { return min(int(r.limit)/2, int(r.ours)) }

// updateDue reports whether the window has opened so far that the peer must be told.
//
// That is not for every step: a peer that has room for two segments left, as far as we know, either sends
// them, and learns more from their acknowledgement, or has nothing to send.
func (r *receiveState) updateDue() bool {
	if !r.consumed || r.peerClosed || r.starved {
		return false
	}
	opened := r.edge().Sub(r.right)
	if opened < r.step() {
		return false
	}
	return opened >= int(r.limit)/4 || r.right.Sub(r.nxt) < 2*int(r.ours)
}

// advertise returns the window field for a segment that acknowledges ack, and remembers what it promises.
func (r *receiveState) advertise(ack Seq) uint16 {
	if r.starved {
		return 0
	}
	if edge := minSeq(r.edge(), ack.Add(0xffff<<r.scale)); edge.Sub(r.right) >= r.step() {
		r.right = edge
	}
	// What has been offered before may not be a whole number of units now: rounding up keeps the promise.
	field := min(max(0, r.right.Sub(ack)+1<<r.scale-1)>>r.scale, 0xffff)
	r.right = maxSeq(r.right, ack.Add(field<<r.scale))
	r.consumed = false
	return uint16(field)
}

// updateWindow takes the window of an acceptable segment as SND.WND. moved says that its ACK was new.
func (c *Conn) updateWindow(now clock.Time, h *Header, moved bool) {
	// "If (SND.WL1 < SEG.SEQ or (SND.WL1 = SEG.SEQ and SND.WL2 =< SEG.ACK)), set SND.WND <- SEG.WND"
	// RFC 9293, Section 3.10.7.4: an old segment must not set an old window.
	//
	// Deviation: a segment that acknowledges new data always counts, even if it is a retransmission with a low
	// sequence number. Otherwise SND.UNA would move and a window measured from where it was would stay, and
	// reach farther than the peer has ever offered.
	s := &c.snd
	if !moved && !s.wl1.LessThan(h.Seq) && (s.wl1 != h.Seq || h.Ack.LessThan(s.wl2)) {
		return
	}
	old := s.wnd
	s.wnd = uint32(h.Window) << s.scale
	s.wl1, s.wl2 = h.Seq, h.Ack
	s.maxWnd = max(s.maxWnd, s.wnd)
	if old == 0 && s.wnd > 0 {
		c.windowReopened(now)
	}
}
