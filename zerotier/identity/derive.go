package identity

import (
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/sha512"
	"io"

	"github.com/ztstack/ztstack/internal/be"
	"github.com/ztstack/ztstack/zerotier/internal/salsa20"
)

const (
	memoryWords = 1 << 18 // 2 MiB in 64-bit words
	memoryChunk = 1 << 14 // bytes of keystream made at a time
	hashLimit   = 17      // the digest of a valid identity begins with less
)

// Scratch is the 2 MiB that the memory-hard function works in. Whoever validates more than one
// identity keeps one, so that the memory is not allocated each time. The zero Scratch is ready.
type Scratch struct {
	words  *[memoryWords]uint64
	stream [memoryChunk]byte
}

// Generate makes a new identity with randomness from rand (PROTOCOL 2.2). It evaluates the memory-hard
// function about 15 times, which takes some 0.1 s. An error comes from rand alone.
func Generate(rand io.Reader) (Identity, error) {
	id := Identity{hasSecret: true}
	if _, err := io.ReadFull(rand, id.secret[32:]); err != nil {
		return Identity{}, err
	}
	copy(id.Public[32:], ed25519.NewKeyFromSeed(id.secret[32:])[32:])
	var scratch Scratch
	for {
		if _, err := io.ReadFull(rand, id.secret[:32]); err != nil {
			return Identity{}, err
		}
		key, err := ecdh.X25519().NewPrivateKey(id.secret[:32])
		if err != nil {
			panic("BUG: 32 bytes are not an X25519 key")
		}
		copy(id.Public[:32], key.PublicKey().Bytes())
		digest := scratch.hash(&id.Public)
		id.Address = AddressFrom(digest[59:])
		if digest[0] < hashLimit && !id.Address.IsReserved() {
			return id, nil
		}
	}
}

// Validate reports whether the address belongs to the public keys (PROTOCOL 2.2). It evaluates
// the memory-hard function, which takes milliseconds, in memory allocated for the call.
func (id *Identity) Validate() bool { return id.ValidateWith(new(Scratch)) }

// ValidateWith is Validate in the memory of s, which only one call may use at a time.
func (id *Identity) ValidateWith(s *Scratch) bool {
	if id.Address.IsReserved() {
		return false
	}
	digest := s.hash(&id.Public)
	return digest[0] < hashLimit && AddressFrom(digest[59:]) == id.Address
}

// hash evaluates the memory-hard function (PROTOCOL 2.2; Identity.cpp, _computeMemoryHardHash).
//
// The cipher that runs through it is a stream cipher, so its keystream depends on nothing that the
// function computes and is made thousands of bytes at a time. Words are held as the big-endian
// integers that the function takes indices from; exchanging and encrypting them is the same in any byte order.
func (s *Scratch) hash(public *[64]byte) [64]byte {
	if s.words == nil {
		s.words = new([memoryWords]uint64)
	}
	digest := sha512.Sum512(public[:])
	cipher := salsa20.New((*[32]byte)(digest[:32]), (*[8]byte)(digest[32:40]), salsa20.Rounds20)
	counter := s.fill(&cipher)

	var d [8]uint64
	for i := range d {
		d[i] = be.Uint64(digest[8*i:])
	}
	m := s.words
	for i := 0; i < memoryWords; {
		cipher.KeyStream(s.stream[:], counter)
		counter += memoryChunk / salsa20.BlockLen
		for off := 0; off < memoryChunk; off += salsa20.BlockLen {
			i1 := m[i&(memoryWords-1)] & 7
			i2 := m[(i+1)&(memoryWords-1)] & (memoryWords - 1)
			i += 2
			d[i1], m[i2] = m[i2], d[i1]
			k := (*[salsa20.BlockLen]byte)(s.stream[off:])
			for j := range d {
				d[j] ^= be.Uint64(k[8*j:])
			}
		}
	}
	for i, v := range d {
		be.PutUint64(digest[8*i:], v)
	}
	return digest
}

// fill makes the first contents of the memory, in which each block of 64 bytes is the one before it XOR a block
// of keystream, and returns the number of blocks of keystream that it took.
func (s *Scratch) fill(cipher *salsa20.Stream) (counter uint64) {
	var last [8]uint64
	for at := 0; at < memoryWords; at += memoryChunk / 8 {
		cipher.KeyStream(s.stream[:], counter)
		counter += memoryChunk / salsa20.BlockLen
		words := s.words[at:][:memoryChunk/8]
		for off := 0; off < memoryChunk; off += salsa20.BlockLen {
			k := (*[salsa20.BlockLen]byte)(s.stream[off:])
			w := (*[8]uint64)(words[off/8:])
			for j := range last {
				last[j] ^= be.Uint64(k[8*j:])
				w[j] = last[j]
			}
		}
	}
	return counter
}
