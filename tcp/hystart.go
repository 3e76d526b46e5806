package tcp

import "time"

// hystart ends slow start when the round-trip time begins to grow, before packets are lost: HyStart++, RFC 9406.
type hystart struct {
	end      Seq           // windowEnd: the round ends when this is acknowledged
	last     time.Duration // lastRoundMinRTT; 0 if none
	current  time.Duration // currentRoundMinRTT; 0 if none
	baseline time.Duration // cssBaselineMinRtt
	samples  uint8         // rttSampleCount
	rounds   uint8         // rounds of conservative slow start so far
	css      bool          // in conservative slow start
	running  bool          // a round has begun
	done     bool          // only the first slow start is watched: RFC 9406, Section 4.3
}

const (
	hystartMinThresh = 4 * time.Millisecond  // MIN_RTT_THRESH
	hystartMaxThresh = 16 * time.Millisecond // MAX_RTT_THRESH
	hystartDivisor   = 8                     // MIN_RTT_DIVISOR
	hystartSamples   = 8                     // N_RTT_SAMPLE
	cssGrowthDivisor = 4                     // CSS_GROWTH_DIVISOR
	cssRounds        = 5                     // CSS_ROUNDS
)

// acked grows the window for an ACK in slow start.
func (s *hystart) acked(w *Window, a Ack) {
	// A window that is not used says nothing about the network: RFC 7661, Section 4.4.
	used := 2*a.Flight >= w.CWND
	if s.done {
		if used {
			w.CWND = min(w.CWND+min(a.Acked, slowStartLimit*w.MSS), maxCWND)
		}
		return
	}
	s.round(a)
	if a.RTT > 0 {
		if s.current == 0 || a.RTT < s.current {
			s.current = a.RTT
		}
		s.samples = min(s.samples, 254) + 1
	}
	if used {
		grow := min(a.Acked, slowStartLimit*w.MSS)
		if s.css {
			grow /= cssGrowthDivisor
		}
		w.CWND = min(w.CWND+grow, maxCWND)
	}
	if s.samples < hystartSamples || s.current == 0 {
		return
	}
	switch {
	case s.css && s.current < s.baseline:
		// "If currentRoundMinRTT < cssBaselineMinRtt [...] slow start exit was spurious": resume it.
		s.css, s.rounds, s.baseline = false, 0, 0
	case !s.css && s.last > 0 && s.current >= s.last+min(max(s.last/hystartDivisor, hystartMinThresh), hystartMaxThresh):
		s.css, s.rounds, s.baseline = true, 0, s.current
	case s.css && s.rounds >= cssRounds:
		// "If CSS_ROUNDS rounds are complete, enter congestion avoidance by setting the ssthresh to the current cwnd."
		w.SSThresh = w.CWND
		s.done = true
	}
}

// round begins a new round when the last one has been acknowledged.
func (s *hystart) round(a Ack) {
	if s.running && a.UNA.LessThan(s.end) {
		return
	}
	if s.running && s.css {
		s.rounds++
	}
	s.running = true
	s.end = a.NXT
	s.last, s.current, s.samples = s.current, 0, 0
}
