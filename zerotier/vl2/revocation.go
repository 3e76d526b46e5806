package vl2

import "github.com/ztstack/ztstack/zerotier/identity"

// RevocationFastPropagate asks whoever accepts a revocation as new to pass it on.
const RevocationFastPropagate = 1

// Revocation voids the credentials of a member up to a time of issue (PROTOCOL 18.5).
type Revocation struct {
	ID           uint32
	Network      NetworkID
	CredentialID uint32
	Threshold    int64 // credentials with this time stamp or an earlier one are void
	Flags        uint64
	Target       identity.Address
	SignedBy     identity.Address
	Type         uint8 // of credential
	Signature    [signatureLen]byte
}

func (v *Revocation) appendFields(b []byte) []byte {
	b = append64(append32(append32(b, 0), v.ID), uint64(v.Network))
	b = append64(append32(append32(b, 0), v.CredentialID), uint64(v.Threshold))
	b = v.Target.Append(append64(b, v.Flags))
	return append(v.SignedBy.Append(b), v.Type)
}

func (v *Revocation) appendSigned(b []byte) []byte {
	b = v.appendFields(append(b, guard[:]...))
	return append(append16(b, 0), guard[:]...)
}

// Append appends the coded form.
func (v *Revocation) Append(b []byte) []byte {
	return append16(appendSignature(v.appendFields(b), &v.Signature), 0)
}

// Parse parses a revocation at the start of b and returns its length, or -1.
func (v *Revocation) Parse(b []byte) int {
	r := reader{b: b}
	*v = Revocation{}
	r.u32()
	v.ID, v.Network = r.u32(), NetworkID(r.u64())
	r.u32()
	v.CredentialID, v.Threshold, v.Flags = r.u32(), int64(r.u64()), r.u64()
	v.Target, v.SignedBy, v.Type = r.address(), r.address(), r.u8()
	r.signature(&v.Signature)
	r.extra()
	return r.taken(b)
}

// Sign signs v. The signer has a secret.
func (v *Revocation) Sign(by *identity.Identity) {
	v.SignedBy = by.Address
	v.Signature = by.Sign(v.appendSigned(nil))
}

// Verify reports whether v is signed by the given controller and for one of its networks.
func (v *Revocation) Verify(by *identity.Identity) bool {
	return v.SignedBy == by.Address && v.Network.Controller() == by.Address && by.Verify(v.appendSigned(nil), v.Signature[:])
}
