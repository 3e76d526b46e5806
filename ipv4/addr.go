package ipv4

import "github.com/ztstack/ztstack/internal/be"

// Addresses with a meaning of their own.
var (
	Broadcast  = [4]byte{255, 255, 255, 255}
	AllHosts   = [4]byte{224, 0, 0, 1}
	AllRouters = [4]byte{224, 0, 0, 2}
)

// IsMulticast reports whether a is a group, 224/4.
func IsMulticast(a [4]byte) bool { return a[0]&0xf0 == 224 }

// IsLoopback reports whether a is in 127/8.
func IsLoopback(a [4]byte) bool { return a[0] == 127 }

// IsLinkLocal reports whether a is in 169.254/16 (RFC 3927).
func IsLinkLocal(a [4]byte) bool { return a[0] == 169 && a[1] == 254 }

// IsUnspecified reports whether a is 0.0.0.0.
func IsUnspecified(a [4]byte) bool { return a == [4]byte{} }

// IsBroadcast reports whether dst reaches every host of the subnet that addr and bits describe: it is
// 255.255.255.255, or the subnet's highest address. Subnets of 31 and 32 bits have no such address
// (RFC 3021).
func IsBroadcast(dst, addr [4]byte, bits int) bool {
	if dst == Broadcast {
		return true
	}
	if bits <= 0 || bits > 30 {
		return false
	}
	host := ^uint32(0) >> bits
	d, a := be.Uint32(dst[:]), be.Uint32(addr[:])
	return d == a|host
}

// IsMartianSource reports whether no packet from a wire may have the source a: 0/8, 127/8, groups,
// 240/4, and the broadcast address. The stack's own addresses and subnet broadcasts, which are as
// wrong, are known to the stack alone. RFC 1122 Section 3.2.1.3, RFC 1812 Section 5.3.7.
func IsMartianSource(a [4]byte) bool { return a[0] == 0 || a[0] == 127 || a[0] >= 224 }

// IsMartianDestination reports whether no packet from a wire may have the destination a: 0/8, 127/8
// and 240/4, except for the broadcast address.
func IsMartianDestination(a [4]byte) bool {
	return a[0] == 0 || a[0] == 127 || a[0] >= 240 && a != Broadcast
}
