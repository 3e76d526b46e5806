package stack

import (
	"net/netip"
	"testing"

	"pgregory.net/rapid"

	"github.com/ztstack/ztstack/internal/wheel"
	"github.com/ztstack/ztstack/link"
)

// twoLinks returns a host with 10.1.0.1/24 and fd01::1/64 on interface 1, 10.2.0.1/24 and fd02::1/64 on 2.
func twoLinks(t testing.TB) *Stack {
	t.Helper()
	s, err := New(Config{}, 1e9)
	if err != nil {
		t.Fatal(err)
	}
	for _, addrs := range [][]string{{"10.1.0.1/24", "fd01::1/64"}, {"10.2.0.1/24", "fd02::1/64"}} {
		i, err := s.AddInterface(1e9, InterfaceConfig{Info: link.Info{Medium: link.IP, MTU: 1500}})
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range addrs {
			if err := s.AddAddress(1e9, i, netip.MustParsePrefix(a)); err != nil {
				t.Fatal(err)
			}
		}
	}
	return s
}

func TestRoutes(t *testing.T) {
	s := twoLinks(t)
	add := func(dst, via string, i Interface, metric int) {
		t.Helper()
		r := Route{Dst: netip.MustParsePrefix(dst), If: i, Metric: metric}
		if via != "" {
			r.Via = netip.MustParseAddr(via)
		}
		if err := s.AddRoute(r); err != nil {
			t.Fatalf("add %v: %v", r, err)
		}
	}
	add("0.0.0.0/0", "10.1.0.254", 0, 10)
	add("0.0.0.0/0", "10.2.0.254", 0, 20)
	add("10.9.0.0/16", "10.2.0.9", 0, 0)
	add("10.9.9.0/24", "", 1, 0)
	add("::/0", "fd02::fe", 0, 0)
	want := func(dst string, i Interface, next, src string) {
		t.Helper()
		p, ok := s.lookup(netip.MustParseAddr(dst), 0)
		if !ok || p.ifc.id != i || p.next.String() != next {
			t.Errorf("%s: interface %v, next hop %v, %v; want %d, %s", dst, p.ifc, p.next, ok, i, next)
			return
		}
		if got, ok := s.source(p, netip.MustParseAddr(dst)); !ok || got.String() != src {
			t.Errorf("%s: source %v, want %s", dst, got, src)
		}
	}
	want("10.1.0.7", 1, "10.1.0.7", "10.1.0.1")
	want("10.2.0.7", 2, "10.2.0.7", "10.2.0.1")
	want("192.0.2.1", 1, "10.1.0.254", "10.1.0.1")
	want("10.9.1.1", 2, "10.2.0.9", "10.2.0.1")
	want("10.9.9.1", 1, "10.9.9.1", "10.1.0.1")
	want("2001:db8::1", 2, "fd02::fe", "fd02::1")
	want("10.1.0.1", 0, "10.1.0.1", "10.1.0.1")
	// A route disappears with its interface's link, and the next best takes over.
	if err := s.SetInterface(1e9, 1, link.Info{MTU: 1500}, false); err != nil {
		t.Fatal(err)
	}
	want("192.0.2.1", 2, "10.2.0.254", "10.2.0.1")
	for _, r := range []Route{
		{Dst: netip.MustParsePrefix("10.0.0.0/8"), If: 9},
		{Dst: netip.MustParsePrefix("10.0.0.0/8")},
		{Dst: netip.MustParsePrefix("10.0.0.0/8"), Via: netip.MustParseAddr("192.0.2.77")},
		{Dst: netip.MustParsePrefix("10.0.0.0/8"), Via: netip.MustParseAddr("fd01::2")},
		{},
	} {
		if err := s.AddRoute(r); err == nil {
			t.Errorf("AddRoute(%+v) succeeded", r)
		}
	}
	if err := s.RemoveRoute(Route{Dst: netip.MustParsePrefix("10.9.9.0/24"), If: 1}); err != nil {
		t.Errorf("RemoveRoute: %v", err)
	}
	if err := s.RemoveRoute(Route{Dst: netip.MustParsePrefix("10.9.9.0/24"), If: 1}); err == nil {
		t.Errorf("RemoveRoute of no route succeeded")
	}
}

