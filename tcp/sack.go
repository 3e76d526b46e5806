package tcp

import "github.com/ztstack/ztstack/clock"

// receiveSACK takes the SACK blocks of an acceptable ACK into the scoreboard and returns how many bytes
// were not known to have arrived before. It runs before una moves.
func (c *Conn) receiveSACK(now clock.Time, h *Header) (newly int) {
	s := &c.sent
	var valid [4]SACKBlock
	n := 0
	for i, b := range h.Options.SACK[:h.Options.NumSACK] {
		if i == 0 && c.isDSACK(h, b) {
			c.stats.DSACKs++
			c.rack.duplicateReported(c.snd.una, c.snd.nxt)
			continue
		}
		// Blocks that say nothing sensible about what is in flight are ignored: old ones, and those that a
		// peer makes up (CVE-2019-11477 began so).
		if !b.Start.LessThan(b.End) || b.Start.LessEq(maxSeq(c.snd.una, h.Ack)) || c.snd.nxt.LessThan(b.End) {
			continue
		}
		newly += s.sackBlock(b, int(c.snd.mss), func(i uint32, r *record) { c.arrived(now, i, r) })
		valid[n] = b
		n++
	}
	s.blocks = valid
	return newly
}

// isDSACK reports whether the first block of h tells of a segment received twice: RFC 2883, Section 4. It
// lies below the cumulative ACK or inside the second block.
func (c *Conn) isDSACK(h *Header, b SACKBlock) bool {
	if !b.Start.LessThan(b.End) {
		return false
	}
	if b.End.LessEq(h.Ack) {
		return c.snd.una.Add(-int(c.snd.maxWnd)).LessEq(b.Start)
	}
	if h.Options.NumSACK > 1 {
		o := h.Options.SACK[1]
		return o.Start.LessEq(b.Start) && b.End.LessEq(o.End)
	}
	return false
}

// sackBlock marks the segments that lie wholly in b, which is in flight, and calls arrived for those that had not been.
func (s *scoreboard) sackBlock(b SACKBlock, mss int, arrived func(uint32, *record)) (newly int) {
	if s.n == 0 {
		return 0
	}
	// A block usually repeats what earlier ACKs have said and adds a little at one end: the part that is
	// known is not walked again.
	from, to := b.Start, b.End
	for _, p := range s.blocks {
		if p.Start.LessEq(from) && from.LessThan(p.End) {
			from = p.End
		}
		if p.Start.LessThan(to) && to.LessEq(p.End) {
			to = p.Start
		}
	}
	if !from.LessThan(to) {
		return 0
	}
	for i := s.find(from); i != s.head+s.n; i++ {
		r := s.at(i)
		if !r.start.LessThan(to) {
			break
		}
		if r.start.LessThan(b.Start) || b.End.LessThan(r.end) {
			// A super-segment was cut into segments of mss bytes, of which some have arrived. A part of
			// a segment is not worth a record.
			if r.len() <= mss || !s.isolate(i, b, mss) {
				continue
			}
			i--
			continue
		}
		if r.flags&recordSACKed == 0 {
			arrived(i, r)
			newly += s.markSACKed(i)
		}
	}
	return newly
}

// isolate splits record i so that whole segments of it that lie in b become a record. It reports whether it
// did.
func (s *scoreboard) isolate(i uint32, b SACKBlock, mss int) bool {
	r := s.at(i)
	if r.start.LessThan(b.Start) {
		// Round the start up to a segment's boundary.
		k := (b.Start.Sub(r.start) + mss - 1) / mss * mss
		if k >= r.len() || b.End.LessThan(minSeq(r.start.Add(k+mss), r.end)) {
			return false
		}
		s.split(i, r.start.Add(k))
		return true
	}
	k := b.End.Sub(r.start) / mss * mss
	if k == 0 || k >= r.len() {
		return false
	}
	s.split(i, r.start.Add(k))
	return true
}

// markSACKed notes that the peer holds record i, and returns its length if that is news.
func (s *scoreboard) markSACKed(i uint32) int {
	r := s.at(i)
	if r.flags&recordSACKed != 0 {
		return 0
	}
	n := uint32(r.len())
	if r.flags&recordLost != 0 {
		s.lost -= n
	}
	if r.flags&recordResent != 0 {
		s.resent -= n
	}
	r.flags = r.flags&^(recordLost|recordResent) | recordSACKed
	if s.sacked == 0 || s.highest.LessThan(r.end) {
		s.highest = r.end
	}
	s.sacked += n
	if int32(i-s.judged) >= 0 {
		s.above += n
	}
	return int(n)
}

// dupThresh is the number of duplicate ACKs that signal a loss: RFC 5681, Section 3.2.
const dupThresh = 3

// judge marks as lost what lies below enough SACKed data, and reports whether there was any.
//
// "The routine returns true when either DupThresh discontiguous SACKed sequences have arrived above
// 'SeqNum' or more than (DupThresh - 1) * SMSS bytes with sequence numbers greater than 'SeqNum' have been
// SACKed" RFC 6675, Section 4, IsLost. Only the second is tested; with segments so small that the first
// would matter, three duplicate ACKs do the same.
func (s *scoreboard) judge(mss int) (found bool) {
	for int(s.above) > (dupThresh-1)*mss && s.judged != s.head+s.n {
		r := s.at(s.judged)
		if r.flags&recordSACKed != 0 {
			s.above -= uint32(r.len())
		} else if r.flags&recordLost == 0 {
			s.markLost(s.judged)
			found = true
		}
		s.judged++
	}
	return found
}
