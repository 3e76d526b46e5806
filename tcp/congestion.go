package tcp

import (
	"time"

	"github.com/ztstack/ztstack/clock"
)

// A Window is what a congestion controller sets.
type Window struct {
	CWND     int // congestion window, in bytes
	SSThresh int // slow start threshold, in bytes
	MSS      int // payload of a full segment, in bytes; set by the connection
	credit   int // bytes acknowledged since CWND last grew in congestion avoidance
}

const (
	// infiniteThreshold is a slow start threshold that is never reached: RFC 5681, Section 3.1.
	infiniteThreshold = 1 << 30
	maxCWND           = 1 << 30
)

// init sets the initial window: RFC 6928, Section 2.
func (w *Window) init(mss int, lostSYN bool) {
	w.MSS, w.SSThresh, w.credit = mss, infiniteThreshold, 0
	w.CWND = w.initial()
	if lostSYN {
		// "If the SYN or SYN/ACK is lost, the initial window used by a sender after a correctly transmitted
		// SYN MUST be one segment" RFC 5681, Section 3.1.
		w.CWND = mss
	}
}

// initial returns "min (10*MSS, max (2*MSS, 14600))" RFC 6928, Section 2.
func (w *Window) initial() int { return min(10*w.MSS, max(2*w.MSS, 14600)) }

// An Ack is what an acknowledgement of new data tells a congestion controller.
type Ack struct {
	Now     clock.Time
	Acked   int           // bytes newly acknowledged
	Flight  int           // bytes that were outstanding before
	RTT     time.Duration // the sample it gave; 0 if none
	UNA     Seq           // SND.UNA, after the ACK
	NXT     Seq           // SND.NXT
	Timeout bool          // data that a timeout has declared lost is still being repaired
}

// Congestion is a congestion controller. It keeps its state in the Window or in itself; one that has no
// state of its own needs no memory per connection.
type Congestion interface {
	// Name returns what Config.Congestion calls it.
	Name() string
	// Init is called before anything else: when there is something to control, when the controller is changed, and again
	// after a pause in which its state was given up. srtt and least are what is known of the round-trip time, or 0.
	Init(w *Window, now clock.Time, srtt, least time.Duration)
	// Acked is called for each ACK of new data, but not during fast recovery.
	Acked(w *Window, a Ack)
	// Loss is called when fast recovery begins, with the bytes outstanding. It sets SSThresh and CWND.
	Loss(w *Window, now clock.Time, flight int)
	// Timeout is called when the retransmission timer has expired. again means that a timeout has already
	// been suffered for the same data.
	Timeout(w *Window, now clock.Time, flight int, again bool)
	// Idle is called before data is sent after the connection was idle for longer than a timeout.
	Idle(w *Window, now clock.Time)
}
