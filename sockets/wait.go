package sockets

import (
	"os"
	"runtime"
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/internal/wheel"
)

// A half is one direction of a socket: who waits for it, and until when. It is guarded by its
// shard's lock, but for the channel's contents.
//
// The channel has room for one token, so that a wake-up is never lost and never blocks. One token
// wakes one goroutine; a goroutine that was woken passes the token on when others still wait, so
// that each of them looks for itself.
type half struct {
	waiters int           // goroutines parked, or about to park
	ch      chan struct{} // made when somebody waits for the first time
	timer   wheel.Timer   // the deadline
	past    bool          // the deadline has passed
}

// wait parks the caller until h is signalled. The caller holds the shard's lock, at now, and gets it back with
// the time that it then is.
func (s *shard) wait(h *half, now clock.Time) clock.Time {
	ch := h.prepare()
	s.leave(now)
	park(ch)
	now = s.enter()
	h.finish(&s.wakes)
	return now
}

// yields is how often a goroutine lets others run before it sleeps. What it waits for is mostly made by another goroutine
// of this process, and waking a thread costs far more than a few turns of the scheduler.
const yields = 8

// park waits for a token.
func park(ch chan struct{}) {
	for range yields {
		select {
		case <-ch:
			return
		default:
			runtime.Gosched()
		}
	}
	<-ch
}

// err returns os.ErrDeadlineExceeded once the deadline has passed.
func (h *half) err() error {
	if h.past {
		return os.ErrDeadlineExceeded
	}
	return nil
}

// prepare announces that the caller is going to wait and returns the channel to wait on. Call it
// before leaving the shard, and finish after having entered it again.
func (h *half) prepare() chan struct{} {
	if h.ch == nil {
		h.ch = make(chan struct{}, 1)
	}
	h.waiters++
	return h.ch
}

// finish undoes prepare and passes a wake-up on to the others who wait.
func (h *half) finish(w *wakeList) {
	h.waiters--
	h.signal(w)
}

// signal wakes one waiting goroutine once the shard's lock has been given up.
func (h *half) signal(w *wakeList) {
	if h.waiters > 0 {
		w.add(h.ch)
	}
}

// expire marks the deadline as passed.
func (h *half) expire(w *wakeList) {
	h.past = true
	h.signal(w)
}

// setDeadline sets the deadline to t, or removes it if t is zero. A deadline in the past takes effect at once.
func (h *half) setDeadline(s *shard, now clock.Time, t time.Time) {
	h.timer.Owner = h
	h.past = false
	if t.IsZero() {
		s.st.Arm(&h.timer, clock.Never)
		return
	}
	d := time.Until(t)
	if d <= 0 {
		s.st.Arm(&h.timer, clock.Never)
		h.expire(&s.wakes)
		return
	}
	s.st.Arm(&h.timer, now.Add(d))
}

// disarm removes the deadline's timer from the shard: the socket is closing.
func (h *half) disarm(s *shard) { s.st.Arm(&h.timer, clock.Never) }

// A wakeList collects channels to be sent on after an unlock. It is a value: take moves it out.
type wakeList struct {
	n    int
	few  [8]chan struct{}
	more []chan struct{}
}

func (w *wakeList) add(ch chan struct{}) {
	if w.n < len(w.few) {
		w.few[w.n] = ch
		w.n++
		return
	}
	w.more = append(w.more, ch)
}

// take returns what w holds and empties it.
func (w *wakeList) take() (out wakeList) {
	if w.n == 0 {
		return out
	}
	out.n = w.n
	copy(out.few[:w.n], w.few[:w.n])
	out.more = w.more
	w.n, w.more = 0, nil
	return out
}

// wake puts a token into each channel that has none.
func (w *wakeList) wake() {
	for _, ch := range w.few[:w.n] {
		notify(ch)
	}
	for _, ch := range w.more {
		notify(ch)
	}
}

func notify(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}
