// Package wheel is a hierarchical timing wheel: Varghese and Lauck, "Hashed and Hierarchical Timing
// Wheels", SOSP 1987, with four levels of 64 slots, ticks of 2^18 ns and lazy postponement.
//
// Timers are embedded by value in what they belong to; arming one allocates nothing. Moving a deadline
// later, which a connection does with every acknowledgement, is one comparison and one store: the
// timer stays in its slot and is filed anew when the slot comes up. Deadlines are exact: a tick is how
// finely timers are sorted beforehand, and those of the current tick are compared with the time.
package wheel

import (
	"math"
	"math/bits"

	"github.com/ztstack/ztstack/clock"
)

const (
	tickBits = 18 // log2 of a tick in nanoseconds: 262144 ns
	slotBits = 6
	slots    = 1 << slotBits
	levels   = 4 // together 2^24 ticks, 73 minutes

	// Lists beyond those of the slots.
	listSoon    = levels * slots // deadlines in the current tick or before it
	listFar     = listSoon + 1   // deadlines beyond what the top level covers
	listExpired = listSoon + 2   // waiting to be popped by Expired
	numLists    = listSoon + 3

	// never is a filed time that no deadline reaches: Arm has to look at the timer's list.
	never clock.Time = math.MaxInt64
)

// A Timer is a deadline and what it belongs to. Its memory must not be moved, reused or given up while
// it is in a wheel: see Disarm. The zero Timer is not armed.
type Timer struct {
	Owner any   // for whoever pops the timer
	Kind  int32 // likewise

	list       int32      // 1 + index of the list that the timer is in; 0 is none
	at         clock.Time // the deadline, or Never
	filed      clock.Time // the earliest time of the slot that the timer is in, or never
	next, prev *Timer     // circular
}

// Deadline returns the time that t is armed for, or Never.
func (t *Timer) Deadline() clock.Time { return t.at }

// A Wheel holds armed timers. Init it before use. It is not safe for concurrent use.
type Wheel struct {
	tick uint64 // the current tick: every slot before it is empty

	// soonest is a lower bound of the deadlines in the soon list, if that is not empty.
	soonest clock.Time

	occupied [levels]uint64   // a bit for each slot that holds a timer
	heads    [numLists]*Timer // first timer of each list; its prev is the last
}

// Init empties w and sets its time. Timers that were armed in it must not be used again.
func (w *Wheel) Init(now clock.Time) { *w = Wheel{tick: uint64(now) >> tickBits} }

// Arm sets t to expire at at, which may be in the past, earlier or later than before; Never disarms it.
//
// A timer that is disarmed or postponed by Arm stays linked into the wheel until its old slot comes up.
func (w *Wheel) Arm(t *Timer, at clock.Time) {
	t.at = at
	if at < t.filed || t.list == 0 {
		w.arm(t)
	}
}

// arm is the part of Arm that is rarely taken: t is not filed, or not where it will do.
func (w *Wheel) arm(t *Timer) {
	if t.at == clock.Never {
		return // If it is in a list, whoever goes through the list drops it.
	}
	if t.list == 1+listSoon {
		w.soonest = min(w.soonest, t.at)
		return
	}
	w.unlink(t)
	w.file(t)
}

// Disarm stops t and takes it out of the wheel at once, so that its memory may be given up.
func (w *Wheel) Disarm(t *Timer) {
	t.at = clock.Never
	w.unlink(t)
}

// Advance moves the time to now and makes the timers that have expired available to Expired.
// Time does not run backwards: an earlier now than before has no effect.
func (w *Wheel) Advance(now clock.Time) {
	target := uint64(now) >> tickBits
	for w.tick < target {
		start, list := w.nextSlot()
		if start > target {
			w.tick = target
			break
		}
		// Coming to a slot empties it: its timers go to a lower level or are due in this tick.
		w.tick = start
		for t := w.takeAll(list); t != nil; {
			next := t.next
			t.next, t.prev, t.list = nil, nil, 0
			if t.at != clock.Never {
				w.file(t)
			} else {
				t.filed = 0
			}
			t = next
		}
	}
	if w.heads[listSoon] != nil && w.soonest <= now {
		w.expire(now)
	}
}

