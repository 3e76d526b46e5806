// Package siphash implements the keyed hash SipHash by Aumasson and Bernstein,
// https://www.aumasson.jp/siphash/siphash.pdf, with 64-bit output.
//
// SipHash-1-3 keeps a hash table safe from chosen keys; SipHash-2-4 is the conservative choice for what
// leaves the machine: initial sequence numbers, ports, cookies.
package siphash

import "math/bits"

// Sum13 returns SipHash-1-3 of b under the key k0, k1 (its two little-endian halves).
func Sum13(k0, k1 uint64, b []byte) uint64 {
	v0, v1, v2, v3 := start(k0, k1)
	last := uint64(len(b)) << 56
	for ; len(b) >= 8; b = b[8:] {
		m := le64(b)
		v0, v1, v2, v3 = round(v0, v1, v2, v3^m)
		v0 ^= m
	}
	return finish13(v0, v1, v2, v3, last|le(b))
}

// Sum24 returns SipHash-2-4 of b under the key k0, k1 (its two little-endian halves).
func Sum24(k0, k1 uint64, b []byte) uint64 {
	v0, v1, v2, v3 := start(k0, k1)
	last := uint64(len(b)) << 56
	for ; len(b) >= 8; b = b[8:] {
		m := le64(b)
		v0, v1, v2, v3 = round(v0, v1, v2, v3^m)
		v0, v1, v2, v3 = round(v0, v1, v2, v3)
		v0 ^= m
	}
	last |= le(b)
	v0, v1, v2, v3 = round(v0, v1, v2, v3^last)
	v0, v1, v2, v3 = round(v0, v1, v2, v3)
	v0, v1, v2, v3 = round(v0^last, v1, v2^0xff, v3)
	v0, v1, v2, v3 = round(v0, v1, v2, v3)
	v0, v1, v2, v3 = round(v0, v1, v2, v3)
	v0, v1, v2, v3 = round(v0, v1, v2, v3)
	return v0 ^ v1 ^ v2 ^ v3
}

// Hash128 returns SipHash-1-3 of the 16 bytes that a and b are, in little-endian order.
func Hash128(k0, k1, a, b uint64) uint64 {
	v0, v1, v2, v3 := start(k0, k1)
	v0, v1, v2, v3 = round(v0, v1, v2, v3^a)
	v0, v1, v2, v3 = round(v0^a, v1, v2, v3^b)
	return finish13(v0^b, v1, v2, v3, 16<<56)
}

// Hash320 returns SipHash-1-3 of the 40 bytes that the words of m are, in little-endian order.
func Hash320(k0, k1 uint64, m *[5]uint64) uint64 {
	v0, v1, v2, v3 := start(k0, k1)
	for _, w := range m {
		v0, v1, v2, v3 = round(v0, v1, v2, v3^w)
		v0 ^= w
	}
	return finish13(v0, v1, v2, v3, 40<<56)
}

func start(k0, k1 uint64) (v0, v1, v2, v3 uint64) {
	return k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573
}

// round is the function SipRound. The state is passed in and out because then it stays in registers.
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

// finish13 takes in the last word of a message and ends SipHash-1-3.
func finish13(v0, v1, v2, v3, last uint64) uint64 {
	v0, v1, v2, v3 = round(v0, v1, v2, v3^last)
	v0, v1, v2, v3 = round(v0^last, v1, v2^0xff, v3)
	v0, v1, v2, v3 = round(v0, v1, v2, v3)
	v0, v1, v2, v3 = round(v0, v1, v2, v3)
	return v0 ^ v1 ^ v2 ^ v3
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
