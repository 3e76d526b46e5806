package stack

import (
	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/internal/wheel"
	"github.com/ztstack/ztstack/tcp"
)

// A timeWait is what the table keeps of a connection in TIME-WAIT.
type timeWait struct {
	rec   tcp.TimeWait
	tuple tuple
	prev  *timeWait
	next  *timeWait
}

// A timeWaitList is all of them, about in the order in which they expire: one timer serves all.
type timeWaitList struct {
	head, tail *timeWait
	n          int
	timer      wheel.Timer
}

// addTimeWait replaces c in the table by a record.
func (s *Stack) addTimeWait(now clock.Time, c *TCP, rec tcp.TimeWait) {
	q := &s.timeWaits
	if q.n >= s.cfg.MaxTimeWait {
		s.drop(DropTimeWaitLimit)
		s.removeTimeWait(q.head)
	}
	w := &timeWait{rec: rec, tuple: c.tuple}
	s.putFlow(&w.tuple, flow{wait: w})
	q.push(w)
	if q.n == 1 {
		s.wheel.Arm(&q.timer, w.rec.Expires)
	}
}

// removeTimeWait forgets a record.
func (s *Stack) removeTimeWait(w *timeWait) {
	s.deleteFlow(&w.tuple)
	s.timeWaits.remove(w)
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
// new connection, for which the record has made room.
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
		s.removeTimeWait(w)
		return false
	case tcp.TWAck:
		if n := w.rec.Output(now, s.segment[:]); n > 0 {
			s.sendSegment(now, &w.tuple, s.segment[:n])
		}
	}
	return true
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
