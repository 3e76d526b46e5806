package identity

import (
	"crypto/sha512"
	"errors"
	"strings"
)

// BinaryLen is the length of an identity's binary form without the secret, the only form that
// ever goes on the wire.
const BinaryLen = AddressLen + 1 + 64 + 1

// Errors of Parse. None of them contains a part of the text, which may be secret.
var (
	ErrText    = errors.New("identity: the text is not of the form address:0:public or address:0:public:secret, in hexadecimal")
	ErrType    = errors.New("identity: the identity is not of type 0, the only one supported")
	ErrAddress = errors.New("identity: an address is ten hexadecimal digits, such as 89e92ceee5, not all zero and not beginning with ff")
	ErrSecret  = errors.New("identity: the secret keys do not belong to the public keys")
)

// An Identity is an address and its public keys, and for the node's own identity its secret keys.
// It is a value: copies are independent, and two identities are equal when == says so.
type Identity struct {
	Address Address
	Public  [64]byte // X25519 public key, then Ed25519 public key

	secret    [64]byte // X25519 scalar, then Ed25519 seed; zero when hasSecret is false
	hasSecret bool
}

// Parse parses the text form, address:0:public[:secret] (PROTOCOL 2.3), with white space around it
// allowed. Secret keys must belong to the public keys. It does not evaluate the memory-hard function:
// see Validate.
func Parse(text string) (Identity, error) {
	var id Identity
	address, rest, ok1 := strings.Cut(strings.TrimSpace(text), ":")
	kind, rest, ok2 := strings.Cut(rest, ":")
	public, secret, hasSecret := strings.Cut(rest, ":")
	if !ok1 || !ok2 {
		return Identity{}, ErrText
	}
	var err error
	if id.Address, err = ParseAddress(address); err != nil || id.Address.IsReserved() {
		return Identity{}, ErrAddress
	}
	if kind != "0" {
		return Identity{}, ErrType
	}
	if !decodeHex(id.Public[:], public) {
		return Identity{}, ErrText
	}
	if !hasSecret {
		return id, nil
	}
	if !decodeHex(id.secret[:], secret) {
		return Identity{}, ErrText
	}
	id.hasSecret = true
	if !id.secretMatches() {
		return Identity{}, ErrSecret
	}
	return id, nil
}

// HasSecret reports whether id has its secret keys, and so can sign and agree.
func (id *Identity) HasSecret() bool { return id.hasSecret }

// WithoutSecret returns id without its secret keys.
func (id Identity) WithoutSecret() Identity {
	id.secret, id.hasSecret = [64]byte{}, false
	return id
}

// IsZero reports whether id is the zero Identity.
func (id *Identity) IsZero() bool { return *id == Identity{} }

// String returns the public text form, so that printing an identity never shows its secret.
func (id Identity) String() string { return id.PublicString() }

// PublicString returns the text form without the secret keys, as in identity.public.
func (id *Identity) PublicString() string { return string(id.appendText(nil)) }

// SecretString returns the text form with the secret keys, as in identity.secret. It panics when
// there are none.
func (id *Identity) SecretString() string {
	if !id.hasSecret {
		panic("BUG: SecretString of an identity without secret keys")
	}
	return string(appendHex(append(id.appendText(nil), ':'), id.secret[:]))
}

func (id *Identity) appendText(dst []byte) []byte {
	dst = append(dst, id.Address.String()...)
	dst = append(dst, ":0:"...)
	return appendHex(dst, id.Public[:])
}

// AppendBinary appends the 71-byte binary form without the secret (PROTOCOL 2.4).
func (id *Identity) AppendBinary(dst []byte) []byte {
	dst = append(id.Address.Append(dst), 0)
	dst = append(dst, id.Public[:]...)
	return append(dst, 0)
}

// ParseBinary parses a binary form at the start of b and returns its length, or -1. Secret keys, which no node
// sends, are taken over only when they belong to the public keys, and make the form malformed otherwise. It does
// not evaluate the memory-hard function: see Validate.
func ParseBinary(b []byte) (Identity, int) {
	if len(b) < BinaryLen {
		return Identity{}, -1
	}
	id := Identity{Address: AddressFrom(b), Public: [64]byte(b[6:70])}
	if id.Address.IsReserved() || b[5] != 0 {
		return Identity{}, -1
	}
	switch b[70] {
	case 0:
		return id, BinaryLen
	case 64:
		if len(b) < BinaryLen+64 {
			return Identity{}, -1
		}
		id.secret, id.hasSecret = [64]byte(b[71:135]), true
		if !id.secretMatches() {
			return Identity{}, -1
		}
		return id, BinaryLen + 64
	}
	return Identity{}, -1
}

// PublicKeyHash returns the hash of address and public keys that certificates of membership carry
// (PROTOCOL 2.5).
func (id *Identity) PublicKeyHash() [48]byte {
	var b [AddressLen + 64]byte
	id.Address.Put(b[:])
	copy(b[AddressLen:], id.Public[:])
	return sha512.Sum384(b[:])
}
