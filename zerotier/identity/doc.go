// Package identity implements ZeroTier identities: a 40-bit address bound to a pair of public
// keys (X25519 for agreement, Ed25519 for signatures) by a memory-hard function, as PROTOCOL
// sections 2 and 3 describe them.
//
// Read address.go for addresses, identity.go for the value and its text and binary forms, derive.go
// for the memory-hard function, and sign.go for agreement and signatures.
//
// Not supported: identity type 1 (P-384), which no released node sends.
package identity
