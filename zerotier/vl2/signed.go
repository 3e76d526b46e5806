package vl2

import (
	"github.com/ztstack/ztstack/internal/be"
	"github.com/ztstack/ztstack/zerotier/identity"
)

// Types of credentials, as revocations name them (PROTOCOL 18).
const (
	CredentialCOM        = 1
	CredentialCapability = 2
	CredentialTag        = 3
	CredentialOwnership  = 4
	CredentialRevocation = 6
)

// signatureLen is the length of a signature; signatureType is the only type there is.
const (
	signatureLen  = identity.SignatureLen
	signatureType = 1
)

// guard surrounds what is signed, so that a credential can never be taken for another kind of message.
var guard = [8]byte{0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f}

func append16(b []byte, v uint16) []byte { return append(b, byte(v>>8), byte(v)) }

func append32(b []byte, v uint32) []byte {
	return append(b, byte(v>>24), byte(v>>16), byte(v>>8), byte(v))
}

func append64(b []byte, v uint64) []byte { return append32(append32(b, uint32(v>>32)), uint32(v)) }

// appendSignature appends type, length and value of a signature.
func appendSignature(b []byte, sig *[signatureLen]byte) []byte {
	b = append(b, signatureType)
	b = append16(b, signatureLen)
	return append(b, sig[:]...)
}

// reader takes big-endian values off the front of a slice. After a value was missing, bad is true and all that follows is zero.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) take(n int) []byte {
	if n > len(r.b) {
		r.bad, r.b = true, nil
		return nil
	}
	v := r.b[:n]
	r.b = r.b[n:]
	return v
}

func (r *reader) u8() byte {
	if v := r.take(1); v != nil {
		return v[0]
	}
	return 0
}

func (r *reader) u16() uint16 {
	if v := r.take(2); v != nil {
		return be.Uint16(v)
	}
	return 0
}

func (r *reader) u32() uint32 {
	if v := r.take(4); v != nil {
		return be.Uint32(v)
	}
	return 0
}

func (r *reader) u64() uint64 {
	if v := r.take(8); v != nil {
		return be.Uint64(v)
	}
	return 0
}

func (r *reader) address() identity.Address {
	if v := r.take(5); v != nil {
		return identity.AddressFrom(v)
	}
	return 0
}

// signature takes type, length and value.
func (r *reader) signature(sig *[signatureLen]byte) {
	if r.u8() != signatureType || r.u16() != signatureLen {
		r.bad, r.b = true, nil
	}
	copy(sig[:], r.take(signatureLen))
}

// extra skips the trailing fields that some later version may add.
func (r *reader) extra() { r.take(int(r.u16())) }

// taken returns how much of whole was taken, or -1 when something was missing.
func (r *reader) taken(whole []byte) int {
	if r.bad {
		return -1
	}
	return len(whole) - len(r.b)
}
