package ring

import (
	"fmt"
	"testing"
)

// The steps below cut Reserve, Put, Publish, Take and Release into their single atomic operations
// (and copies), so that a schedule is a list of which thread takes its next step. Every schedule of
// two producers and a consumer is run on a real Ring, by depth-first search over the states reached.

// world is a ring with its threads, small enough to copy and to compare.
type world struct {
	head, tail uint64
	ends       [4]uint64
	slots      [4]int // the number of the frame in each slot
	owner      [4]int // who may touch each slot: 0 nobody, 1 and 2 a producer, 3 the consumer
	prod       [2]producer
	cons       consumer
}

// producer is one goroutine inside Reserve … Publish.
type producer struct {
	pc      int    // 0 load head, 1 load tail, 2 claim, 3 fill, 4 publish
	head    uint64 // what it read
	tail    uint64
	pos     uint64
	n, i    int // slots reserved, slots filled
	batches int // batches still to push
	next    int // number of the next frame
	dropped int
}

// consumer is the goroutine inside Take … Release.
type consumer struct {
	pc     int // 0 take, 1 read, 2 release
	n, i   int
	last   [2]int // number of the last frame seen of each producer
	seen   [2]int
	misses int // Takes that found nothing
}

const batchLen, maxMisses = 2, 3

// real builds a Ring in the state of w, so that the steps run the real code.
func (w *world) real(slots int) *Ring {
	r := New(slots, 8)
	r.head.Store(w.head)
	r.tail.Store(w.tail)
	for i := range slots {
		r.ends[i].Store(w.ends[i])
	}
	return r
}

func (w *world) save(r *Ring) {
	w.head, w.tail = r.head.Load(), r.tail.Load()
	for i := range r.ends {
		w.ends[i] = r.ends[i].Load()
	}
}

// stepProducer takes the next step of producer k and reports whether it had one.
func (w *world) stepProducer(k, slots int) (bool, error) {
	p := &w.prod[k]
	if p.batches == 0 {
		return false, nil
	}
	r := w.real(slots)
	switch p.pc {
	case 0:
		p.head, p.pc = r.head.Load(), 1
	case 1:
		p.tail, p.pc = r.tail.Load(), 2
	case 2:
		n, ok := r.claim(p.head, p.tail, batchLen)
		switch {
		case !ok:
			p.pc = 0
		case n == 0:
			p.dropped += batchLen
			p.next += batchLen
			p.batches, p.pc = p.batches-1, 0
		default:
			p.pos, p.n, p.i, p.pc = p.head, n, 0, 3
			p.dropped += batchLen - n
			for i := range n {
				at := (p.pos + uint64(i)) & r.mask
				if w.owner[at] != 0 {
					return true, fmt.Errorf("producer %d reserved slot %d, which belongs to %d", k+1, at, w.owner[at])
				}
				w.owner[at] = k + 1
			}
		}
	case 3:
		at := (p.pos + uint64(p.i)) & r.mask
		if w.owner[at] != k+1 {
			return true, fmt.Errorf("producer %d fills slot %d, which belongs to %d", k+1, at, w.owner[at])
		}
		w.slots[at] = k*1000 + p.next + p.i
		if p.i++; p.i == p.n {
			p.pc = 4
		}
	case 4:
		for i := range p.n {
			w.owner[(p.pos+uint64(i))&r.mask] = 3
		}
		r.Publish(Batch{p.pos, p.n})
		p.next += batchLen
		p.batches, p.pc = p.batches-1, 0
	}
	w.save(r)
	return true, nil
}

// stepConsumer takes the consumer's next step and reports whether it had one.
func (w *world) stepConsumer(slots int) (bool, error) {
	c := &w.cons
	r := w.real(slots)
	switch c.pc {
	case 0:
		idle := w.prod[0].batches == 0 && w.prod[1].batches == 0
		n := r.Take()
		if n == 0 && (idle || c.misses == maxMisses) {
			return false, nil
		}
		if n == 0 {
			c.misses++
			return true, nil
		}
		c.n, c.i, c.pc = n, 0, 1
	case 1:
		at := (w.tail + uint64(c.i)) & r.mask
		if w.owner[at] != 3 {
			return true, fmt.Errorf("the consumer reads slot %d, which belongs to %d", at, w.owner[at])
		}
		k, number := w.slots[at]/1000, w.slots[at]%1000
		if number <= c.last[k] {
			return true, fmt.Errorf("frame %d of producer %d comes after frame %d", number, k+1, c.last[k])
		}
		c.last[k] = number
		c.seen[k]++
		if c.i++; c.i == c.n {
			c.pc = 2
		}
	case 2:
		for i := range c.n {
			w.owner[(w.tail+uint64(i))&r.mask] = 0
		}
		r.Release(c.n)
		c.misses, c.pc = 0, 0
	}
	w.save(r)
	return true, nil
}

// TestEveryInterleaving checks in every reachable state that no slot is touched by two threads, that
// frames of one producer stay in order, and at every end that nothing was lost or made up.
func TestEveryInterleaving(t *testing.T) {
	for _, slots := range []int{1, 2, 4} {
		t.Run(fmt.Sprintf("slots=%d", slots), func(t *testing.T) {
			start := world{cons: consumer{last: [2]int{-1, -1}}}
			for k := range start.prod {
				start.prod[k].batches = 2
			}
			seen := map[world]bool{start: true}
			todo := []world{start}
			ends, partial, full := 0, 0, 0
			for len(todo) > 0 {
				w := todo[len(todo)-1]
				todo = todo[:len(todo)-1]
				moved := false
				for thread := range 3 {
					next := w
					ok, err := true, error(nil)
					if thread < 2 {
						ok, err = next.stepProducer(thread, slots)
					} else {
						ok, err = next.stepConsumer(slots)
					}
					if err != nil {
						t.Fatalf("%v\nbefore: %+v", err, w)
					}
					if !ok {
						continue
					}
					moved = true
					if !seen[next] {
						seen[next] = true
						todo = append(todo, next)
					}
				}
				if moved {
					continue
				}
				ends++
				pushed, dropped := 0, 0
				for k, p := range w.prod {
					if w.cons.seen[k]+p.dropped != 2*batchLen {
						t.Fatalf("producer %d pushed %d frames, %d arrived and %d were dropped\n%+v",
							k+1, 2*batchLen, w.cons.seen[k], p.dropped, w)
					}
					pushed += 2 * batchLen
					dropped += p.dropped
				}
				if r := w.real(slots); !r.Empty() || w.head != w.tail {
					t.Fatalf("the ring is not empty at the end: %+v", w)
				}
				switch {
				case dropped == 0:
					full++
				case dropped < pushed:
					partial++
				}
			}
			if ends == 0 || partial == 0 || (slots == 4 && full == 0) {
				t.Errorf("%d ends, %d with drops, %d without: the schedules do not cover both", ends, partial, full)
			}
			t.Logf("%d states, %d ends", len(seen), ends)
		})
	}
}
