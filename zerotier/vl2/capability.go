package vl2

import "github.com/ztstack/ztstack/zerotier/identity"

// Limits of capabilities (PROTOCOL 28).
const (
	MaxCapabilities = 128
	maxCustody      = 7
)

// Custody is a step in the chain along which a capability was handed.
type Custody struct {
	To, From  identity.Address
	Signature [signatureLen]byte // by From
}

// Capability is a set of rules that its holder may apply beside those of the network (PROTOCOL 18.2).
type Capability struct {
	Network    NetworkID
	Timestamp  int64
	ID         uint32
	Rules      []Rule
	MaxCustody uint8 // longest chain allowed
	Custody    []Custody
}

// IssuedTo returns who holds c now, or 0.
func (c *Capability) IssuedTo() identity.Address {
	if len(c.Custody) == 0 {
		return 0
	}
	return c.Custody[len(c.Custody)-1].To
}

func (c *Capability) appendFields(b []byte) []byte {
	b = append64(append64(b, uint64(c.Network)), uint64(c.Timestamp))
	b = append16(append32(b, c.ID), uint16(len(c.Rules)))
	return append(AppendRules(b, c.Rules), c.MaxCustody)
}

func (c *Capability) appendSigned(b []byte) []byte {
	b = c.appendFields(append(b, guard[:]...))
	return append(append16(b, 0), guard[:]...)
}

// Append appends the coded form.
func (c *Capability) Append(b []byte) []byte {
	b = c.appendFields(b)
	for i := range c.Custody {
		e := &c.Custody[i]
		b = appendSignature(e.From.Append(e.To.Append(b)), &e.Signature)
	}
	return append16(identity.Address(0).Append(b), 0)
}

// Parse parses a capability at the start of b and returns its length, or -1.
func (c *Capability) Parse(b []byte) int {
	r := reader{b: b}
	*c = Capability{Network: NetworkID(r.u64()), Timestamp: int64(r.u64()), ID: r.u32()}
	count := int(r.u16())
	if count > MaxCapabilityRules || r.bad {
		return -1
	}
	rules, n := parseRules(r.b, count)
	if n < 0 {
		return -1
	}
	r.take(n)
	c.Rules = rules
	c.MaxCustody = r.u8()
	if c.MaxCustody < 1 || c.MaxCustody > maxCustody {
		return -1
	}
	for {
		to := r.address()
		if to == 0 {
			break
		}
		if len(c.Custody) == int(c.MaxCustody) {
			return -1
		}
		e := Custody{To: to, From: r.address()}
		r.signature(&e.Signature)
		c.Custody = append(c.Custody, e)
	}
	r.extra()
	return r.taken(b)
}

// Sign hands c on: from the controller when nobody holds it yet, else from its holder. The signer has a secret.
func (c *Capability) Sign(by *identity.Identity, to identity.Address) {
	c.Custody = append(c.Custody, Custody{To: to, From: by.Address, Signature: by.Sign(c.appendSigned(nil))})
}

// signers returns whose identities Verify needs.
func (c *Capability) signers(yield func(identity.Address) bool) {
	for i := range c.Custody {
		if !yield(c.Custody[i].From) {
			return
		}
	}
}

// Verify reports whether the chain of custody begins with the controller, is unbroken and not too long, and every step is signed.
// identityOf returns the identity of a signer, or nil, which fails.
func (c *Capability) Verify(identityOf func(identity.Address) *identity.Identity) bool {
	if len(c.Custody) == 0 || len(c.Custody) > int(c.MaxCustody) {
		return false
	}
	signed := c.appendSigned(nil)
	from := c.Network.Controller()
	for i := range c.Custody {
		e := &c.Custody[i]
		if e.From != from {
			return false
		}
		by := identityOf(e.From)
		if by == nil || !by.Verify(signed, e.Signature[:]) {
			return false
		}
		from = e.To
	}
	return true
}
