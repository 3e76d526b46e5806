package stack

import (
	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/internal/wheel"
	"github.com/ztstack/ztstack/tcp"
)

// A timeWait is what the table keeps of a connection in TIME-WAIT.
type timeWait struct {
	flow flow
	rec  tcp.TimeWait
	prev *timeWait
	next *timeWait
}

// A timeWaitList is all of them, about in the order in which they expire: one timer serves all.
type timeWaitList struct {
	head, tail *timeWait
	n          int
	timer      wheel.Timer

	free  *timeWait // linked by next
	nFree int
}

// keepTimeWaits is how many unused records are kept for reuse.
const keepTimeWaits = 1024

// addTimeWait puts a record into the table, in the place of the connection that has the tuple.
func (s *Stack) addTimeWait(now clock.Time, t *tuple, rec tcp.TimeWait) {
	q := &s.timeWaits
	if q.n >= s.cfg.MaxTimeWait {
		s.drop(DropTimeWaitLimit)
		s.removeTimeWait(q.head)
	}
	w := q.get()
	w.flow.tuple, w.rec = *t, rec
	s.putFlow(&w.flow)
	q.push(w)
	if q.n == 1 {
		s.wheel.Arm(&q.timer, w.rec.Expires)
	}
}

// removeTimeWait forgets a record.
func (s *Stack) removeTimeWait(w *timeWait) {
	s.deleteFlow(&w.flow)
	s.timeWaits.remove(w)
	s.timeWaits.put(w)
}

// succeed makes c, which has taken the place of w in the table, the next incarnation of w's connection.
func (s *Stack) succeed(c *TCP, w *timeWait) {
	c.conn.Succeed(&w.rec)
	s.timeWaits.remove(w)
	s.timeWaits.put(w)
}

// expireTimeWaits forgets the records whose time has come.
func (s *Stack) expireTimeWaits(now clock.Time) {
	q := &s.timeWaits
	for w := q.head; w != nil; w = q.head {
		if !w.rec.Expires.Expired(now) {
			s.wheel.Arm(&q.timer, w.rec.Expires)
			return
		}
		s.removeTimeWait(w)
	}
}

// timeWaitInput handles a segment for a record. It reports false if the segment is a SYN that may open a
// new connection, for which the record makes room if there is a listener that takes it.
func (s *Stack) timeWaitInput(now clock.Time, w *timeWait, h *tcp.Header, payload int) bool {
	before := w.rec.Expires
	action := w.rec.Receive(now, h, payload)
	if w.rec.Expires != before {
		// 2 MSL begin anew: the record goes to the end of the queue.
		s.timeWaits.remove(w)
		s.timeWaits.push(w)
	}
	switch action {
	case tcp.TWReuse:
		return false
	case tcp.TWAck:
		if n := w.rec.Output(now, s.segment[:]); n > 0 {
			s.sendSegment(now, &w.flow.tuple, s.segment[:n])
		}
	}
	return true
}

// get returns a record that is not in use.
func (q *timeWaitList) get() *timeWait {
	w := q.free
	if w == nil {
		w = new(timeWait)
		w.flow.wait = w
		return w
	}
	q.free, w.next = w.next, nil
	q.nFree--
	return w
}

// put takes a record back. Nothing leads to it any more.
func (q *timeWaitList) put(w *timeWait) {
	if q.nFree < keepTimeWaits {
		w.next, q.free = q.free, w
		q.nFree++
	}
}

func (q *timeWaitList) push(w *timeWait) {
	w.prev, w.next = q.tail, nil
	if q.tail == nil {
		q.head = w
	} else {
		q.tail.next = w
	}
	q.tail = w
	q.n++
}

func (q *timeWaitList) remove(w *timeWait) {
	if w.prev == nil {
		q.head = w.next
	} else {
		w.prev.next = w.next
	}
	if w.next == nil {
		q.tail = w.prev
	} else {
		w.next.prev = w.prev
	}
	w.prev, w.next = nil, nil
	q.n--
}
