package vl1

import (
	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/packet"
)

// Bounds of what waits.
const (
	maxWaiting      = 32  // packets received, per queue (PROTOCOL 28)
	maxWaitSend     = 512 // messages to be sent
	maxWaitSendSize = 1 << 20
	retryInterval   = whoisInterval
)

// A waitQueue keeps packets that cannot be processed yet. The oldest gives way.
type waitQueue struct {
	entries []waiting
}

type waiting struct {
	from  identity.Address
	at    PathID
	since clock.Time
	due   clock.Time // when Next offers it; Never until something makes it ready
	data  []byte
}

// add keeps a copy of packet b and reports whether another had to make room.
func (q *waitQueue) add(since clock.Time, from identity.Address, at PathID, b []byte, due clock.Time) (evicted bool) {
	w := waiting{from: from, at: at, since: since, due: due, data: append([]byte(nil), b...)}
	if len(q.entries) >= maxWaiting {
		copy(q.entries, q.entries[1:])
		q.entries[len(q.entries)-1] = w
		return true
	}
	q.entries = append(q.entries, w)
	return false
}

// ready makes the packets of one sender due.
func (q *waitQueue) ready(now clock.Time, from identity.Address) {
	for i := range q.entries {
		if q.entries[i].from == from {
			q.entries[i].due = now
		}
	}
}

// readyAll makes all packets due.
func (q *waitQueue) readyAll(now clock.Time) {
	for i := range q.entries {
		q.entries[i].due = now
	}
}

// take removes the first packet that is due.
func (q *waitQueue) take(now clock.Time) (w waiting, ok bool) {
	for i := range q.entries {
		if q.entries[i].due.Expired(now) {
			w = q.entries[i]
			q.remove(i)
			return w, true
		}
	}
	return waiting{}, false
}

func (q *waitQueue) remove(i int) {
	last := len(q.entries) - 1
	copy(q.entries[i:], q.entries[i+1:])
	q.entries[last] = waiting{}
	q.entries = q.entries[:last]
}

// expire removes what has waited too long and returns how much that was.
func (q *waitQueue) expire(now clock.Time) (n int) {
	for i := 0; i < len(q.entries); {
		if now.Sub(q.entries[i].since) < queueTimeout {
			i++
			continue
		}
		q.remove(i)
		n++
	}
	return n
}

// next returns when something becomes due or expires.
func (q *waitQueue) next() (t clock.Time) {
	for i := range q.entries {
		t = clock.Min(t, clock.Min(q.entries[i].due, q.entries[i].since.Add(queueTimeout)))
	}
	return t
}

// Next returns a message that had to wait and is ready now, until there is none. Call it after Receive
// and after Poll.
func (s *Switch) Next(now clock.Time) (m Message, ok bool) {
	for {
		w, ok := s.strangers.take(now)
		if !ok {
			break
		}
		s.held = w.data
		m, ok = s.whole(now, w.since, w.at, w.data)
		s.settle(now)
		if ok {
			return m, true
		}
	}
	for {
		w, ok := s.retries.take(now)
		if !ok {
			return Message{}, false
		}
		s.held = w.data
		if m, ok = s.reread(&w); ok {
			return m, true
		}
	}
}

// reread makes a Message of a packet that has been one before.
func (s *Switch) reread(w *waiting) (m Message, ok bool) {
	b := w.data
	m = Message{
		From: w.from, Verb: packet.VerbOf(b), ID: packet.ID(b), Hops: packet.Hops(b),
		Payload: packet.Payload(b), Path: w.at, Packet: b, Since: w.since,
	}
	switch m.Verb {
	case packet.VerbOK:
		var o packet.OK
		if !o.Parse(m.Payload) {
			return Message{}, false
		}
		m.InRe, m.InReID, m.Payload = o.InRe, o.InReID, o.Body
	case packet.VerbError:
		var e packet.Error
		if !e.Parse(m.Payload) {
			return Message{}, false
		}
		m.InRe, m.InReID, m.Code, m.Payload = e.InRe, e.InReID, e.Code, e.Body
	}
	return m, true
}

// Retry keeps a copy of m, which the layer above could not use yet, and offers it again through Next
// when a credential or a configuration has come that may change that, and every half second, until it
// is 5 s old (PROTOCOL 19).
func (s *Switch) Retry(now clock.Time, m *Message) {
	if now.Sub(m.Since) >= queueTimeout {
		s.drop(DropRetryExpired)
		return
	}
	if s.retries.add(m.Since, m.From, m.Path, m.Packet, now.Add(retryInterval)) {
		s.drop(DropWaitFull)
	}
}

// RetryAll makes everything that Retry keeps come out of Next at once, when the layer above has
// learned something that may let it through.
func (s *Switch) RetryAll(now clock.Time) { s.retries.readyAll(now) }

// A waitingSend is a message that waits for an identity or for a way.
type waitingSend struct {
	to      identity.Address // zero means the best upstream
	verb    packet.Verb
	payload []byte
	until   clock.Time
}

// queueSend keeps a message for up to 5 s.
func (s *Switch) queueSend(now clock.Time, to identity.Address, v packet.Verb, payload []byte) {
	size := len(payload)
	for i := range s.waitSend {
		size += len(s.waitSend[i].payload)
	}
	if len(s.waitSend) >= maxWaitSend || size > maxWaitSendSize {
		s.drop(DropSendFull)
		return
	}
	s.waitSend = append(s.waitSend, waitingSend{to, v, append([]byte(nil), payload...), now.Add(queueTimeout)})
	if to != 0 && s.peers[to] == nil {
		s.ask(now, to, lookupAttempts)
	}
}

// flush sends what waited, as far as there is a way now, in the order in which it came.
func (s *Switch) flush(now clock.Time) {
	s.flushDue = false
	if len(s.waitSend) == 0 {
		return
	}
	keep := s.waitSend[:0]
	for _, w := range s.waitSend {
		p := s.peers[w.to]
		if w.to == 0 {
			p = s.bestUpstream(now, nil)
		}
		if p != nil {
			s.touch(now, p)
			p.sentAt = now
			if _, ok := s.sendNow(now, p, w.verb, w.payload); ok {
				continue
			}
		}
		keep = append(keep, w)
	}
	clear(s.waitSend[len(keep):])
	s.waitSend = keep
}

// pollWaiting drops what has waited too long.
func (s *Switch) pollWaiting(now clock.Time) {
	for range s.strangers.expire(now) {
		s.drop(DropUnknownSender)
	}
	for range s.retries.expire(now) {
		s.drop(DropRetryExpired)
	}
	keep := s.waitSend[:0]
	for _, w := range s.waitSend {
		if w.until.Expired(now) {
			s.drop(DropSendExpired)
			continue
		}
		keep = append(keep, w)
	}
	clear(s.waitSend[len(keep):])
	s.waitSend = keep
}
