package ethernet

import "github.com/ztstack/ztstack/internal/be"

// EtherType names the protocol that a frame carries.
type EtherType uint16

// The EtherTypes that this module knows.
const (
	TypeIPv4 EtherType = 0x0800
	TypeARP  EtherType = 0x0806
	TypeVLAN EtherType = 0x8100
	TypeIPv6 EtherType = 0x86dd

	// MinType is the least EtherType; smaller values are IEEE 802.3 frame lengths.
	MinType EtherType = 0x0600
)

// String returns the type's name, or its hexadecimal digits.
func (t EtherType) String() string {
	switch t {
	case TypeIPv4:
		return "IPv4"
	case TypeARP:
		return "ARP"
	case TypeVLAN:
		return "VLAN"
	case TypeIPv6:
		return "IPv6"
	}
	const hex = "0123456789abcdef"
	return string([]byte{'0', 'x', hex[t>>12], hex[t>>8&15], hex[t>>4&15], hex[t&15]})
}

// Lengths in bytes.
const (
	HeaderLen       = 14 // of an untagged header
	TaggedHeaderLen = 18 // of a header with one IEEE 802.1Q tag
	MinFrame        = 60 // of the shortest frame on a wire, without FCS
)

// A Header is the header of an Ethernet II frame, with at most one IEEE 802.1Q tag.
type Header struct {
	Dst, Src Addr
	Type     EtherType
	VLAN     uint16 // tag control information: priority, drop eligibility, and 12 bits of VLAN identifier
	Tagged   bool   // whether the frame has a tag, be it zero
}

// VLANID returns the VLAN identifier, 0 to 4095; 0 means that the tag carries a priority alone.
func (h *Header) VLANID() uint16 { return h.VLAN & 0xfff }

// Len returns the length of the header in bytes.
func (h *Header) Len() int {
	if h.Tagged {
		return TaggedHeaderLen
	}
	return HeaderLen
}

// Parse reads the header of the frame b and returns its length, or -1 when b is too short.
func (h *Header) Parse(b []byte) (n int) {
	if len(b) < HeaderLen {
		return -1
	}
	h.Dst = Addr(b[0:6])
	h.Src = Addr(b[6:12])
	h.Type = EtherType(be.Uint16(b[12:]))
	h.VLAN, h.Tagged = 0, false
	if h.Type != TypeVLAN {
		return HeaderLen
	}
	if len(b) < TaggedHeaderLen {
		return -1
	}
	h.VLAN, h.Tagged = be.Uint16(b[14:]), true
	h.Type = EtherType(be.Uint16(b[16:]))
	return TaggedHeaderLen
}

// Put writes the header into b and returns its length. It panics if b is too short.
func (h *Header) Put(b []byte) (n int) {
	n = h.Len()
	if len(b) < n {
		panic("BUG: ethernet: no room for a header")
	}
	*(*[6]byte)(b[0:6]) = h.Dst
	*(*[6]byte)(b[6:12]) = h.Src
	if h.Tagged {
		be.PutUint16(b[12:], uint16(TypeVLAN))
		be.PutUint16(b[14:], h.VLAN)
		be.PutUint16(b[16:], uint16(h.Type))
		return n
	}
	be.PutUint16(b[12:], uint16(h.Type))
	return n
}
