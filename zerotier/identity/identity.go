package identity

import "io"

// BinaryLen is the length of an identity's binary form without the secret, the only form that
// ever goes on the wire.
const BinaryLen = AddressLen + 1 + 64 + 1

// SignatureLen is the length of a signature.
const SignatureLen = 96

// KeyLen is the length of the key that two identities agree on.
const KeyLen = 48

// An Identity is an address and its public keys, and for the node's own identity its secret keys.
// It is a value: copies are independent, and two identities are equal when == says so.
type Identity struct {
	Address Address
	Public  [64]byte // X25519 public key, then Ed25519 public key

	secret    [64]byte // X25519 scalar, then Ed25519 seed; zero when hasSecret is false
	hasSecret bool
}

// Scratch is the 2 MiB that the memory-hard function works in. Whoever validates more than one
// identity keeps one, so that the memory is not allocated each time. The zero Scratch is ready.
type Scratch struct {
	mem []byte
}

const hexDigits = "0123456789abcdef"

func decodeHex(dst []byte, s string) bool { panic("TODO") }

// Generate makes a new identity with randomness from rand. It takes about 15 evaluations of the
// memory-hard function, some 0.2 s. An error comes from rand alone.
func Generate(rand io.Reader) (Identity, error) { panic("TODO") }

// Parse parses the text form, address:0:public[:secret]. It does not evaluate the memory-hard
// function: see Validate.
func Parse(text string) (Identity, error) { panic("TODO") }

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
func (id *Identity) PublicString() string { panic("TODO") }

// SecretString returns the text form with the secret keys, as in identity.secret. It panics when
// there are none.
func (id *Identity) SecretString() string { panic("TODO") }

// AppendBinary appends the 71-byte binary form without the secret (PROTOCOL 2.4).
func (id *Identity) AppendBinary(dst []byte) []byte { panic("TODO") }

// ParseBinary parses a binary form at the start of b and returns its length, or -1. It does not
// evaluate the memory-hard function: see Validate.
func ParseBinary(b []byte) (Identity, int) { panic("TODO") }

// Validate reports whether the address belongs to the public keys (PROTOCOL 2.2). It evaluates
// the memory-hard function, some 14 ms, in memory allocated for the call.
func (id *Identity) Validate() bool { return id.ValidateWith(new(Scratch)) }

// ValidateWith is Validate in the memory of s, which only one call may use at a time.
func (id *Identity) ValidateWith(s *Scratch) bool { panic("TODO") }

// PublicKeyHash returns the hash of address and public keys that certificates of membership carry
// (PROTOCOL 2.5).
func (id *Identity) PublicKeyHash() [48]byte { panic("TODO") }

// Sign signs msg (PROTOCOL 3). It panics when id has no secret keys.
func (id *Identity) Sign(msg []byte) [SignatureLen]byte { panic("TODO") }

// Verify reports whether sig is a signature of msg by id.
func (id *Identity) Verify(msg, sig []byte) bool { panic("TODO") }

// Agree returns the key that id shares with peer (PROTOCOL 3). It fails when id has no secret keys
// or peer's public key is one of the few points that lead to no key.
func (id *Identity) Agree(peer *Identity) (key [KeyLen]byte, ok bool) { panic("TODO") }
