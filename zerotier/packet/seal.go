package packet

import (
	"crypto/hmac"
	"crypto/sha512"
	"crypto/subtle"

	"github.com/ztstack/ztstack/internal/be"
	"github.com/ztstack/ztstack/zerotier/internal/aesgmac"
	"github.com/ztstack/ztstack/zerotier/internal/salsa20"
	//lint:ignore SA1019 ZeroTier's armour predates the constructions that this package is kept from; the bare MAC is what it uses
	"golang.org/x/crypto/poly1305"
)

// Bits of the flags byte, p[18].
const (
	flagEncrypted  = 0x80 // set with CipherSalsa2012 and no other
	flagFragmented = 0x40
	maskHops       = 0x07
)

// Keys are what two identities share: the keys of all ciphers, derived from the key that they agreed on.
// Keys are immutable and safe for concurrent use.
type Keys struct {
	salsa [32]byte
	aes   *aesgmac.Key
}

// NewKeys derives the keys of all ciphers from the agreed key (PROTOCOL 3).
func NewKeys(agreed *[48]byte) *Keys {
	k0, k1 := derive(agreed, '0'), derive(agreed, '1')
	return &Keys{salsa: [32]byte(agreed[:32]), aes: aesgmac.New(&k0, &k1)}
}

// derive makes an AES-256 key: one block of KBKDF in counter mode with HMAC-SHA-384 (PROTOCOL 3).
func derive(agreed *[48]byte, label byte) [32]byte {
	mac := hmac.New(sha512.New384, agreed[:])
	mac.Write([]byte{0, 0, 0, 0, 'Z', 'T', label, 0, 0, 0, 0, 0x01, 0x80})
	return [32]byte(mac.Sum(nil))
}

// Seal armours the whole packet p in place with cipher c: CipherPoly1305, CipherSalsa2012 or
// CipherAES. iv is random; with the first two it becomes the packet ID, with CipherAES the ID on the
// wire is what ID(p) returns afterwards. The fragmented flag is kept as it is, hops become zero.
// It panics on a packet shorter than its header or longer than MaxLen, and on any other cipher.
func (k *Keys) Seal(p []byte, c Cipher, iv uint64) {
	if len(p) < HeaderLen || len(p) > MaxLen {
		panic("BUG: sealing a packet of impossible length")
	}
	p[18] = p[18]&flagFragmented | byte(c)<<3
	switch c {
	case CipherAES:
		k.sealAES(p, iv)
	case CipherPoly1305, CipherSalsa2012:
		if c == CipherSalsa2012 {
			p[18] |= flagEncrypted
		}
		be.PutUint64(p, iv)
		k.sealSalsa(p, c == CipherSalsa2012)
	default:
		panic("BUG: sealing with a cipher that does not seal")
	}
}

// Open verifies and decrypts the whole packet p in place, by the cipher that it names, and reports
// whether it is authentic. When it is not, the payload is undefined. A packet of impossible length, or armoured
// with CipherTrusted or an unknown cipher, is refused.
func (k *Keys) Open(p []byte) bool {
	if len(p) < HeaderLen || len(p) > MaxLen {
		return false
	}
	switch CipherOf(p) {
	case CipherAES:
		return k.openAES(p)
	case CipherPoly1305:
		return k.openSalsa(p, false)
	case CipherSalsa2012:
		return k.openSalsa(p, true)
	}
	return false
}

// HelloTail encrypts or decrypts the end of a HELLO, from offset from of the packet on, in place
// (PROTOCOL 10.1). The sender calls it with the packet ID in place, before Seal; the receiver after Open.
func (k *Keys) HelloTail(p []byte, from int) {
	iv := [8]byte(p)
	iv[7] &^= 7
	stream := salsa20.New(&k.salsa, &iv, salsa20.Rounds12)
	stream.XOR(p[from:], p[from:], 0)
}

