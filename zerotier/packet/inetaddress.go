package packet

import "net/netip"

// AppendInetAddress appends the coding of a (PROTOCOL 11): type 0 for the zero AddrPort. An IPv4-mapped
// IPv6 address is written as IPv4, zones are not written.
func AppendInetAddress(dst []byte, a netip.AddrPort) []byte { panic("TODO") }

// ParseInetAddress parses an address at the start of b and returns its length, or -1. Address
// types that have no meaning here are skipped: the result is then the zero AddrPort.
func ParseInetAddress(b []byte) (netip.AddrPort, int) { panic("TODO") }
