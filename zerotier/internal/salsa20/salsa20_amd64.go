package salsa20

import (
	"crypto/subtle"

	"golang.org/x/sys/cpu"
)

// best returns the fastest implementation that this machine can run.
func best() Implementation {
	switch x := &cpu.X86; {
	case x.HasAVX512F && x.HasAVX512DQ:
		return AVX512
	case x.HasAVX2:
		return AVX2
	}
	return Generic
}

// Blocks that the assembly makes at a time, and from how many on it is worth to make all of them.
const (
	groupAVX512 = 16
	groupAVX2   = 6
	worthwhile  = 2
)

// xorVector does the part of XOR that vector code is good for and returns its length, whole blocks or all of src.
func (s *Stream) xorVector(dst, src []byte, counter uint64) int {
	group := groupAVX512 * BlockLen
	switch s.impl {
	case Generic:
		return 0
	case AVX2:
		group = groupAVX2 * BlockLen
	}
	// The vectors count in 32 bits.
	if last := counter + uint64(len(src))/BlockLen + groupAVX512; last>>32 != counter>>32 {
		return 0
	}
	n := len(src) / group * group
	if n > 0 {
		s.xorWhole(&dst[0], &src[0], n/group, counter)
	}
	if len(src)-n < worthwhile*BlockLen {
		return n
	}
	var stream [groupAVX512 * BlockLen]byte
	s.xorWhole(&stream[0], &stream[0], 1, counter+uint64(n/BlockLen))
	subtle.XORBytes(dst[n:], src[n:], stream[:len(src)-n])
	return len(src)
}

// xorWhole does whole groups of blocks.
func (s *Stream) xorWhole(dst, src *byte, groups int, counter uint64) {
	if s.impl == AVX512 {
		state := s.state
		state[8], state[9] = uint32(counter), uint32(counter>>32)
		xorAVX512(dst, src, groups, &state, s.rounds)
		return
	}
	// Diagonals of the matrix, each twice: for two blocks at a time.
	var diagonals [4][8]uint32
	for i := range 4 {
		for j := range 4 {
			v := s.state[(4*i+5*j)%16]
			diagonals[i][j], diagonals[i][j+4] = v, v
		}
	}
	diagonals[2][0], diagonals[1][1] = uint32(counter), uint32(counter>>32)
	diagonals[2][4], diagonals[1][5] = uint32(counter+1), uint32(counter>>32)
	xorAVX2(dst, src, groups, &diagonals, s.rounds)
}

// xorAVX512 writes src XOR keystream to dst, groups times 16 blocks. The counter in state must not carry into its upper half.
//
//go:noescape
func xorAVX512(dst, src *byte, groups int, state *[16]uint32, rounds int)

// xorAVX2 is xorAVX512 for groups of 6 blocks, with the state as diagonals.
//
//go:noescape
func xorAVX2(dst, src *byte, groups int, diagonals *[4][8]uint32, rounds int)
