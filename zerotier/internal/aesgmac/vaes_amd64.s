// AES-GMAC-SIV on 512-bit vectors: four blocks in a register.

#include "go_asm.h"
#include "textflag.h"
#include "block_amd64.h"

// Byte order: a block of GHASH is one big-endian number.
DATA rev<>+0(SB)/8, $0x08090a0b0c0d0e0f
DATA rev<>+8(SB)/8, $0x0001020304050607
GLOBL rev<>(SB), RODATA|NOPTR, $16

// Byte order of the counter, the last 32 bits of a block.
DATA rev32<>+0(SB)/8, $0x0706050403020100
DATA rev32<>+8(SB)/8, $0x0c0d0e0f0b0a0908
GLOBL rev32<>(SB), RODATA|NOPTR, $16

DATA poly<>+0(SB)/8, $0x0000000000000001
DATA poly<>+8(SB)/8, $0xc200000000000000
GLOBL poly<>(SB), RODATA|NOPTR, $16

// What follows the IV in the first counter of GCM: 0, 0, 0, 0, 0, 0, 0, 1.
DATA one<>+0(SB)/8, $0
DATA one<>+8(SB)/8, $0x0100000000000000
GLOBL one<>(SB), RODATA|NOPTR, $16

// The counter's top bit is cleared, so that it never carries out of 32 bits.
DATA clear31<>+0(SB)/8, $0xffffffffffffffff
DATA clear31<>+8(SB)/8, $0xffffff7fffffffff
GLOBL clear31<>(SB), RODATA|NOPTR, $16

// Counters of four blocks side by side, in the order of rev32.
DATA count<>+0x00(SB)/8, $0
DATA count<>+0x08(SB)/8, $0x0000000000000000
DATA count<>+0x10(SB)/8, $0
DATA count<>+0x18(SB)/8, $0x0000000100000000
DATA count<>+0x20(SB)/8, $0
DATA count<>+0x28(SB)/8, $0x0000000200000000
DATA count<>+0x30(SB)/8, $0
DATA count<>+0x38(SB)/8, $0x0000000300000000
GLOBL count<>(SB), RODATA|NOPTR, $64

DATA four<>+0(SB)/8, $0
DATA four<>+8(SB)/8, $0x0000000400000000
GLOBL four<>(SB), RODATA|NOPTR, $16

// MULADD multiplies the four blocks in Z1 with the four powers in H and adds the parts of the products to Z4 (low),
// Z6 (middle) and Z5 (high). The sums are reduced later, once for many blocks.
#define MULADD(H) \
	VPCLMULQDQ $0x00, H, Z1, Z2; \
	VPCLMULQDQ $0x11, H, Z1, Z3; \
	VPXORQ     Z2, Z4, Z4; \
	VPXORQ     Z3, Z5, Z5; \
	VPCLMULQDQ $0x01, H, Z1, Z2; \
	VPCLMULQDQ $0x10, H, Z1, Z3; \
	VPTERNLOGQ $0x96, Z2, Z3, Z6

#define BLOCKS(OFF, H) \
	VMOVDQU64 OFF(R10), Z1; \
	VPSHUFB   Z31, Z1, Z1; \
	MULADD(H)

#define CLEARSUMS \
	VPXORQ Z4, Z4, Z4; \
	VPXORQ Z5, Z5, Z5; \
	VPXORQ Z6, Z6, Z6

// LANES adds the four lanes of Z up in X. Y and X are lower parts of Z.
#define LANES(Z, Y, X) \
	VEXTRACTI64X4 $1, Z, Y1; \
	VPXORQ        Y1, Y, Y; \
	VEXTRACTI128  $1, Y, X1; \
	VPXOR         X1, X, X

#define REDUCEALL \
	LANES(Z4, Y4, X4); \
	LANES(Z5, Y5, X5); \
	LANES(Z6, Y6, X6); \
	REDUCE(X4, X6, X5, X1, X7, X0)

// GHASH hashes the CX bytes at SI and the length block, all of it additional data, into X0. It uses R10, R11, R12,
// AX, Z0 to Z7, Z16 to Z23, Z31 and K1; DI is the key.
//
// After 512 bytes at a time, the rest of r blocks and the length block begin at the power H^(r+1), so that their end
// meets H^1 whatever r is.
#define GHASH \
	MOVQ            SI, R10; \
	MOVQ            CX, R11; \
	VBROADCASTI32X4 rev<>(SB), Z31; \
	VMOVDQU         poly<>(SB), X7; \
	VPXORQ          Z0, Z0, Z0; \
	CMPQ            R11, $512; \
	JLT             hashRest; \
	VMOVDQU64       (asmKey_powers+0x010)(DI), Z16; \
	VMOVDQU64       (asmKey_powers+0x050)(DI), Z17; \
	VMOVDQU64       (asmKey_powers+0x090)(DI), Z18; \
	VMOVDQU64       (asmKey_powers+0x0d0)(DI), Z19; \
	VMOVDQU64       (asmKey_powers+0x110)(DI), Z20; \
	VMOVDQU64       (asmKey_powers+0x150)(DI), Z21; \
	VMOVDQU64       (asmKey_powers+0x190)(DI), Z22; \
	VMOVDQU64       (asmKey_powers+0x1d0)(DI), Z23; \
