package cksum

import "math/bits"

// sumGeneric sums b in pure Go.
//
// It adds little-endian 64-bit words and swaps the bytes of the folded sum once: the one's complement
// sum does not depend on byte order (RFC 1071, Section 2 (B)). Each turn is a chain of additions of its
// own, so that turns overlap, and its last carry is counted rather than carried round the loop, so
// that the compiler leaves carries in the flags. Longer turns run out of registers.
func sumGeneric(b []byte) uint16 {
	var sum, n, s, c uint64
	i := 0
	for ; i+64 <= len(b); i += 64 {
		p := b[i : i+64 : i+64]
		s, c = bits.Add64(le64(p[0:]), le64(p[8:]), 0)
		s, c = bits.Add64(s, le64(p[16:]), c)
		s, c = bits.Add64(s, le64(p[24:]), c)
		s, c = bits.Add64(s, le64(p[32:]), c)
		s, c = bits.Add64(s, le64(p[40:]), c)
		s, c = bits.Add64(s, le64(p[48:]), c)
		s, c = bits.Add64(s, le64(p[56:]), c)
		sum, c = bits.Add64(sum, s, c)
		n, _ = bits.Add64(n, 0, c)
	}
	sum, c = bits.Add64(sum, n, 0)
	return sumTail(b[i:], sum+c)
}

// sumTail adds the fewer than 64 bytes of b to sum, a sum of little-endian words, and returns the folded
// big-endian sum. b starts at an even offset of the data.
func sumTail(b []byte, sum uint64) uint16 {
	var n, c uint64
	if len(b) >= 32 {
		sum, c = bits.Add64(sum, le64(b[0:]), 0)
		sum, c = bits.Add64(sum, le64(b[8:]), c)
		sum, c = bits.Add64(sum, le64(b[16:]), c)
		sum, c = bits.Add64(sum, le64(b[24:]), c)
		n, _ = bits.Add64(n, 0, c)
		b = b[32:]
	}
	if len(b) >= 16 {
		sum, c = bits.Add64(sum, le64(b[0:]), 0)
		sum, c = bits.Add64(sum, le64(b[8:]), c)
		n, _ = bits.Add64(n, 0, c)
		b = b[16:]
	}
	if len(b) >= 8 {
		sum, c = bits.Add64(sum, le64(b), 0)
		n += c
		b = b[8:]
	}
	// What is left fits into n, which holds a few carries, without overflow.
	if len(b) >= 4 {
		n += uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24
		b = b[4:]
	}
	if len(b) >= 2 {
		n += uint64(b[0]) | uint64(b[1])<<8
		b = b[2:]
	}
	if len(b) == 1 {
		n += uint64(b[0])
	}
	sum, c = bits.Add64(sum, n, 0)
	return bits.ReverseBytes16(fold(sum + c))
}

// le64 loads a little-endian word; it compiles to one load.
func le64(b []byte) uint64 {
	_ = b[7]
	return uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
		uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
}
