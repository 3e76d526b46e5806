package vl2

import (
	"net/netip"

	"github.com/ztstack/ztstack/ethernet"
	"github.com/ztstack/ztstack/zerotier/identity"
)

// MaxThings is the most things of one certificate of ownership, MaxOwnership the most certificates of one member
// (PROTOCOL 28).
const (
	MaxThings    = 16
	MaxOwnership = 4
)

// Types of things that can be owned.
const (
	ThingMAC  = 1
	ThingIPv4 = 2
	ThingIPv6 = 3
)

// Thing is something that can be owned: a MAC or IP address, padded with zeros.
type Thing struct {
	Type  uint8
	Value [16]byte
}

// ThingOf returns the thing that an IP address is.
func ThingOf(a netip.Addr) Thing {
	if a.Is4() || a.Is4In6() {
		v := a.As4()
		t := Thing{Type: ThingIPv4}
		copy(t.Value[:], v[:])
		return t
	}
	return Thing{Type: ThingIPv6, Value: a.As16()}
}

// ThingOfMAC returns the thing that a MAC address is.
func ThingOfMAC(m ethernet.Addr) Thing {
	t := Thing{Type: ThingMAC}
	copy(t.Value[:], m[:])
	return t
}

// Ownership is a certificate of ownership: a controller's word that addresses belong to a member (PROTOCOL 18.4).
type Ownership struct {
	Network   NetworkID
	Timestamp int64
	Flags     uint64
	ID        uint32
	Things    []Thing
	IssuedTo  identity.Address
	SignedBy  identity.Address
	Signature [signatureLen]byte
}

// Owns reports whether t is among the things.
func (o *Ownership) Owns(t Thing) bool {
	for i := range o.Things {
		if o.Things[i] == t {
			return true
		}
	}
	return false
}

func (o *Ownership) appendFields(b []byte) []byte {
	b = append64(append64(b, uint64(o.Network)), uint64(o.Timestamp))
	b = append16(append32(append64(b, o.Flags), o.ID), uint16(len(o.Things)))
	for i := range o.Things {
		b = append(append(b, o.Things[i].Type), o.Things[i].Value[:]...)
	}
	return o.SignedBy.Append(o.IssuedTo.Append(b))
}

func (o *Ownership) appendSigned(b []byte) []byte {
	b = o.appendFields(append(b, guard[:]...))
	return append(append16(b, 0), guard[:]...)
}

// Append appends the coded form.
func (o *Ownership) Append(b []byte) []byte {
	return append16(appendSignature(o.appendFields(b), &o.Signature), 0)
}

// Parse parses a certificate at the start of b and returns its length, or -1.
func (o *Ownership) Parse(b []byte) int {
	r := reader{b: b}
	*o = Ownership{Network: NetworkID(r.u64()), Timestamp: int64(r.u64()), Flags: r.u64(), ID: r.u32()}
	count := int(r.u16())
	if count > MaxThings {
		return -1
	}
	o.Things = make([]Thing, count)
	for i := range o.Things {
		o.Things[i].Type = r.u8()
		copy(o.Things[i].Value[:], r.take(16))
	}
	o.IssuedTo, o.SignedBy = r.address(), r.address()
	r.signature(&o.Signature)
	r.extra()
	return r.taken(b)
}

// Sign signs o. The signer has a secret.
func (o *Ownership) Sign(by *identity.Identity) {
	o.SignedBy = by.Address
	o.Signature = by.Sign(o.appendSigned(nil))
}

// Verify reports whether o is signed by the given controller and for one of its networks.
func (o *Ownership) Verify(by *identity.Identity) bool {
	return o.SignedBy == by.Address && o.Network.Controller() == by.Address && by.Verify(o.appendSigned(nil), o.Signature[:])
}
