package wheel

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
	"unsafe"

	"pgregory.net/rapid"

	"github.com/ztstack/ztstack/clock"
)

const start clock.Time = 1_000_000_007

// expired pops everything that has expired.
func expired(w *Wheel) (ts []*Timer) {
	for t := w.Expired(); t != nil; t = w.Expired() {
		ts = append(ts, t)
	}
	return ts
}

// check verifies what holds of the wheel between calls.
func check(t *rapid.T, w *Wheel) {
	for list, head := range w.heads {
		if list < listSoon {
			if bit := w.occupied[list/slots]>>(list%slots)&1 == 1; bit != (head != nil) {
				t.Fatalf("list %d: bit %v, head %p", list, bit, head)
			}
			if level := list / slots; head != nil && uint64(list%slots) <= w.tick>>(level*slotBits)&(slots-1) {
				t.Fatalf("slot %d of level %d is occupied, but the wheel has passed it", list%slots, level)
			}
		}
		if head == nil {
			continue
		}
		for x := head; ; x = x.next {
			if x.list != int32(1+list) || x.next.prev != x {
				t.Fatalf("list %d is broken", list)
			}
			if list == listSoon && x.at != clock.Never && x.at < w.soonest {
				t.Fatalf("a timer is due at %d, before the soonest, %d", x.at, w.soonest)
			}
			if list < listSoon && x.at != clock.Never && x.at < x.filed {
				t.Fatalf("a timer is due at %d, before its slot at %d", x.at, x.filed)
			}
			if x.next == head {
				break
			}
		}
	}
}

// The model is the list of deadlines. Distances are drawn from every level of the wheel and beyond it.
func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var w Wheel
		now := start + clock.Time(rapid.Int64Range(0, 1<<43).Draw(t, "start"))
		w.Init(now)
		var timers [12]Timer
		var deadline [len(timers)]clock.Time
		for i := range timers {
			timers[i].Kind = int32(i)
		}
		some := rapid.IntRange(0, len(timers)-1)
		distance := func(t *rapid.T) clock.Time {
			bits := rapid.IntRange(0, 45).Draw(t, "bits")
			return clock.Time(rapid.Int64Range(0, 1<<bits).Draw(t, "distance"))
		}
		collect := func(t *rapid.T) {
			for _, x := range expired(&w) {
				i := x.Kind
				if deadline[i] == clock.Never || deadline[i] > now {
					t.Fatalf("timer %d, due at %d, expired at %d", i, deadline[i], now)
				}
				if x.Deadline() != clock.Never {
					t.Fatalf("timer %d is armed after it expired", i)
				}
				deadline[i] = clock.Never
			}
			for i, d := range deadline {
				if d.Expired(now) {
					t.Fatalf("timer %d, due at %d, did not expire at %d", i, d, now)
				}
			}
		}
		arm := func(i int, at clock.Time) {
			w.Arm(&timers[i], at)
			deadline[i] = at
		}
		t.Repeat(map[string]func(t *rapid.T){
			"arm":    func(t *rapid.T) { arm(some.Draw(t, "timer"), now+1+distance(t)) },
			"past":   func(t *rapid.T) { arm(some.Draw(t, "timer"), max(1, now-distance(t))) },
			"stop":   func(t *rapid.T) { arm(some.Draw(t, "timer"), clock.Never) },
			"nudge":  func(t *rapid.T) { i := some.Draw(t, "timer"); arm(i, max(1, now, deadline[i])+1) },
			"hasten": func(t *rapid.T) { i := some.Draw(t, "timer"); arm(i, max(1, deadline[i]-distance(t))) },
			"disarm": func(t *rapid.T) {
				i := some.Draw(t, "timer")
				w.Disarm(&timers[i])
				deadline[i] = clock.Never
				timers[i] = Timer{Kind: int32(i)} // Its memory is free for other use.
			},
			"advance": func(t *rapid.T) {
				now += distance(t)
				w.Advance(now)
				collect(t)
			},
			"advance, collect some": func(t *rapid.T) {
				now += distance(t)
				w.Advance(now)
				if x := w.Expired(); x != nil {
					if !deadline[x.Kind].Expired(now) {
						t.Fatalf("timer %d, due at %d, expired at %d", x.Kind, deadline[x.Kind], now)
					}
					deadline[x.Kind] = clock.Never
				}
			},
			"follow Next": func(t *rapid.T) {
				for range rapid.IntRange(1, 6).Draw(t, "times") {
					w.Advance(now)
					collect(t)
					next := w.Next()
					if next == clock.Never {
						break
					}
					if next <= now {
						t.Fatalf("after Advance to %d, Next = %d: a driver would not sleep", now, next)
					}
					now = next
				}
				w.Advance(now)
				collect(t)
			},
			"": func(t *rapid.T) {
				check(t, &w)
				next, earliest := w.Next(), clock.Never
				for i, d := range deadline {
					if timers[i].Deadline() != d {
						t.Fatalf("timer %d: Deadline = %d, want %d", i, timers[i].Deadline(), d)
					}
					earliest = clock.Min(earliest, d)
				}
				if earliest != clock.Never && (next == clock.Never || next > max(earliest, 1)) {
					t.Fatalf("Next = %d, later than the earliest deadline, %d", next, earliest)
				}
			},
		})
	})
}

