package ethernet

// EUI64 returns the modified EUI-64 interface identifier made of a: ff fe in the middle and the
// universal/local bit inverted, ready to be the low half of an IPv6 address.
// RFC 4291 Appendix A, RFC 2464 Section 4.
func (a Addr) EUI64() [8]byte {
	return [8]byte{a[0] ^ 2, a[1], a[2], 0xff, 0xfe, a[3], a[4], a[5]}
}

// FromEUI64 undoes EUI64. It reports false for an identifier that was not made of a 48-bit address.
func FromEUI64(id [8]byte) (Addr, bool) {
	if id[3] != 0xff || id[4] != 0xfe {
		return Addr{}, false
	}
	return Addr{id[0] ^ 2, id[1], id[2], id[5], id[6], id[7]}, true
}

// Multicast4 returns the group address that frames to the IPv4 group ip are sent to.
//
// "An IP host group address is mapped to an Ethernet multicast address by placing the low-order
// 23-bits of the IP address into the low-order 23 bits of the Ethernet multicast address
// 01-00-5E-00-00-00 (hex)." RFC 1112, Section 6.4.
func Multicast4(ip [4]byte) Addr {
	return Addr{0x01, 0x00, 0x5e, ip[1] & 0x7f, ip[2], ip[3]}
}

// Multicast6 returns the group address that frames to the IPv6 group ip are sent to: 33-33 and
// the last four octets of ip. RFC 2464 Section 7.
func Multicast6(ip [16]byte) Addr {
	return Addr{0x33, 0x33, ip[12], ip[13], ip[14], ip[15]}
}
