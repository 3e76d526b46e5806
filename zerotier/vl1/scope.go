package vl1

import "net/netip"

// Scope is how far an IP address reaches (PROTOCOL 11). Greater is better: a path between private
// addresses is nearer than one between global ones.
type Scope uint8

// Scopes.
const (
	ScopeNone Scope = iota
	ScopeMulticast
	ScopeLoopback
	ScopePseudoPrivate
	ScopeGlobal
	ScopeLinkLocal
	ScopeShared
	ScopePrivate
	numScopes
)

// ScopeOf returns the scope of a.
func ScopeOf(a netip.Addr) Scope {
	a = a.Unmap()
	switch {
	case !a.IsValid() || a.IsUnspecified():
		return ScopeNone
	case a.IsMulticast():
		return ScopeMulticast
	case a.IsLoopback():
		return ScopeLoopback
	case a.IsLinkLocalUnicast():
		return ScopeLinkLocal
	case a.Is4():
		return scope4(a.As4())
	case a.IsPrivate():
		return ScopePrivate
	}
	return ScopeGlobal
}

func scope4(ip [4]byte) Scope {
	switch ip[0] {
	case 0, 255:
		return ScopeNone
	case 6, 11, 21, 22, 25, 26, 28, 29, 30, 51, 55, 56:
		// Assigned to owners who announce none of it, so networks use it privately.
		return ScopePseudoPrivate
	case 10:
		return ScopePrivate
	case 100:
		if ip[1]&0xc0 == 64 {
			return ScopePrivate
		}
	case 172:
		if ip[1]&0xf0 == 16 {
			return ScopePrivate
		}
	case 192:
		if ip[1] == 168 || (ip[1] == 0 && ip[2] == 2) {
			return ScopePrivate
		}
	case 198:
		if ip[1]&0xfe == 18 || (ip[1] == 51 && ip[2] == 100) {
			return ScopePrivate
		}
	case 203:
		if ip[1] == 0 && ip[2] == 113 {
			return ScopePrivate
		}
	}
	if ip[0] >= 240 {
		return ScopePseudoPrivate
	}
	return ScopeGlobal
}

// tunnelBroker is a range of tunnels over IPv4, which make worse paths than what they run over.
var tunnelBroker = netip.MustParsePrefix("2001:470::/32")

// pathAllowed reports whether a may be the remote end of a path.
func pathAllowed(a netip.AddrPort, loopback bool) bool {
	if a.Port() == 0 {
		return false
	}
	switch ScopeOf(a.Addr()) {
	case ScopePseudoPrivate, ScopeGlobal, ScopeShared, ScopePrivate:
		return !tunnelBroker.Contains(a.Addr())
	case ScopeLoopback:
		return loopback
	}
	return false
}
