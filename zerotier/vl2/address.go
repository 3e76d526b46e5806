package vl2

import (
	"net/netip"

	"github.com/ztstack/ztstack/ethernet"
	"github.com/ztstack/ztstack/zerotier/identity"
)

// macPrefix returns the first byte of every MAC address on n: locally administered, unicast, and not 0x52, which
// QEMU and KVM use (PROTOCOL 21.1).
func macPrefix(n NetworkID) byte {
	b := byte(n)&0xfe | 0x02
	if b == 0x52 {
		return 0x32
	}
	return b
}

// macMask returns the 40 bits that are exclusive-ored with an address to make its MAC address on n: bits 8-15 of the network
// ID first, bits 40-47 last.
func macMask(n NetworkID) identity.Address {
	var m identity.Address
	for shift := 8; shift <= 40; shift += 8 {
		m = m<<8 | identity.Address(n>>shift&0xff)
	}
	return m
}

// MAC returns the MAC address of node a on network n (PROTOCOL 21.1).
func MAC(a identity.Address, n NetworkID) ethernet.Addr {
	v := uint64(a ^ macMask(n))
	return ethernet.Addr{macPrefix(n), byte(v >> 32), byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)}
}

// AddressOf returns the node whose MAC address on network n is m, or zero when m was not made by MAC.
func AddressOf(m ethernet.Addr, n NetworkID) identity.Address {
	if m[0] != macPrefix(n) {
		return 0
	}
	v := identity.Address(m[1])<<32 | identity.Address(m[2])<<24 | identity.Address(m[3])<<16 | identity.Address(m[4])<<8 | identity.Address(m[5])
	return v ^ macMask(n)
}

// RFC4193 returns the address that node a has on network n when the network assigns RFC 4193 addresses, with the
// 88-bit prefix that all its members share (PROTOCOL 21.7).
func RFC4193(n NetworkID, a identity.Address) netip.Prefix {
	b := [16]byte{0: 0xfd, 9: 0x99, 10: 0x93}
	for i := range 8 {
		b[1+i] = byte(n >> (56 - 8*i))
	}
	for i := range 5 {
		b[11+i] = byte(a >> (32 - 8*i))
	}
	return netip.PrefixFrom(netip.AddrFrom16(b), 88)
}

// SixPlane returns the address that node a has on network n when the network assigns 6PLANE addresses, with the 40-bit
// prefix of the network. Each node owns the /80 around its address (PROTOCOL 21.7).
func SixPlane(n NetworkID, a identity.Address) netip.Prefix {
	b := [16]byte{0: 0xfc, 15: 1}
	x := uint32(n>>32) ^ uint32(n)
	for i := range 4 {
		b[1+i] = byte(x >> (24 - 8*i))
	}
	for i := range 5 {
		b[5+i] = byte(a >> (32 - 8*i))
	}
	return netip.PrefixFrom(netip.AddrFrom16(b), 40)
}
