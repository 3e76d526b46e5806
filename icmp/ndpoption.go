package icmp

import (
	"github.com/ztstack/ztstack/ethernet"
	"github.com/ztstack/ztstack/internal/be"
)

// Option types of Neighbour Discovery (RFC 4861 Section 4.6, RFC 3971, RFC 4191, RFC 8106).
const (
	OptSourceLink uint8 = 1
	OptTargetLink uint8 = 2
	OptPrefix     uint8 = 3
	OptRedirected uint8 = 4
	OptMTU        uint8 = 5
	OptNonce      uint8 = 14
	OptRoute      uint8 = 24
	OptDNS        uint8 = 25
)

// NDPOptions are the options of a Neighbour Discovery message. After Parse, slices alias the packet.
// Of an option that comes twice the first counts.
type NDPOptions struct {
	SourceLink, TargetLink       ethernet.Addr
	HasSourceLink, HasTargetLink bool
	HasMTU                       bool
	MTU                          uint32
	Nonce                        []byte // RFC 3971 Section 5.3.2, for RFC 7527; at least 6 bytes
	Redirected                   []byte // the beginning of the packet that caused a Redirect
	Raw                          []byte // all options as they came: see NextOption, NextPrefix
}

// NextOption returns the first option of raw, which is NDPOptions.Raw or the rest that the last call
// returned: its type, and its bytes without type and length. It reports false at the end.
func NextOption(raw []byte) (typ uint8, data, rest []byte, ok bool) {
	if len(raw) < 8 {
		return 0, nil, nil, false
	}
	n := int(raw[1]) * 8
	if n == 0 || n > len(raw) {
		return 0, nil, nil, false
	}
	return raw[0], raw[2:n:n], raw[n:], true
}

// parse reads the options of a message. It reports false when one of them has length zero, exceeds
// the message, or is a link-layer address that is not a station's.
//
// "Nodes MUST silently discard an ND packet that contains an option with length zero." RFC 4861,
// Section 4.6. Options with a type or length that nobody knows are passed over.
func (o *NDPOptions) parse(raw []byte) bool {
	*o = NDPOptions{Raw: raw}
	for len(raw) > 0 {
		typ, data, rest, ok := NextOption(raw)
		if !ok {
			return false
		}
		raw = rest
		switch typ {
		case OptSourceLink, OptTargetLink:
			if len(data) != 6 || !ethernet.Addr(data).IsUnicast() {
				return false
			}
			if typ == OptSourceLink && !o.HasSourceLink {
				o.SourceLink, o.HasSourceLink = ethernet.Addr(data), true
			}
			if typ == OptTargetLink && !o.HasTargetLink {
				o.TargetLink, o.HasTargetLink = ethernet.Addr(data), true
			}
		case OptMTU:
			if len(data) == 6 && !o.HasMTU {
				o.MTU, o.HasMTU = be.Uint32(data[2:]), true
			}
		case OptNonce:
			if o.Nonce == nil {
				o.Nonce = data
			}
		case OptRedirected:
			if o.Redirected == nil {
				o.Redirected = data[6:]
			}
		}
	}
	return true
}

// append appends the options that are set, other than Raw, to b.
func (o *NDPOptions) append(b []byte) []byte {
	if o.HasSourceLink {
		b = append(b, OptSourceLink, 1)
		b = append(b, o.SourceLink[:]...)
	}
	if o.HasTargetLink {
		b = append(b, OptTargetLink, 1)
		b = append(b, o.TargetLink[:]...)
	}
	if o.HasMTU {
		b = append(b, OptMTU, 1, 0, 0, byte(o.MTU>>24), byte(o.MTU>>16), byte(o.MTU>>8), byte(o.MTU))
	}
	if o.Nonce != nil {
		b = appendPadded(b, OptNonce, 0, o.Nonce)
	}
	if o.Redirected != nil {
		b = appendPadded(b, OptRedirected, 6, o.Redirected)
	}
	return b
}

// appendPadded appends an option whose data follows some reserved bytes and is padded to 8 bytes with
// zeros, or cut where the longest option ends.
func appendPadded(b []byte, typ uint8, reserved int, data []byte) []byte {
	const longest = 255 * 8
	data = data[:min(len(data), longest-2-reserved)]
	n := (2 + reserved + len(data) + 7) / 8
	pad := n*8 - 2 - reserved - len(data)
	b = append(b, typ, byte(n))
	b = append(b, make([]byte, reserved)...)
	b = append(b, data...)
	return append(b, make([]byte, pad)...)
}

// PrefixInfo is the Prefix Information option (RFC 4861 Section 4.6.2).
type PrefixInfo struct {
	Prefix           [16]byte
	Bits             uint8 // length of the prefix, at most 128
	OnLink, Auto     bool
	Valid, Preferred uint32 // lifetimes in seconds; all ones is for ever
}

// NextPrefix returns the first Prefix Information option of raw, which is NDPOptions.Raw or what the
// last call returned as rest. It passes over malformed ones and reports false when there are no more.
func NextPrefix(raw []byte) (p PrefixInfo, rest []byte, ok bool) {
	for {
		typ, data, rest, ok := NextOption(raw)
		if !ok {
			return PrefixInfo{}, nil, false
		}
		raw = rest
		if typ == OptPrefix && len(data) == 30 && data[0] <= 128 {
			return PrefixInfo{
				Prefix:    [16]byte(data[14:30]),
				Bits:      data[0],
				OnLink:    data[1]&0x80 != 0,
				Auto:      data[1]&0x40 != 0,
				Valid:     be.Uint32(data[2:]),
				Preferred: be.Uint32(data[6:]),
			}, rest, true
		}
	}
}

func (p *PrefixInfo) append(b []byte) []byte {
	var flags byte
	if p.OnLink {
		flags |= 0x80
	}
	if p.Auto {
		flags |= 0x40
	}
	b = append(b, OptPrefix, 4, p.Bits, flags)
	b = appendUint32(b, p.Valid)
	b = appendUint32(b, p.Preferred)
	b = appendUint32(b, 0)
	return append(b, p.Prefix[:]...)
}

func appendUint32(b []byte, v uint32) []byte {
	return append(b, byte(v>>24), byte(v>>16), byte(v>>8), byte(v))
}
