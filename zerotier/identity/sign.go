package identity

import (
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/sha512"
	"crypto/subtle"
)

// SignatureLen is the length of a signature.
const SignatureLen = 96

// KeyLen is the length of the key that two identities agree on.
const KeyLen = 48

// Sign signs msg (PROTOCOL 3): an Ed25519 signature of the first half of its SHA-512, and that half. It panics
// when id has no secret keys.
func (id *Identity) Sign(msg []byte) [SignatureLen]byte {
	if !id.hasSecret {
		panic("BUG: Sign with an identity without secret keys")
	}
	hash := sha512.Sum512(msg)
	var key [ed25519.PrivateKeySize]byte
	copy(key[:32], id.secret[32:])
	copy(key[32:], id.Public[32:])
	var sig [SignatureLen]byte
	copy(sig[:64], ed25519.Sign(key[:], hash[:32]))
	copy(sig[64:], hash[:32])
	return sig
}

// Verify reports whether sig is a signature of msg by id (PROTOCOL 3).
func (id *Identity) Verify(msg, sig []byte) bool {
	if len(sig) != SignatureLen {
		return false
	}
	hash := sha512.Sum512(msg)
	return subtle.ConstantTimeCompare(hash[:32], sig[64:]) == 1 &&
		ed25519.Verify(id.Public[32:], hash[:32], sig[:64])
}

// Agree returns the key that id shares with peer (PROTOCOL 3). It fails when id has no secret keys
// or peer's public key is one of the few points that lead to no key.
func (id *Identity) Agree(peer *Identity) (key [KeyLen]byte, ok bool) {
	if !id.hasSecret {
		return key, false
	}
	mine, err := ecdh.X25519().NewPrivateKey(id.secret[:32])
	if err != nil {
		return key, false
	}
	theirs, err := ecdh.X25519().NewPublicKey(peer.Public[:32])
	if err != nil {
		return key, false
	}
	shared, err := mine.ECDH(theirs)
	if err != nil {
		return key, false
	}
	hash := sha512.Sum512(shared)
	return [KeyLen]byte(hash[:KeyLen]), true
}

// secretMatches reports whether the secret keys belong to the public ones.
func (id *Identity) secretMatches() bool {
	key, err := ecdh.X25519().NewPrivateKey(id.secret[:32])
	if err != nil {
		return false
	}
	return subtle.ConstantTimeCompare(key.PublicKey().Bytes(), id.Public[:32]) == 1 &&
		subtle.ConstantTimeCompare(ed25519.NewKeyFromSeed(id.secret[32:])[32:], id.Public[32:]) == 1
}
