package zerotier

// queue is a bounded first-in first-out queue. The zero queue is empty and unbounded.
type queue[T any] struct {
	items []T
	head  int
	limit int // most items; 0 means no bound
}

// push appends v. It reports false, and keeps what is there, when the queue is full.
func (q *queue[T]) push(v T) bool {
	if q.limit > 0 && len(q.items)-q.head >= q.limit {
		return false
	}
	if q.head > 0 && len(q.items) == cap(q.items) {
		n := copy(q.items, q.items[q.head:])
		clear(q.items[n:])
		q.items, q.head = q.items[:n], 0
	}
	q.items = append(q.items, v)
	return true
}

// pop takes the oldest item.
func (q *queue[T]) pop() (v T, ok bool) {
	if q.head == len(q.items) {
		return v, false
	}
	var zero T
	v, q.items[q.head] = q.items[q.head], zero
	q.head++
	if q.head == len(q.items) {
		q.items, q.head = q.items[:0], 0
	}
	return v, true
}
