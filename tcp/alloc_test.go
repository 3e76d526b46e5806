package tcp

import (
	"testing"
	"time"

	"github.com/ztstack/ztstack/clock"
)

// TestNoAllocs moves data in the steady state, in large pieces and small.
func TestNoAllocs(t *testing.T) {
	data, sink := make([]byte, 64<<10), make([]byte, 64<<10)
	for _, v := range []struct {
		name string
		cfg  Config
		run  func(w *wire)
	}{
		{"bulk", Config{}, func(w *wire) { w.bulk(t, data, sink, w.move) }},
		{"super", Config{NoSum: true}, func(w *wire) { w.bulk(t, data, sink, w.moveBig) }},
		{"plain", Config{NoTimestamps: true, NoSACK: true}, func(w *wire) { w.bulk(t, data, sink, w.move) }},
		{"roundtrip", Config{NoDelay: true}, func(w *wire) { w.roundTrip() }},
	} {
		w := newWire(v.cfg)
		for range 50 {
			v.run(w)
		}
		if n := testing.AllocsPerRun(100, func() { v.run(w) }); n != 0 {
			t.Errorf("%s: %v allocations per run", v.name, n)
		}
	}
}

// TestIdleMemory checks that a connection gives back what it needed while it was busy.
func TestIdleMemory(t *testing.T) {
	w := newWire(Config{})
	w.bulk(t, make([]byte, 64<<10), make([]byte, 64<<10), w.move)
	if w.a.sent.buf == nil {
		t.Fatal("a bulk transfer needed no records")
	}
	w.now += int64(delayedACK)
	w.b.Poll(w.time())
	w.move(&w.b, &w.a)
	for range 10 {
		w.now += int64(time.Second)
		for _, c := range []*Conn{&w.a, &w.b} {
			c.Poll(w.time())
			if n, _ := c.Output(w.time(), w.slot[0][:], 1); n != 0 {
				t.Fatalf("an idle connection sent %d bytes", n)
			}
		}
	}
	if w.a.sent.buf != nil || w.b.ooo != nil || w.pool.InUse() != 0 {
		t.Errorf("idle: records %v, reassembly %v, %d bytes of pages", w.a.sent.buf, w.b.ooo, w.pool.InUse())
	}
	if w.a.Deadline() != clock.Never {
		t.Errorf("an idle connection has a deadline at %v", w.a.Deadline())
	}
}
