//go:build amd64 && !purego

#include "textflag.h"

// A 16-bit word has no unsigned multiply-and-add, so each is turned into a signed one by inverting its
// top bit, which subtracts 32768; VPMADDWD with ones adds neighbours into 32-bit lanes, and the
// n/2 times 32768 are added back at the end.

// func sumAVX2(p *byte, n int) uint64
TEXT ·sumAVX2(SB), NOSPLIT, $0-24
	MOVQ p+0(FP), SI
	MOVQ n+8(FP), CX
	MOVQ CX, BX

	VPCMPEQW Y15, Y15, Y15 // all ones
	VPSLLW   $15, Y15, Y14 // 0x8000 in each word
	VPSRLW   $15, Y15, Y13 // 0x0001 in each word
	VPXOR    Y0, Y0, Y0
	VPXOR    Y1, Y1, Y1
	VPXOR    Y2, Y2, Y2
	VPXOR    Y3, Y3, Y3

	SUBQ $128, CX
	JB   tail

loop:
	VPXOR    (SI), Y14, Y4
	VPXOR    32(SI), Y14, Y5
	VPXOR    64(SI), Y14, Y6
	VPXOR    96(SI), Y14, Y7
	VPMADDWD Y13, Y4, Y4
	VPMADDWD Y13, Y5, Y5
	VPMADDWD Y13, Y6, Y6
	VPMADDWD Y13, Y7, Y7
	VPADDD   Y4, Y0, Y0
	VPADDD   Y5, Y1, Y1
	VPADDD   Y6, Y2, Y2
	VPADDD   Y7, Y3, Y3
	ADDQ     $128, SI
	SUBQ     $128, CX
	JAE      loop

tail:
	ADDQ $128, CX
	JZ   reduce

tail32:
	VPXOR    (SI), Y14, Y4
	VPMADDWD Y13, Y4, Y4
	VPADDD   Y4, Y0, Y0
	ADDQ     $32, SI
	SUBQ     $32, CX
	JNZ      tail32

reduce:
	VPADDD       Y1, Y0, Y0
	VPADDD       Y3, Y2, Y2
	VPADDD       Y2, Y0, Y0
	VEXTRACTI128 $1, Y0, X1
	VPMOVSXDQ    X0, Y0
	VPMOVSXDQ    X1, Y1
	VPADDQ       Y1, Y0, Y0
	VEXTRACTI128 $1, Y0, X1
	VPADDQ       X1, X0, X0
	VPSRLDQ      $8, X0, X1
	VPADDQ       X1, X0, X0
	VMOVQ        X0, AX
	VZEROUPPER
	SHLQ         $14, BX // n/2 words of 32768
	ADDQ         BX, AX
	MOVQ         AX, ret+16(FP)
	RET

// func cpuid(leaf, subleaf uint32) (eax, ebx, ecx, edx uint32)
TEXT ·cpuid(SB), NOSPLIT, $0-24
	MOVL leaf+0(FP), AX
	MOVL subleaf+4(FP), CX
	CPUID
	MOVL AX, eax+8(FP)
	MOVL BX, ebx+12(FP)
	MOVL CX, ecx+16(FP)
	MOVL DX, edx+20(FP)
	RET

// func xgetbv() (eax, edx uint32)
TEXT ·xgetbv(SB), NOSPLIT, $0-8
	XORL CX, CX
	XGETBV
	MOVL AX, eax+0(FP)
	MOVL DX, edx+4(FP)
	RET
