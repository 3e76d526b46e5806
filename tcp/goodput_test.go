package tcp

import (
	"testing"
	"time"
)

// TestLossWithoutTimeouts moves a mebibyte at 3% loss. With SACK, RACK and loss probes the retransmission timer hardly
// ever has to run, so that the transfer takes about as long as the congestion window says.
func TestLossWithoutTimeouts(t *testing.T) {
	for _, rtt := range []time.Duration{2 * time.Millisecond, 20 * time.Millisecond, 100 * time.Millisecond} {
		timeouts := 0
		var total time.Duration
		for seed := range uint64(4) {
			p := newPair(t, seed)
			p.delay = rtt / 2
			p.connect()
			p.loss = 0.03
			start := p.now
			p.ends[0].toSend = pattern(1 << 20)
			p.flush(0)
			p.runUntil(time.Hour, func() bool { return len(p.ends[1].got) == 1<<20 })
			total += p.now.Sub(start)
			timeouts += int(p.ends[0].conn.stats.Timeouts)
		}
		t.Logf("RTT %v: %.2f Mbit/s, %d timeouts in 4 MiB", rtt, 4*8.388608/total.Seconds(), timeouts)
		if timeouts > 2 {
			t.Errorf("RTT %v: %d timeouts in 4 MiB", rtt, timeouts)
		}
		// Mathis et al.: rate = MSS/RTT * C/sqrt(p), C about 1.2 for an ACK per segment and 0.9 for one per two.
		if rate := 4 * (1 << 20) / total.Seconds(); rate < 0.6*1448/rtt.Seconds()/0.173 {
			t.Errorf("RTT %v: %.0f bytes/s", rtt, rate)
		}
	}
}