// A driver that does what Next says reaches every deadline exactly, waking a few times on the way.
func TestFollowingNextIsExact(t *testing.T) {
	for _, d := range []time.Duration{1, 100, time.Microsecond, 262144, 300 * time.Microsecond, 20 * time.Millisecond, 200 * time.Millisecond,
		time.Second, time.Minute, time.Hour, 2 * time.Hour, 48 * time.Hour} {
		var w Wheel
		w.Init(start)
		var x Timer
		at := start.Add(d)
		w.Arm(&x, at)
		wakes := 0
		now := start
		for w.Expired() == nil {
			if now = w.Next(); now > at || wakes > 64 {
				t.Fatalf("%v: woken %d times, now %v", d, wakes, now.Sub(start))
			}
			w.Advance(now)
			wakes++
		}
		if now != at {
			t.Errorf("%v: expired after %v", d, now.Sub(start))
		}
		if limit := 6 + int(d/(73*time.Minute)); wakes > limit {
			t.Errorf("%v: woken %d times, want at most %d", d, wakes, limit)
		}
	}
}

func TestPostponedTimerStaysWhereItIs(t *testing.T) {
	var w Wheel
	w.Init(start)
	var x Timer
	w.Arm(&x, start.Add(200*time.Millisecond))
	list := x.list
	for i := range 100 {
		w.Arm(&x, start.Add(200*time.Millisecond+time.Duration(i)*time.Millisecond))
	}
	if x.list != list {
		t.Error("postponing a deadline moved the timer")
	}
	w.Arm(&x, start.Add(50*time.Millisecond))
	w.Advance(start.Add(50 * time.Millisecond))
	if w.Expired() != &x {
		t.Error("the earlier deadline was missed")
	}
}

// Deadlines expire in their order, as far as ticks tell them apart, and a tick's own in that in which
// they were armed.
func TestOrder(t *testing.T) {
	var w Wheel
	w.Init(start)
	var timers [500]Timer
	r := rand.New(rand.NewPCG(1, 2))
	for i := range timers {
		w.Arm(&timers[i], start+clock.Time(r.Int64N(1<<32)))
	}
	at := make(map[*Timer]clock.Time)
	for i := range timers {
		at[&timers[i]] = timers[i].Deadline()
	}
	w.Advance(start + 1<<33)
	var last clock.Time
	for _, x := range expired(&w) {
		if tick := at[x] >> tickBits; tick < last {
			t.Fatalf("a timer of tick %d expired after one of tick %d", tick, last)
		} else {
			last = tick
		}
	}
}

func TestArmWhileExpired(t *testing.T) {
	var w Wheel
	w.Init(start)
	var a, b, c Timer
	for _, x := range []*Timer{&a, &b, &c} {
		w.Arm(x, start+5)
	}
	w.Advance(start + 10)
	w.Arm(&a, clock.Never)
	w.Arm(&b, start+20)
	if got := expired(&w); len(got) != 1 || got[0] != &c {
		t.Errorf("%d timers expired, want only the one that was not armed again", len(got))
	}
	w.Advance(start + 20)
	if got := expired(&w); len(got) != 1 || got[0] != &b {
		t.Errorf("%d timers expired, want the one armed again", len(got))
	}
	if w.Next() != clock.Never {
		t.Error("something is left")
	}
}

func TestTimeDoesNotRunBackwards(t *testing.T) {
	var w Wheel
	w.Init(start)
	var x Timer
	w.Advance(start + 1<<30)
	w.Arm(&x, start+1<<31)
	w.Advance(start)
	w.Advance(1)
	if w.Expired() != nil || w.Next() > start+1<<31 {
		t.Error("an earlier time disturbed the wheel")
	}
	w.Advance(start + 1<<31)
	if w.Expired() != &x {
		t.Error("the deadline was missed")
	}
}

func TestSize(t *testing.T) {
	if n := unsafe.Sizeof(Timer{}); n > 64 {
		t.Errorf("a Timer takes %d bytes, want at most 64", n)
	}
}

func TestNoAllocs(t *testing.T) {
	var w Wheel
	w.Init(start)
	var timers [100]Timer
	now := start
	if n := testing.AllocsPerRun(100, func() {
		for i := range timers {
			w.Arm(&timers[i], now+clock.Time(i)<<16)
		}
		now += 1 << 21
		w.Advance(now)
		for w.Expired() != nil {
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkRearm is what an acknowledgement does: it postpones the retransmission of one connection of
// many, taken at random, by 200 ms, and the host advances the wheel once in 32 segments of 250 ns.
func BenchmarkRearm(b *testing.B) {
	for _, n := range []int{1, 1000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var w Wheel
			w.Init(start)
			timers := make([]Timer, n)
			order := make([]uint32, 1<<16)
			r := rand.New(rand.NewPCG(1, 2))
			for i := range order {
				order[i] = r.Uint32N(uint32(n))
			}
			now := start
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				w.Arm(&timers[order[i%len(order)]], now+200_000_000)
				if i++; i%32 == 0 {
					now += 32 * 250
					w.Advance(now)
					for w.Expired() != nil {
					}
				}
			}
		})
	}
}

// BenchmarkArmDisarm files a timer and takes it out.
func BenchmarkArmDisarm(b *testing.B) {
	var w Wheel
	w.Init(start)
	var others [10]Timer
	for i := range others {
		w.Arm(&others[i], start.Add(40*time.Millisecond))
	}
	var x Timer
	b.ReportAllocs()
	for b.Loop() {
		w.Arm(&x, start+40_000_000)
		w.Disarm(&x)
	}
}
