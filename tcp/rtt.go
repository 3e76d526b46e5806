package tcp

import "time"

const (
	// initialRTO is the timeout before there is a sample: RFC 6298, Section 2 (2.1).
	initialRTO = time.Second
	// lostSYNRTO is the timeout after a SYN was retransmitted: RFC 6298, Section 5 (5.7).
	lostSYNRTO = 3 * time.Second
	// promptRTO is the least variance to reckon with when the peer has no reason to delay its ACK; twice the round-trip
	// time is added. It allows for the time that busy machines need to wake up.
	//
	// Deviation: RFC 6298 has a minimum of a second (2.4), and allows that "at some future point, research may show that
	// a smaller minimum RTO is acceptable or superior". What is left of the reasons for it, peers that delay ACKs and
	// coarse clocks, is not there when this is used; a timeout that was spurious is undone.
	promptRTO = 5 * time.Millisecond
	// maxRTO bounds the back-off: RFC 6298, Section 2 (2.5) wants at least 60 seconds.
	maxRTO = 60 * time.Second
	// maxBackoff is enough to take any timeout to maxRTO.
	maxBackoff = 30
)

// rttState estimates the round-trip time and the timeout made of it (RFC 6298).
type rttState struct {
	srtt    time.Duration
	rttvar  time.Duration
	rto     time.Duration // before back-off
	minimum time.Duration // least sample seen; 0 before the first
	latest  time.Duration
	backoff uint8
	sampled bool
	fixed   bool // rto holds whatever is in flight
}

func (r *rttState) init() { *r = rttState{rto: initialRTO} }

// sample takes one measurement. minRTO is the least allowance for variance.
func (r *rttState) sample(rtt, minRTO time.Duration) {
	rtt = max(rtt, 1)
	r.latest = rtt
	if !r.sampled {
		// "SRTT <- R, RTTVAR <- R/2" RFC 6298, Section 2 (2.2).
		r.sampled = true
		r.srtt, r.rttvar, r.minimum = rtt, rtt/2, rtt
	} else {
		// "RTTVAR <- (1 - beta) * RTTVAR + beta * |SRTT - R'|
		//  SRTT <- (1 - alpha) * SRTT + alpha * R'" RFC 6298, Section 2 (2.3).
		d := r.srtt - rtt
		if d < 0 {
			d = -d
		}
		r.rttvar += (d - r.rttvar) / 4
		r.srtt += (rtt - r.srtt) / 8
		r.minimum = min(r.minimum, rtt)
	}
	// The allowance is added, as Linux does, rather than being a floor under the sum: on a path of steady
	// delay just below the floor every delayed ACK would otherwise be a timeout.
	r.rto = min(r.srtt+max(4*r.rttvar, minRTO), maxRTO)
	r.backoff = 0
}

// lostSYN is called when the handshake ends after a timeout.
// "If the timer expires awaiting the ACK of a SYN segment and the TCP implementation is using an RTO less
// than 3 seconds, the RTO MUST be re-initialized to 3 seconds when data transmission begins" RFC 6298,
// Section 5 (5.7).
func (r *rttState) lostSYN() {
	r.backoff = 0
	if !r.sampled {
		r.rto = lostSYNRTO
	}
}

// timeout returns the timeout with back-off. prompt says that the peer has no reason to delay its ACK.
func (r *rttState) timeout(prompt bool) time.Duration {
	d := r.rto
	if prompt && r.sampled && !r.fixed {
		d = min(d, r.srtt+max(4*r.rttvar, 2*r.srtt+promptRTO))
	}
	if r.backoff == 0 {
		return d
	}
	if b := d << r.backoff; b <= maxRTO && b > d {
		return b
	}
	return maxRTO
}

// backOff doubles the timeout. "The host MUST set RTO <- RTO * 2" RFC 6298, Section 5 (5.5).
func (r *rttState) backOff() {
	if r.backoff < maxBackoff {
		r.backoff++
	}
}
