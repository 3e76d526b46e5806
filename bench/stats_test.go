package main

import (
	"math"
	"testing"
)

func TestMedian(t *testing.T) {
	for _, tt := range []struct {
		in   []float64
		want float64
	}{
		{[]float64{3}, 3},
		{[]float64{9, 1, 5}, 5},
		{[]float64{4, 1, 3, 2}, 2.5},
		{[]float64{1, 1, 1, 100, 1}, 1},
	} {
		in := append([]float64(nil), tt.in...)
		if got := median(in); got != tt.want {
			t.Errorf("median(%v) = %v, want %v", tt.in, got, tt.want)
		}
		for i := range in {
			if in[i] != tt.in[i] {
				t.Errorf("median(%v) has changed its argument to %v", tt.in, in)
			}
		}
	}
	if got := median(nil); !math.IsNaN(got) {
		t.Errorf("median(nil) = %v, want NaN", got)
	}
}

func TestPercentile(t *testing.T) {
	var v []uint32
	for i := range 200 {
		v = append(v, uint32(i+1))
	}
	for _, tt := range []struct{ p, want float64 }{{50, 100}, {99, 198}, {100, 200}, {0, 1}} {
		if got := percentile(v, tt.p); got != tt.want {
			t.Errorf("percentile of 1..200, %v = %v, want %v", tt.p, got, tt.want)
		}
	}
	if got := percentile([]uint32{7}, 99); got != 7 {
		t.Errorf("percentile of one value = %v, want 7", got)
	}
	if got := percentile(nil, 50); !math.IsNaN(got) {
		t.Errorf("percentile of nothing = %v, want NaN", got)
	}
}

func TestRatio(t *testing.T) {
	for _, tt := range []struct {
		ours, theirs float64
		lower        bool
		want         float64
	}{
		{30, 3, false, 10},
		{3, 30, false, 0.1},
		{2, 14, true, 7},
		{14, 2, true, 1. / 7},
		{5, 0, false, 0},
		{0, 5, true, 0},
		{0, 0, false, 0},
	} {
		if got := ratio(tt.ours, tt.theirs, tt.lower); math.Abs(got-tt.want) > 1e-12 {
			t.Errorf("ratio(%v, %v, %v) = %v, want %v", tt.ours, tt.theirs, tt.lower, got, tt.want)
		}
	}
}

func TestRound(t *testing.T) {
	for _, tt := range []struct{ in, want float64 }{
		{0, 0}, {1234567, 1235000}, {0.00123456, 0.001235}, {-9.99996, -10}, {42, 42}, {math.Inf(1), 0}, {math.NaN(), 0},
	} {
		if got := round(tt.in); math.Abs(got-tt.want) > 1e-9*math.Abs(tt.want) {
			t.Errorf("round(%v) = %v, want %v", tt.in, got, tt.want)
		}
	}
}
