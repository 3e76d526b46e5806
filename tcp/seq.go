package tcp

// Seq is a sequence number. Arithmetic is modulo 2^32 (RFC 9293, Section 3.4), so that two
// numbers are compared only through these methods, and mean something only within half the space.
type Seq uint32

// LessThan reports whether s comes before o.
func (s Seq) LessThan(o Seq) bool { return int32(s-o) < 0 }

// LessEq reports whether s comes before o or equals it.
func (s Seq) LessEq(o Seq) bool { return int32(s-o) <= 0 }

// Add returns the number n places after s; n may be negative.
func (s Seq) Add(n int) Seq { return s + Seq(n) }

// Sub returns how many places s lies after o; negative if it lies before.
func (s Seq) Sub(o Seq) int { return int(int32(s - o)) }

// InWindow reports whether s lies in the size places that begin at start.
func (s Seq) InWindow(start Seq, size int) bool { return uint32(s-start) < uint32(size) }

// maxSeq returns the later of two sequence numbers.
func maxSeq(a, b Seq) Seq {
	if a.LessThan(b) {
		return b
	}
	return a
}

// minSeq returns the earlier of two sequence numbers.
func minSeq(a, b Seq) Seq {
	if b.LessThan(a) {
		return b
	}
	return a
}
