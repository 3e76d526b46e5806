package tcp

import (
	"math"
	"time"

	"github.com/ztstack/ztstack/clock"
)

// bbrModel is what a bbr knows of the path: Sections 4.5 of the draft.
type bbrModel struct {
	bw        float64    // BBR.bw, in bytes per second
	bwMax     [2]float64 // the maximum of this cycle of probing and of the one before it: BBR.MaxBwFilter
	bwLow     float64    // BBR.bw_shortterm, in earlier versions bw_lo
	bwLatest  float64
	minRTT    time.Duration
	minRTTAt  clock.Time
	fullBW    float64 // BBR.full_bw
	fullCount uint8

	inflightHigh   int // BBR.inflight_longterm, in earlier versions inflight_hi
	inflightLow    int // BBR.inflight_shortterm
	inflightLatest uint32

	roundEnd       uint32 // BBR.next_round_delivered
	lossRoundEnd   uint32 // BBR.loss_round_delivered
	lostInRound    int    // bytes
	ackedInRound   int    // bytes
	lossEvents     int    // ACKs of this round that have shown a loss
	roundStart     bool
	lossRound      bool // BBR.loss_round_start
	fullNow        bool // BBR.full_bw_now
	fullReached    bool // BBR.full_bw_reached
	highLoss       bool // of the round that has ended more than lossThreshold was lost
	rounds         uint32
	extra          [2]int // the maximum of bytes delivered above expectation, of this window of rounds and the one before it
	extraRound     uint32 // when this window began
	extraSince     clock.Time
	extraDelivered int
}

const (
	fullBWThreshold   = 1.25 // growth in a round below which the bandwidth counts as stopped
	fullBWRounds      = 3
	startupLossEvents = 6  // BBRStartupFullLossCnt
	extraRounds       = 10 // BBRExtraAckedFilterLen
)

func (m *bbrModel) init(now clock.Time) {
	*m = bbrModel{bwLow: math.Inf(1), inflightHigh: noBound, inflightLow: noBound, extraSince: now}
}

// maxBW returns BBR.max_bw.
func (m *bbrModel) maxBW() float64 { return max(m.bwMax[0], m.bwMax[1]) }

// latestSignals is BBRUpdateLatestDeliverySignals.
func (b *bbr) latestSignals(s *rateSample) {
	b.lossRound = false
	b.lostInRound += s.lost
	b.ackedInRound += s.acked
	if s.lost > 0 {
		b.lossEvents++
	}
	if !s.has {
		return
	}
	b.bwLatest = max(b.bwLatest, s.rate)
	b.inflightLatest = max(b.inflightLatest, s.delivered)
	if int32(s.priorDelivered-b.lossRoundEnd) >= 0 {
		b.lossRoundEnd = b.rate.delivered
		b.lossRound = true
		b.highLoss = float64(b.lostInRound) > lossThreshold*float64(b.lostInRound+b.ackedInRound)
	}
}

// advanceSignals is BBRAdvanceLatestDeliverySignals.
func (b *bbr) advanceSignals(s *rateSample) {
	if b.lossRound {
		b.bwLatest = s.rate
		b.inflightLatest = s.delivered
		b.lostInRound, b.ackedInRound, b.lossEvents = 0, 0, 0
	}
}

// congestionSignals is BBRUpdateCongestionSignals.
func (b *bbr) congestionSignals(s *rateSample) {
	// BBRUpdateRound
	b.roundStart = s.has && int32(s.priorDelivered-b.roundEnd) >= 0
	if b.roundStart {
		b.startRound()
		b.rounds++
		b.roundsSinceProbe++
	}
	// BBRUpdateMaxBw
	if s.rate > 0 && (s.rate >= b.maxBW() || !s.limited) {
		b.bwMax[1] = max(b.bwMax[1], s.rate)
	}
	if !b.lossRound || !b.highLoss {
		return
	}
	// BBRAdaptLowerBoundsFromCongestion
	if b.state == bbrStartup || b.state == bbrRefill || b.state == bbrUp {
		return
	}
	if math.IsInf(b.bwLow, 1) {
		b.bwLow = b.maxBW()
	}
	if b.inflightLow == noBound {
		b.inflightLow = max(int(b.inflightLatest), s.prior)
	}
	b.bwLow = max(b.bwLatest, lossBeta*b.bwLow)
	b.inflightLow = max(int(b.inflightLatest), int(lossBeta*float64(b.inflightLow)))
}

func (b *bbr) startRound() { b.roundEnd = b.rate.delivered }

// resetLower is BBRResetShortTermModel.
func (b *bbr) resetLower() {
	b.bwLow, b.inflightLow = math.Inf(1), noBound
}

// checkFullBW is BBRCheckFullBWReached: the pipe is full if the bandwidth has not grown by a quarter in three rounds.
func (b *bbr) checkFullBW(s *rateSample) {
	if b.fullNow || !b.roundStart || s.limited {
		return
	}
	if s.rate >= b.fullBW*fullBWThreshold {
		b.fullBW, b.fullCount = s.rate, 0
		return
	}
	b.fullCount++
	if b.fullCount >= fullBWRounds {
		b.fullNow, b.fullReached = true, true
	}
}

// resetFullBW is BBRResetFullBW, and begins anew with rate.
func (b *bbr) resetFullBW(rate float64) { b.fullBW, b.fullCount, b.fullNow = rate, 0, false }

// aggregation is BBRUpdateACKAggregation: how much more than the bandwidth accounts for ACKs deliver at once.
func (b *bbr) aggregation(w *Window, s *rateSample) {
	length := uint32(1)
	if b.fullReached {
		length = extraRounds
	}
	if b.rounds-b.extraRound >= length {
		b.extra = [2]int{b.extra[1], 0}
		b.extraRound = b.rounds
	}
	expected := int(b.bw * s.now.Sub(b.extraSince).Seconds())
	if b.extraDelivered <= expected {
		b.extraDelivered, b.extraSince, expected = 0, s.now, 0
	}
	b.extraDelivered += s.acked
	b.extra[1] = max(b.extra[1], min(b.extraDelivered-expected, w.CWND))
}

// extraAcked returns BBR.extra_acked.
func (b *bbr) extraAcked() int { return max(b.extra[0], b.extra[1]) }