// aad lays the header out as GMAC wants to hash it, in front of the verb and without a copy of the packet:
// destination, source and flags without hops, 11 bytes, go from offset 8 to offset 11, and 5 zero bytes follow
// (PROTOCOL 6). That overwrites the MAC field, which the caller has saved, and part of the addresses, which
// header.restore brings back.
func aad(p []byte) (saved header) {
	saved = header{be.Uint64(p[8:]), be.Uint32(p[15:])}
	be.PutUint32(p[18:], saved.b&^maskHops)
	be.PutUint64(p[11:], saved.a)
	p[22] = 0
	be.PutUint32(p[23:], 0)
	return saved
}

// header holds the bytes that aad overwrites: 8 to 15, and 15 to 18, of which byte 18 is the last of b.
type header struct {
	a uint64
	b uint32
}

func (h header) restore(p []byte) {
	be.PutUint64(p[8:], h.a)
	be.PutUint32(p[15:], h.b)
}

const aadAt = 11 // where the message that GMAC hashes begins

func (k *Keys) sealAES(p []byte, iv uint64) {
	var ivBytes [8]byte
	be.PutUint64(ivBytes[:], iv)
	var tag [aesgmac.TagLen]byte
	saved := aad(p)
	k.aes.Seal(p[aadAt:], &ivBytes, &tag)
	saved.restore(p)
	copy(p[0:8], tag[:8])
	copy(p[19:27], tag[8:])
}

func (k *Keys) openAES(p []byte) bool {
	var tag [aesgmac.TagLen]byte
	copy(tag[:8], p[0:8])
	copy(tag[8:], p[19:27])
	saved := aad(p)
	ok := k.aes.Open(p[aadAt:], &tag)
	saved.restore(p)
	copy(p[19:27], tag[8:])
	return ok
}

// firstLen is how much keystream is made together with the key for Poly1305: what vector code makes at once.
const firstLen = 16 * salsa20.BlockLen

// salsaFirst starts the keystream of the packet p under its mangled key and makes its first n bytes, of
// which 32 are the key for Poly1305 and 32 more are not used (PROTOCOL 5).
func (k *Keys) salsaFirst(p []byte, first []byte) salsa20.Stream {
	key := k.salsa
	for i := range 18 {
		key[i] ^= p[i]
	}
	key[18] ^= p[18] &^ maskHops
	key[19] ^= byte(len(p))
	key[20] ^= byte(len(p) >> 8)
	stream := salsa20.New(&key, (*[8]byte)(p), salsa20.Rounds12)
	stream.KeyStream(first, 0)
	return stream
}

// salsaXOR encrypts or decrypts b with the keystream that follows the first block.
func salsaXOR(stream *salsa20.Stream, first, b []byte) {
	n := subtle.XORBytes(b, b, first[salsa20.BlockLen:])
	stream.XOR(b[n:], b[n:], firstLen/salsa20.BlockLen)
}

func (k *Keys) sealSalsa(p []byte, encrypt bool) {
	var buf [firstLen]byte
	body := p[27:]
	first := buf[:firstLength(body, encrypt)]
	stream := k.salsaFirst(p, first)
	if encrypt {
		salsaXOR(&stream, first, body)
	}
	var mac [16]byte
	poly1305.Sum(&mac, body, (*[32]byte)(first))
	copy(p[19:27], mac[:8])
}

func (k *Keys) openSalsa(p []byte, encrypted bool) bool {
	var buf [firstLen]byte
	body := p[27:]
	first := buf[:firstLength(body, encrypted)]
	stream := k.salsaFirst(p, first)
	var mac [16]byte
	poly1305.Sum(&mac, body, (*[32]byte)(first))
	if subtle.ConstantTimeCompare(mac[:8], p[19:27]) != 1 {
		return false
	}
	if encrypted {
		salsaXOR(&stream, first, body)
	}
	return true
}

// firstLength returns how much of the first keystream a body needs.
func firstLength(body []byte, encrypted bool) int {
	if !encrypted {
		return salsa20.BlockLen
	}
	return min(firstLen, salsa20.BlockLen+len(body))
}
