package packet

import (
	"net/netip"

	"github.com/ztstack/ztstack/zerotier/identity"
)

// A Moon names a moon and the timestamp of the copy that the sender of a HELLO has.
type Moon struct {
	Type      uint8 // 127
	ID        uint64
	Timestamp uint64 // milliseconds; 0 asks for it
}

const moonLen = 17

// Hello is the payload of HELLO (PROTOCOL 10.1). Fields after Identity may be missing at the end: SentTo and
// all that follow, the planet and all that follows, or the tail.
type Hello struct {
	Protocol, Major, Minor uint8
	Revision               uint16
	Timestamp              uint64 // sender's clock, milliseconds
	Identity               identity.Identity
	SentTo                 netip.AddrPort // physical address the packet is sent to; may be zero
	PlanetID               uint64         // 0 when missing
	PlanetTimestamp        uint64
	Moons                  []Moon

	// Tail is the offset in the payload of the encrypted tail, the number of moons and the moons; Append and
	// Parse set it. It is the payload's length when there is no tail.
	Tail int
}

// Append appends the payload with its tail in the clear: Keys.HelloTail(p, HeaderLen+h.Tail) encrypts it.
func (h *Hello) Append(dst []byte) []byte {
	start := len(dst)
	dst = append(dst, h.Protocol, h.Major, h.Minor)
	dst = append16(dst, h.Revision)
	dst = append64(dst, h.Timestamp)
	dst = h.Identity.AppendBinary(dst)
	dst = AppendInetAddress(dst, h.SentTo)
	dst = append64(append64(dst, h.PlanetID), h.PlanetTimestamp)
	h.Tail = len(dst) - start
	dst = append16(dst, uint16(len(h.Moons)))
	for _, m := range h.Moons {
		dst = append64(append64(append(dst, m.Type), m.ID), m.Timestamp)
	}
	return dst
}

// Parse parses the payload but for the tail, so that the sender's key can be found.
func (h *Hello) Parse(b []byte) bool {
	r := reader{b: b}
	*h = Hello{Moons: h.Moons[:0], Tail: len(b)}
	h.Protocol, h.Major, h.Minor = r.u8(), r.u8(), r.u8()
	h.Revision = r.u16()
	h.Timestamp = r.u64()
	h.Identity = r.identity()
	if len(r.b) > 0 {
		h.SentTo = r.inetAddress()
	}
	if len(r.b) > 0 {
		h.PlanetID, h.PlanetTimestamp = r.u64(), r.u64()
	}
	h.Tail = len(b) - len(r.b)
	return !r.bad
}

// ParseTail parses the tail, once it has been decrypted. b is the whole payload, which Parse has accepted.
func (h *Hello) ParseTail(b []byte) bool {
	h.Moons = h.Moons[:0]
	r := reader{b: b[h.Tail:]}
	if len(r.b) == 0 {
		return true
	}
	list := reader{b: r.bytes(int(r.u16()) * moonLen)}
	if r.bad {
		return false
	}
	for len(list.b) > 0 {
		h.Moons = append(h.Moons, Moon{Type: list.u8(), ID: list.u64(), Timestamp: list.u64()})
	}
	return true
}

// OKHello is the body of an OK to HELLO (PROTOCOL 10.1). SentFrom and Worlds, or Worlds, may be missing at the end.
type OKHello struct {
	Timestamp              uint64 // as in the HELLO
	Protocol, Major, Minor uint8
	Revision               uint16
	SentFrom               netip.AddrPort // physical address that the HELLO came from; may be zero
	Worlds                 []byte         // serialized worlds, one after the other
}

// Append appends the body.
func (o *OKHello) Append(dst []byte) []byte {
	dst = append64(dst, o.Timestamp)
	dst = append(dst, o.Protocol, o.Major, o.Minor)
	dst = append16(dst, o.Revision)
	dst = AppendInetAddress(dst, o.SentFrom)
	dst = append16(dst, uint16(len(o.Worlds)))
	return append(dst, o.Worlds...)
}

// Parse parses the body.
func (o *OKHello) Parse(b []byte) bool {
	r := reader{b: b}
	*o = OKHello{Timestamp: r.u64(), Protocol: r.u8(), Major: r.u8(), Minor: r.u8(), Revision: r.u16()}
	if len(r.b) > 0 {
		o.SentFrom = r.inetAddress()
	}
	if len(r.b) > 0 {
		o.Worlds = r.bytes(int(r.u16()))
	}
	return !r.bad
}
