package tcp

import "github.com/ztstack/ztstack/clock"

// A record is one segment, or one super-segment, that has been sent and not yet cumulatively acknowledged.
type record struct {
	at         clock.Time // when it was last sent
	start, end Seq        // a FIN counts
	flags      recordFlags
}

type recordFlags uint8

const (
	// recordSACKed: the peer has said that it holds this.
	recordSACKed recordFlags = 1 << iota
	// recordLost: it is taken to have left the network unreceived.
	recordLost
	// recordResent: it was lost, and a retransmission is in the network.
	recordResent
	// recordKarn: it was sent more than once, so an ACK of it does not tell the round-trip time.
	recordKarn
	// recordFIN: its last sequence number is the FIN.
	recordFIN
)

func (r *record) len() int { return int(r.end - r.start) }

// inlineRecords is how many records fit into a Conn. A connection that exchanges short messages needs no
// more.
const inlineRecords = 2

// A scoreboard holds the records of all that is in flight, in order of sequence and without gaps, and the
// sums over them that loss recovery works with ("pipe" and "scoreboard" of RFC 6675).
//
// Records are addressed by an index that counts up from the first one the connection ever made and wraps.
type scoreboard struct {
	buf    []record // a ring of a power of two; nil while inline suffices
	inline [inlineRecords]record
	head   uint32 // index of the first record
	n      uint32

	sacked uint32 // bytes of records SACKed; without SACK, an estimate from duplicate ACKs
	lost   uint32 // bytes of records lost, whether or not sent again
	resent uint32 // bytes of records lost that are in the network again

	judged  uint32       // records before this index have been judged by RFC 6675's IsLost
	above   uint32       // bytes SACKed in records from judged on
	resend  uint32       // no record before this index waits to be sent again
	fresh   uint32       // records before this index have arrived, or are lost, or have been sent again
	again   *resentQueue // made when something is sent again
	rate    *rateState   // if not nil, what is known of each record beside
	losses  uint32       // bytes ever marked as lost; wraps
	highest Seq          // end of the highest record SACKed; meaningless unless sacked > 0
	blocks  [4]SACKBlock
}

// at returns record i, which exists.
func (s *scoreboard) at(i uint32) *record {
	if s.buf == nil {
		return &s.inline[i&(inlineRecords-1)]
	}
	return &s.buf[i&uint32(len(s.buf)-1)]
}

// push appends a record of what has just been sent for the first time.
func (s *scoreboard) push(now clock.Time, start, end Seq, flags recordFlags) {
	s.grow()
	*s.at(s.head + s.n) = record{at: now, start: start, end: end, flags: flags}
	s.n++
}

// grow makes room for one more record.
func (s *scoreboard) grow() {
	size := uint32(inlineRecords)
	if s.buf != nil {
		size = uint32(len(s.buf))
	}
	if s.n < size {
		return
	}
	buf := make([]record, max(16, 2*size))
	for i := s.head; i != s.head+s.n; i++ {
		buf[i&uint32(len(buf)-1)] = *s.at(i)
	}
	s.buf = buf
}

// release forgets all records and their memory.
func (s *scoreboard) release() {
	*s = scoreboard{rate: s.rate, losses: s.losses}
	if s.rate != nil {
		s.rate.base = 0
	}
}

// idle reports whether memory could be given back.
func (s *scoreboard) idle() bool { return s.n == 0 && s.buf != nil }

// pipe returns how much of flight is in the network: RFC 6675, Section 4, SetPipe.
func (s *scoreboard) pipe(flight int) int {
	return flight - int(s.sacked) - int(s.lost) + int(s.resent)
}

// acked is what ackTo has learnt.
type acked struct {
	sentAt clock.Time // when the newest record that was sent just once was sent; Never if there is none
	karn   bool       // some record had been sent more than once
}

// ackTo drops what lies before una.
func (s *scoreboard) ackTo(una Seq) (a acked) {
	for s.n > 0 {
		r := s.at(s.head)
		if una.LessThan(r.end) {
			if r.start.LessThan(una) {
				// Part of a super-segment, or of a segment that the peer took in pieces.
				s.forget(r.flags, s.head, int(una-r.start))
				r.start = una
			}
			break
		}
		s.forget(r.flags, s.head, r.len())
		switch {
		case r.flags&recordKarn != 0:
			a.karn = true
		case r.flags&recordSACKed == 0:
			// What was SACKed earlier has been measured then.
			a.sentAt = r.at
		}
		s.head++
		s.n--
	}
	if int32(s.judged-s.head) < 0 {
		s.judged = s.head
	}
	if int32(s.resend-s.head) < 0 {
		s.resend = s.head
	}
	if int32(s.fresh-s.head) < 0 {
		s.fresh = s.head
	}
	return a
}

// forget takes n bytes of record i out of the sums.
func (s *scoreboard) forget(f recordFlags, i uint32, n int) {
	if f&(recordSACKed|recordLost) == 0 {
		return
	}
	if f&recordSACKed != 0 {
		s.sacked -= uint32(n)
		if int32(i-s.judged) >= 0 {
			s.above -= uint32(n)
		}
	}
	if f&recordLost != 0 {
		s.lost -= uint32(n)
	}
	if f&recordResent != 0 {
		s.resent -= uint32(n)
	}
}

