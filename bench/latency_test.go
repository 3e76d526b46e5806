package main

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestPingPong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		trips := 0
		h, err := pingPong(10*time.Microsecond, 90*time.Microsecond, func() error {
			time.Sleep(time.Microsecond)
			trips++
			return nil
		})
		if err != nil || trips != 100 || len(h.ns) != 91 {
			t.Fatalf("%d trips, %d counted, %v; want 100 and 91", trips, len(h.ns), err)
		}
		if s, err := h.sample(); err != nil || s["p50"] != 1 || s["p99"] != 1 {
			t.Errorf("sample = %v, %v; want 1 us", s, err)
		}
	})
}

// TestPingPongStall makes one trip that takes longer than the whole run. It must not go unseen.
func TestPingPongStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, err := pingPong(time.Millisecond, time.Millisecond, func() error { time.Sleep(time.Second); return nil })
		if err != nil || len(h.ns) != 1 || h.ns[0] != uint32(time.Second) {
			t.Errorf("times %v, %v; want one second", h.ns, err)
		}
		wrong := errors.New("wrong")
		if _, err := pingPong(0, time.Second, func() error { return wrong }); err != wrong {
			t.Errorf("error %v, want that of the trip", err)
		}
	})
}
