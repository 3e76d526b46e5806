package vl2

import (
	"github.com/ztstack/ztstack/internal/be"
	"github.com/ztstack/ztstack/zerotier/identity"
)

// IDs of the qualifiers in a certificate of membership.
const (
	qualifierTimestamp = 0
	qualifierNetwork   = 1
	qualifierIssuedTo  = 2
	qualifierIdentity  = 3 // the first of four
)

// maxQualifiers is the most a certificate may have (PROTOCOL 28).
const maxQualifiers = 8

// Qualifier is one thing that two certificates must agree about, up to a difference.
type Qualifier struct {
	ID, Value, MaxDelta uint64
}

// COM is a certificate of membership (PROTOCOL 18.1). The zero COM is none.
type COM struct {
	Qualifiers [maxQualifiers]Qualifier // ascending IDs
	Len        int                      // how many of them count
	SignedBy   identity.Address
	Signature  [signatureLen]byte
}

// NewCOM returns an unsigned certificate for a member.
func NewCOM(timestamp, maxDelta int64, n NetworkID, to *identity.Identity) COM {
	c := COM{Len: 7}
	c.Qualifiers[0] = Qualifier{qualifierTimestamp, uint64(timestamp), uint64(maxDelta)}
	c.Qualifiers[1] = Qualifier{qualifierNetwork, uint64(n), 0}
	c.Qualifiers[2] = Qualifier{qualifierIssuedTo, uint64(to.Address), ^uint64(0)}
	hash := to.PublicKeyHash()
	for i := range 4 {
		c.Qualifiers[3+i] = Qualifier{qualifierIdentity + uint64(i), be.Uint64(hash[8*i:]), ^uint64(0)}
	}
	return c
}

// IsZero reports whether c is no certificate at all.
func (c *COM) IsZero() bool { return c.Len == 0 }

// value returns the value of a qualifier.
func (c *COM) value(id uint64) (uint64, bool) {
	for i := range c.Len {
		if c.Qualifiers[i].ID == id {
			return c.Qualifiers[i].Value, true
		}
	}
	return 0, false
}

// Timestamp returns when c was issued, in the controller's ms, or 0.
func (c *COM) Timestamp() int64 {
	v, _ := c.value(qualifierTimestamp)
	return int64(v)
}

// Network returns the network that c is for, or 0.
func (c *COM) Network() NetworkID {
	v, _ := c.value(qualifierNetwork)
	return NetworkID(v)
}

// IssuedTo returns whom c makes a member, or 0.
func (c *COM) IssuedTo() identity.Address {
	v, _ := c.value(qualifierIssuedTo)
	return identity.Address(v)
}

// Append appends the coded form.
func (c *COM) Append(b []byte) []byte {
	b = append(b, 1)
	b = append16(b, uint16(c.Len))
	b = c.appendSigned(b)
	b = c.SignedBy.Append(b)
	if c.SignedBy != 0 {
		b = append(b, c.Signature[:]...)
	}
	return b
}

// appendSigned appends what the signature is over: the bare tuples.
func (c *COM) appendSigned(b []byte) []byte {
	for _, q := range c.Qualifiers[:c.Len] {
		b = append64(append64(append64(b, q.ID), q.Value), q.MaxDelta)
	}
	return b
}

// Parse parses a certificate at the start of b and returns its length, or -1.
func (c *COM) Parse(b []byte) int {
	r := reader{b: b}
	version, count := r.u8(), int(r.u16())
	if version != 1 || count > maxQualifiers {
		return -1
	}
	*c = COM{Len: count}
	for i := range count {
		c.Qualifiers[i] = Qualifier{r.u64(), r.u64(), r.u64()}
		if i > 0 && c.Qualifiers[i].ID <= c.Qualifiers[i-1].ID {
			return -1
		}
	}
	if c.SignedBy = r.address(); c.SignedBy != 0 {
		copy(c.Signature[:], r.take(signatureLen))
	}
	return r.taken(b)
}

// Sign signs c. The signer has a secret.
func (c *COM) Sign(by *identity.Identity) {
	c.SignedBy = by.Address
	var buf [24 * maxQualifiers]byte
	c.Signature = by.Sign(c.appendSigned(buf[:0]))
}

// Verify reports whether c is signed by the given controller and for one of its networks.
func (c *COM) Verify(by *identity.Identity) bool {
	if c.Len == 0 || c.SignedBy != by.Address || c.Network().Controller() != by.Address {
		return false
	}
	var buf [24 * maxQualifiers]byte
	return by.Verify(c.appendSigned(buf[:0]), c.Signature[:])
}

// AgreesWith reports whether the holder of c may talk with the peer that holds other (PROTOCOL 19). The peer's actual identity
// is needed because both certificates may bind it.
func (c *COM) AgreesWith(other *COM, peer *identity.Identity) bool {
	if c.Len == 0 || other.Len == 0 || other.IssuedTo() != peer.Address {
		return false
	}
	bound := false
	for i := range c.Len {
		q := &c.Qualifiers[i]
		theirs, ok := other.value(q.ID)
		if !ok {
			return false
		}
		diff := q.Value - theirs
		if theirs > q.Value {
			diff = theirs - q.Value
		}
		if diff > q.MaxDelta {
			return false
		}
		bound = bound || (q.ID >= qualifierIdentity && q.ID < qualifierIdentity+4)
	}
	if !bound {
		return true
	}
	hash := peer.PublicKeyHash()
	for i := range 4 {
		if v, ok := other.value(qualifierIdentity + uint64(i)); !ok || v != be.Uint64(hash[8*i:]) {
			return false
		}
	}
	return true
}
