package tcp

import (
	"time"

	"github.com/ztstack/ztstack/clock"
)

// bbrProbe is the state of the cycle in which a bbr asks the path for more: Section 4.3.3 of the draft. Down drains the
// queue, Cruise leaves it alone, Refill fills the pipe, and Up sends more than was delivered so far, to see.
type bbrProbe struct {
	cycleAt          clock.Time
	wait             time.Duration // BBR.bw_probe_wait
	roundsSinceProbe uint32
	upAcks           int // BBR.probe_up_acks, in bytes
	upRounds         uint8
	acks             bbrAcks
	sampling         bool // BBR.bw_probe_samples: what is measured now is of the latest Up
	random           uint32

	probeMin   time.Duration // BBR.probe_rtt_min_delay
	probeMinAt clock.Time
	probeDone  clock.Time // BBR.probe_rtt_done_stamp
	probeRound bool       // BBR.probe_rtt_round_done
	expired    bool       // BBR.probe_rtt_expired
}

// bbrAcks says which phase of the cycle the segments that are now acknowledged were sent in.
type bbrAcks uint8

const (
	acksInit bbrAcks = iota
	acksRefilling
	acksStarting
	acksFeedback
	acksStopping
)

const (
	upPacingGain   = 1.25
	upCWNDGain     = 2.25
	downPacingGain = 0.9
	// probeWait is how long there is peace between two probes, with up to a second more at random.
	probeWait = 2 * time.Second
	// coexistRounds bounds that in round trips, for the sake of Reno and CUBIC beside it.
	coexistRounds = 63
)

// cycle is BBRUpdateProbeBWCyclePhase.
func (b *bbr) cycle(w *Window, s *rateSample) {
	if !b.fullReached {
		return
	}
	b.adaptUpper(w, s)
	switch b.state {
	case bbrDown, bbrCruise:
		if b.timeToProbe(w, s.now) {
			b.startRefill()
		} else if b.state == bbrDown && s.pipe <= b.inflightWithHeadroom(w) && s.pipe <= b.inflight(w, 1) {
			b.startCruise()
		}
	case bbrRefill:
		if b.roundStart {
			// "After one round of REFILL, start UP."
			b.sampling = true
			b.startUp(w, s)
		}
	case bbrUp:
		if b.timeToGoDown(w, s) {
			b.startDown(w, s.now)
		}
	}
}

// limitedByWindow reports whether the window, not the application, the peer or the pacer, has limited what was sent.
func limitedByWindow(w *Window, s *rateSample) bool { return s.prior+w.MSS > w.CWND }

func (b *bbr) timeToProbe(w *Window, now clock.Time) bool {
	if now.Sub(b.cycleAt) > b.wait {
		return true
	}
	return int(b.roundsSinceProbe) >= min(b.inflight(w, 1)/w.MSS, coexistRounds)
}

// timeToGoDown is BBRIsTimeToGoDown: the bandwidth does not grow although there was room.
func (b *bbr) timeToGoDown(w *Window, s *rateSample) bool {
	if limitedByWindow(w, s) && w.CWND >= b.inflightHigh {
		b.resetFullBW(s.rate)
		return false
	}
	return b.fullNow
}

func (b *bbr) startDown(w *Window, now clock.Time) {
	b.lostInRound, b.ackedInRound, b.lossEvents = 0, 0, 0
	b.bwLatest, b.inflightLatest = 0, 0
	// BBRPickProbeWait
	b.roundsSinceProbe = b.draw() & 1
	b.wait = probeWait + time.Duration(b.draw()%1000)*time.Millisecond
	b.cycleAt = now
	b.acks = acksStopping
	b.startRound()
	b.state, b.pacingGain, b.cwndGain = bbrDown, downPacingGain, defaultCWNDGain
}

func (b *bbr) startCruise() {
	b.state, b.pacingGain, b.cwndGain = bbrCruise, 1, defaultCWNDGain
}

func (b *bbr) startRefill() {
	b.resetLower()
	b.upRounds, b.upAcks = 0, 0
	b.acks = acksRefilling
	b.startRound()
	b.state, b.pacingGain, b.cwndGain = bbrRefill, 1, defaultCWNDGain
}

func (b *bbr) startUp(w *Window, s *rateSample) {
	b.acks = acksStarting
	b.startRound()
	b.resetFullBW(s.rate)
	b.cycleAt = s.now
	b.state, b.pacingGain, b.cwndGain = bbrUp, upPacingGain, upCWNDGain
	b.upRounds = 1
}

// adaptUpper is BBRAdaptLongTermModel.
func (b *bbr) adaptUpper(w *Window, s *rateSample) {
	if b.acks == acksStarting && b.roundStart {
		b.acks = acksFeedback
	}
	if b.acks == acksStopping && b.roundStart {
		// "end of samples from bw probing phase"
		b.sampling, b.acks = false, acksInit
		if b.probing() && !s.limited {
			// BBRAdvanceMaxBwFilter
			b.bwMax = [2]float64{b.bwMax[1], 0}
			b.bwMax[1] = s.rate
		}
	}
	if s.has && float64(s.lostSince) > lossThreshold*float64(s.inflight) && s.lost > 0 {
		if b.sampling {
			b.tooHigh(w, s)
		}
		return
	}
	if b.inflightHigh == noBound || !s.has {
		return
	}
	b.inflightHigh = max(b.inflightHigh, int(s.inflight))
	if b.state == bbrUp {
		b.raiseUpper(w, s)
	}
}

// tooHigh is BBRHandleInflightTooHigh.
func (b *bbr) tooHigh(w *Window, s *rateSample) {
	b.sampling = false
	if !s.limited {
		b.inflightHigh = max(int(s.inflight), int(lossBeta*float64(b.targetInflight(w))))
	}
	if b.state == bbrUp {
		b.startDown(w, s.now)
	}
}

// targetInflight is BBRTargetInflight.
func (b *bbr) targetInflight(w *Window) int { return min(b.bdp(w, 1), w.CWND) }

// raiseUpper is BBRProbeInflightLongTermUpward: slowly at first, then twice as fast with each round.
func (b *bbr) raiseUpper(w *Window, s *rateSample) {
	if !limitedByWindow(w, s) || w.CWND < b.inflightHigh {
		return
	}
	growth := w.MSS << (b.upRounds - 1)
	b.upAcks += s.acked
	step := max(w.CWND/(growth/w.MSS), w.MSS) // bytes acknowledged for each segment more
	if n := b.upAcks / step; n > 0 {
		b.upAcks -= n * step
		b.inflightHigh = min(b.inflightHigh+n*w.MSS, noBound-1)
	}
	if b.roundStart {
		b.upRounds = min(b.upRounds+1, 16)
	}
}

// draw returns a number that is random enough to keep flows from probing in step.
func (b *bbr) draw() uint32 {
	b.random ^= b.random << 13
	b.random ^= b.random >> 17
	b.random ^= b.random << 5
	return b.random
}
