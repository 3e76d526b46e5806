// Package salsa20 implements the Salsa20 stream cipher with 12 or 20 rounds, as in
// https://cr.yp.to/snuffle/spec.pdf. golang.org/x/crypto has 20 rounds only, and one block at a time is
// what most of ZeroTier's older armour would spend its time on: on amd64 the assembly makes 16 blocks at a
// time with AVX-512, or 6 with AVX2. The choice is made at run time; the Go code is their twin.
//
// The keystream does not authenticate anything; callers add Poly1305.
package salsa20

import "math/bits"

// BlockLen is the length of a block of keystream, in bytes.
const BlockLen = 64

// Rounds that the callers use.
const (
	Rounds12 = 12
	Rounds20 = 20
)

// An Implementation is one way to compute the same thing.
type Implementation uint8

// The implementations, the slowest first.
const (
	Generic Implementation = iota
	AVX2
	AVX512
)

func (i Implementation) String() string {
	return [...]string{"generic", "avx2", "avx512"}[i]
}

// Available returns the implementations that this machine can run, the slowest first.
func Available() []Implementation {
	all := []Implementation{Generic, AVX2, AVX512}
	return all[:best()+1]
}

// A Stream is a keystream by key and initialization vector: any part of it can be made at any time.
// It is a value and holds no other state.
type Stream struct {
	state  [16]uint32 // block counter zero
	rounds int
	impl   Implementation
}

// New returns the stream of rounds rounds (even) under key and the 8 bytes of iv, with the best implementation.
func New(key *[32]byte, iv *[8]byte, rounds int) Stream {
	return NewWith(best(), key, iv, rounds)
}

// NewWith is New with an implementation that must be one of those Available.
func NewWith(impl Implementation, key *[32]byte, iv *[8]byte, rounds int) Stream {
	return Stream{
		state: [16]uint32{
			0x61707865, load(key[0:]), load(key[4:]), load(key[8:]),
			load(key[12:]), 0x3320646e, load(iv[0:]), load(iv[4:]),
			0, 0, 0x79622d32, load(key[16:]),
			load(key[20:]), load(key[24:]), load(key[28:]), 0x6b206574,
		},
		rounds: rounds,
		impl:   impl,
	}
}

// XOR writes src XOR the keystream from the start of block counter on into dst. dst is at least as
// long as src, and is either the same memory or does not overlap it.
func (s *Stream) XOR(dst, src []byte, counter uint64) {
	if len(src) == 0 {
		return
	}
	dst = dst[:len(src)]
	n := s.xorVector(dst, src, counter)
	s.xorGeneric(dst[n:], src[n:], counter+uint64(n/BlockLen))
}

// KeyStream fills dst with the keystream from the start of block counter on.
func (s *Stream) KeyStream(dst []byte, counter uint64) {
	clear(dst)
	s.XOR(dst, dst, counter)
}

func (s *Stream) xorGeneric(dst, src []byte, counter uint64) {
	var block [BlockLen]byte
	for len(src) > 0 {
		s.block(&block, counter)
		counter++
		n := min(len(src), BlockLen)
		if n == BlockLen {
			d, c := (*[BlockLen]byte)(dst), (*[BlockLen]byte)(src)
			for i := 0; i < BlockLen; i += 8 {
				store64(d[i:], load64(c[i:])^load64(block[i:]))
			}
		} else {
			for i := range n {
				dst[i] = src[i] ^ block[i]
			}
		}
		dst, src = dst[n:], src[n:]
	}
}

// block makes one block, section 8 and 10 of the specification.
func (s *Stream) block(out *[BlockLen]byte, counter uint64) {
	st := s.state
	st[8], st[9] = uint32(counter), uint32(counter>>32)
	x0, x1, x2, x3, x4, x5, x6, x7 := st[0], st[1], st[2], st[3], st[4], st[5], st[6], st[7]
	x8, x9, x10, x11, x12, x13, x14, x15 := st[8], st[9], st[10], st[11], st[12], st[13], st[14], st[15]
	for range s.rounds / 2 {
		x4 ^= bits.RotateLeft32(x0+x12, 7)
		x8 ^= bits.RotateLeft32(x4+x0, 9)
		x12 ^= bits.RotateLeft32(x8+x4, 13)
		x0 ^= bits.RotateLeft32(x12+x8, 18)
		x9 ^= bits.RotateLeft32(x5+x1, 7)
		x13 ^= bits.RotateLeft32(x9+x5, 9)
		x1 ^= bits.RotateLeft32(x13+x9, 13)
		x5 ^= bits.RotateLeft32(x1+x13, 18)
		x14 ^= bits.RotateLeft32(x10+x6, 7)
		x2 ^= bits.RotateLeft32(x14+x10, 9)
		x6 ^= bits.RotateLeft32(x2+x14, 13)
		x10 ^= bits.RotateLeft32(x6+x2, 18)
		x3 ^= bits.RotateLeft32(x15+x11, 7)
		x7 ^= bits.RotateLeft32(x3+x15, 9)
		x11 ^= bits.RotateLeft32(x7+x3, 13)
		x15 ^= bits.RotateLeft32(x11+x7, 18)

		x1 ^= bits.RotateLeft32(x0+x3, 7)
		x2 ^= bits.RotateLeft32(x1+x0, 9)
		x3 ^= bits.RotateLeft32(x2+x1, 13)
		x0 ^= bits.RotateLeft32(x3+x2, 18)
		x6 ^= bits.RotateLeft32(x5+x4, 7)
		x7 ^= bits.RotateLeft32(x6+x5, 9)
		x4 ^= bits.RotateLeft32(x7+x6, 13)
		x5 ^= bits.RotateLeft32(x4+x7, 18)
		x11 ^= bits.RotateLeft32(x10+x9, 7)
		x8 ^= bits.RotateLeft32(x11+x10, 9)
		x9 ^= bits.RotateLeft32(x8+x11, 13)
		x10 ^= bits.RotateLeft32(x9+x8, 18)
		x12 ^= bits.RotateLeft32(x15+x14, 7)
		x13 ^= bits.RotateLeft32(x12+x15, 9)
		x14 ^= bits.RotateLeft32(x13+x12, 13)
		x15 ^= bits.RotateLeft32(x14+x13, 18)
	}
	x := [16]uint32{x0, x1, x2, x3, x4, x5, x6, x7, x8, x9, x10, x11, x12, x13, x14, x15}
	for i, v := range x {
		v += st[i]
		o := out[4*i : 4*i+4 : 4*i+4]
		o[0], o[1], o[2], o[3] = byte(v), byte(v>>8), byte(v>>16), byte(v>>24)
	}
}

func load(b []byte) uint32 {
	_ = b[3]
	return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24
}

func load64(b []byte) uint64 {
	_ = b[7]
	return uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
		uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
}

func store64(b []byte, v uint64) {
	_ = b[7]
	b[0], b[1], b[2], b[3] = byte(v), byte(v>>8), byte(v>>16), byte(v>>24)
	b[4], b[5], b[6], b[7] = byte(v>>32), byte(v>>40), byte(v>>48), byte(v>>56)
}
