package packet

import (
	"github.com/ztstack/ztstack/ethernet"
	"github.com/ztstack/ztstack/zerotier/identity"
)

// A Group is a multicast group of a network (PROTOCOL 21.2).
type Group struct {
	Network uint64
	MAC     ethernet.Addr
	ADI     uint32
}

const groupLen = 18

// MulticastLike is the payload of MULTICAST_LIKE (PROTOCOL 10.9): at least one group.
type MulticastLike struct {
	Groups []Group
}

// Append appends the payload.
func (m *MulticastLike) Append(dst []byte) []byte {
	for _, g := range m.Groups {
		dst = appendGroup(dst, g)
	}
	return dst
}

// Parse parses the payload. Less than 18 bytes at the end are ignored, as the reference does.
func (m *MulticastLike) Parse(b []byte) bool {
	r := reader{b: b}
	m.Groups = m.Groups[:0]
	for len(r.b) >= groupLen {
		m.Groups = append(m.Groups, r.group())
	}
	return len(m.Groups) > 0
}

// gatherCOM is the flag of MULTICAST_GATHER that says that a certificate follows.
const gatherCOM = 0x01

// MulticastGather is the payload of MULTICAST_GATHER (PROTOCOL 10.12).
type MulticastGather struct {
	Group Group
	Limit uint32 // most members wanted
	COM   []byte // certificate of membership in coded form, or nil
}

// Append appends the payload.
func (m *MulticastGather) Append(dst []byte) []byte {
	flags := byte(0)
	if len(m.COM) > 0 {
		flags = gatherCOM
	}
	dst = append(append64(dst, m.Group.Network), flags)
	dst = append32(append(dst, m.Group.MAC[:]...), m.Group.ADI)
	return append(append32(dst, m.Limit), m.COM...)
}

// Parse parses the payload.
func (m *MulticastGather) Parse(b []byte) bool {
	r := reader{b: b}
	*m = MulticastGather{}
	m.Group.Network = r.u64()
	flags := r.u8()
	m.Group.MAC, m.Group.ADI = r.mac(), r.u32()
	m.Limit = r.u32()
	if flags&gatherCOM != 0 {
		m.COM = r.com()
	}
	return !r.bad
}

// OKMulticastGather is the body of an OK to MULTICAST_GATHER.
type OKMulticastGather struct {
	Group   Group
	Total   uint32 // members known to the responder
	Members []identity.Address
}

// Append appends the body.
func (o *OKMulticastGather) Append(dst []byte) []byte {
	return appendMembers(appendGroup(dst, o.Group), o.Total, o.Members)
}

// Parse parses the body.
func (o *OKMulticastGather) Parse(b []byte) bool {
	r := reader{b: b}
	o.Group = r.group()
	o.Total, o.Members = r.members(o.Members[:0])
	return !r.bad
}

func appendMembers(dst []byte, total uint32, members []identity.Address) []byte {
	return appendAddresses(append16(append32(dst, total), uint16(len(members))), members)
}

func (r *reader) members(dst []identity.Address) (total uint32, members []identity.Address) {
	total = r.u32()
	return total, r.addresses(dst, int(r.u16()))
}

// Flags of MULTICAST_FRAME and of the OK to it.
const (
	multicastCOM       = 0x01
	multicastGather    = 0x02
	multicastSrc       = 0x04
	multicastReplicate = 0x08
)

// MulticastFrame is the payload of MULTICAST_FRAME (PROTOCOL 10.13).
type MulticastFrame struct {
	Network     uint64
	COM         []byte // certificate of membership in coded form, or nil
	Gather      bool   // GatherLimit is present
	GatherLimit uint32
	HasSrc      bool // Src is present; else it is derived from the sender
	Src         ethernet.Addr
	Replicate   bool // the receiver is asked to replicate the frame
	Dst         ethernet.Addr
	ADI         uint32
	EtherType   uint16
	Payload     []byte
}

// Append appends the payload.
func (m *MulticastFrame) Append(dst []byte) []byte {
	dst = append64(dst, m.Network)
	at := len(dst)
	dst = append(append(dst, 0), m.COM...)
	if len(m.COM) > 0 {
		dst[at] |= multicastCOM
	}
	if m.Gather {
		dst[at] |= multicastGather
		dst = append32(dst, m.GatherLimit)
	}
	if m.HasSrc {
		dst[at] |= multicastSrc
		dst = append(dst, m.Src[:]...)
	}
	if m.Replicate {
		dst[at] |= multicastReplicate
	}
	dst = append32(append(dst, m.Dst[:]...), m.ADI)
	return append(append16(dst, m.EtherType), m.Payload...)
}

// Parse parses the payload.
func (m *MulticastFrame) Parse(b []byte) bool {
	r := reader{b: b}
	*m = MulticastFrame{Network: r.u64()}
	flags := r.u8()
	if flags&multicastCOM != 0 {
		m.COM = r.com()
	}
	if m.Gather = flags&multicastGather != 0; m.Gather {
		m.GatherLimit = r.u32()
	}
	if m.HasSrc = flags&multicastSrc != 0; m.HasSrc {
		m.Src = r.mac()
	}
	m.Replicate = flags&multicastReplicate != 0
	m.Dst, m.ADI, m.EtherType = r.mac(), r.u32(), r.u16()
	m.Payload = r.rest()
	return !r.bad
}

// OKMulticastFrame is the body of an OK to MULTICAST_FRAME.
type OKMulticastFrame struct {
	Group   Group
	COM     []byte // certificate of membership in coded form, or nil
	Gather  bool   // Total and Members are present
	Total   uint32
	Members []identity.Address
}

// Append appends the body.
func (o *OKMulticastFrame) Append(dst []byte) []byte {
	dst = appendGroup(dst, o.Group)
	at := len(dst)
	dst = append(append(dst, 0), o.COM...)
	if len(o.COM) > 0 {
		dst[at] |= multicastCOM
	}
	if o.Gather {
		dst[at] |= multicastGather
		dst = appendMembers(dst, o.Total, o.Members)
	}
	return dst
}

// Parse parses the body.
func (o *OKMulticastFrame) Parse(b []byte) bool {
	r := reader{b: b}
	*o = OKMulticastFrame{Group: r.group(), Members: o.Members[:0]}
	flags := r.u8()
	if flags&multicastCOM != 0 {
		o.COM = r.com()
	}
	if o.Gather = flags&multicastGather != 0; o.Gather {
		o.Total, o.Members = r.members(o.Members)
	}
	return !r.bad
}
