package icmp

import "github.com/ztstack/ztstack/internal/be"

// An Envelope is what Neighbour Discovery and MLD check of the packet around a message.
type Envelope struct {
	Src, Dst    [16]byte
	HopLimit    uint8
	Fragmented  bool // the packet had a Fragment header, be it an atomic fragment's (RFC 6980)
	RouterAlert bool // the packet had a Router Alert option
}

// ndp reports whether a message passes what all Neighbour Discovery messages must: the type, code 0,
// a body of a minimum length, hop limit 255, so that no router has forwarded it, and no Fragment header
// (RFC 6980 Section 5), behind which filters on the way cannot see.
func (e *Envelope) ndp(m *Message, typ uint8, body int) bool {
	return m.Type == typ && m.Code == 0 && len(m.Body) >= body && e.HopLimit == 255 && !e.Fragmented
}

func isMulticast(a *[16]byte) bool   { return a[0] == 0xff }
func isUnspecified(a *[16]byte) bool { return *a == [16]byte{} }
func isLinkLocal(a *[16]byte) bool   { return a[0] == 0xfe && a[1]&0xc0 == 0x80 }

// isSolicitedNode reports whether a is in ff02::1:ff00:0/104.
func isSolicitedNode(a *[16]byte) bool {
	return [13]byte(a[:13]) == [13]byte{0: 0xff, 1: 0x02, 11: 0x01, 12: 0xff}
}

// A NeighborSolicitation asks for a neighbour's link address (RFC 4861 Section 4.3).
type NeighborSolicitation struct {
	Target  [16]byte
	Options NDPOptions
}

// Parse reads and validates a message: it reports false unless all rules of RFC 4861 Section 7.1.1 hold.
func (p *NeighborSolicitation) Parse(m *Message, e *Envelope) bool {
	if !e.ndp(m, Type6NeighborSolicit, 16) {
		return false
	}
	p.Target = [16]byte(m.Body)
	if isMulticast(&p.Target) || isUnspecified(&p.Target) || !p.Options.parse(m.Body[16:]) {
		return false
	}
	// "If the IP source address is the unspecified address, the IP destination address is a
	// solicited-node multicast address", and "there is no source link-layer address option in the message."
	if isUnspecified(&e.Src) {
		return isSolicitedNode(&e.Dst) && !p.Options.HasSourceLink
	}
	return true
}

// Message writes the body of the message into buf, for which 64 bytes are enough with both a link
// address and a nonce, and returns the message. Its Body aliases buf unless buf was too small.
func (p *NeighborSolicitation) Message(buf []byte) Message {
	body := append(buf[:0], p.Target[:]...)
	return Message{Type: Type6NeighborSolicit, Body: p.Options.append(body)}
}

// A NeighborAdvertisement tells a neighbour's link address (RFC 4861 Section 4.4).
type NeighborAdvertisement struct {
	Router, Solicited, Override bool
	Target                      [16]byte
	Options                     NDPOptions
}

// Flags of a Neighbor Advertisement, in Message.Rest.
const (
	flagRouter    = 1 << 31
	flagSolicited = 1 << 30
	flagOverride  = 1 << 29
)

// Parse reads and validates a message: it reports false unless all rules of RFC 4861 Section 7.1.2 hold.
func (p *NeighborAdvertisement) Parse(m *Message, e *Envelope) bool {
	if !e.ndp(m, Type6NeighborAdvert, 16) {
		return false
	}
	p.Router = m.Rest&flagRouter != 0
	p.Solicited = m.Rest&flagSolicited != 0
	p.Override = m.Rest&flagOverride != 0
	p.Target = [16]byte(m.Body)
	if isMulticast(&p.Target) || isUnspecified(&p.Target) || !p.Options.parse(m.Body[16:]) {
		return false
	}
	// "If the IP Destination Address is a multicast address the Solicited flag is zero."
	return !(isMulticast(&e.Dst) && p.Solicited)
}

// Message writes the body of the message into buf, for which 32 bytes are enough, and returns the
// message. Its Body aliases buf unless buf was too small.
func (p *NeighborAdvertisement) Message(buf []byte) Message {
	m := Message{Type: Type6NeighborAdvert}
	if p.Router {
		m.Rest |= flagRouter
	}
	if p.Solicited {
		m.Rest |= flagSolicited
	}
	if p.Override {
		m.Rest |= flagOverride
	}
	m.Body = p.Options.append(append(buf[:0], p.Target[:]...))
	return m
}

// A Redirect tells of a better first hop (RFC 4861 Section 4.5).
type Redirect struct {
	Target, Dst [16]byte
	Options     NDPOptions
}

