// Package aesgmac implements AES-GMAC-SIV, the authenticated encryption of ZeroTier's newer armour
// (PROTOCOL 6): GMAC under one AES-256 key makes, from a random IV and all of the message, a tag that is
// encrypted under a second key and then starts AES-CTR under that key.
//
// The standard library can do it, but it allocates, and it takes twice as long as the wire allows. On amd64 the
// assembly here does a whole packet in one call: with VAES and VPCLMULQDQ on 512-bit registers, or with AES-NI and
// PCLMULQDQ on 128-bit ones. The implementation is chosen at run time; the standard library is the twin of both and what
// all other machines use.
package aesgmac

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"

	"github.com/ztstack/ztstack/internal/be"
)

// Sizes, in bytes.
const (
	AADLen = 16 // at the start of every message: authenticated, not encrypted
	TagLen = 16
)

// An Implementation is one way to compute the same thing.
type Implementation uint8

// The implementations, the slowest first.
const (
	Generic Implementation = iota // the standard library; allocates
	AESNI                         // 128-bit vectors
	VAES                          // 512-bit vectors
)

func (i Implementation) String() string {
	return [...]string{"generic", "aesni", "vaes"}[i]
}

// Available returns the implementations that this machine can run, the slowest first.
func Available() []Implementation {
	all := []Implementation{Generic, AESNI, VAES}
	return all[:best()+1]
}

// A Key holds both AES-256 keys, expanded. It is immutable and safe for concurrent use.
type Key struct {
	asm  asmKey
	impl Implementation

	// For Generic.
	gmac  cipher.AEAD
	block cipher.Block
}

// New returns the key for GMAC under k0 and encryption under k1, with the best implementation.
func New(k0, k1 *[32]byte) *Key { return NewWith(best(), k0, k1) }

// NewWith is New with an implementation that must be one of those Available.
func NewWith(impl Implementation, k0, k1 *[32]byte) *Key {
	k := &Key{impl: impl}
	if impl != Generic {
		k.asm.init(k0, k1)
		return k
	}
	mac, err := aes.NewCipher(k0[:])
	if err != nil {
		panic("BUG: 32 bytes are not an AES key")
	}
	if k.gmac, err = cipher.NewGCM(mac); err != nil {
		panic("BUG: AES has no GCM")
	}
	if k.block, err = aes.NewCipher(k1[:]); err != nil {
		panic("BUG: 32 bytes are not an AES key")
	}
	return k
}

// Seal encrypts msg[AADLen:] in place and returns the tag through tag. It panics when msg is shorter than AADLen.
func (k *Key) Seal(msg []byte, iv *[8]byte, tag *[TagLen]byte) {
	if len(msg) < AADLen {
		panic("BUG: message shorter than its additional data")
	}
	if k.impl != Generic {
		k.asm.seal(k.impl, msg, iv, tag)
		return
	}
	s := k.newScratch()
	s.mac(k, msg, iv)
	k.block.Encrypt(s.tag[:], s.block[:])
	s.xor(k, msg[AADLen:])
	*tag = s.tag
}

// Open decrypts msg[AADLen:] in place and reports whether msg and tag come from Seal. When they do not, the
// bytes are meaningless. It panics when msg is shorter than AADLen.
func (k *Key) Open(msg []byte, tag *[TagLen]byte) bool {
	if len(msg) < AADLen {
		panic("BUG: message shorter than its additional data")
	}
	if k.impl != Generic {
		return k.asm.open(k.impl, msg, tag)
	}
	s := k.newScratch()
	s.tag = *tag
	s.xor(k, msg[AADLen:])
	var want [16]byte
	k.block.Decrypt(s.block[:], s.tag[:])
	want = s.block
	s.mac(k, msg, (*[8]byte)(want[:]))
	return subtle.ConstantTimeCompare(s.block[:], want[:]) == 1
}

// genericScratch is what Generic passes through the interfaces of crypto/cipher, which makes it escape to the heap.
type genericScratch struct {
	nonce [12]byte
	sum   [16]byte
	block [16]byte // IV and folded GMAC
	tag   [TagLen]byte
}

func (k *Key) newScratch() *genericScratch { return new(genericScratch) }

// mac computes the GMAC of msg, whose length block counts it all as additional data, and folds it behind iv.
func (s *genericScratch) mac(k *Key, msg []byte, iv *[8]byte) {
	copy(s.nonce[:], iv[:])
	k.gmac.Seal(s.sum[:0], s.nonce[:], nil, msg)
	copy(s.block[:8], iv[:])
	be.PutUint64(s.block[8:], be.Uint64(s.sum[0:])^be.Uint64(s.sum[8:]))
}

// xor encrypts or decrypts b from the counter that the tag starts.
func (s *genericScratch) xor(k *Key, b []byte) {
	copy(s.sum[:], s.tag[:])
	s.sum[12] &= 0x7f
	cipher.NewCTR(k.block, s.sum[:]).XORKeyStream(b, b)
}