// Expired returns the next timer that has expired, or nil. The timer is disarmed.
func (w *Wheel) Expired() *Timer {
	for {
		t := w.heads[listExpired]
		if t == nil {
			return nil
		}
		w.unlink(t)
		if t.at != clock.Never { // Else Arm has stopped it meanwhile.
			t.at = clock.Never
			return t
		}
	}
}

// Next returns a time to call Advance at: no later than the earliest deadline, and Never if no timer is
// in the wheel. It may be early, because a timer was postponed or its slot is wider than a tick, but it is
// later than the last Advance unless a deadline has passed since or Expired has timers to return.
func (w *Wheel) Next() clock.Time {
	if w.heads[listExpired] != nil {
		return 1
	}
	if w.heads[listSoon] != nil {
		return w.soonest
	}
	if start, _ := w.nextSlot(); start != math.MaxUint64 {
		return clock.Time(start << tickBits)
	}
	return clock.Never
}

// expire goes through the soon list.
func (w *Wheel) expire(now clock.Time) {
	for t := w.takeAll(listSoon); t != nil; {
		next := t.next
		t.next, t.prev, t.list = nil, nil, 0
		switch {
		case t.at == clock.Never:
			t.filed = 0
		case t.at <= now:
			w.push(t, listExpired)
		default:
			w.file(t)
		}
		t = next
	}
}

// file links t, which is in no list, into the list that its deadline belongs to.
//
// A deadline's level is that of the highest six bits in which its tick differs from the current one.
// So every timer of a level comes after all of the levels below, within a level slots do not wrap, and
// going forward never puts a timer on the wrong level as long as no slot is passed over.
func (w *Wheel) file(t *Timer) {
	tick := uint64(t.at) >> tickBits
	if tick <= w.tick {
		if w.heads[listSoon] == nil {
			w.soonest = t.at
		}
		w.soonest = min(w.soonest, t.at)
		w.push(t, listSoon)
		return
	}
	level := uint(bits.Len64(tick^w.tick)-1) / slotBits
	if level >= levels {
		w.push(t, listFar)
		t.filed = clock.Time((w.tick>>(levels*slotBits) + 1) << (levels*slotBits + tickBits))
		return
	}
	shift := level * slotBits
	slot := tick >> shift & (slots - 1)
	w.occupied[level] |= 1 << slot
	w.push(t, int32(level*slots)+int32(slot))
	t.filed = clock.Time(tick >> shift << (shift + tickBits))
}

// nextSlot returns the first tick of the earliest slot that holds timers, and its list. If there is
// none, the tick is the highest there is.
func (w *Wheel) nextSlot() (start uint64, list int32) {
	for level := range uint(levels) {
		if w.occupied[level] != 0 {
			slot := uint64(bits.TrailingZeros64(w.occupied[level]))
			shift := level * slotBits
			return (w.tick>>(shift+slotBits)<<slotBits | slot) << shift, int32(level*slots) + int32(slot)
		}
	}
	if w.heads[listFar] != nil {
		return (w.tick>>(levels*slotBits) + 1) << (levels * slotBits), listFar
	}
	return math.MaxUint64, 0
}

// push links t at the end of a list.
func (w *Wheel) push(t *Timer, list int32) {
	t.list = 1 + list
	t.filed = never
	head := w.heads[list]
	if head == nil {
		t.next, t.prev = t, t
		w.heads[list] = t
		return
	}
	t.next, t.prev = head, head.prev
	head.prev.next = t
	head.prev = t
}

// unlink takes t out of its list, if it is in one.
func (w *Wheel) unlink(t *Timer) {
	if t.list == 0 {
		return
	}
	list := t.list - 1
	if t.next == t {
		w.clearHead(list)
	} else {
		t.prev.next, t.next.prev = t.next, t.prev
		if w.heads[list] == t {
			w.heads[list] = t.next
		}
	}
	t.next, t.prev, t.list, t.filed = nil, nil, 0, 0
}

// takeAll empties a list and returns its timers linked by next, ending in nil.
func (w *Wheel) takeAll(list int32) *Timer {
	t := w.heads[list]
	if t != nil {
		t.prev.next = nil
		w.clearHead(list)
	}
	return t
}

func (w *Wheel) clearHead(list int32) {
	w.heads[list] = nil
	if list < listSoon {
		w.occupied[list/slots] &^= 1 << (list % slots)
	}
}
