package fault

import (
	"bytes"
	"encoding/binary"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ztstack/ztstack/link"
	"github.com/ztstack/ztstack/link/pipe"
)

// collector keeps what arrives, and when.
type collector struct {
	mu     sync.Mutex
	frames [][]byte
	times  []time.Time
}

func (c *collector) Deliver(frames []link.Buf) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range frames {
		c.frames = append(c.frames, bytes.Clone(frames[i].Frame()))
		c.times = append(c.times, time.Now())
	}
}

func (c *collector) LinkChanged(bool) {}

const count = 2000

// run sends numbered frames through a device with cfg and returns what arrives, once all of it has.
func run(t *testing.T, cfg Config) (got *collector, counts Counts, start time.Time) {
	t.Helper()
	info := link.Info{Medium: link.IP, MTU: 100, Batch: 8}
	a, b := pipe.New(info)
	d := Wrap(a, cfg)
	got = &collector{}
	b.Attach(got)
	d.Attach(&collector{})
	start = time.Now()
	s := link.NewSuper(info)
	for i := range count {
		f := s.Next()
		f.Len = 8
		binary.BigEndian.PutUint64(f.Room(), uint64(i))
		s.Commit()
		if s.Full() {
			d.Send(s)
			s.Reset()
		}
	}
	d.Send(s)
	time.Sleep(time.Minute) // of the bubble's time
	counts = d.Counts()
	if err := d.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	return got, counts, start
}

func about(t *testing.T, what string, got, want int) {
	t.Helper()
	if got < want*7/10 || got > want*13/10 {
		t.Errorf("%s: %d, want about %d", what, got, want)
	}
}

func number(f []byte) int { return int(binary.BigEndian.Uint64(f)) }

func TestNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got, _, start := run(t, Config{})
		if len(got.frames) != count {
			t.Fatalf("%d frames arrived, want %d", len(got.frames), count)
		}
		for i, f := range got.frames {
			if number(f) != i || !got.times[i].Equal(start) {
				t.Fatalf("frame %d arrives as number %d after %v", number(f), i, got.times[i].Sub(start))
			}
		}
	})
}

func TestLossAndDuplication(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got, n, _ := run(t, Config{Seed: 1, Loss: 0.2, Duplicate: 0.1})
		about(t, "lost", int(n.Lost), count/5)
		about(t, "duplicated", int(n.Duplicated), count*8/100)
		if want := count - int(n.Lost) + int(n.Duplicated); len(got.frames) != want {
			t.Errorf("%d frames arrived, want %d", len(got.frames), want)
		}
		again, _, _ := run(t, Config{Seed: 1, Loss: 0.2, Duplicate: 0.1})
		if len(again.frames) != len(got.frames) {
			t.Errorf("a second run with the same seed: %d frames, the first %d", len(again.frames), len(got.frames))
		}
	})
}

func TestDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got, _, start := run(t, Config{Delay: 10 * time.Millisecond, Jitter: 5 * time.Millisecond})
		if len(got.frames) != count {
			t.Fatalf("%d frames arrived, want %d", len(got.frames), count)
		}
		for i, f := range got.frames {
			if d := got.times[i].Sub(start); number(f) != i || d < 10*time.Millisecond || d > 15*time.Millisecond {
				t.Fatalf("frame %d arrives as number %d after %v", number(f), i, d)
			}
		}
	})
}

func TestReorderAndCorrupt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got, n, _ := run(t, Config{Reorder: 0.1, ReorderBy: time.Millisecond, Corrupt: 0.1})
		late, wrong, highest := 0, 0, -1
		for _, f := range got.frames {
			i := number(f)
			if i < 0 || i >= count {
				wrong++
				continue
			}
			if i < highest {
				late++
			}
			highest = max(highest, i)
		}
		about(t, "reordered", int(n.Reordered), count/10)
		about(t, "corrupted", int(n.Corrupted), count/10)
		if late < count/20 || wrong < count/20 {
			t.Errorf("%d frames late, %d with another number", late, wrong)
		}
	})
}

func TestQueueIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got, n, _ := run(t, Config{Delay: time.Second, Queue: 100})
		if len(got.frames) != 100 || n.Overflowed != count-100 {
			t.Errorf("%d frames arrived, %d overflowed; want 100 and %d", len(got.frames), n.Overflowed, count-100)
		}
	})
}

// An end that answers on the spot does not meet a lock.
func TestDeliverMaySend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		info := link.Info{Medium: link.IP, MTU: 100, Batch: 8}
		x, y := pipe.New(info)
		a, b := Wrap(x, Config{Delay: time.Millisecond}), Wrap(y, Config{})
		pong := &echo{d: a}
		a.Attach(pong)
		b.Attach(&echo{d: b})
		pong.send()
		time.Sleep(time.Second)
		a.Close()
		b.Close()
		if pong.n < 500 {
			t.Errorf("%d round trips in a second of 1 ms each", pong.n)
		}
	})
}

// echo sends a frame for each one it receives.
type echo struct {
	d link.Device
	n int
}

func (e *echo) send() {
	s := link.NewSuper(e.d.Info())
	s.Next().Len = 10
	s.Commit()
	e.d.Send(s)
}

func (e *echo) Deliver([]link.Buf) { e.n++; e.send() }
func (e *echo) LinkChanged(bool)   {}
