// AES-GMAC-SIV on 128-bit vectors, eight blocks at a time; and the expansion of keys.

#include "go_asm.h"
#include "textflag.h"
#include "block_amd64.h"

DATA rev<>+0(SB)/8, $0x08090a0b0c0d0e0f
DATA rev<>+8(SB)/8, $0x0001020304050607
GLOBL rev<>(SB), RODATA|NOPTR, $16

DATA rev32<>+0(SB)/8, $0x0706050403020100
DATA rev32<>+8(SB)/8, $0x0c0d0e0f0b0a0908
GLOBL rev32<>(SB), RODATA|NOPTR, $16

DATA poly<>+0(SB)/8, $0x0000000000000001
DATA poly<>+8(SB)/8, $0xc200000000000000
GLOBL poly<>(SB), RODATA|NOPTR, $16

DATA one<>+0(SB)/8, $0
DATA one<>+8(SB)/8, $0x0100000000000000
GLOBL one<>(SB), RODATA|NOPTR, $16

// One more in a counter in the order of rev32.
DATA next<>+0(SB)/8, $0
DATA next<>+8(SB)/8, $0x0000000100000000
GLOBL next<>(SB), RODATA|NOPTR, $16

DATA clear31<>+0(SB)/8, $0xffffffffffffffff
DATA clear31<>+8(SB)/8, $0xffffff7fffffffff
GLOBL clear31<>(SB), RODATA|NOPTR, $16

// Loaded from offset r, this shuffles the first r bytes of a block to its end; from 32-r, the last r to its start. The
// other bytes become zero.
DATA shift<>+0x00(SB)/8, $0x8080808080808080
DATA shift<>+0x08(SB)/8, $0x8080808080808080
DATA shift<>+0x10(SB)/8, $0x0706050403020100
DATA shift<>+0x18(SB)/8, $0x0f0e0d0c0b0a0908
DATA shift<>+0x20(SB)/8, $0x8080808080808080
DATA shift<>+0x28(SB)/8, $0x8080808080808080
GLOBL shift<>(SB), RODATA|NOPTR, $48

// The next two round keys of AES-256 from the two in X0 and X1 (FIPS 197, 5.2), at OFF(R8).
#define SPREAD(X) \
	VPSLLDQ $4, X, X3; \
	VPXOR   X3, X, X; \
	VPSLLDQ $4, X3, X3; \
	VPXOR   X3, X, X; \
	VPSLLDQ $4, X3, X3; \
	VPXOR   X3, X, X; \
	VPXOR   X2, X, X

#define EVEN(RCON, OFF) \
	VAESKEYGENASSIST RCON, X1, X2; \
	VPSHUFD          $0xff, X2, X2; \
	SPREAD(X0); \
	VMOVDQU          X0, OFF(R8)

#define ODD(OFF) \
	VAESKEYGENASSIST $0, X0, X2; \
	VPSHUFD          $0xaa, X2, X2; \
	SPREAD(X1); \
	VMOVDQU          X1, OFF(R8)

#define SCHEDULE(KEY) \
	VMOVDQU (KEY), X0; \
	VMOVDQU 16(KEY), X1; \
	VMOVDQU X0, 0x00(R8); \
	VMOVDQU X1, 0x10(R8); \
	EVEN($0x01, 0x20); \
	ODD(0x30); \
	EVEN($0x02, 0x40); \
	ODD(0x50); \
	EVEN($0x04, 0x60); \
	ODD(0x70); \
	EVEN($0x08, 0x80); \
	ODD(0x90); \
	EVEN($0x10, 0xa0); \
	ODD(0xb0); \
	EVEN($0x20, 0xc0); \
	ODD(0xd0); \
	EVEN($0x40, 0xe0)

// func expand(k *asmKey, k0, k1 *[32]byte)
TEXT ·expand(SB), NOSPLIT, $0-24
	MOVQ k+0(FP), DI
	MOVQ k0+8(FP), SI
	MOVQ k1+16(FP), DX

	LEAQ asmKey_enc0(DI), R8
	SCHEDULE(SI)
	LEAQ asmKey_enc1(DI), R8
	SCHEDULE(DX)

	// Decryption goes through the round keys backwards; all but the first and the last are transformed (FIPS 197, 5.3.5).
	LEAQ    asmKey_dec1(DI), R9
	VMOVDQU 0xe0(R8), X0
	VMOVDQU X0, (R9)
	VMOVDQU (R8), X0
	VMOVDQU X0, 0xe0(R9)
	MOVQ    $0x10, AX
	MOVQ    $0xd0, BX
