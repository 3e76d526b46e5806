package tcp

import (
	"math"
	"time"

	"github.com/ztstack/ztstack/clock"
)

// bbr is a congestion controller that models the path, by the bandwidth and the round-trip time it has seen, and paces:
// BBR version 3, draft-ietf-ccwg-bbr-02 (https://datatracker.ietf.org/doc/draft-ietf-ccwg-bbr/), "the draft" below. This
// file has the states and what follows from the model; bbr_model.go the model; bbr_probe.go the cycle of probing for
// bandwidth; bbr_rtt.go that for the round-trip time.
//
// Deviation: the draft takes more than 2% of loss for a sign of a queue that overflows, and any loss for a reason to keep
// the rate below what was last measured. Here lossThreshold is both, for paths on which packets vanish for other
// reasons: radio, tunnels, and whatever made somebody choose this controller.
type bbr struct {
	rate  rateState
	pacer pacer

	state      bbrState
	pacingGain float64
	cwndGain   float64
	pacing     float64 // BBR.pacing_rate, in bytes per second
	priorCWND  int
	idle       bool // BBR.idle_restart
	repairing  bool // a timeout has occurred, and not all that was lost then has been sent again

	bbrModel
	bbrProbe
}

type bbrState uint8

const (
	bbrStartup bbrState = iota
	bbrDrain
	bbrDown // ProbeBW_DOWN
	bbrCruise
	bbrRefill
	bbrUp
	bbrProbeRTT
)

const (
	startupPacingGain = 2.77 // BBRStartupPacingGain
	startupCWNDGain   = 2.0
	drainPacingGain   = 0.5
	defaultCWNDGain   = 2.0
	pacingMargin      = 0.99 // "BBRPacingMarginPercent [...] 1"
	lossThreshold     = 0.15 // BBRLossThresh, but see above
	lossBeta          = 0.7  // BBRBeta
	headroom          = 0.15 // BBRHeadroom
	minPipeSegments   = 4    // BBRMinPipeCwnd
	noBound           = math.MaxInt32
)

func (*bbr) Name() string { return "bbr" }

// Init is BBROnInit. What is known of the round-trip time already is used.
func (b *bbr) Init(w *Window, now clock.Time, srtt, least time.Duration) {
	*b = bbr{}
	b.bbrModel.init(now)
	if least > 0 {
		b.minRTT, b.minRTTAt = least, now
		b.probeMin, b.probeMinAt = least, now
	}
	b.random = uint32(now) ^ uint32(now>>32) | 1
	b.enterStartup()
	// "nominal_bandwidth = InitialCwnd / (SRTT ? SRTT : 1ms); BBR.pacing_rate = BBRStartupPacingGain * nominal_bandwidth"
	if srtt == 0 {
		srtt = time.Millisecond
	}
	b.setPacing(w, startupPacingGain*float64(w.CWND)/max(srtt, time.Microsecond).Seconds())
	w.SSThresh = infiniteThreshold
}

// Acked and Loss do nothing: an ACK is told to sampled, losses included.
func (b *bbr) Acked(*Window, Ack)            {}
func (b *bbr) Loss(*Window, clock.Time, int) {}

// Timeout lets a single segment out, as the draft says in Section 4.6.4.4, until ACKs come.
func (b *bbr) Timeout(w *Window, _ clock.Time, _ int, again bool) {
	if !again {
		b.saveCWND(w)
	}
	b.repairing = true
	w.CWND = w.MSS
}

// repaired ends what Timeout began: "BBROnExitRecovery: BBRRestoreCwnd()".
func (b *bbr) repaired(w *Window) {
	if b.repairing {
		b.repairing = false
		w.CWND = max(w.CWND, b.priorCWND)
	}
}

// Idle leaves the window as it is: what goes out is paced.
func (b *bbr) Idle(*Window, clock.Time) {}

// sending is BBRHandleRestartFromIdle, before something is sent with nothing in flight.
func (b *bbr) sending(w *Window, now clock.Time) {
	if !b.rate.limited {
		return
	}
	b.idle = true
	b.extraSince, b.extraDelivered = now, 0
	if b.probing() {
		b.setPacing(w, b.bw)
	} else if b.state == bbrProbeRTT {
		b.checkProbeRTTDone(w, now)
	}
}

// sampled is BBRUpdateOnACK, for every ACK that has delivered something or shown that something is lost.
func (b *bbr) sampled(w *Window, s *rateSample) {
	b.latestSignals(s)
	b.congestionSignals(s)
	b.aggregation(w, s)
	b.checkFullBW(s)
	b.checkStartupDone(w, s)
	b.checkDrainDone(w, s)
	b.cycle(w, s)
	b.updateMinRTT(s)
	b.checkProbeRTT(w, s)
	b.advanceSignals(s)
	b.bw = min(b.maxBW(), b.bwLow)

	b.setPacing(w, b.pacingGain*b.bw)
	b.setCWND(w, s)
}

