package tcp

import (
	"testing"
	"time"

	"github.com/ztstack/ztstack/clock"
)

// The meter gives bytes per round trip, whatever the interval, and nothing after a pause.
func TestMeter(t *testing.T) {
	const rtt = 10 * time.Millisecond
	for _, tt := range []struct {
		name  string
		every time.Duration
		bytes int
		want  int
	}{
		{"small steps", time.Millisecond, 1000, 10000},
		{"a step a round trip", rtt, 10000, 10000},
		{"longer steps", 3 * rtt, 30000, 10000},
		{"pauses", 5 * rtt, 1000000, 0},
	} {
		var m meter
		now := clock.Time(1e9)
		most := 0
		for range 100 {
			most = max(most, m.add(now, tt.bytes, rtt))
			now = now.Add(tt.every)
		}
		if most != tt.want {
			t.Errorf("%s: %d bytes a round trip, want %d", tt.name, most, tt.want)
		}
	}
	var m meter
	for range 100 {
		if n := m.add(1e9, 1<<20, 0); n != 0 {
			t.Errorf("%d bytes in a round trip of no length", n)
		}
	}
}

// A long path gets buffers that fill it; a short one keeps those that stay in the cache.
func TestAutotune(t *testing.T) {
	for _, tt := range []struct {
		name  string
		delay time.Duration
		cfg   Config
		want  int
	}{
		{"long", 50 * time.Millisecond, Config{}, defaultMaxBuffer},
		{"long, a megabyte at most", 50 * time.Millisecond, Config{MaxSendBuffer: 1 << 20, MaxReceiveBuffer: 1 << 20}, 1 << 20},
		{"long, fixed", 50 * time.Millisecond, Config{SendBuffer: 128 << 10, ReceiveBuffer: 128 << 10}, 128 << 10},
	} {
		p := newPair(t, 7)
		p.delay = tt.delay
		for _, e := range p.ends {
			tt.cfg.Pool, tt.cfg.MSS, tt.cfg.ISNKey = e.cfg.Pool, e.cfg.MSS, e.cfg.ISNKey
			e.cfg = tt.cfg
		}
		p.maxSegs = 40
		p.connect()
		p.ends[0].toSend = make([]byte, 30<<20)
		p.flush(0)
		p.runUntil(time.Minute, func() bool { return len(p.ends[1].got) == 30<<20 })
		a, b := p.ends[0].conn.Info(), p.ends[1].conn.Info()
		if a.SendBuffer < tt.want/2 || a.SendBuffer > tt.want || b.ReceiveBuffer < tt.want/2 || b.ReceiveBuffer > tt.want {
			t.Errorf("%s: buffers of %d and %d, want %d", tt.name, a.SendBuffer, b.ReceiveBuffer, tt.want)
		}
		if a.ReceiveBuffer != clampBuffer(tt.cfg.ReceiveBuffer) || b.SendBuffer != clampBuffer(tt.cfg.SendBuffer) {
			t.Errorf("%s: the other direction has buffers of %d and %d", tt.name, b.SendBuffer, a.ReceiveBuffer)
		}
	}
	// With next to no round trip there is next to no product.
	w := newWire(Config{})
	data, sink := make([]byte, 64<<10), make([]byte, 64<<10)
	for range 1000 {
		w.bulk(t, data, sink, w.move)
	}
	if a, b := w.a.Info(), w.b.Info(); a.SendBuffer != defaultBuffer || b.ReceiveBuffer != defaultBuffer {
		t.Errorf("over a short path buffers grow to %d and %d", a.SendBuffer, b.ReceiveBuffer)
	}
}