hash512: \
	VMOVDQU64       (R10), Z1; \
	VPSHUFB         Z31, Z1, Z1; \
	VPXORQ          Z0, Z1, Z1; \
	CLEARSUMS; \
	MULADD(Z16); \
	BLOCKS(0x040, Z17); \
	BLOCKS(0x080, Z18); \
	BLOCKS(0x0c0, Z19); \
	BLOCKS(0x100, Z20); \
	BLOCKS(0x140, Z21); \
	BLOCKS(0x180, Z22); \
	BLOCKS(0x1c0, Z23); \
	REDUCEALL; \
	ADDQ            $512, R10; \
	SUBQ            $512, R11; \
	CMPQ            R11, $512; \
	JGE             hash512; \
hashRest: \
	CLEARSUMS; \
	LEAQ            15(R11), AX; \
	ANDQ            $~15, AX; \
	LEAQ            (asmKey_powers+32*16)(DI), R12; \
	SUBQ            AX, R12; \
hash64: \
	CMPQ            R11, $64; \
	JLT             hashPart; \
	VMOVDQU64       (R10), Z1; \
	VPSHUFB         Z31, Z1, Z1; \
	VPXORQ          Z0, Z1, Z1; \
	VPXORQ          Z0, Z0, Z0; \
	VMOVDQU64       (R12), Z16; \
	MULADD(Z16); \
	ADDQ            $64, R10; \
	ADDQ            $64, R12; \
	SUBQ            $64, R11; \
	JMP             hash64; \
hashPart: \
	TESTQ           R11, R11; \
	JZ              hashLength; \
	MOVQ            $-1, AX; \
	BZHIQ           R11, AX, AX; \
	KMOVQ           AX, K1; \
	VMOVDQU8.Z      (R10), K1, Z1; \
	VPSHUFB         Z31, Z1, Z1; \
	VPXORQ          Z0, Z1, Z1; \
	VPXORQ          Z0, Z0, Z0; \
	VMOVDQU64       (R12), Z16; \
	MULADD(Z16); \
hashLength: \
	LEAQ            (CX*8), AX; \
	VMOVQ           AX, X1; \
	VPSLLDQ         $8, X1, X1; \
	VPXOR           X0, X1, X1; \
	VMOVDQU64       (asmKey_powers+32*16)(DI), X16; \
	MULADD(Z16); \
	REDUCEALL

// Counters for one register more, from Z8.
#define NEXT(Z) \
	VPSHUFB Z31, Z8, Z; \
	VPADDD  Z9, Z8, Z8

#define ROUND4(OP, K) \
	OP K, Z0, Z0; \
	OP K, Z1, Z1; \
	OP K, Z2, Z2; \
	OP K, Z3, Z3

#define ROUND8(OP, K) \
	ROUND4(OP, K); \
	OP K, Z4, Z4; \
	OP K, Z5, Z5; \
	OP K, Z6, Z6; \
	OP K, Z7, Z7

#define ROUNDS(ROUND) \
	ROUND(VPXORQ, Z16); \
	ROUND(VAESENC, Z17); \
	ROUND(VAESENC, Z18); \
	ROUND(VAESENC, Z19); \
	ROUND(VAESENC, Z20); \
	ROUND(VAESENC, Z21); \
	ROUND(VAESENC, Z22); \
	ROUND(VAESENC, Z23); \
	ROUND(VAESENC, Z24); \
	ROUND(VAESENC, Z25); \
	ROUND(VAESENC, Z26); \
	ROUND(VAESENC, Z27); \
	ROUND(VAESENC, Z28); \
	ROUND(VAESENC, Z29); \
	ROUND(VAESENCLAST, Z30)

#define XOR(OFF, Z) \
	VPXORQ    OFF(R10), Z, Z; \
	VMOVDQU64 Z, OFF(R10)

#define XORPART(OFF, K, STREAM, T) \
	VMOVDQU8.Z OFF(R10), K, T; \
	VPXORQ     STREAM, T, T; \
	VMOVDQU8   T, K, OFF(R10)

// KEY loads a round key into all lanes.
#define KEY(N, Z) VBROADCASTI32X4 (asmKey_enc1+N*16)(DI), Z

