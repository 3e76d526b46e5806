package cksum

import "math/bits"

// sumGeneric sums b in pure Go.
//
// It adds little-endian 64-bit words and swaps the bytes of the folded sum once: the one's complement
// sum does not depend on byte order (RFC 1071, Section 2 (B)). The carry of each chain of eight
// additions is counted rather than carried round the loop: so the compiler keeps it in the flags
// and the two chains overlap.
func sumGeneric(b []byte) uint16 {
	var s0, s1, n0, n1, c uint64
	for len(b) >= 128 {
		p := (*[128]byte)(b)
		s0, c = bits.Add64(s0, le64(p, 0), 0)
		s0, c = bits.Add64(s0, le64(p, 8), c)
		s0, c = bits.Add64(s0, le64(p, 16), c)
		s0, c = bits.Add64(s0, le64(p, 24), c)
		s0, c = bits.Add64(s0, le64(p, 32), c)
		s0, c = bits.Add64(s0, le64(p, 40), c)
		s0, c = bits.Add64(s0, le64(p, 48), c)
		s0, c = bits.Add64(s0, le64(p, 56), c)
		n0, _ = bits.Add64(n0, 0, c)
		s1, c = bits.Add64(s1, le64(p, 64), 0)
		s1, c = bits.Add64(s1, le64(p, 72), c)
		s1, c = bits.Add64(s1, le64(p, 80), c)
		s1, c = bits.Add64(s1, le64(p, 88), c)
		s1, c = bits.Add64(s1, le64(p, 96), c)
		s1, c = bits.Add64(s1, le64(p, 104), c)
		s1, c = bits.Add64(s1, le64(p, 112), c)
		s1, c = bits.Add64(s1, le64(p, 120), c)
		n1, _ = bits.Add64(n1, 0, c)
		b = b[128:]
	}
	s0, c = bits.Add64(s0, s1, 0)
	n0 += n1 + c
	s0, c = bits.Add64(s0, n0, 0)
	s0 += c
	return sumTail(b, s0)
}

// sumTail adds the fewer than 128 bytes of b to s, a sum of little-endian words, and returns the
// folded big-endian sum. b starts at an even offset of the data.
func sumTail(b []byte, s uint64) uint16 {
	var n, c uint64
	if len(b) >= 64 {
		p := (*[64]byte)(b)
		s, c = bits.Add64(s, le64s(p[0:]), 0)
		s, c = bits.Add64(s, le64s(p[8:]), c)
		s, c = bits.Add64(s, le64s(p[16:]), c)
		s, c = bits.Add64(s, le64s(p[24:]), c)
		s, c = bits.Add64(s, le64s(p[32:]), c)
		s, c = bits.Add64(s, le64s(p[40:]), c)
		s, c = bits.Add64(s, le64s(p[48:]), c)
		s, c = bits.Add64(s, le64s(p[56:]), c)
		n, _ = bits.Add64(n, 0, c)
		b = b[64:]
	}
	if len(b) >= 32 {
		p := (*[32]byte)(b)
		s, c = bits.Add64(s, le64s(p[0:]), 0)
		s, c = bits.Add64(s, le64s(p[8:]), c)
		s, c = bits.Add64(s, le64s(p[16:]), c)
		s, c = bits.Add64(s, le64s(p[24:]), c)
		n, _ = bits.Add64(n, 0, c)
		b = b[32:]
	}
	if len(b) >= 16 {
		p := (*[16]byte)(b)
		s, c = bits.Add64(s, le64s(p[0:]), 0)
		s, c = bits.Add64(s, le64s(p[8:]), c)
		n, _ = bits.Add64(n, 0, c)
		b = b[16:]
	}
	if len(b) >= 8 {
		s, c = bits.Add64(s, le64s(b), 0)
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
	s, c = bits.Add64(s, n, 0)
	return bits.ReverseBytes16(fold(s + c))
}

// le64 loads the little-endian word at offset i of p; it compiles to one load.
func le64(p *[128]byte, i int) uint64 { return le64s(p[i : i+8]) }

func le64s(b []byte) uint64 {
	_ = b[7]
	return uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
		uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
}
