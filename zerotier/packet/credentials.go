package packet

import "github.com/ztstack/ztstack/zerotier/identity"

// Limits of credentials (PROTOCOL 18, 28).
const (
	maxCOMTuples = 8
	maxCustody   = 7
	maxThings    = 16
	comTupleLen  = 24
	thingLen     = 17
)

// Credentials is the payload of NETWORK_CREDENTIALS (PROTOCOL 10.10): each credential in coded form. Sections
// may be missing at the end, from the zero byte after the certificates of membership on.
type Credentials struct {
	COMs, Capabilities, Tags, Revocations, Ownerships [][]byte
}

// Append appends the payload.
func (c *Credentials) Append(dst []byte) []byte {
	for _, com := range c.COMs {
		dst = append(dst, com...)
	}
	dst = append(dst, 0)
	for _, section := range [...][][]byte{c.Capabilities, c.Tags, c.Revocations, c.Ownerships} {
		dst = append16(dst, uint16(len(section)))
		for _, b := range section {
			dst = append(dst, b...)
		}
	}
	return dst
}

// Parse parses the payload: it finds where each credential ends but does not look further into it.
func (c *Credentials) Parse(b []byte) bool {
	r := reader{b: b}
	c.COMs = c.COMs[:0]
	for len(r.b) > 0 && r.b[0] != 0 {
		c.COMs = append(c.COMs, r.com())
	}
	if len(r.b) > 0 {
		r.u8()
	}
	c.Capabilities = r.section(c.Capabilities[:0], capabilityKind)
	c.Tags = r.section(c.Tags[:0], tagKind)
	c.Revocations = r.section(c.Revocations[:0], revocationKind)
	c.Ownerships = r.section(c.Ownerships[:0], ownershipKind)
	return !r.bad
}

// credentialKind names a coding, by the credential type IDs of PROTOCOL 18.
type credentialKind uint8

const (
	comKind        credentialKind = 1
	capabilityKind credentialKind = 2
	tagKind        credentialKind = 3
	ownershipKind  credentialKind = 4
	revocationKind credentialKind = 6
)

// section takes a count and that many credentials, or nothing at the end of the payload.
func (r *reader) section(dst [][]byte, kind credentialKind) [][]byte {
	if len(r.b) == 0 {
		return dst
	}
	for n := r.u16(); n > 0 && !r.bad; n-- {
		dst = append(dst, r.credential(kind))
	}
	return dst
}

// com takes a certificate of membership.
func (r *reader) com() []byte { return r.credential(comKind) }

// credential takes a credential.
func (r *reader) credential(kind credentialKind) []byte {
	b := r.b
	switch kind {
	case comKind:
		r.membership()
	case capabilityKind:
		r.capability()
	case tagKind:
		r.tag()
	case revocationKind:
		r.revocation()
	case ownershipKind:
		r.ownership()
	}
	if r.bad {
		return nil
	}
	n := len(b) - len(r.b)
	return b[:n:n]
}

// membership skips a certificate of membership (PROTOCOL 18.1).
func (r *reader) membership() {
	version, tuples := r.u8(), int(r.u16())
	if version != 1 || tuples > maxCOMTuples {
		r.fail()
	}
	r.bytes(comTupleLen * tuples)
	if r.address() != 0 {
		r.bytes(identity.SignatureLen)
	}
}

// capability skips a capability (PROTOCOL 18.2).
func (r *reader) capability() {
	r.bytes(8 + 8 + 4)
	for range r.u16() {
		if r.bad {
			return
		}
		r.u8()
		r.bytes(int(r.u8()))
	}
	most := int(r.u8())
	for n := 0; r.address() != 0; n++ {
		if n >= min(most, maxCustody) {
			r.fail()
			return
		}
		r.address()
		r.signature()
	}
	r.extra()
}

// tag skips a tag (PROTOCOL 18.3).
func (r *reader) tag() {
	r.bytes(8 + 8 + 4 + 4 + 5 + 5)
	r.signature()
	r.extra()
}

// revocation skips a revocation (PROTOCOL 18.5).
func (r *reader) revocation() {
	r.bytes(4 + 4 + 8 + 4 + 4 + 8 + 8 + 5 + 5 + 1)
	r.signature()
	r.extra()
}

// ownership skips a certificate of ownership (PROTOCOL 18.4).
func (r *reader) ownership() {
	r.bytes(8 + 8 + 8 + 4)
	things := int(r.u16())
	if things > maxThings {
		r.fail()
	}
	r.bytes(things*thingLen + 5 + 5)
	r.signature()
	r.extra()
}

// signature skips a signature with its type and length.
func (r *reader) signature() {
	r.u8()
	r.bytes(int(r.u16()))
}

// extra skips the fields that a later version may add.
func (r *reader) extra() {
	r.bytes(int(r.u16()))
}