inverse:
	VMOVDQU (R8)(BX*1), X0
	VAESIMC X0, X0
	VMOVDQU X0, (R9)(AX*1)
	ADDQ    $0x10, AX
	SUBQ    $0x10, BX
	JNZ     inverse

	// H is the encryption of zero, times x: one bit to the left, and the polynomial when a bit falls out.
	VPXOR   X0, X0, X0
	ENCRYPT(asmKey_enc0(DI), X0)
	VPSHUFB rev<>(SB), X0, X0
	VPSRAD  $31, X0, X1
	VPSHUFD $0xff, X1, X1
	VPAND   poly<>(SB), X1, X1
	VPSRLQ  $63, X0, X2
	VPSLLDQ $8, X2, X2
	VPSLLQ  $1, X0, X0
	VPOR    X2, X0, X0
	VPXOR   X1, X0, X0

	// Its powers, from H^1 at the end to H^33 at the start.
	VMOVDQU poly<>(SB), X7
	VMOVDQA X0, X8
	LEAQ    (asmKey_powers+32*16)(DI), R8
	MOVQ    $33, AX
power:
	VMOVDQU    X0, (R8)
	VPCLMULQDQ $0x00, X8, X0, X4
	VPCLMULQDQ $0x11, X8, X0, X5
	VPCLMULQDQ $0x01, X8, X0, X6
	VPCLMULQDQ $0x10, X8, X0, X1
	VPXOR      X1, X6, X6
	REDUCE(X4, X6, X5, X1, X7, X0)
	SUBQ       $16, R8
	DECQ       AX
	JNZ        power
	RET

// MULADD multiplies the block in X1 with the power at H and adds the parts of the product to X4 (low), X6 (middle) and
// X5 (high).
#define MULADD(H) \
	VMOVDQU    H, X2; \
	VPCLMULQDQ $0x00, X2, X1, X3; \
	VPXOR      X3, X4, X4; \
	VPCLMULQDQ $0x11, X2, X1, X3; \
	VPXOR      X3, X5, X5; \
	VPCLMULQDQ $0x01, X2, X1, X3; \
	VPXOR      X3, X6, X6; \
	VPCLMULQDQ $0x10, X2, X1, X3; \
	VPXOR      X3, X6, X6

#define BLOCK(N) \
	VMOVDQU (N*16)(R10), X1; \
	VPSHUFB X8, X1, X1; \
	MULADD((asmKey_powers+(25+N)*16)(DI))

#define CLEARSUMS \
	VPXOR X4, X4, X4; \
	VPXOR X5, X5, X5; \
	VPXOR X6, X6, X6

// GHASH hashes the CX bytes at SI, 16 or more, and the length block, all of it additional data, into X0. It uses R10, R11,
// R12, AX and X0 to X9; DI is the key.
#define GHASH \
	MOVQ    SI, R10; \
	MOVQ    CX, R11; \
	VMOVDQU rev<>(SB), X8; \
	VMOVDQU poly<>(SB), X7; \
	VPXOR   X0, X0, X0; \
hash128: \
	CMPQ    R11, $128; \
	JLT     hashRest; \
	CLEARSUMS; \
	VMOVDQU (R10), X1; \
	VPSHUFB X8, X1, X1; \
	VPXOR   X0, X1, X1; \
	MULADD((asmKey_powers+25*16)(DI)); \
	BLOCK(1); \
	BLOCK(2); \
	BLOCK(3); \
	BLOCK(4); \
	BLOCK(5); \
	BLOCK(6); \
	BLOCK(7); \
	REDUCE(X4, X6, X5, X1, X7, X0); \
	ADDQ    $128, R10; \
	SUBQ    $128, R11; \
	JMP     hash128; \
hashRest: \
	CLEARSUMS; \
	LEAQ    15(R11), AX; \
	ANDQ    $~15, AX; \
	LEAQ    (asmKey_powers+32*16)(DI), R12; \
	SUBQ    AX, R12; \
hash16: \
	CMPQ    R11, $16; \
	JLT     hashPart; \
	VMOVDQU (R10), X1; \
	VPSHUFB X8, X1, X1; \
	VPXOR   X0, X1, X1; \
	VPXOR   X0, X0, X0; \
	MULADD((R12)); \
	ADDQ    $16, R10; \
	ADDQ    $16, R12; \
	SUBQ    $16, R11; \
	JMP     hash16; \
hashPart: \
	TESTQ   R11, R11; \
	JZ      hashLength; \
	LEAQ    shift<>+32(SB), AX; \
	SUBQ    R11, AX; \
	VMOVDQU -16(R10)(R11*1), X1; \
	VPSHUFB (AX), X1, X1; \
	VPSHUFB X8, X1, X1; \
	VPXOR   X0, X1, X1; \
	VPXOR   X0, X0, X0; \
	MULADD((R12)); \
hashLength: \
	LEAQ    (CX*8), AX; \
	VMOVQ   AX, X1; \
	VPSLLDQ $8, X1, X1; \
	VPXOR   X0, X1, X1; \
	MULADD((asmKey_powers+32*16)(DI)); \
	REDUCE(X4, X6, X5, X1, X7, X0)

#define COUNT(X) \
	VPSHUFB X13, X10, X; \
	VPADDD  X14, X10, X10