// MASK makes the mask of up to 64 bytes, of R11 that are left.
#define MASK(K) \
	BZHIQ R11, AX, BX; \
	KMOVQ BX, K

#define LESS64 \
	SUBQ    $64, R11; \
	CMOVQLT R13, R11

// CTR encrypts or decrypts the CX-16 bytes at SI+16 from the tag in X10 on. It uses R10, R11, R13, AX, BX, Z0 to Z10, Z16
// to Z31 and K1 to K4; DI is the key.
#define CTR \
	LEAQ            16(SI), R10; \
	LEAQ            -16(CX), R11; \
	VBROADCASTI32X4 rev32<>(SB), Z31; \
	VBROADCASTI32X4 four<>(SB), Z9; \
	VPAND           clear31<>(SB), X10, X10; \
	VPSHUFB         X31, X10, X10; \
	VSHUFI64X2      $0, Z10, Z10, Z10; \
	VPADDD          count<>(SB), Z10, Z8; \
	KEY(0, Z16); \
	KEY(1, Z17); \
	KEY(2, Z18); \
	KEY(3, Z19); \
	KEY(4, Z20); \
	KEY(5, Z21); \
	KEY(6, Z22); \
	KEY(7, Z23); \
	KEY(8, Z24); \
	KEY(9, Z25); \
	KEY(10, Z26); \
	KEY(11, Z27); \
	KEY(12, Z28); \
	KEY(13, Z29); \
	KEY(14, Z30); \
ctr512: \
	CMPQ            R11, $512; \
	JLT             ctr256; \
	NEXT(Z0); \
	NEXT(Z1); \
	NEXT(Z2); \
	NEXT(Z3); \
	NEXT(Z4); \
	NEXT(Z5); \
	NEXT(Z6); \
	NEXT(Z7); \
	ROUNDS(ROUND8); \
	XOR(0x000, Z0); \
	XOR(0x040, Z1); \
	XOR(0x080, Z2); \
	XOR(0x0c0, Z3); \
	XOR(0x100, Z4); \
	XOR(0x140, Z5); \
	XOR(0x180, Z6); \
	XOR(0x1c0, Z7); \
	ADDQ            $512, R10; \
	SUBQ            $512, R11; \
	JMP             ctr512; \
ctr256: \
	CMPQ            R11, $256; \
	JLT             ctrPart; \
	NEXT(Z0); \
	NEXT(Z1); \
	NEXT(Z2); \
	NEXT(Z3); \
	ROUNDS(ROUND4); \
	XOR(0x000, Z0); \
	XOR(0x040, Z1); \
	XOR(0x080, Z2); \
	XOR(0x0c0, Z3); \
	ADDQ            $256, R10; \
	SUBQ            $256, R11; \
ctrPart: \
	TESTQ           R11, R11; \
	JZ              ctrDone; \
	MOVQ            $-1, AX; \
	XORL            R13, R13; \
	MASK(K1); \
	LESS64; \
	MASK(K2); \
	LESS64; \
	MASK(K3); \
	LESS64; \
	MASK(K4); \
	NEXT(Z0); \
	NEXT(Z1); \
	NEXT(Z2); \
	NEXT(Z3); \
	ROUNDS(ROUND4); \
	XORPART(0x000, K1, Z0, Z4); \
	XORPART(0x040, K2, Z1, Z5); \
	XORPART(0x080, K3, Z2, Z6); \
	XORPART(0x0c0, K4, Z3, Z7); \
ctrDone:

// func sealVAES(k *asmKey, msg *byte, n int, iv *[8]byte, tag *[16]byte)
TEXT ·sealVAES(SB), NOSPLIT, $0-40
	MOVQ k+0(FP), DI
	MOVQ msg+8(FP), SI
	MOVQ n+16(FP), CX
	MOVQ iv+24(FP), R8
	MOVQ tag+32(FP), R9

	VMOVQ (R8), X10
	VPOR  one<>(SB), X10, X11
	ENCRYPT(asmKey_enc0(DI), X11)

	GHASH

	VPSHUFB X31, X0, X0
	VPXOR   X11, X0, X0
	FOLD(X0, X1, X10)
	ENCRYPT(asmKey_enc1(DI), X10)
	VMOVDQU X10, (R9)

	CTR
	VZEROUPPER
	RET

// func openVAES(k *asmKey, msg *byte, n int, tag *[16]byte) uint64
TEXT ·openVAES(SB), NOSPLIT, $0-40
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

	VPSHUFB X31, X0, X0
	VPXOR   X11, X0, X0
	FOLD(X0, X1, X11)
	VPXOR   X12, X11, X11
	VPEXTRQ $1, X11, AX
	MOVQ    AX, ret+32(FP)
	VZEROUPPER
	RET
