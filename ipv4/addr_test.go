package ipv4

import (
	"net/netip"
	"testing"
)

func TestMartians(t *testing.T) {
	for _, test := range []struct {
		addr     string
		src, dst bool // whether it is a Martian there
	}{
		{"0.0.0.0", true, true},
		{"0.1.2.3", true, true},
		{"1.2.3.4", false, false},
		{"10.0.0.1", false, false},
		{"126.255.255.255", false, false},
		{"127.0.0.1", true, true},
		{"127.255.255.255", true, true},
		{"128.0.0.1", false, false},
		{"169.254.1.1", false, false},
		{"223.255.255.255", false, false},
		{"224.0.0.1", true, false},
		{"239.255.255.255", true, false},
		{"240.0.0.1", true, true},
		{"255.255.255.254", true, true},
		{"255.255.255.255", true, false},
	} {
		a := netip.MustParseAddr(test.addr).As4()
		if got := IsMartianSource(a); got != test.src {
			t.Errorf("IsMartianSource(%s) = %v", test.addr, got)
		}
		if got := IsMartianDestination(a); got != test.dst {
			t.Errorf("IsMartianDestination(%s) = %v", test.addr, got)
		}
		n := netip.AddrFrom4(a)
		if IsMulticast(a) != n.IsMulticast() || IsLoopback(a) != n.IsLoopback() || IsLinkLocal(a) != n.IsLinkLocalUnicast() || IsUnspecified(a) != n.IsUnspecified() {
			t.Errorf("%s: a predicate disagrees with netip's", test.addr)
		}
	}
}

func TestIsBroadcast(t *testing.T) {
	for _, test := range []struct {
		dst, subnet string
		want        bool
	}{
		{"255.255.255.255", "10.1.2.3/8", true},
		{"10.255.255.255", "10.1.2.3/8", true},
		{"10.1.2.255", "10.1.2.3/8", false},
		{"10.1.2.255", "10.1.2.3/24", true},
		{"10.1.3.255", "10.1.2.3/24", false},
		{"10.1.2.0", "10.1.2.3/24", false},
		{"10.1.2.7", "10.1.2.5/30", true},
		{"10.1.2.5", "10.1.2.4/31", false},
		{"10.1.2.4", "10.1.2.4/32", false},
		{"255.255.255.255", "10.1.2.4/32", true},
		{"10.1.2.4", "0.0.0.0/0", false},
	} {
		p := netip.MustParsePrefix(test.subnet)
		if got := IsBroadcast(netip.MustParseAddr(test.dst).As4(), p.Addr().As4(), p.Bits()); got != test.want {
			t.Errorf("IsBroadcast(%s, %s) = %v", test.dst, test.subnet, got)
		}
	}
}