#define ROUND(OP, OFF) \
	VMOVDQU (asmKey_enc1+OFF)(DI), X8; \
	OP      X8, X0, X0; \
	OP      X8, X1, X1; \
	OP      X8, X2, X2; \
	OP      X8, X3, X3; \
	OP      X8, X4, X4; \
	OP      X8, X5, X5; \
	OP      X8, X6, X6; \
	OP      X8, X7, X7

#define XOR(OFF, X) \
	VPXOR   OFF(R10), X, X; \
	VMOVDQU X, OFF(R10)

// CTR encrypts or decrypts the CX-16 bytes at SI+16 from the tag in X10 on. It uses R10, R11, AX, X0 to X8, X10, X13 and X14;
// DI is the key. The last bytes, when they are no block, are done together with bytes before them that do not change:
// there are always some, the additional data at least.
#define CTR \
	LEAQ    16(SI), R10; \
	LEAQ    -16(CX), R11; \
	VMOVDQU rev32<>(SB), X13; \
	VMOVDQU next<>(SB), X14; \
	VPAND   clear31<>(SB), X10, X10; \
	VPSHUFB X13, X10, X10; \
ctr128: \
	CMPQ    R11, $128; \
	JLT     ctr16; \
	COUNT(X0); \
	COUNT(X1); \
	COUNT(X2); \
	COUNT(X3); \
	COUNT(X4); \
	COUNT(X5); \
	COUNT(X6); \
	COUNT(X7); \
	ROUND(VPXOR, 0x00); \
	ROUND(VAESENC, 0x10); \
	ROUND(VAESENC, 0x20); \
	ROUND(VAESENC, 0x30); \
	ROUND(VAESENC, 0x40); \
	ROUND(VAESENC, 0x50); \
	ROUND(VAESENC, 0x60); \
	ROUND(VAESENC, 0x70); \
	ROUND(VAESENC, 0x80); \
	ROUND(VAESENC, 0x90); \
	ROUND(VAESENC, 0xa0); \
	ROUND(VAESENC, 0xb0); \
	ROUND(VAESENC, 0xc0); \
	ROUND(VAESENC, 0xd0); \
	ROUND(VAESENCLAST, 0xe0); \
	XOR(0x00, X0); \
	XOR(0x10, X1); \
	XOR(0x20, X2); \
	XOR(0x30, X3); \
	XOR(0x40, X4); \
	XOR(0x50, X5); \
	XOR(0x60, X6); \
	XOR(0x70, X7); \
	ADDQ    $128, R10; \
	SUBQ    $128, R11; \
	JMP     ctr128; \
ctr16: \
	CMPQ    R11, $16; \
	JLT     ctrPart; \
	COUNT(X0); \
	ENCRYPT(asmKey_enc1(DI), X0); \
	XOR(0, X0); \
	ADDQ    $16, R10; \
	SUBQ    $16, R11; \
	JMP     ctr16; \
ctrPart: \
	TESTQ   R11, R11; \
	JZ      ctrDone; \
	COUNT(X0); \
	ENCRYPT(asmKey_enc1(DI), X0); \
	LEAQ    shift<>(SB), AX; \
	VPSHUFB (AX)(R11*1), X0, X0; \
	VPXOR   -16(R10)(R11*1), X0, X0; \
	VMOVDQU X0, -16(R10)(R11*1); \
ctrDone:

// func sealAESNI(k *asmKey, msg *byte, n int, iv *[8]byte, tag *[16]byte)
TEXT ·sealAESNI(SB), NOSPLIT, $0-40
	MOVQ k+0(FP), DI
	MOVQ msg+8(FP), SI
	MOVQ n+16(FP), CX
	MOVQ iv+24(FP), R8
	MOVQ tag+32(FP), R9

	VMOVQ (R8), X10
	VPOR  one<>(SB), X10, X11
	ENCRYPT(asmKey_enc0(DI), X11)

	GHASH

	VPSHUFB X8, X0, X0
	VPXOR   X11, X0, X0
	FOLD(X0, X1, X10)
	ENCRYPT(asmKey_enc1(DI), X10)
	VMOVDQU X10, (R9)

	CTR
	RET

// func openAESNI(k *asmKey, msg *byte, n int, tag *[16]byte) uint64
TEXT ·openAESNI(SB), NOSPLIT, $0-40
	MOVQ k+0(FP), DI
	MOVQ msg+8(FP), SI
	MOVQ n+16(FP), CX
	MOVQ tag+24(FP), R9

	VMOVDQU (R9), X10
	VMOVDQA X10, X12
	DECRYPT(asmKey_dec1(DI), X12)
	VMOVQ   X12, X11
	VPOR    one<>(SB), X11, X11
	ENCRYPT(asmKey_enc0(DI), X11)

	CTR
	GHASH

	VPSHUFB X8, X0, X0
	VPXOR   X11, X0, X0
	FOLD(X0, X1, X11)
	VPXOR   X12, X11, X11
	VPEXTRQ $1, X11, AX
	MOVQ    AX, ret+32(FP)
	RET
