package tcp

import "testing"

func newTestWindow(mss int) Window {
	var w Window
	w.init(mss, false)
	return w
}

func TestInitialWindow(t *testing.T) {
	// RFC 6928, Section 2.
	for mss, want := range map[int]int{64: 640, 536: 5360, 1460: 14600, 2000: 14600, 8960: 17920} {
		if w := newTestWindow(mss); w.CWND != want || w.SSThresh < 1<<29 {
			t.Errorf("MSS %d: %+v, want cwnd %d", mss, w, want)
		}
	}
	var w Window
	if w.init(1460, true); w.CWND != 1460 {
		t.Errorf("after a lost SYN cwnd is %d, want one segment", w.CWND)
	}
}

func TestRenoSlowStart(t *testing.T) {
	for _, tt := range []struct {
		name          string
		acked, flight int
		timeout       bool
		want          int
	}{
		{"one segment", 1000, 10000, false, 1000},
		{"two segments", 2000, 10000, false, 2000},
		{"part of one: ACK division", 1, 10000, false, 1},
		{"a batch", 20000, 20000, false, slowStartLimit * 1000},
		{"after a timeout", 5000, 10000, true, 1000},
		{"window not used", 1000, 4999, false, 0},
	} {
		w := newTestWindow(1000)
		reno{}.Acked(&w, Ack{Acked: tt.acked, Flight: tt.flight, Timeout: tt.timeout})
		if got := w.CWND - 10000; got != tt.want {
			t.Errorf("%s: cwnd grows by %d, want %d", tt.name, got, tt.want)
		}
	}
}

func TestRenoAvoidance(t *testing.T) {
	w := newTestWindow(1000)
	w.SSThresh = w.CWND
	for i := range 10 {
		if w.CWND != 10000 {
			t.Fatalf("cwnd grew after %d segments", i)
		}
		reno{}.Acked(&w, Ack{Acked: 1000, Flight: 10000})
	}
	if w.CWND != 11000 {
		t.Errorf("after a window's worth cwnd is %d, want 11000", w.CWND)
	}
	for range 100 {
		reno{}.Acked(&w, Ack{Acked: 1000, Flight: 9000})
	}
	if w.CWND != 11000 {
		t.Errorf("an unused window grew to %d", w.CWND)
	}
}

func TestRenoLoss(t *testing.T) {
	w := newTestWindow(1000)
	reno{}.Loss(&w, 1, 8000)
	if w.CWND != 4000 || w.SSThresh != 4000 {
		t.Errorf("after a loss with 8000 in flight: %+v", w)
	}
	reno{}.Timeout(&w, 1, 6000, false)
	if w.CWND != 1000 || w.SSThresh != 3000 {
		t.Errorf("after a timeout with 6000 in flight: %+v", w)
	}
	reno{}.Timeout(&w, 1, 1000, true)
	if w.SSThresh != 3000 {
		t.Errorf("a second timeout for the same data changed ssthresh to %d", w.SSThresh)
	}
	reno{}.Loss(&w, 1, 1000)
	if w.SSThresh != 2000 {
		t.Errorf("ssthresh %d, want the least: two segments", w.SSThresh)
	}
	w.CWND = 50000
	if (reno{}).Idle(&w, 1); w.CWND != 10000 {
		t.Errorf("after idling cwnd is %d, want the initial window", w.CWND)
	}
}
