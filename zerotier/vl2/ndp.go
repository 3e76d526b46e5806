package vl2

import (
	"net/netip"

	"github.com/ztstack/ztstack/ethernet"
	"github.com/ztstack/ztstack/zerotier/identity"
)

// ICMPv6 types of NDP.
const (
	ndpSolicitation  = 135
	ndpAdvertisement = 136
)

// emulatedOwner returns the node whose RFC 4193 or 6PLANE address on n is a, or zero. Of a 6PLANE address every one in the
// node's /80 counts.
func emulatedOwner(n NetworkID, a netip.Addr) identity.Address {
	if !a.Is6() {
		return 0
	}
	b := a.As16()
	switch {
	case RFC4193(n, 0).Contains(a):
		return identity.AddressFrom(b[11:])
	case SixPlane(n, 0).Contains(a):
		return identity.AddressFrom(b[5:])
	}
	return 0
}

// emulates reports whether a is to be answered for locally: it has the same RFC 4193 or 6PLANE prefix as one of our
// managed addresses (PROTOCOL 21.8).
func (c *NetworkConfig) emulates(a netip.Addr) bool {
	if c.Flags&FlagNDPEmulation == 0 {
		return false
	}
	six, rfc := SixPlane(c.ID, 0).Masked(), RFC4193(c.ID, 0).Masked()
	for _, p := range c.Addresses {
		if m := p.Masked(); (m == six || m == rfc) && m.Contains(a) {
			return true
		}
	}
	return false
}

// advertisementLen is the length of an IPv6 packet with a neighbour advertisement and one option.
const advertisementLen = 40 + 24 + 8

// emulateNDP answers a neighbour solicitation of the host from the address alone. It reports whether the frame is one that must
// not go out, answered or not.
func emulateNDP(c *NetworkConfig, self identity.Address, p []byte) (reply []byte, owner ethernet.Addr, handled bool) {
	if len(p) < 40+24 || p[6] != protoICMPv6 || p[40] != ndpSolicitation {
		return nil, owner, false
	}
	target := netip.AddrFrom16([16]byte(p[48:64]))
	if !c.emulates(target) {
		return nil, owner, false
	}
	a := emulatedOwner(c.ID, target)
	src := netip.AddrFrom16([16]byte(p[8:24]))
	// Nobody else can have an address that is made from ours, and a duplicate address probe wants no answer.
	if a == self || a.IsReserved() || src.IsUnspecified() {
		return nil, owner, true
	}
	owner = MAC(a, c.ID)
	return advertisement(target, src, owner), owner, true
}

// advertisement returns an IPv6 packet with a solicited neighbour advertisement (RFC 4861, Section 4.4) for target.
func advertisement(target, to netip.Addr, mac ethernet.Addr) []byte {
	b := make([]byte, advertisementLen)
	b[0], b[5], b[6], b[7] = 0x60, advertisementLen-40, protoICMPv6, 255
	src, dst := target.As16(), to.As16()
	copy(b[8:], src[:])
	copy(b[24:], dst[:])
	b[40] = ndpAdvertisement
	b[44] = 0x60 // solicited, override
	copy(b[48:], src[:])
	b[64], b[65] = 2, 1 // target link-layer address
	copy(b[66:], mac[:])
	// RFC 8200, Section 8.1: the pseudo-header is the addresses, the length and the protocol.
	sum := uint32(advertisementLen-40) + protoICMPv6
	for i := 8; i < len(b); i += 2 {
		sum += uint32(b[i])<<8 | uint32(b[i+1])
	}
	for sum>>16 != 0 {
		sum = sum&0xffff + sum>>16
	}
	b[42], b[43] = byte(^sum>>8), byte(^sum)
	return b
}
