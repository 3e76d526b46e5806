package icmp

import "github.com/ztstack/ztstack/ethernet"

// An Envelope is what Neighbour Discovery and MLD check of the packet around a message.
type Envelope struct {
	Src, Dst    [16]byte
	HopLimit    uint8
	Fragmented  bool // the packet had a Fragment header (RFC 6980)
	RouterAlert bool // the packet had a Router Alert option
}

// NDPOptions are the options of a Neighbour Discovery message.
type NDPOptions struct {
	SourceLink, TargetLink       ethernet.Addr
	HasSourceLink, HasTargetLink bool
	HasMTU                       bool
	MTU                          uint32
	Nonce                        []byte // RFC 3971 Section 5.3.2, for RFC 7527
	Redirected                   []byte // the packet quoted in a Redirect
	Raw                          []byte // all options as they came: see NextPrefix
}

// PrefixInfo is the Prefix Information option (RFC 4861 Section 4.6.2).
type PrefixInfo struct {
	Prefix           [16]byte
	Bits             uint8
	OnLink, Auto     bool
	Valid, Preferred uint32 // lifetimes in seconds; all ones is for ever
}

// NextPrefix returns the first Prefix Information option of raw, which is NDPOptions.Raw or what the
// last call returned as rest.
func NextPrefix(raw []byte) (p PrefixInfo, rest []byte, ok bool) { panic("TODO") }

// A NeighborSolicitation asks for a neighbour's link address (RFC 4861 Section 4.3).
type NeighborSolicitation struct {
	Target  [16]byte
	Options NDPOptions
}

// A NeighborAdvertisement tells it (RFC 4861 Section 4.4).
type NeighborAdvertisement struct {
	Router, Solicited, Override bool
	Target                      [16]byte
	Options                     NDPOptions
}

// A RouterSolicitation asks routers to advertise themselves (RFC 4861 Section 4.1).
type RouterSolicitation struct {
	Options NDPOptions
}

// A RouterAdvertisement is a router's (RFC 4861 Section 4.2).
type RouterAdvertisement struct {
	HopLimit       uint8 // 0: unspecified
	Managed, Other bool
	Preference     int8   // 1 high, 0 medium, -1 low (RFC 4191)
	Lifetime       uint16 // seconds as a default router
	Reachable      uint32 // ms; 0: unspecified
	Retrans        uint32 // ms; 0: unspecified
	Options        NDPOptions
}

// A Redirect tells of a better first hop (RFC 4861 Section 4.5).
type Redirect struct {
	Target, Dst [16]byte
	Options     NDPOptions
}

// Parse reads and validates a message: it reports false unless all rules of RFC 4861 Section 7.1.1 hold.
func (p *NeighborSolicitation) Parse(m *Message, e *Envelope) bool { panic("TODO") }

// Parse reads and validates a message: it reports false unless all rules of RFC 4861 Section 7.1.2 hold.
func (p *NeighborAdvertisement) Parse(m *Message, e *Envelope) bool { panic("TODO") }

// Parse reads and validates a message: it reports false unless all rules of RFC 4861 Section 6.1.1 hold.
func (p *RouterSolicitation) Parse(m *Message, e *Envelope) bool { panic("TODO") }

// Parse reads and validates a message: it reports false unless all rules of RFC 4861 Section 6.1.2 hold.
func (p *RouterAdvertisement) Parse(m *Message, e *Envelope) bool { panic("TODO") }

// Parse reads and validates a message: it reports false unless all rules of RFC 4861 Section 8.1 hold,
// but for the one that it comes from the current first hop, which the caller checks.
func (p *Redirect) Parse(m *Message, e *Envelope) bool { panic("TODO") }

// Message writes the body of the message into buf, which must have room for it (128 bytes are enough
// but for quotes and prefixes), and returns the message, whose Body aliases buf.
func (p *NeighborSolicitation) Message(buf []byte) Message { panic("TODO") }

// Message is NeighborSolicitation.Message for an advertisement.
func (p *NeighborAdvertisement) Message(buf []byte) Message { panic("TODO") }

// Message is NeighborSolicitation.Message for a router solicitation.
func (p *RouterSolicitation) Message(buf []byte) Message { panic("TODO") }

// Message is NeighborSolicitation.Message for a router advertisement; prefixes go in as options.
func (p *RouterAdvertisement) Message(buf []byte, prefixes []PrefixInfo) Message { panic("TODO") }

// Message is NeighborSolicitation.Message for a redirect.
func (p *Redirect) Message(buf []byte) Message { panic("TODO") }
