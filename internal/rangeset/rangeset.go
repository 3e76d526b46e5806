// Package rangeset keeps a sorted set of disjoint ranges of sequence numbers: the out-of-order part of a
// receive window, or what a peer has selectively acknowledged.
//
// Sequence numbers are compared modulo 2^32 as RFC 9293, Section 3.4 says; everything that one Set holds
// lies within 2^31 of everything else. The number of ranges is bounded, so a peer that sends every
// second byte cannot make it grow.
package rangeset

// A Range is the sequence numbers from Start up to but not including End.
type Range struct{ Start, End uint32 }

// Len returns the number of sequence numbers in r.
func (r Range) Len() int { return int(r.End - r.Start) }

// A Set is a set of sequence numbers held as disjoint ranges that do not touch, in ascending order.
// The zero Set has capacity 0 and accepts nothing.
type Set struct {
	ranges   []Range
	capacity int32
}

// Init empties s and sets the most ranges it may hold. Memory for them is allocated as it is needed.
func (s *Set) Init(capacity int) { *s = Set{capacity: int32(capacity)} }

// Reset empties s and gives its memory back; the capacity stays.
func (s *Set) Reset() { s.ranges = nil }

// Clear empties s and keeps its memory.
func (s *Set) Clear() { s.ranges = s.ranges[:0] }

// Len returns the number of ranges.
func (s *Set) Len() int { return len(s.ranges) }

// At returns the i-th range in ascending order.
func (s *Set) At(i int) Range { return s.ranges[i] }

// First returns the lowest range, or false if s is empty.
func (s *Set) First() (Range, bool) {
	if len(s.ranges) == 0 {
		return Range{}, false
	}
	return s.ranges[0], true
}

// Last returns the highest range, or false if s is empty.
func (s *Set) Last() (Range, bool) {
	if len(s.ranges) == 0 {
		return Range{}, false
	}
	return s.ranges[len(s.ranges)-1], true
}

// Size returns how many sequence numbers s holds.
func (s *Set) Size() (n int) {
	for _, r := range s.ranges {
		n += r.Len()
	}
	return n
}

// Add adds r and returns the range of s that it is part of now. If s has no room for another range it
// is left as it was, and ok is false; a range that joins one already there always fits. An empty r
// is not stored, and returned as it is; one of 2^31 or more is refused.
func (s *Set) Add(r Range) (merged Range, ok bool) {
	if n := int32(r.End - r.Start); n <= 0 {
		return r, n == 0
	}
	// Ranges [i, j) overlap or touch r.
	i := s.search(r.Start)
	j := i
	for j < len(s.ranges) && !less(r.End, s.ranges[j].Start) {
		j++
	}
	if i == j {
		if len(s.ranges) >= int(s.capacity) {
			return Range{}, false
		}
		s.ranges = append(s.ranges, Range{})
		copy(s.ranges[i+1:], s.ranges[i:])
		s.ranges[i] = r
		return r, true
	}
	if less(s.ranges[i].Start, r.Start) {
		r.Start = s.ranges[i].Start
	}
	if less(r.End, s.ranges[j-1].End) {
		r.End = s.ranges[j-1].End
	}
	s.ranges[i] = r
	s.ranges = append(s.ranges[:i+1], s.ranges[j:]...)
	return r, true
}

// Contains reports whether seq is in s.
func (s *Set) Contains(seq uint32) bool {
	r, ok := s.Next(seq)
	return ok && !less(seq, r.Start)
}

// Covers reports whether every sequence number of r is in s.
func (s *Set) Covers(r Range) bool {
	q, ok := s.Next(r.Start)
	return r.Start == r.End || ok && !less(r.Start, q.Start) && !less(q.End, r.End)
}

// Next returns the lowest range that ends after seq, or false if there is none.
func (s *Set) Next(seq uint32) (Range, bool) {
	i := s.search(seq)
	if i < len(s.ranges) && s.ranges[i].End == seq {
		i++ // It touches seq but ends before it.
	}
	if i == len(s.ranges) {
		return Range{}, false
	}
	return s.ranges[i], true
}

// RemoveBefore removes every sequence number before seq.
func (s *Set) RemoveBefore(seq uint32) {
	i := 0
	for i < len(s.ranges) && !less(seq, s.ranges[i].End) {
		i++
	}
	if i > 0 {
		s.ranges = s.ranges[:copy(s.ranges, s.ranges[i:])]
	}
	if len(s.ranges) > 0 && less(s.ranges[0].Start, seq) {
		s.ranges[0].Start = seq
	}
}

// search returns the index of the first range that ends at or after seq.
func (s *Set) search(seq uint32) int {
	lo, hi := 0, len(s.ranges)
	for lo < hi {
		if m := int(uint(lo+hi) >> 1); less(s.ranges[m].End, seq) {
			lo = m + 1
		} else {
			hi = m
		}
	}
	return lo
}

// less reports whether a precedes b: RFC 9293, Section 3.4.
func less(a, b uint32) bool { return int32(a-b) < 0 }
