// Package siphash implements the keyed hash SipHash by Aumasson and Bernstein,
// https://www.aumasson.jp/siphash/siphash.pdf, with 64-bit output.
//
// SipHash-1-3 keeps a hash table safe from chosen keys; SipHash-2-4 is the conservative choice for what
// leaves the machine: initial sequence numbers, ports, cookies.
package siphash

import "math/bits"

type state struct{ v0, v1, v2, v3 uint64 }

func start(k0, k1 uint64) state {
	return state{
		k0 ^ 0x736f6d6570736575,
		k1 ^ 0x646f72616e646f6d,
		k0 ^ 0x6c7967656e657261,
		k1 ^ 0x7465646279746573,
	}
}

func (s *state) round() {
	s.v0 += s.v1
	s.v2 += s.v3
	s.v1 = bits.RotateLeft64(s.v1, 13) ^ s.v0
	s.v3 = bits.RotateLeft64(s.v3, 16) ^ s.v2
	s.v0 = bits.RotateLeft64(s.v0, 32)
	s.v2 += s.v1
	s.v0 += s.v3
	s.v1 = bits.RotateLeft64(s.v1, 17) ^ s.v2
	s.v3 = bits.RotateLeft64(s.v3, 21) ^ s.v0
	s.v2 = bits.RotateLeft64(s.v2, 32)
}

func (s *state) sum() uint64 { return s.v0 ^ s.v1 ^ s.v2 ^ s.v3 }

// Sum13 returns SipHash-1-3 of b under the key k0, k1 (its two little-endian halves).
func Sum13(k0, k1 uint64, b []byte) uint64 {
	s := start(k0, k1)
	last := uint64(len(b)) << 56
	for ; len(b) >= 8; b = b[8:] {
		m := le64(b)
		s.v3 ^= m
		s.round()
		s.v0 ^= m
	}
	last |= le(b)
	s.v3 ^= last
	s.round()
	s.v0 ^= last
	s.v2 ^= 0xff
	s.round()
	s.round()
	s.round()
	return s.sum()
}

// Sum24 returns SipHash-2-4 of b under the key k0, k1 (its two little-endian halves).
func Sum24(k0, k1 uint64, b []byte) uint64 {
	s := start(k0, k1)
	last := uint64(len(b)) << 56
	for ; len(b) >= 8; b = b[8:] {
		m := le64(b)
		s.v3 ^= m
		s.round()
		s.round()
		s.v0 ^= m
	}
	last |= le(b)
	s.v3 ^= last
	s.round()
	s.round()
	s.v0 ^= last
	s.v2 ^= 0xff
	s.round()
	s.round()
	s.round()
	s.round()
	return s.sum()
}

// Hash128 returns SipHash-1-3 of the 16 bytes that a and b are, in little-endian order.
func Hash128(k0, k1, a, b uint64) uint64 {
	return hash(k0, k1, 16<<56, a, b)
}

// Hash320 returns SipHash-1-3 of the 40 bytes that the words of m are, in little-endian order.
func Hash320(k0, k1 uint64, m *[5]uint64) uint64 {
	s := start(k0, k1)
	for _, w := range m {
		s.v3 ^= w
		s.round()
		s.v0 ^= w
	}
	const last = 40 << 56
	s.v3 ^= last
	s.round()
	s.v0 ^= last
	s.v2 ^= 0xff
	s.round()
	s.round()
	s.round()
	return s.sum()
}

// hash is SipHash-1-3 of two words and the block that ends a message. It is written out because the
// compiler keeps the state in registers only if it is not a struct whose methods are called.
func hash(k0, k1, last, a, b uint64) uint64 {
	v0, v1 := k0^0x736f6d6570736575, k1^0x646f72616e646f6d
	v2, v3 := k0^0x6c7967656e657261, k1^0x7465646279746573

	v0, v1, v2, v3 = round(v0, v1, v2, v3^a)
	v0, v1, v2, v3 = round(v0^a, v1, v2, v3^b)
	v0, v1, v2, v3 = round(v0^b, v1, v2, v3^last)
	v0, v1, v2, v3 = round(v0^last, v1, v2^0xff, v3)
	v0, v1, v2, v3 = round(v0, v1, v2, v3)
	v0, v1, v2, v3 = round(v0, v1, v2, v3)
	return v0 ^ v1 ^ v2 ^ v3
}

func round(v0, v1, v2, v3 uint64) (uint64, uint64, uint64, uint64) {
	v0 += v1
	v2 += v3
	v1 = bits.RotateLeft64(v1, 13) ^ v0
	v3 = bits.RotateLeft64(v3, 16) ^ v2
	v0 = bits.RotateLeft64(v0, 32)
	v2 += v1
	v0 += v3
	v1 = bits.RotateLeft64(v1, 17) ^ v2
	v3 = bits.RotateLeft64(v3, 21) ^ v0
	return v0, v1, bits.RotateLeft64(v2, 32), v3
}

// le loads fewer than 8 bytes as a little-endian integer.
func le(b []byte) (v uint64) {
	for i := len(b) - 1; i >= 0; i-- {
		v = v<<8 | uint64(b[i])
	}
	return v
}

func le64(b []byte) uint64 {
	_ = b[7]
	return uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
		uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
}