// probing reports whether b is in one of the states of ProbeBW.
func (b *bbr) probing() bool { return b.state >= bbrDown && b.state <= bbrUp }

func (b *bbr) enterStartup() {
	b.state, b.pacingGain, b.cwndGain = bbrStartup, startupPacingGain, startupCWNDGain
}

// checkStartupDone leaves Startup when the bandwidth has stopped growing, or when so much is lost that a queue must
// overflow (BBRCheckStartupHighLoss).
func (b *bbr) checkStartupDone(w *Window, s *rateSample) {
	if b.state != bbrStartup {
		return
	}
	if b.lossRound && b.highLoss && b.lossEvents >= startupLossEvents && !b.fullReached {
		b.fullReached, b.fullNow = true, true
		b.inflightHigh = max(b.bdp(w, 1), int(b.inflightLatest))
	}
	if b.fullReached {
		b.state, b.pacingGain, b.cwndGain = bbrDrain, drainPacingGain, startupCWNDGain
	}
}

func (b *bbr) checkDrainDone(w *Window, s *rateSample) {
	if b.state == bbrDrain && s.pipe <= b.inflight(w, 1) {
		b.startDown(w, s.now) // BBREnterProbeBW
	}
}

// setPacing sets the pacing rate: BBRSetPacingRateWithGain. In Startup it does not go down.
func (b *bbr) setPacing(w *Window, rate float64) {
	rate *= pacingMargin
	if rate > 0 && (b.fullReached || rate > b.pacing) {
		b.pacing = rate
		b.pacer.set(rate, w.MSS)
	}
}

// bdp returns gain times the bandwidth-delay product, in bytes: BBRBDPMultiple.
func (b *bbr) bdp(w *Window, gain float64) int {
	if b.minRTT == 0 || b.bw == 0 {
		return w.initial()
	}
	return int(min(gain*b.bw*b.minRTT.Seconds(), maxCWND))
}

// inflight returns what has to be in flight for gain times the bandwidth-delay product to be: BBRInflight, with
// BBRQuantizationBudget for bursts that are on their way between timers.
func (b *bbr) inflight(w *Window, gain float64) int {
	n := max(b.bdp(w, gain), 3*b.quantum(w), minPipeSegments*w.MSS)
	if b.state == bbrUp {
		n += 2 * w.MSS
	}
	return n
}

// quantum returns BBR.send_quantum, in bytes.
func (b *bbr) quantum(w *Window) int {
	return max(min(b.pacer.burst(), 64<<10), 2*w.MSS)
}

// setCWND is BBRSetCwnd.
//
// Deviation: entering fast recovery leaves the window alone. What is lost is not in the pipe, and what replaces it is paced.
func (b *bbr) setCWND(w *Window, s *rateSample) {
	target := max(b.bdp(w, b.cwndGain)+b.extraAcked(), 3*b.quantum(w), minPipeSegments*w.MSS)
	if b.state == bbrUp {
		target += 2 * w.MSS
	}
	switch {
	case b.fullReached:
		w.CWND = min(w.CWND+s.acked, target)
	case w.CWND < target || int(b.rate.delivered) < w.initial():
		w.CWND += s.acked
	}
	if !b.repairing {
		w.CWND = max(w.CWND, minPipeSegments*w.MSS)
	}
	if b.state == bbrProbeRTT {
		w.CWND = min(w.CWND, b.probeRTTCWND(w))
	}
	// BBRBoundCwndForModel
	limit := noBound
	switch {
	case b.probing() && b.state != bbrCruise:
		limit = b.inflightHigh
	case b.state == bbrProbeRTT || b.state == bbrCruise:
		limit = b.inflightWithHeadroom(w)
	}
	limit = max(min(limit, b.inflightLow), minPipeSegments*w.MSS)
	w.CWND = min(w.CWND, limit, maxCWND)
}

// inflightWithHeadroom leaves room for others to grow: BBRInflightWithHeadroom.
func (b *bbr) inflightWithHeadroom(w *Window) int {
	if b.inflightHigh == noBound {
		return noBound
	}
	room := max(w.MSS, int(headroom*float64(b.inflightHigh)))
	return max(b.inflightHigh-room, minPipeSegments*w.MSS)
}

func (b *bbr) saveCWND(w *Window) {
	if b.repairing || b.state == bbrProbeRTT {
		b.priorCWND = max(b.priorCWND, w.CWND)
	} else {
		b.priorCWND = w.CWND
	}
}
