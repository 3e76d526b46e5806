package icmp

import (
	"net/netip"
	"testing"
	"time"

	"github.com/ztstack/ztstack/clock"
)

func addr4(s string) [4]byte { return netip.MustParseAddr(s).As4() }

func TestMayAnswer4(t *testing.T) {
	normal := Offender4{Src: addr4("10.0.0.1"), Dst: addr4("10.0.0.2"), Proto: 17, Transport: make([]byte, 8)}
	for _, test := range []struct {
		name   string
		change func(*Offender4)
		want   bool
	}{
		{"UDP to a closed port", func(o *Offender4) {}, true},
		{"unknown protocol without payload", func(o *Offender4) { o.Proto, o.Transport = 253, nil }, true},
		{"echo request", func(o *Offender4) { o.Proto, o.Transport = 1, []byte{8} }, true},
		{"unknown ICMP type", func(o *Offender4) { o.Proto, o.Transport = 1, []byte{99} }, true},
		{"destination unreachable", func(o *Offender4) { o.Proto, o.Transport = 1, []byte{3} }, false},
		{"source quench", func(o *Offender4) { o.Proto, o.Transport = 1, []byte{4} }, false},
		{"redirect", func(o *Offender4) { o.Proto, o.Transport = 1, []byte{5} }, false},
		{"time exceeded", func(o *Offender4) { o.Proto, o.Transport = 1, []byte{11} }, false},
		{"parameter problem", func(o *Offender4) { o.Proto, o.Transport = 1, []byte{12} }, false},
		{"ICMP without a type", func(o *Offender4) { o.Proto, o.Transport = 1, nil }, false},
		{"second fragment", func(o *Offender4) { o.FragOff = 8 }, false},
		{"link broadcast", func(o *Offender4) { o.LinkGroup = true }, false},
		{"to a group", func(o *Offender4) { o.Dst = addr4("224.0.0.1") }, false},
		{"to everybody", func(o *Offender4) { o.Dst = addr4("255.255.255.255") }, false},
		{"to everybody in the subnet", func(o *Offender4) { o.DstBroadcast = true }, false},
		{"from the subnet's broadcast address", func(o *Offender4) { o.SrcBroadcast = true }, false},
		{"from nobody", func(o *Offender4) { o.Src = addr4("0.0.0.0") }, false},
		{"from a group", func(o *Offender4) { o.Src = addr4("239.1.2.3") }, false},
		{"from class E", func(o *Offender4) { o.Src = addr4("240.0.0.1") }, false},
		{"from everybody", func(o *Offender4) { o.Src = addr4("255.255.255.255") }, false},
		{"from loopback", func(o *Offender4) { o.Src = addr4("127.0.0.1") }, false},
		{"within loopback", func(o *Offender4) { o.Src, o.Dst = addr4("127.0.0.1"), addr4("127.0.0.2") }, true},
	} {
		o := normal
		test.change(&o)
		if got := MayAnswer4(&o); got != test.want {
			t.Errorf("%s: MayAnswer4 = %v", test.name, got)
		}
	}
}

func TestMayAnswer6(t *testing.T) {
	normal := Offender6{Src: addr6("2001:db8::1"), Dst: addr6("2001:db8::2"), Proto: 17, Transport: make([]byte, 8)}
	for _, test := range []struct {
		name   string
		change func(*Offender6)
		want   bool
	}{
		{"UDP to a closed port", func(o *Offender6) {}, true},
		{"echo request", func(o *Offender6) { o.Proto, o.Transport = 58, []byte{128} }, true},
		{"neighbour solicitation", func(o *Offender6) { o.Proto, o.Transport = 58, []byte{135} }, true},
		{"error", func(o *Offender6) { o.Proto, o.Transport = 58, []byte{1} }, false},
		{"unknown error", func(o *Offender6) { o.Proto, o.Transport = 58, []byte{127} }, false},
		{"error, too big", func(o *Offender6) { o.Proto, o.Transport, o.EvenMulticast = 58, []byte{2}, true }, false},
		{"redirect", func(o *Offender6) { o.Proto, o.Transport = 58, []byte{137} }, false},
		{"ICMPv6 without a type", func(o *Offender6) { o.Proto, o.Transport = 58, nil }, false},
		{"to a group", func(o *Offender6) { o.Dst = addr6("ff02::1") }, false},
		{"to a group, too big", func(o *Offender6) { o.Dst, o.EvenMulticast = addr6("ff02::1"), true }, true},
		{"link group", func(o *Offender6) { o.LinkGroup = true }, false},
		{"link group, too big", func(o *Offender6) { o.LinkGroup, o.EvenMulticast = true, true }, true},
		{"from nobody", func(o *Offender6) { o.Src = addr6("::") }, false},
		{"from nobody, too big", func(o *Offender6) { o.Src, o.EvenMulticast = addr6("::"), true }, false},
		{"from a group", func(o *Offender6) { o.Src = addr6("ff0e::1") }, false},
	} {
		o := normal
		test.change(&o)
		if got := MayAnswer6(&o); got != test.want {
			t.Errorf("%s: MayAnswer6 = %v", test.name, got)
		}
	}
}

func TestRateLimit(t *testing.T) {
	const ms = clock.Time(time.Millisecond)
	var l RateLimit
	if l.Allow(1) {
		t.Error("the zero RateLimit allows")
	}
	l.Init(100, 10)
	now := 1000 * ms
	count := func() (n int) {
		for l.Allow(now) {
			n++
		}
		return n
	}
	if n := count(); n != 10 {
		t.Errorf("burst of %d, want 10", n)
	}
	now += 9 * ms
	if n := count(); n != 0 {
		t.Errorf("%d after 9 ms, want none", n)
	}
	now += 1 * ms
	if n := count(); n != 1 {
		t.Errorf("%d after 10 ms, want 1", n)
	}
	now += 35 * ms
	if n := count(); n != 3 {
		t.Errorf("%d after 35 ms more, want 3", n)
	}
	now += 10000 * ms
	if n := count(); n != 10 {
		t.Errorf("%d after 10 s, want the burst of 10", n)
	}
	// 10,000 requests in a second, at even intervals: the burst, and what has dripped in.
	n := 0
	for range 10000 {
		now += ms / 10
		if l.Allow(now) {
			n++
		}
	}
	if n < 99 || n > 101 {
		t.Errorf("%d of 10000 in a second, want 100", n)
	}
	l.Init(0, 0)
	if !l.Allow(now) || l.Allow(now) {
		t.Error("the least limit is not one a second")
	}
}

func BenchmarkRateLimit(b *testing.B) {
	var l RateLimit
	l.Init(1000, 50)
	now := clock.Time(1)
	for b.Loop() {
		now += 1000
		l.Allow(now)
	}
}