// Source selection by scope, label and prefix (RFC 6724, Section 10.1, where it applies).
func TestSourceSelection(t *testing.T) {
	for _, tt := range []struct {
		dst   string
		addrs []string
		want  string
	}{
		{"2001:db8:1::1", []string{"2001:db8:3::1/64", "fe80::1/64"}, "2001:db8:3::1"},
		{"fe80::9", []string{"2001:db8:3::1/64", "fe80::1/64"}, "fe80::1"},
		{"ff05::1", []string{"2001:db8:3::1/64", "fe80::1/64"}, "2001:db8:3::1"},
		{"2001:db8:1::1", []string{"2001:db8:1::2/64", "2001:db8:3::2/64"}, "2001:db8:1::2"},
		{"2001:db8:3::9", []string{"2001:db8:1::2/64", "2001:db8:3::2/64"}, "2001:db8:3::2"},
		{"fd00::9", []string{"2001:db8:1::2/64", "fd77::2/64"}, "fd77::2"},
		{"2001:db8::9", []string{"fd77::2/64", "2001:db8:1::2/64"}, "2001:db8:1::2"},
		{"10.0.7.9", []string{"192.168.1.1/24", "10.0.1.1/24"}, "10.0.1.1"},
	} {
		s, err := New(Config{}, 1e9)
		if err != nil {
			t.Fatal(err)
		}
		i, err := s.AddInterface(1e9, InterfaceConfig{Info: link.Info{Medium: link.IP, MTU: 1500}})
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range tt.addrs {
			if err := s.AddAddress(1e9, i, netip.MustParsePrefix(a)); err != nil {
				t.Fatal(err)
			}
		}
		if got, ok := s.source(path{ifc: s.ifaces[i]}, netip.MustParseAddr(tt.dst)); !ok || got.String() != tt.want {
			t.Errorf("source for %s among %v = %v, want %s", tt.dst, tt.addrs, got, tt.want)
		}
	}
}

// TestRouteModel compares look-ups with a search of all routes for the best.
func TestRouteModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, err := New(Config{}, 1e9)
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if _, err := s.AddInterface(1e9, InterfaceConfig{Info: link.Info{Medium: link.IP, MTU: 1500}}); err != nil {
				t.Fatal(err)
			}
		}
		addr := func() netip.Addr {
			b := rapid.SliceOfN(rapid.ByteRange(0, 3), 4, 4).Draw(t, "address")
			return netip.AddrFrom4([4]byte{10 + b[0], b[1], b[2], b[3]})
		}
		type key struct {
			dst netip.Prefix
			ifc Interface
		}
		model := map[key]int{}
		for range rapid.IntRange(0, 30).Draw(t, "routes") {
			p := netip.PrefixFrom(addr(), rapid.IntRange(0, 32).Draw(t, "bits")).Masked()
			r := Route{Dst: p, If: Interface(rapid.IntRange(1, 3).Draw(t, "interface")), Metric: rapid.IntRange(0, 3).Draw(t, "metric")}
			if rapid.IntRange(0, 4).Draw(t, "remove") == 0 {
				_, there := model[key{p, r.If}]
				if err := s.RemoveRoute(r); (err == nil) != there {
					t.Fatalf("RemoveRoute(%v) = %v, want found %v", r, err, there)
				}
				delete(model, key{p, r.If})
				continue
			}
			if err := s.AddRoute(r); err != nil {
				t.Fatal(err)
			}
			model[key{p, r.If}] = r.Metric
		}
		for range 20 {
			dst := addr()
			bits, metric := -1, 0
			for k, m := range model {
				if k.dst.Contains(dst) && (k.dst.Bits() > bits || k.dst.Bits() == bits && m < metric) {
					bits, metric = k.dst.Bits(), m
				}
			}
			p, ok := s.lookup(dst, 0)
			if ok != (bits >= 0) {
				t.Fatalf("lookup(%v) found %v, want %v", dst, ok, bits >= 0)
			}
			if !ok {
				continue
			}
			best := netip.PrefixFrom(dst, bits).Masked()
			if m, there := model[key{best, p.ifc.id}]; !there || m != metric {
				t.Fatalf("lookup(%v) = interface %d, which has no route %v of metric %d", dst, p.ifc.id, best, metric)
			}
		}
	})
}

// Timers of the caller come out once, in order, and not after they were disarmed.
func TestArm(t *testing.T) {
	s := twoLinks(t)
	var x, y, z wheel.Timer
	x.Owner, y.Owner, z.Owner = "x", "y", "z"
	s.Arm(&x, 2e9)
	s.Arm(&y, 3e9)
	s.Arm(&z, 4e9)
	s.Arm(&y, 0)
	if next := s.Poll(1e9); next == 0 || next > 2e9 {
		t.Errorf("Poll = %v, want at most 2 s", next)
	}
	if s.ExpiredTimer() != nil {
		t.Error("a timer expired early")
	}
	s.Poll(5e9)
	s.Arm(&x, 6e9)
	if got := s.ExpiredTimer(); got != &z {
		t.Errorf("expired %v, want z", got)
	}
	if s.ExpiredTimer() != nil {
		t.Error("one timer too many")
	}
	s.Poll(7e9)
	if got := s.ExpiredTimer(); got != &x {
		t.Errorf("expired %v, want x", got)
	}
}
