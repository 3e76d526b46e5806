package tcp

import (
	"time"

	"github.com/ztstack/ztstack/clock"
)

// reno is the congestion control of RFC 5681 with the byte counting of RFC 3465. What RFC 6582 and
// RFC 6675 add to it is in recovery.go.
type reno struct{}

// slowStartLimit is the most segments by which one ACK opens the window in slow start.
//
// Deviation: RFC 3465, Section 2.3 sets 2. A receiver that takes segments in batches acknowledges dozens at
// once, and with 2 slow start would be linear; RFC 9406, Section 4.2 allows 8 without pacing.
const slowStartLimit = 8

func (reno) Name() string { return "reno" }

func (reno) Init(*Window, clock.Time, time.Duration, time.Duration) {}

func (reno) Acked(w *Window, a Ack) {
	if w.CWND < w.SSThresh {
		// A window that is not used says nothing about the network: RFC 7661, Section 4.4.
		if 2*a.Flight < w.CWND {
			return
		}
		limit := slowStartLimit
		if a.Timeout {
			// "during slow start phases that follow RTOs [...] L=1*SMSS" RFC 3465, Section 2.3.
			limit = 1
		}
		w.CWND = min(w.CWND+min(a.Acked, limit*w.MSS), maxCWND)
		return
	}
	if a.Flight+w.MSS <= w.CWND {
		return
	}
	// "cwnd += SMSS" once per cwnd bytes acknowledged: RFC 5681, Section 3.1; RFC 3465, Section 2.1.
	w.credit += a.Acked
	if w.credit >= w.CWND {
		w.credit -= w.CWND
		w.CWND = min(w.CWND+w.MSS, maxCWND)
	}
}

// halve sets the threshold: "ssthresh = max (FlightSize / 2, 2*SMSS)" RFC 5681, Section 3.1 (4).
func (reno) halve(w *Window, flight int) { w.SSThresh = max(flight/2, 2*w.MSS) }

func (r reno) Loss(w *Window, _ clock.Time, flight int) {
	r.halve(w, flight)
	w.CWND, w.credit = w.SSThresh, 0
}

func (r reno) Timeout(w *Window, _ clock.Time, flight int, again bool) {
	// "When [...] the given segment has already been retransmitted by way of the retransmission timer at
	// least once, the value of ssthresh is held constant." RFC 5681, Section 3.1.
	if !again {
		r.halve(w, flight)
	}
	w.CWND, w.credit = w.MSS, 0
}

// Idle limits the window: "a TCP SHOULD set cwnd to no more than RW before beginning transmission if the
// TCP has not sent data in an interval exceeding the retransmission timeout" RFC 5681, Section 4.1.
func (reno) Idle(w *Window, _ clock.Time) { w.restart() }

// restart sets the window for a sender that was idle.
func (w *Window) restart() { w.CWND = min(w.CWND, w.initial()) }
