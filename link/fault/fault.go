// Package fault is a link that misbehaves on purpose: it loses, delays, duplicates, reorders and corrupts
// the frames that are sent through it, by a seeded random choice for each.
//
// For tests on virtual time there is package sim; this one is for real time.
package fault

import (
	"container/heap"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/ztstack/ztstack/link"
)

// Config says what happens to frames. The zero Config does nothing. Probabilities are between 0 and 1.
type Config struct {
	Seed uint64 // two devices with one seed and one Config choose alike

	Loss      float64 // a frame is lost
	Corrupt   float64 // one bit of a frame is flipped
	Duplicate float64 // a frame is sent twice
	Reorder   float64 // a frame is held up by ReorderBy, and overtaken
	ReorderBy time.Duration

	Delay  time.Duration // of every frame
	Jitter time.Duration // up to this is added to Delay, without reordering

	Queue int // most frames that wait for their time; further ones are lost; 0 means 4096
}

// Counts are what became of the frames sent.
type Counts struct{ Sent, Lost, Corrupted, Duplicated, Reordered, Overflowed uint64 }

// A Device is a link.Device that misbehaves when it sends. What it receives passes as it is: to spoil both
// directions, wrap both ends.
type Device struct {
	link.Device
	cfg Config

	mu     sync.Mutex // guards what follows, but not while frames are passed on
	rand   *rand.Rand
	counts Counts
	queue  frameHeap
	seq    uint64
	last   time.Time // when the last frame that was not reordered is due
	free   [][]byte
	closed bool

	sending sync.Mutex // held while frames are passed on; only tried, never waited for
	super   *link.Super
	wake    chan struct{} // tells the goroutine that the first frame's time has changed
	done    chan struct{} // closed when the goroutine has ended
}

// Wrap returns a Device that passes on what is sent through it as cfg says.
func Wrap(d link.Device, cfg Config) *Device {
	if cfg.Queue == 0 {
		cfg.Queue = 4096
	}
	if cfg.ReorderBy == 0 {
		cfg.ReorderBy = 5 * time.Millisecond
	}
	f := &Device{
		Device: d, cfg: cfg, rand: rand.New(rand.NewPCG(cfg.Seed, 0x6661756c74)),
		super: link.NewSuper(d.Info()), wake: make(chan struct{}, 1), done: make(chan struct{}),
	}
	go f.run()
	return f
}

// Counts returns what became of the frames sent so far.
func (d *Device) Counts() Counts {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.counts
}

// Send implements link.Device. Frames that are due at once have been passed on when it returns, unless
// somebody else is passing frames on: he, or the goroutine after him, takes these along.
func (d *Device) Send(s *link.Super) {
	now := time.Now()
	frames := s.Frames()
	d.mu.Lock()
	for i := range frames {
		d.admit(now, &frames[i])
	}
	d.mu.Unlock()
	d.flush()
	d.alarm()
}

// admit decides a frame's fate. d.mu is held.
func (d *Device) admit(now time.Time, b *link.Buf) {
	d.counts.Sent++
	if d.chance(d.cfg.Loss) {
		d.counts.Lost++
		return
	}
	copies, flip := 1, -1
	if d.chance(d.cfg.Corrupt) && b.Len > 0 {
		d.counts.Corrupted++
		flip = d.rand.IntN(8 * b.Len)
	}
	if d.chance(d.cfg.Duplicate) {
		d.counts.Duplicated++
		copies = 2
	}
	due := now.Add(d.cfg.Delay)
	if d.cfg.Jitter > 0 {
		due = due.Add(time.Duration(d.rand.Int64N(int64(d.cfg.Jitter))))
	}
	for range copies {
		when := due
		if when.Before(d.last) {
			when = d.last
		}
		if d.chance(d.cfg.Reorder) {
			d.counts.Reordered++
			when = when.Add(d.cfg.ReorderBy)
		} else {
			d.last = when
		}
		if len(d.queue) >= d.cfg.Queue {
			d.counts.Overflowed++
			continue
		}
		d.seq++
		f := waiting{when: when, seq: d.seq, gso: b.GSO, sumOK: b.SumOK, data: d.copy(b.Frame())}
		if flip >= 0 {
			f.data[flip/8] ^= 1 << (flip % 8)
		}
		heap.Push(&d.queue, f)
	}
}

func (d *Device) chance(p float64) bool { return p > 0 && d.rand.Float64() < p }

// flush passes on the frames whose time has come. It does not wait for another flush: passing a frame on
// may lead back here on the same goroutine, when the other end answers at once.
func (d *Device) flush() {
	if !d.sending.TryLock() {
		return
	}
	defer d.sending.Unlock()
	for {
		d.super.Reset()
		now := time.Now()
		d.mu.Lock()
		for !d.closed && !d.super.Full() && len(d.queue) > 0 && !d.queue[0].when.After(now) {
			f := heap.Pop(&d.queue).(waiting)
			if b := d.super.Next(); len(f.data) <= len(b.Room()) {
				b.Len, b.GSO, b.SumOK = copy(b.Room(), f.data), f.gso, f.sumOK
				d.super.Commit()
			}
			d.free = append(d.free, f.data)
		}
		d.mu.Unlock()
		if d.super.Len() == 0 {
			return
		}
		d.Device.Send(d.super)
	}
}

// alarm makes the goroutine look at the queue.
func (d *Device) alarm() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// run passes frames on when their time comes, until Close.
func (d *Device) run() {
	defer close(d.done)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		d.mu.Lock()
		wait := time.Hour
		if len(d.queue) > 0 {
			wait = time.Until(d.queue[0].when)
		}
		closed := d.closed
		d.mu.Unlock()
		if closed {
			return
		}
		timer.Reset(wait)
		select {
		case <-d.wake:
		case <-timer.C:
			d.flush()
		}
	}
}

// Close implements link.Device. Frames that wait are lost.
func (d *Device) Close() error {
	d.mu.Lock()
	d.closed = true
	d.queue = nil
	d.mu.Unlock()
	d.alarm()
	<-d.done
	return d.Device.Close()
}

// copy returns a copy of b. d.mu is held.
func (d *Device) copy(b []byte) []byte {
	var c []byte
	if n := len(d.free); n > 0 {
		c = d.free[n-1]
		d.free = d.free[:n-1]
	}
	return append(c[:0], b...)
}

// waiting is a frame whose time has not come.
type waiting struct {
	when  time.Time
	seq   uint64 // frames that are due together go in the order in which they came
	gso   int
	sumOK bool
	data  []byte
}

// frameHeap implements heap.Interface.
type frameHeap []waiting

func (h frameHeap) Len() int { return len(h) }
func (h frameHeap) Less(i, j int) bool {
	return h[i].when.Before(h[j].when) || h[i].when.Equal(h[j].when) && h[i].seq < h[j].seq
}
func (h frameHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *frameHeap) Push(x any)   { *h = append(*h, x.(waiting)) }
func (h *frameHeap) Pop() any {
	old := *h
	x := old[len(old)-1]
	old[len(old)-1] = waiting{}
	*h = old[:len(old)-1]
	return x
}