// Parse reads and validates a message: it reports false unless all rules of RFC 4861 Section 8.1 hold,
// but for the one that it comes from the current first hop, which the caller checks.
func (p *Redirect) Parse(m *Message, e *Envelope) bool {
	if !e.ndp(m, Type6Redirect, 32) || !isLinkLocal(&e.Src) {
		return false
	}
	p.Target = [16]byte(m.Body)
	p.Dst = [16]byte(m.Body[16:])
	if isMulticast(&p.Dst) || !isLinkLocal(&p.Target) && p.Target != p.Dst {
		return false
	}
	return p.Options.parse(m.Body[32:])
}

// Message writes the body of the message into buf and returns the message, in which as much of
// Options.Redirected is quoted as keeps the packet within 1280 bytes.
func (p *Redirect) Message(buf []byte) Message {
	body := append(buf[:0], p.Target[:]...)
	body = append(body, p.Dst[:]...)
	o := p.Options
	if o.Redirected != nil {
		redirected := o.Redirected
		o.Redirected = nil
		body = o.append(body)
		room := (MaxQuote6 - len(body) - 8) &^ 7
		o = NDPOptions{Redirected: redirected[:min(len(redirected), room)]}
	}
	return Message{Type: Type6Redirect, Body: o.append(body)}
}

// A RouterSolicitation asks routers to advertise themselves (RFC 4861 Section 4.1).
type RouterSolicitation struct {
	Options NDPOptions
}

// Parse reads and validates a message: it reports false unless all rules of RFC 4861 Section 6.1.1 hold.
func (p *RouterSolicitation) Parse(m *Message, e *Envelope) bool {
	if !e.ndp(m, Type6RouterSolicit, 0) || !p.Options.parse(m.Body) {
		return false
	}
	return !(isUnspecified(&e.Src) && p.Options.HasSourceLink)
}

// Message writes the body of the message into buf, for which 8 bytes are enough, and returns the
// message. Its Body aliases buf unless buf was too small.
func (p *RouterSolicitation) Message(buf []byte) Message {
	return Message{Type: Type6RouterSolicit, Body: p.Options.append(buf[:0])}
}

// A RouterAdvertisement is a router's (RFC 4861 Section 4.2).
type RouterAdvertisement struct {
	HopLimit       uint8 // 0: unspecified
	Managed, Other bool
	Preference     int8   // 1 high, 0 medium, -1 low (RFC 4191 Section 2.1)
	Lifetime       uint16 // seconds as a default router; 0: it is none
	Reachable      uint32 // ms; 0: unspecified
	Retrans        uint32 // ms; 0: unspecified
	Options        NDPOptions
}

// Flags of a Router Advertisement, in Message.Rest.
const (
	flagManaged     = 1 << 23
	flagOther       = 1 << 22
	preferenceShift = 19
)

// Parse reads and validates a message: it reports false unless all rules of RFC 4861 Section 6.1.2 hold.
// What an advertisement may say and what a host makes of it is another matter: see RFC 4861 Section 6.3.4.
func (p *RouterAdvertisement) Parse(m *Message, e *Envelope) bool {
	if !e.ndp(m, Type6RouterAdvert, 8) || !isLinkLocal(&e.Src) {
		return false
	}
	p.HopLimit = uint8(m.Rest >> 24)
	p.Managed = m.Rest&flagManaged != 0
	p.Other = m.Rest&flagOther != 0
	p.Lifetime = uint16(m.Rest)
	switch m.Rest >> preferenceShift & 3 {
	case 1:
		p.Preference = 1
	case 3:
		p.Preference = -1
	default: // "If the Reserved (10) value is received, the receiver MUST treat the value as if it were (00)."
		p.Preference = 0
	}
	p.Reachable, p.Retrans = be.Uint32(m.Body), be.Uint32(m.Body[4:])
	return p.Options.parse(m.Body[8:])
}

// Message writes the body of the message, with prefixes among the options, into buf and returns the
// message. Its Body aliases buf unless buf was too small.
func (p *RouterAdvertisement) Message(buf []byte, prefixes []PrefixInfo) Message {
	m := Message{Type: Type6RouterAdvert, Rest: uint32(p.HopLimit)<<24 | uint32(p.Lifetime)}
	if p.Managed {
		m.Rest |= flagManaged
	}
	if p.Other {
		m.Rest |= flagOther
	}
	m.Rest |= uint32(p.Preference&3) << preferenceShift
	body := appendUint32(buf[:0], p.Reachable)
	body = appendUint32(body, p.Retrans)
	body = p.Options.append(body)
	for i := range prefixes {
		body = prefixes[i].append(body)
	}
	m.Body = body
	return m
}
