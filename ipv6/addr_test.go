package ipv6

import (
	"net/netip"
	"testing"
)

func addr(s string) [16]byte { return netip.MustParseAddr(s).As16() }

func TestScopes(t *testing.T) {
	for _, test := range []struct {
		addr                     string
		scope                    uint8
		martianSrc, martianDst   bool
		multicast, linkLocal, ul bool
	}{
		{"::", ScopeGlobal, false, true, false, false, false},
		{"::1", ScopeLink, true, true, false, false, false},
		{"::2", ScopeGlobal, false, false, false, false, false},
		{"::ffff:10.0.0.1", ScopeGlobal, true, true, false, false, false},
		{"2001:db8::1", ScopeGlobal, false, false, false, false, false},
		{"fc00::1", ScopeGlobal, false, false, false, false, true},
		{"fd12:3456::1", ScopeGlobal, false, false, false, false, true},
		{"fe80::1", ScopeLink, false, false, false, true, false},
		{"febf:ffff::1", ScopeLink, false, false, false, true, false},
		{"fec0::1", ScopeSite, false, false, false, false, false},
		{"ff00::1", 0, true, true, true, false, false},
		{"ff01::1", ScopeInterface, true, true, true, false, false},
		{"ff02::1", ScopeLink, true, false, true, false, false},
		{"ff12::1", ScopeLink, true, false, true, false, false},
		{"ff05::2", ScopeSite, true, false, true, false, false},
		{"ff0e::101", ScopeGlobal, true, false, true, false, false},
	} {
		a := addr(test.addr)
		if got := Scope(a); got != test.scope {
			t.Errorf("Scope(%s) = %d, want %d", test.addr, got, test.scope)
		}
		if got := IsMartianSource(a); got != test.martianSrc {
			t.Errorf("IsMartianSource(%s) = %v", test.addr, got)
		}
		if got := IsMartianDestination(a); got != test.martianDst {
			t.Errorf("IsMartianDestination(%s) = %v", test.addr, got)
		}
		if IsMulticast(a) != test.multicast || IsLinkLocal(a) != test.linkLocal || IsUniqueLocal(a) != test.ul {
			t.Errorf("%s: multicast %v, link-local %v, unique local %v", test.addr, IsMulticast(a), IsLinkLocal(a), IsUniqueLocal(a))
		}
		n := netip.AddrFrom16(a)
		if IsLoopback(a) != (test.addr == "::1") || IsUnspecified(a) != n.IsUnspecified() || IsV4Mapped(a) != n.Is4In6() {
			t.Errorf("%s: a predicate disagrees with netip's", test.addr)
		}
	}
}

// The example of RFC 4291, Section 2.7.1.
func TestSolicitedNode(t *testing.T) {
	a, want := addr("4037::01:800:200e:8c6c"), addr("ff02::1:ff0e:8c6c")
	if got := SolicitedNode(a); got != want {
		t.Errorf("SolicitedNode(%x) = %x, want %x", a, got, want)
	}
	if !IsSolicitedNode(want) || IsSolicitedNode(a) || IsSolicitedNode(addr("ff02::1:fe0e:8c6c")) {
		t.Error("IsSolicitedNode is wrong")
	}
	for a, want := range map[[16]byte]string{AllNodes: "ff02::1", AllRouters: "ff02::2", AllMLDv2: "ff02::16", Loopback: "::1"} {
		if a != addr(want) {
			t.Errorf("%x is not %s", a, want)
		}
	}
}

func TestLinkLocal(t *testing.T) {
	// RFC 2464, Section 5 with the interface identifier of Section 4.
	got := LinkLocal([8]byte{0x36, 0x56, 0x78, 0xff, 0xfe, 0x9a, 0xbc, 0xde})
	if want := addr("fe80::3656:78ff:fe9a:bcde"); got != want {
		t.Errorf("LinkLocal = %x, want %x", got, want)
	}
}
