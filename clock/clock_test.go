package clock

import (
	"testing"
	"time"
)

func TestMinTreatsNeverAsLatest(t *testing.T) {
	for _, tt := range []struct{ a, b, want Time }{
		{Never, Never, Never},
		{Never, 5, 5},
		{5, Never, 5},
		{4, 5, 4},
		{5, 4, 4},
	} {
		if got := Min(tt.a, tt.b); got != tt.want {
			t.Errorf("Min(%v, %v) = %v, want %v", tt.a, tt.b, got, tt.want)
		}
	}
}

func TestExpired(t *testing.T) {
	if Never.Expired(10) {
		t.Error("Never.Expired(10) = true")
	}
	if !Time(10).Expired(10) || !Time(9).Expired(10) || Time(11).Expired(10) {
		t.Error("a deadline expires when it is reached, not before")
	}
}

func TestArithmetic(t *testing.T) {
	u := Time(1e9).Add(5 * time.Millisecond)
	if got := u.Sub(1e9); got != 5*time.Millisecond {
		t.Errorf("Sub = %v", got)
	}
	if got := u.Milliseconds(); got != 1005 {
		t.Errorf("Milliseconds = %v", got)
	}
	if !Time(1e9).Before(u) || !u.After(1e9) {
		t.Error("order")
	}
}
