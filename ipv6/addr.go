package ipv6

// Addresses with a meaning of their own.
var (
	Unspecified = [16]byte{}
	Loopback    = [16]byte{15: 1}
	AllNodes    = [16]byte{0: 0xff, 1: 0x02, 15: 1}
	AllRouters  = [16]byte{0: 0xff, 1: 0x02, 15: 2}
	AllMLDv2    = [16]byte{0: 0xff, 1: 0x02, 15: 0x16} // where MLDv2 reports go (RFC 3810 Section 5.2.14)
)

// Scopes of addresses (RFC 4291 Section 2.7). Unicast addresses have the scope that the multicast
// scope of the same value describes (RFC 6724 Section 3.1).
const (
	ScopeInterface    uint8 = 1
	ScopeLink         uint8 = 2
	ScopeAdmin        uint8 = 4
	ScopeSite         uint8 = 5
	ScopeOrganization uint8 = 8
	ScopeGlobal       uint8 = 14
)

// Scope returns the scope of a. Loopback and link-local addresses are of link scope, unique local
// ones (RFC 4193) of global scope, as RFC 6724 Section 3.1 and RFC 4193 Section 3.3 have it.
func Scope(a [16]byte) uint8 {
	switch {
	case IsMulticast(a):
		return a[1] & 15
	case IsLinkLocal(a), IsLoopback(a):
		return ScopeLink
	case a[0] == 0xfe && a[1]&0xc0 == 0xc0: // fec0::/10, deprecated by RFC 3879
		return ScopeSite
	}
	return ScopeGlobal
}

// IsMulticast reports whether a is a group, ff00::/8.
func IsMulticast(a [16]byte) bool { return a[0] == 0xff }

// IsUnspecified reports whether a is ::.
func IsUnspecified(a [16]byte) bool { return a == Unspecified }

// IsLoopback reports whether a is ::1.
func IsLoopback(a [16]byte) bool { return a == Loopback }

// IsLinkLocal reports whether a is a link-local unicast address, fe80::/10.
func IsLinkLocal(a [16]byte) bool { return a[0] == 0xfe && a[1]&0xc0 == 0x80 }

// IsUniqueLocal reports whether a is in fc00::/7 (RFC 4193).
func IsUniqueLocal(a [16]byte) bool { return a[0]&0xfe == 0xfc }

// IsV4Mapped reports whether a is in ::ffff:0:0/96, which is not to be seen on a wire.
func IsV4Mapped(a [16]byte) bool {
	return [12]byte(a[:12]) == [12]byte{10: 0xff, 11: 0xff}
}

// SolicitedNode returns the group that the neighbours of a ask for a, ff02::1:ff00:0/104 with the
// last three octets of a. RFC 4291 Section 2.7.1.
func SolicitedNode(a [16]byte) [16]byte {
	return [16]byte{0: 0xff, 1: 0x02, 11: 1, 12: 0xff, 13: a[13], 14: a[14], 15: a[15]}
}

// IsSolicitedNode reports whether a is a group that SolicitedNode returns.
func IsSolicitedNode(a [16]byte) bool { return a == SolicitedNode(a) }

// LinkLocal returns the link-local address with an interface identifier, for instance that of
// ethernet.Addr.EUI64.
func LinkLocal(id [8]byte) (a [16]byte) {
	a[0], a[1] = 0xfe, 0x80
	*(*[8]byte)(a[8:]) = id
	return a
}

// IsMartianSource reports whether no packet from a wire may have the source a: groups, ::1, and IPv4
// addresses in disguise. The unspecified address is not among them, because Neighbour Solicitations
// and MLD reports use it; other protocols must refuse it. RFC 4291 Sections 2.5.3 and 2.7, RFC 4942
// Section 2.2.
func IsMartianSource(a [16]byte) bool {
	return IsMulticast(a) || IsLoopback(a) || IsV4Mapped(a)
}

// IsMartianDestination reports whether no packet from a wire may have the destination a: ::, ::1,
// IPv4 addresses in disguise, and groups of the reserved and interface-local scopes.
func IsMartianDestination(a [16]byte) bool {
	if IsMulticast(a) {
		return a[1]&15 <= ScopeInterface
	}
	return IsUnspecified(a) || IsLoopback(a) || IsV4Mapped(a)
}
