//go:build amd64 && !purego

package cksum

import "math/bits"

// minVector is the least length for which setting up the vector loop pays, in bytes.
const minVector = 128

// maxVector bounds one call of sumAVX2, in bytes: its 32-bit lanes hold 1 MiB.
const maxVector = 512 << 10

// hasAVX2 reports whether the processor has AVX2 and the system saves its registers.
var hasAVX2 = detectAVX2()

func sum(b []byte) uint16 {
	if len(b) < minVector || !hasAVX2 {
		return sumGeneric(b)
	}
	return sumVector(b)
}

// sumVector sums b, of at least 32 bytes, with sumAVX2.
func sumVector(b []byte) uint16 {
	var s, c uint64
	for len(b) >= 32 {
		n := min(len(b), maxVector) &^ 31
		s, c = bits.Add64(s, sumAVX2(&b[0], n), 0)
		s += c
		b = b[n:]
	}
	return sumTail(b, s)
}

// sumAVX2 returns the sum of the n bytes at p as little-endian 16-bit words, not folded.
// n is a positive multiple of 32 and at most maxVector.
//
//go:noescape
func sumAVX2(p *byte, n int) uint64

// cpuid executes the CPUID instruction.
//
//go:noescape
func cpuid(leaf, subleaf uint32) (eax, ebx, ecx, edx uint32)

// xgetbv reads the extended control register XCR0.
//
//go:noescape
func xgetbv() (eax, edx uint32)

func detectAVX2() bool {
	const (
		osxsave   = 1 << 27 // leaf 1, ECX
		avx       = 1 << 28 // leaf 1, ECX
		avx2      = 1 << 5  // leaf 7, EBX
		xmmAndYMM = 1<<1 | 1<<2
	)
	maxLeaf, _, _, _ := cpuid(0, 0)
	if maxLeaf < 7 {
		return false
	}
	_, _, ecx, _ := cpuid(1, 0)
	if ecx&osxsave == 0 || ecx&avx == 0 {
		return false
	}
	if xcr0, _ := xgetbv(); xcr0&xmmAndYMM != xmmAndYMM {
		return false
	}
	_, ebx, _, _ := cpuid(7, 0)
	return ebx&avx2 != 0
}