// find returns the index of the record that holds seq, which is in flight.
func (s *scoreboard) find(seq Seq) uint32 {
	lo, hi := uint32(0), s.n
	for lo+1 < hi {
		m := (lo + hi) / 2
		if s.at(s.head + m).start.LessEq(seq) {
			lo = m
		} else {
			hi = m
		}
	}
	return s.head + lo
}

// split cuts record i in two at seq, which lies inside it.
func (s *scoreboard) split(i uint32, seq Seq) {
	s.grow()
	for j := s.head + s.n; j != i; j-- {
		*s.at(j) = *s.at(j - 1)
	}
	s.n++
	r := s.at(i)
	s.at(i + 1).start = seq
	r.end = seq
	r.flags &^= recordFIN
	if int32(s.judged-i) > 0 {
		s.judged++
	}
	if int32(s.resend-i) > 0 {
		s.resend++
	}
	if int32(s.fresh-i) > 0 {
		s.fresh++
	}
	if s.rate != nil {
		s.rate.split(s, i)
	}
	if r.flags&recordResent != 0 {
		// Both parts are in the queue. That this one is not in order costs a little time.
		s.again.push(seq, r.at)
	}
}

// markLost notes that record i, which is not SACKed, has left the network.
func (s *scoreboard) markLost(i uint32) {
	r := s.at(i)
	n := uint32(r.len())
	if r.flags&(recordLost|recordResent) != recordLost {
		s.losses += n
	}
	if r.flags&recordLost == 0 {
		s.lost += n
	}
	if r.flags&recordResent != 0 {
		s.resent -= n
	}
	r.flags = r.flags&^recordResent | recordLost
	if int32(i-s.resend) < 0 {
		s.resend = i
	}
}

// markHeadLost marks the first segment of what is in flight as lost, unless a retransmission of it is on
// its way.
func (s *scoreboard) markHeadLost(mss int) {
	if s.n == 0 {
		return
	}
	r := s.at(s.head)
	if r.flags&(recordSACKed|recordLost) != 0 {
		return
	}
	if r.len() > mss {
		s.split(s.head, r.start.Add(mss))
	}
	s.markLost(s.head)
}

// markAllLost marks everything as lost, and forgets what was SACKed.
//
// "After a retransmit timeout the data sender SHOULD turn off all of the SACKed bits, since the timeout
// might indicate that the data receiver has reneged." RFC 2018, Section 8.
func (s *scoreboard) markAllLost() {
	s.lost = 0
	for i := s.head; i != s.head+s.n; i++ {
		r := s.at(i)
		if r.flags&(recordLost|recordResent) != recordLost {
			s.losses += uint32(r.len())
		}
		r.flags = r.flags&^(recordSACKed|recordResent) | recordLost
		s.lost += uint32(r.len())
	}
	s.sacked, s.resent, s.above = 0, 0, 0
	s.judged, s.resend, s.fresh = s.head, s.head, s.head
	s.blocks = [4]SACKBlock{}
}

// nextLost returns the index of the first record that is lost and has not been sent again.
func (s *scoreboard) nextLost() (i uint32, ok bool) {
	for ; s.resend != s.head+s.n; s.resend++ {
		if s.at(s.resend).flags&(recordLost|recordResent) == recordLost {
			return s.resend, true
		}
	}
	return 0, false
}

// markResent notes that record i, which is lost, has been sent again.
func (s *scoreboard) markResent(i uint32, now clock.Time) {
	r := s.at(i)
	r.at = now
	r.flags |= recordResent | recordKarn
	s.resent += uint32(r.len())
	if s.again == nil {
		s.again = new(resentQueue)
	}
	s.again.push(r.start, now)
}

// A resentQueue holds what has been sent again, in order of time. What has become of it since is found out when its turn
// comes.
type resentQueue struct {
	list []resentRecord
	head int
}

type resentRecord struct {
	at    clock.Time
	start Seq
}

func (q *resentQueue) push(start Seq, at clock.Time) {
	if q.head > 0 && len(q.list) == cap(q.list) {
		q.list = q.list[:copy(q.list, q.list[q.head:])]
		q.head = 0
	}
	q.list = append(q.list, resentRecord{at: at, start: start})
}

// oldestResent returns the index of the record whose latest retransmission is the oldest of those that are in the network.
func (s *scoreboard) oldestResent(una Seq) (i uint32, ok bool) {
	q := s.again
	if q == nil {
		return 0, false
	}
	for ; q.head < len(q.list); q.head++ {
		e := q.list[q.head]
		if s.n == 0 {
			continue
		}
		start := maxSeq(e.start, una) // a part of it may have been acknowledged
		i = s.find(start)
		r := s.at(i)
		if r.at == e.at && r.start == start && r.flags&recordSACKed == 0 && r.flags&(recordLost|recordResent) != recordLost {
			return i, true
		}
	}
	q.list, q.head = q.list[:0], 0
	return 0, false
}
