package sim

import (
	"math/rand/v2"
	"time"

	"github.com/ztstack/ztstack/clock"
)

// Start is the virtual time at which every World begins.
const Start clock.Time = 1e9

// A World is a simulated network.
type World struct {
	seed     uint64
	now      clock.Time
	events   eventQueue
	machines []machine
	next     []clock.Time // the deadline of each machine when it was last polled
	links    []*Link
	buffers  [][]byte // free ones
	streams  uint64   // random streams given out
}

// A machine is what the World drives: it is pumped until it has nothing to send, and polled.
type machine interface {
	// pump sends what there is to send and reports whether there was anything.
	pump(now clock.Time) bool
	// poll runs timers and returns the next deadline.
	poll(now clock.Time) clock.Time
}

// New returns an empty World. Everything random in it follows from seed.
func New(seed uint64) *World { return &World{seed: seed, now: Start} }

// Seed returns the seed that New was given.
func (w *World) Seed() uint64 { return w.seed }

// Now returns the virtual time.
func (w *World) Now() clock.Time { return w.now }

// Elapsed returns the virtual time since the World began.
func (w *World) Elapsed() time.Duration { return w.now.Sub(Start) }

// Rand returns a new stream of random numbers. Streams do not depend on how much of others was used.
func (w *World) Rand() *rand.Rand {
	w.streams++
	return rand.New(rand.NewPCG(w.seed, w.streams))
}

// add makes m part of the World.
func (w *World) add(m machine) {
	w.machines = append(w.machines, m)
	w.next = append(w.next, clock.Never)
}

// maxRounds bounds how often machines may have something to send without the time going on.
const maxRounds = 1 << 16

// settle lets every machine send and run its timers until none has anything to do now.
func (w *World) settle() {
	for range maxRounds {
		busy := false
		for i, m := range w.machines {
			if m.pump(w.now) {
				busy = true
			}
			w.next[i] = m.poll(w.now)
			if w.next[i].Expired(w.now) {
				busy = true
			}
		}
		if !busy {
			return
		}
	}
	panic("sim: a machine always has something to send and time stands still")
}

// Step does what is to be done at the present time, then moves the time to the next event or deadline and
// handles what is due then. It reports false if there will never be one.
func (w *World) Step() bool { return w.stepUntil(clock.Never) }

// stepUntil is Step that does not move the time beyond end.
func (w *World) stepUntil(end clock.Time) bool {
	w.settle()
	next := w.events.at()
	for _, t := range w.next {
		next = clock.Min(next, t)
	}
	if next == clock.Never || end != clock.Never && next > end {
		return false
	}
	w.now = max(w.now, next)
	for w.events.at().Expired(w.now) {
		e := w.events.pop()
		e.to.arrive(w.now, e.data)
		w.release(e.data)
	}
	w.settle()
	return true
}

// Drive lets d pass.
func (w *World) Drive(d time.Duration) {
	end := w.now.Add(d)
	for w.stepUntil(end) {
	}
	w.now = max(w.now, end)
	w.settle()
}

// DriveUntil drives until cond reports true, which it asks at the beginning and after every step. cond may
// call into hosts. It reports false when limit has passed, or when nothing is left that could happen.
func (w *World) DriveUntil(cond func() bool, limit time.Duration) bool {
	end := w.now.Add(limit)
	for {
		if cond() {
			w.settle()
			return true
		}
		if !w.stepUntil(end) {
			// Something may yet come of what cond did.
			if cond() {
				return true
			}
			if !w.stepUntil(end) {
				w.now = max(w.now, end)
				return cond()
			}
		}
	}
}

// DriveBounded drives until nothing is left to happen, or for at most limit. It reports false if that takes
// more than steps steps: then two machines keep each other busy for nothing.
func (w *World) DriveBounded(steps int, limit time.Duration) bool {
	end := w.now.Add(limit)
	for range steps {
		if !w.stepUntil(end) {
			return true
		}
	}
	return false
}

// buffer returns a copy of b.
func (w *World) buffer(b []byte) []byte {
	var c []byte
	if n := len(w.buffers); n > 0 {
		c = w.buffers[n-1]
		w.buffers = w.buffers[:n-1]
	}
	return append(c[:0], b...)
}

// release takes back what buffer returned.
func (w *World) release(b []byte) {
	if len(w.buffers) < 1024 {
		w.buffers = append(w.buffers, b)
	}
}
