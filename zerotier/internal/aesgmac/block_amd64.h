// One AES-256 block in register X under the schedule at K: 14 rounds.
#define ENCRYPT(K, X) \
	VPXOR       0x00+K, X, X; \
	VAESENC     0x10+K, X, X; \
	VAESENC     0x20+K, X, X; \
	VAESENC     0x30+K, X, X; \
	VAESENC     0x40+K, X, X; \
	VAESENC     0x50+K, X, X; \
	VAESENC     0x60+K, X, X; \
	VAESENC     0x70+K, X, X; \
	VAESENC     0x80+K, X, X; \
	VAESENC     0x90+K, X, X; \
	VAESENC     0xa0+K, X, X; \
	VAESENC     0xb0+K, X, X; \
	VAESENC     0xc0+K, X, X; \
	VAESENC     0xd0+K, X, X; \
	VAESENCLAST 0xe0+K, X, X

#define DECRYPT(K, X) \
	VPXOR       0x00+K, X, X; \
	VAESDEC     0x10+K, X, X; \
	VAESDEC     0x20+K, X, X; \
	VAESDEC     0x30+K, X, X; \
	VAESDEC     0x40+K, X, X; \
	VAESDEC     0x50+K, X, X; \
	VAESDEC     0x60+K, X, X; \
	VAESDEC     0x70+K, X, X; \
	VAESDEC     0x80+K, X, X; \
	VAESDEC     0x90+K, X, X; \
	VAESDEC     0xa0+K, X, X; \
	VAESDEC     0xb0+K, X, X; \
	VAESDEC     0xc0+K, X, X; \
	VAESDEC     0xd0+K, X, X; \
	VAESDECLAST 0xe0+K, X, X

// REDUCE folds a product, LO + MID x^64 + HI x^128, to 128 bits in OUT, modulo the polynomial of GHASH with its bits
// reversed (Gueron and Kounavis; RFC 8452, appendix A). It destroys all its operands. POLY holds poly<>.
#define REDUCE(LO, MID, HI, T, POLY, OUT) \
	VPSLLDQ    $8, MID, T; \
	VPXOR      T, LO, LO; \
	VPSRLDQ    $8, MID, MID; \
	VPXOR      MID, HI, HI; \
	VPCLMULQDQ $0x10, POLY, LO, T; \
	VPSHUFD    $78, LO, LO; \
	VPXOR      T, LO, LO; \
	VPCLMULQDQ $0x10, POLY, LO, T; \
	VPSHUFD    $78, LO, LO; \
	VPXOR      T, LO, LO; \
	VPXOR      HI, LO, OUT

// FOLD puts both halves of the GMAC in X together and behind the IV in the low half of IV: what the tag is the encryption of.
#define FOLD(X, T, IV) \
	VPSHUFD     $78, X, T; \
	VPXOR       X, T, T; \
	VPUNPCKLQDQ T, IV, IV
