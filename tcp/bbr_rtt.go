package tcp

import (
	"time"

	"github.com/ztstack/ztstack/clock"
)

const (
	minRTTLength     = 10 * time.Second       // MinRTTFilterLen
	probeRTTInterval = 5 * time.Second        // ProbeRTTInterval
	probeRTTDuration = 200 * time.Millisecond // ProbeRTTDuration
	probeRTTCWNDGain = 0.5
)

// updateMinRTT is BBRUpdateMinRTT. An RTT as short as the least is as good as a new one.
func (b *bbr) updateMinRTT(s *rateSample) {
	b.expired = s.now > b.probeMinAt.Add(probeRTTInterval)
	if s.rtt > 0 && (s.rtt <= b.probeMin || b.probeMin == 0 || b.expired) {
		b.probeMin, b.probeMinAt = s.rtt, s.now
	}
	if b.probeMin > 0 && (b.probeMin < b.minRTT || b.minRTT == 0 || s.now > b.minRTTAt.Add(minRTTLength)) {
		b.minRTT, b.minRTTAt = b.probeMin, b.probeMinAt
	} else if b.probeMin == b.minRTT {
		b.minRTTAt = max(b.minRTTAt, b.probeMinAt)
	}
}

// checkProbeRTT is BBRCheckProbeRTT: if no RTT as short as the least was seen for a while, the queue is drained to see one.
func (b *bbr) checkProbeRTT(w *Window, s *rateSample) {
	if b.state != bbrProbeRTT && b.expired && !b.idle && b.fullReached {
		b.saveCWND(w)
		b.state, b.pacingGain, b.cwndGain = bbrProbeRTT, 1, probeRTTCWNDGain
		b.probeDone = clock.Never
		b.acks = acksStopping
		b.startRound()
	}
	if b.state == bbrProbeRTT {
		b.handleProbeRTT(w, s)
	}
	if s.acked > 0 {
		b.idle = false
	}
}

func (b *bbr) handleProbeRTT(w *Window, s *rateSample) {
	// "Ignore low rate samples during ProbeRTT"
	b.rate.applicationLimited(s.pipe)
	if b.probeDone == clock.Never {
		if s.pipe <= b.probeRTTCWND(w) {
			b.probeDone = s.now.Add(probeRTTDuration)
			b.probeRound = false
			b.startRound()
		}
		return
	}
	if b.roundStart {
		b.probeRound = true
	}
	if b.probeRound {
		b.checkProbeRTTDone(w, s.now)
	}
}

func (b *bbr) checkProbeRTTDone(w *Window, now clock.Time) {
	if b.probeDone == clock.Never || now <= b.probeDone {
		return
	}
	b.probeMinAt = now
	w.CWND = max(w.CWND, b.priorCWND)
	b.resetLower()
	if b.fullReached {
		b.startDown(w, now)
		b.startCruise()
	} else {
		b.enterStartup()
	}
}

func (b *bbr) probeRTTCWND(w *Window) int {
	return max(b.bdp(w, probeRTTCWNDGain), minPipeSegments*w.MSS)
}
