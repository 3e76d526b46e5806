package sim

import "github.com/ztstack/ztstack/clock"

// A receiver takes what arrives.
type receiver interface {
	// arrive handles data, which is borrowed for the call.
	arrive(now clock.Time, data []byte)
}

// An event is the arrival of data.
type event struct {
	when clock.Time
	seq  uint64 // events of one instant happen in the order in which they were made
	to   receiver
	data []byte
}

// An eventQueue is a binary heap.
type eventQueue struct {
	heap []event
	seq  uint64
}

func (q *eventQueue) less(i, j int) bool {
	a, b := &q.heap[i], &q.heap[j]
	return a.when < b.when || a.when == b.when && a.seq < b.seq
}

// at returns the time of the first event, or Never.
func (q *eventQueue) at() clock.Time {
	if len(q.heap) == 0 {
		return clock.Never
	}
	return q.heap[0].when
}

func (q *eventQueue) push(when clock.Time, to receiver, data []byte) {
	q.seq++
	q.heap = append(q.heap, event{when, q.seq, to, data})
	for i := len(q.heap) - 1; i > 0; {
		parent := (i - 1) / 2
		if !q.less(i, parent) {
			return
		}
		q.heap[i], q.heap[parent] = q.heap[parent], q.heap[i]
		i = parent
	}
}

func (q *eventQueue) pop() event {
	first := q.heap[0]
	last := len(q.heap) - 1
	q.heap[0] = q.heap[last]
	q.heap[last] = event{}
	q.heap = q.heap[:last]
	for i := 0; ; {
		child := 2*i + 1
		if child >= last {
			return first
		}
		if child+1 < last && q.less(child+1, child) {
			child++
		}
		if !q.less(child, i) {
			return first
		}
		q.heap[i], q.heap[child] = q.heap[child], q.heap[i]
		i = child
	}
}
