// Salsa20 on 256-bit vectors: a register holds one diagonal of the matrix of two blocks, four make two blocks, and
// three such pairs are made at a time. Diagonals are (0 5 10 15), (4 9 14 3), (8 13 2 7) and (12 1 6 11).

#include "textflag.h"

// Two more in the counter, word 8, of both blocks.
DATA two<>+0x00(SB)/8, $2
DATA two<>+0x08(SB)/8, $0
DATA two<>+0x10(SB)/8, $2
DATA two<>+0x18(SB)/8, $0
GLOBL two<>(SB), RODATA|NOPTR, $32

// STEP is one step of all quarter-rounds of three pairs of blocks: D ^= (A + B) <<< N; M is 32 - N.
#define STEP(N, M, A0, B0, D0, A1, B1, D1, A2, B2, D2) \
	VPADDD A0, B0, Y12; \
	VPADDD A1, B1, Y13; \
	VPADDD A2, B2, Y14; \
	VPSLLD N, Y12, Y15; \
	VPXOR  Y15, D0, D0; \
	VPSRLD M, Y12, Y12; \
	VPSLLD N, Y13, Y15; \
	VPXOR  Y15, D1, D1; \
	VPSRLD M, Y13, Y13; \
	VPSLLD N, Y14, Y15; \
	VPXOR  Y15, D2, D2; \
	VPSRLD M, Y14, Y14; \
	VPXOR  Y12, D0, D0; \
	VPXOR  Y13, D1, D1; \
	VPXOR  Y14, D2, D2

// TURN moves the words of the diagonals so that the next round finds what it adds in the same lanes.
#define TURN(P, Q, B, C, D) \
	VPSHUFD P, B, B; \
	VPSHUFD $0x4e, C, C; \
	VPSHUFD Q, D, D

// STORE puts the words of two blocks in order and both in their places.
#define STORE(OFF, A, B, C, D) \
	VPBLENDD   $0x22, D, A, Y12; \
	VPBLENDD   $0x44, C, Y12, Y12; \
	VPBLENDD   $0x88, B, Y12, Y12; \
	VPBLENDD   $0x22, A, B, Y13; \
	VPBLENDD   $0x44, D, Y13, Y13; \
	VPBLENDD   $0x88, C, Y13, Y13; \
	VPBLENDD   $0x22, B, C, Y14; \
	VPBLENDD   $0x44, A, Y14, Y14; \
	VPBLENDD   $0x88, D, Y14, Y14; \
	VPBLENDD   $0x22, C, D, Y15; \
	VPBLENDD   $0x44, B, Y15, Y15; \
	VPBLENDD   $0x88, A, Y15, Y15; \
	VPERM2I128 $0x20, Y13, Y12, A; \
	VPERM2I128 $0x20, Y15, Y14, B; \
	VPERM2I128 $0x31, Y13, Y12, C; \
	VPERM2I128 $0x31, Y15, Y14, D; \
	VPXOR      (OFF+0x00)(SI), A, A; \
	VPXOR      (OFF+0x20)(SI), B, B; \
	VPXOR      (OFF+0x40)(SI), C, C; \
	VPXOR      (OFF+0x60)(SI), D, D; \
	VMOVDQU    A, (OFF+0x00)(DI); \
	VMOVDQU    B, (OFF+0x20)(DI); \
	VMOVDQU    C, (OFF+0x40)(DI); \
	VMOVDQU    D, (OFF+0x60)(DI)

// func xorAVX2(dst, src *byte, groups int, diagonals *[4][8]uint32, rounds int)
TEXT ·xorAVX2(SB), NOSPLIT, $96-40
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ groups+16(FP), CX
	MOVQ diagonals+24(FP), DX
	MOVQ rounds+32(FP), R8

	// The third diagonal, with the counter, of each pair is on the stack.
	VMOVDQU two<>(SB), Y15
	VMOVDQU 0x40(DX), Y2
	VMOVDQU Y2, 0(SP)
	VPADDD  Y15, Y2, Y2
	VMOVDQU Y2, 32(SP)
	VPADDD  Y15, Y2, Y2
	VMOVDQU Y2, 64(SP)

group:
	VMOVDQU 0x00(DX), Y0
	VMOVDQU 0x20(DX), Y1
	VMOVDQU 0(SP), Y2
	VMOVDQU 0x60(DX), Y3
	VMOVDQU 0x00(DX), Y4
	VMOVDQU 0x20(DX), Y5
	VMOVDQU 32(SP), Y6
	VMOVDQU 0x60(DX), Y7
	VMOVDQU 0x00(DX), Y8
	VMOVDQU 0x20(DX), Y9
	VMOVDQU 64(SP), Y10
	VMOVDQU 0x60(DX), Y11
	MOVQ    R8, AX

doubleRound:
	STEP($7, $25, Y0, Y3, Y1, Y4, Y7, Y5, Y8, Y11, Y9)
	STEP($9, $23, Y1, Y0, Y2, Y5, Y4, Y6, Y9, Y8, Y10)
	STEP($13, $19, Y2, Y1, Y3, Y6, Y5, Y7, Y10, Y9, Y11)
	STEP($18, $14, Y3, Y2, Y0, Y7, Y6, Y4, Y11, Y10, Y8)
	TURN($0x93, $0x39, Y1, Y2, Y3)
	TURN($0x93, $0x39, Y5, Y6, Y7)
	TURN($0x93, $0x39, Y9, Y10, Y11)
	STEP($7, $25, Y0, Y1, Y3, Y4, Y5, Y7, Y8, Y9, Y11)
	STEP($9, $23, Y3, Y0, Y2, Y7, Y4, Y6, Y11, Y8, Y10)
	STEP($13, $19, Y2, Y3, Y1, Y6, Y7, Y5, Y10, Y11, Y9)
	STEP($18, $14, Y1, Y2, Y0, Y5, Y6, Y4, Y9, Y10, Y8)
	TURN($0x39, $0x93, Y1, Y2, Y3)
	TURN($0x39, $0x93, Y5, Y6, Y7)
	TURN($0x39, $0x93, Y9, Y10, Y11)
	SUBQ $2, AX
	JNZ  doubleRound

	VPADDD 0x00(DX), Y0, Y0
	VPADDD 0x20(DX), Y1, Y1
	VPADDD 0(SP), Y2, Y2
	VPADDD 0x60(DX), Y3, Y3
	VPADDD 0x00(DX), Y4, Y4
	VPADDD 0x20(DX), Y5, Y5
	VPADDD 32(SP), Y6, Y6
	VPADDD 0x60(DX), Y7, Y7
	VPADDD 0x00(DX), Y8, Y8
	VPADDD 0x20(DX), Y9, Y9
	VPADDD 64(SP), Y10, Y10
	VPADDD 0x60(DX), Y11, Y11
	STORE(0x000, Y0, Y1, Y2, Y3)
	STORE(0x080, Y4, Y5, Y6, Y7)
	STORE(0x100, Y8, Y9, Y10, Y11)

	// Six blocks further.
	VMOVDQU two<>(SB), Y15
	VMOVDQU 64(SP), Y2
	VPADDD  Y15, Y2, Y2
	VMOVDQU Y2, 0(SP)
	VPADDD  Y15, Y2, Y2
	VMOVDQU Y2, 32(SP)
	VPADDD  Y15, Y2, Y2
	VMOVDQU Y2, 64(SP)
	ADDQ    $384, SI
	ADDQ    $384, DI
	DECQ    CX
	JNZ     group
	VZEROUPPER
	RET
