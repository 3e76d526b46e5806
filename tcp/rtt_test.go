package tcp

import (
	"testing"
	"time"
)

const ms = time.Millisecond

func TestRTTFirstSample(t *testing.T) {
	var r rttState
	r.init()
	if r.timeout(false) != time.Second {
		t.Errorf("RTO before a sample is %v, want 1s: RFC 6298, Section 2 (2.1)", r.timeout(false))
	}
	r.sample(100*ms, 200*ms)
	if r.srtt != 100*ms || r.rttvar != 50*ms || r.timeout(false) != 300*ms || r.minimum != 100*ms {
		t.Errorf("after 100 ms: %+v", r)
	}
	r.sample(200*ms, 200*ms)
	// rttvar = 50 + (100-50)/4, srtt = 100 + (200-100)/8
	if r.rttvar != 62500*time.Microsecond || r.srtt != 112500*time.Microsecond || r.timeout(false) != 362500*time.Microsecond {
		t.Errorf("after 200 ms: %+v", r)
	}
	r.sample(50*ms, 200*ms)
	if r.minimum != 50*ms || r.latest != 50*ms {
		t.Errorf("after 50 ms: %+v", r)
	}
}

func TestRTTSteadyPathKeepsAllowance(t *testing.T) {
	var r rttState
	r.init()
	for range 100 {
		r.sample(190*ms, 200*ms)
	}
	if r.timeout(false) < 390*ms {
		t.Errorf("on a steady path of 190 ms the RTO is %v; a delayed ACK would be a timeout", r.timeout(false))
	}
}

func TestRTTBackOff(t *testing.T) {
	var r rttState
	r.init()
	want := time.Second
	for range 100 {
		if r.timeout(false) != want {
			t.Fatalf("RTO %v, want %v", r.timeout(false), want)
		}
		r.backOff()
		want = min(2*want, maxRTO)
	}
	r.sample(10*ms, 200*ms)
	if r.timeout(false) > time.Second {
		t.Errorf("a sample leaves the RTO at %v", r.timeout(false))
	}
	r.sample(0, 200*ms)
	if r.minimum <= 0 {
		t.Error("a round trip takes no time")
	}
	r.rto = maxRTO
	r.backOff()
	if r.timeout(false) != maxRTO {
		t.Errorf("RTO %v, want the limit", r.timeout(false))
	}
}
