package tcp

import (
	"math"
	"time"

	"github.com/ztstack/ztstack/clock"
)

// cubic is the congestion control of RFC 9438, with HyStart++ (RFC 9406) in slow start.
type cubic struct {
	reno   reno
	start  hystart
	epoch  clock.Time // when the current congestion avoidance stage began; Never before it has
	wMax   float64    // W_max, in segments
	prior  float64    // cwnd_prior, in segments
	k      float64    // K, in seconds
	origin float64    // the window at the plateau of the current stage, in segments
	est    float64    // W_est, in segments
}

const (
	cubicC    = 0.4
	cubicBeta = 0.7
	// cubicAlpha makes W_est grow as fast as Reno with cubicBeta would: RFC 9438, Section 4.3.
	cubicAlpha = 3 * (1 - cubicBeta) / (1 + cubicBeta)
)

func (*cubic) Name() string { return "cubic" }

func (u *cubic) Init(w *Window, _ clock.Time, _, _ time.Duration) {
	*u = cubic{}
	u.start.done = w.SSThresh < infiniteThreshold
}

func (u *cubic) Acked(w *Window, a Ack) {
	if w.CWND < w.SSThresh {
		if a.Timeout {
			u.reno.Acked(w, a)
			return
		}
		u.start.acked(w, a)
		return
	}
	mss := float64(w.MSS)
	if a.Flight+w.MSS <= w.CWND {
		// The application limits: time that passes so must not count (RFC 9438, Section 5.8).
		u.epoch = clock.Never
		return
	}
	cwnd := float64(w.CWND) / mss
	if u.epoch == clock.Never {
		u.begin(a.Now, cwnd)
	}
	t := a.Now.Sub(u.epoch).Seconds()
	acked := float64(a.Acked) / mss

	// "W_est = W_est + alpha_cubic * segments_acked / cwnd" (Section 4.3); as fast as Reno once it has made up for the
	// smaller decrease.
	alpha := cubicAlpha
	if u.est >= u.prior {
		alpha = 1
	}
	u.est += alpha * acked / cwnd

	next := u.est
	if u.at(t) >= u.est {
		// "cwnd MUST be incremented by (target - cwnd) / cwnd for each received new ACK" (Section 4.4).
		target := min(max(u.at(t+a.RTT.Seconds()), cwnd), 1.5*cwnd)
		next = cwnd + (target-cwnd)*min(acked/cwnd, 1)
	}
	if next > cwnd {
		w.CWND = min(int(next*mss), maxCWND)
	}
}

// begin starts a congestion avoidance stage: RFC 9438, Section 4.2.
func (u *cubic) begin(now clock.Time, cwnd float64) {
	u.epoch = now
	u.est = cwnd
	if cwnd < u.wMax {
		u.origin = u.wMax
		u.k = math.Cbrt((u.wMax - cwnd) / cubicC)
	} else {
		u.origin = cwnd
		u.k = 0
	}
}

// at returns W_cubic(t), in segments.
func (u *cubic) at(t float64) float64 {
	d := t - u.k
	return u.origin + cubicC*d*d*d
}

// reduce notes a congestion event: RFC 9438, Sections 4.6 and 4.7.
func (u *cubic) reduce(w *Window) {
	cwnd := float64(w.CWND) / float64(w.MSS)
	u.prior = cwnd
	if cwnd < u.wMax {
		// Fast convergence: another flow wants its share.
		u.wMax = cwnd * (1 + cubicBeta) / 2
	} else {
		u.wMax = cwnd
	}
	w.SSThresh = max(int(float64(w.CWND)*cubicBeta), 2*w.MSS)
	w.credit = 0
	u.epoch = clock.Never
	u.start.done = true
}

func (u *cubic) Loss(w *Window, _ clock.Time, _ int) {
	u.reduce(w)
	w.CWND = w.SSThresh
}

func (u *cubic) Timeout(w *Window, _ clock.Time, _ int, again bool) {
	if !again {
		u.reduce(w)
	}
	w.CWND = w.MSS
}

func (u *cubic) Idle(w *Window, now clock.Time) {
	u.reno.Idle(w, now)
	u.epoch = clock.Never
}
