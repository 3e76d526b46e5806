package tcp

import (
	"testing"
	"time"

	"github.com/ztstack/ztstack/clock"
)

// acksFor acknowledges a full window each round-trip time, segment by segment, for d.
func acksFor(cc Congestion, w *Window, now clock.Time, d, rtt time.Duration) clock.Time {
	var una Seq
	for end := now.Add(d); now < end; {
		n := w.CWND / w.MSS
		nxt := una.Add(n * w.MSS)
		for i := range n {
			una = una.Add(w.MSS)
			at := now.Add(rtt * time.Duration(i) / time.Duration(n))
			cc.Acked(w, Ack{Now: at, Acked: w.MSS, Flight: w.CWND, RTT: rtt, UNA: una, NXT: nxt})
		}
		now = now.Add(rtt)
	}
	return now
}

// TestCubicGrowth follows W_cubic(t) of RFC 9438, Section 4.2: fast at first, flat at W_max after K seconds, and fast
// again beyond it.
func TestCubicGrowth(t *testing.T) {
	cc := new(cubic)
	w := newTestWindow(1000)
	w.CWND, w.SSThresh = 1_000_000, 1_000_000
	now := clock.Time(1e9)
	cc.Loss(&w, now, w.CWND)
	if w.CWND != 700_000 || w.SSThresh != 700_000 {
		t.Fatalf("after a loss at 1000 segments: %+v", w)
	}
	// K = cbrt((1000 - 700) / 0.4) = 9.09 s
	for _, tt := range []struct {
		at      time.Duration
		low, up int
	}{
		{2 * time.Second, 840, 880},
		{5 * time.Second, 950, 985},
		{9 * time.Second, 985, 1010},
		{13 * time.Second, 1005, 1035},
		{18 * time.Second, 1220, 1330},
	} {
		now = acksFor(cc, &w, now, clock.Time(1e9).Add(tt.at).Sub(now), 100*time.Millisecond)
		if got := w.CWND / 1000; got < tt.low || got > tt.up {
			t.Errorf("after %v cwnd is %d segments, want %d to %d", tt.at, got, tt.low, tt.up)
		}
	}
}

// TestCubicFriendly: where Reno would be faster, with a short round trip, CUBIC is at least about as fast (Section 4.3).
func TestCubicFriendly(t *testing.T) {
	cc := new(cubic)
	w := newTestWindow(1000)
	w.CWND, w.SSThresh = 20_000, 20_000
	cc.Loss(&w, 1e9, w.CWND)
	acksFor(cc, &w, 1e9, 500*time.Millisecond, 5*time.Millisecond)
	// 100 round trips: Reno with beta 0.7 adds 0.53 segments each until 20, then one each.
	if got := w.CWND / 1000; got < 60 || got > 110 {
		t.Errorf("cwnd is %d segments", got)
	}
}

func TestCubicFastConvergence(t *testing.T) {
	cc := new(cubic)
	w := newTestWindow(1000)
	w.CWND = 100_000
	cc.Loss(&w, 1e9, w.CWND)
	if cc.wMax != 100 {
		t.Errorf("W_max %v, want 100", cc.wMax)
	}
	cc.Loss(&w, 2e9, w.CWND) // at 70, below W_max
	if cc.wMax < 59.4 || cc.wMax > 59.6 || w.CWND != 49_000 {
		t.Errorf("W_max %v, want 59.5; cwnd %d", cc.wMax, w.CWND)
	}
	cc.Timeout(&w, 3e9, w.CWND, false)
	if w.CWND != 1000 || w.SSThresh != 34_300 {
		t.Errorf("after a timeout: %+v", w)
	}
	before := w.SSThresh
	if cc.Timeout(&w, 4e9, w.CWND, true); w.SSThresh != before {
		t.Errorf("a second timeout changed ssthresh to %d", w.SSThresh)
	}
}

// TestCubicApplicationLimited: time in which the window is not used does not make it grow (Section 5.8).
func TestCubicApplicationLimited(t *testing.T) {
	cc := new(cubic)
	w := newTestWindow(1000)
	w.CWND, w.SSThresh = 100_000, 100_000
	cc.Loss(&w, 1e9, w.CWND)
	for i := range 100 {
		cc.Acked(&w, Ack{Now: clock.Time(1e9).Add(time.Duration(i) * time.Second), Acked: 1000, Flight: 5000, RTT: time.Millisecond})
	}
	if w.CWND != 70_000 {
		t.Errorf("an unused window grew to %d", w.CWND)
	}
	cc.Acked(&w, Ack{Now: clock.Time(200e9), Acked: 1000, Flight: 70_000, RTT: time.Millisecond})
	if w.CWND > 72_000 {
		t.Errorf("the first ACK after it makes it %d", w.CWND)
	}
}

// TestHyStart: RFC 9406. A round-trip time that grows ends slow start after five conservative rounds; one that was only
// noisy resumes it.
func TestHyStart(t *testing.T) {
	rounds := func(cc *cubic, w *Window, una Seq, rtt time.Duration, n int) Seq {
		for range n {
			segs := w.CWND / w.MSS
			nxt := una.Add(segs * w.MSS)
			for range segs {
				una = una.Add(w.MSS)
				cc.Acked(w, Ack{Now: 1e9, Acked: w.MSS, Flight: segs * w.MSS, RTT: rtt, UNA: una, NXT: nxt})
			}
		}
		return una
	}
	cc := new(cubic)
	w := newTestWindow(1000)
	una := rounds(cc, &w, 0, 20*ms, 3)
	if w.CWND != 80_000 || cc.start.css {
		t.Fatalf("after three steady rounds: cwnd %d, %+v", w.CWND, cc.start)
	}
	una = rounds(cc, &w, una, 30*ms, 1)
	if !cc.start.css {
		t.Fatalf("10 ms more did not end slow start: %+v", cc.start)
	}
	before := w.CWND
	una = rounds(cc, &w, una, 30*ms, 1)
	if grown := w.CWND - before; grown > before/3 {
		t.Errorf("conservative slow start grew from %d by %d", before, grown)
	}
	rounds(cc, &w, una, 30*ms, 6)
	if w.SSThresh > w.CWND {
		t.Errorf("slow start goes on at %d: %+v", w.CWND, cc.start)
	}

	cc, w = new(cubic), newTestWindow(1000)
	una = rounds(cc, &w, 0, 20*ms, 2)
	una = rounds(cc, &w, una, 30*ms, 1)
	if !cc.start.css {
		t.Fatal("not in conservative slow start")
	}
	rounds(cc, &w, una, 20*ms, 2)
	if cc.start.css || w.CWND >= w.SSThresh {
		t.Errorf("slow start was not resumed: %+v", cc.start)
	}
}

// TestTransferCubic moves data with CUBIC over links that lose.
func TestTransferCubic(t *testing.T) {
	for _, loss := range []float64{0, 0.02, 0.1} {
		p := newPair(t, 5)
		p.loss = loss
		for _, e := range p.ends {
			e.cfg.Congestion = "cubic"
		}
		p.connect()
		if got := p.ends[0].conn.Info().Congestion; got != "cubic" {
			t.Fatalf("congestion control is %q", got)
		}
		p.transfer(1<<20, 10_000, time.Hour)
	}
}
