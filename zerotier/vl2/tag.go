package vl2

import "github.com/ztstack/ztstack/zerotier/identity"

// MaxTags is the most tags of one member (PROTOCOL 28).
const MaxTags = 128

// Tag is a number that a controller gives to a member under an ID, for rules to compare (PROTOCOL 18.3).
type Tag struct {
	Network   NetworkID
	Timestamp int64
	ID        uint32
	Value     uint32
	IssuedTo  identity.Address
	SignedBy  identity.Address
	Signature [signatureLen]byte
}

func (t *Tag) appendFields(b []byte) []byte {
	b = append64(append64(b, uint64(t.Network)), uint64(t.Timestamp))
	b = append32(append32(b, t.ID), t.Value)
	return t.SignedBy.Append(t.IssuedTo.Append(b))
}

func (t *Tag) appendSigned(b []byte) []byte {
	b = t.appendFields(append(b, guard[:]...))
	return append(append16(b, 0), guard[:]...)
}

// Append appends the coded form.
func (t *Tag) Append(b []byte) []byte {
	return append16(appendSignature(t.appendFields(b), &t.Signature), 0)
}

// Parse parses a tag at the start of b and returns its length, or -1.
func (t *Tag) Parse(b []byte) int {
	r := reader{b: b}
	*t = Tag{Network: NetworkID(r.u64()), Timestamp: int64(r.u64()), ID: r.u32(), Value: r.u32(), IssuedTo: r.address(), SignedBy: r.address()}
	r.signature(&t.Signature)
	r.extra()
	return r.taken(b)
}

// Sign signs t. The signer has a secret.
func (t *Tag) Sign(by *identity.Identity) {
	t.SignedBy = by.Address
	t.Signature = by.Sign(t.appendSigned(nil))
}

// Verify reports whether t is signed by the given controller and for one of its networks.
func (t *Tag) Verify(by *identity.Identity) bool {
	return t.SignedBy == by.Address && t.Network.Controller() == by.Address && by.Verify(t.appendSigned(nil), t.Signature[:])
}
