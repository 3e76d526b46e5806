package stack

import (
	"net/netip"
	"testing"
	"time"

	"github.com/ztstack/ztstack/ethernet"
	"github.com/ztstack/ztstack/icmp"
	"github.com/ztstack/ztstack/internal/be"
	"github.com/ztstack/ztstack/internal/cksum"
	"github.com/ztstack/ztstack/ipv6"
)

var macC = ethernet.Addr{2, 0, 0, 0, 0, 0xc}

func eth6(p []byte) []byte { return eth(macA, macB, ethernet.TypeIPv6, p) }

// resum6 makes the ICMPv6 checksum of a packet without extension headers right again.
func resum6(p []byte) []byte {
	b := p[40:]
	b[2], b[3] = 0, 0
	be.PutUint16(b[2:], ^cksum.Add(cksum.Sum(b), cksum.Pseudo6([16]byte(p[8:24]), [16]byte(p[24:40]), 58, len(b))))
	return p
}

// A solicitation for our address is answered.
func TestSolicitationIsAnswered(t *testing.T) {
	l := newLab(t)
	group := netip.AddrFrom16(ipv6.SolicitedNode(a6.As16()))
	f := eth(ethernet.Multicast6(group.As16()), macB, ethernet.TypeIPv6, nsPacket(b6, group, a6, macB, 255))
	m := l.icmpOf(l.one(l.ask(f)))
	var na icmp.NeighborAdvertisement
	e := icmp.Envelope{Src: a6.As16(), Dst: b6.As16(), HopLimit: 255}
	if !na.Parse(&m, &e) || !na.Solicited || !na.Override || na.Target != a6.As16() || na.Options.TargetLink != macA {
		t.Errorf("advertisement %+v", na)
	}
	l.alive()
}

// Hop limit, code, checksum and length are checked.
func TestCase_N1(t *testing.T) {
	l := newLab(t).meet()
	l.silent(DropNDP, eth6(nsPacket(b6, a6, a6, macB, 254)))
	p := nsPacket(b6, a6, a6, macB, 255)
	p[41] = 1
	l.silent(DropNDP, eth6(resum6(p)))
	p = nsPacket(b6, a6, a6, macB, 255)
	p[42] ^= 1
	l.silent(DropICMP, eth6(p))
	short := icmp.Message{Type: icmp.Type6NeighborSolicit, Body: make([]byte, 8)}
	l.silent(DropNDP, eth6(icmp6Packet(b6, a6, &short, 255)))
	l.silent(DropNDP, eth6(naPacketHops(254)))
	l.alive()
}

func naPacketHops(hops byte) []byte {
	p := naPacket(b6, a6, b6, macC, true, true)
	p[7] = hops
	return p
}

// Options of impossible length drop the message.
func TestCase_N2(t *testing.T) {
	l := newLab(t).meet()
	for _, n := range []byte{0, 2, 255} {
		p := nsPacket(b6, a6, a6, macB, 255)
		p[40+24+1] = n
		l.silent(DropNDP, eth6(resum6(p)))
	}
	l.alive()
}

// Solicitations of duplicate address detection have no source option and go to the solicited-node group;
// targets are no groups.
func TestCase_N3(t *testing.T) {
	l := newLab(t).meet()
	unspecified, group := netip.IPv6Unspecified(), netip.AddrFrom16(ipv6.SolicitedNode(a6.As16()))
	l.silent(DropNDP, eth6(nsPacket(unspecified, group, a6, macB, 255)))
	l.silent(DropNDP, eth6(nsPacket(unspecified, a6, a6, ethernet.Addr{}, 255)))
	l.silent(DropNDP, eth6(nsPacket(b6, a6, netip.MustParseAddr("ff02::1"), macB, 255)))
	// A proper one is answered to all nodes.
	f := l.one(l.ask(eth6(nsPacket(unspecified, group, a6, ethernet.Addr{}, 255))))
	if ethernet.Addr(f[:6]) != ethernet.Multicast6(ipv6.AllNodes) {
		t.Errorf("answer to %v", ethernet.Addr(f[:6]))
	}
	l.alive()
}

// Advertisements make no entries, and replace an address only with the Override flag.
func TestCase_N4(t *testing.T) {
	l := newLab(t)
	before := l.s.Stats().Neighbors
	l.in(eth6(naPacket(b6, a6, b6, macB, false, true)))
	if n := l.s.Stats().Neighbors; n != before {
		t.Errorf("an unsolicited advertisement made an entry")
	}
	all := netip.MustParseAddr("ff02::1")
	l.silent(DropNDP, eth(ethernet.Multicast6(all.As16()), macB, ethernet.TypeIPv6, naPacket(b6, all, b6, macB, true, true)))

	// Resolve b6, then contradict it.
	u, err := l.s.BindUDP(netip.AddrPort{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	send := func() ethernet.Addr {
		t.Helper()
		if _, err := u.WriteTo(l.now, []byte("x"), netip.AddrPortFrom(b6, 9)); err != nil {
			t.Fatal(err)
		}
		return ethernet.Addr(l.one(l.out())[:6])
	}
	if got, want := send(), ethernet.Multicast6(ipv6.SolicitedNode(b6.As16())); got != want {
		t.Fatalf("solicitation to %v, want %v", got, want)
	}
	l.one(l.ask(eth6(naPacket(b6, a6, b6, macB, true, false))))
	l.in(eth6(naPacket(b6, a6, b6, macC, true, false)))
	if got := send(); got != macB {
		t.Errorf("an advertisement without Override changed the address to %v", got)
	}
	// The entry is stale now, in use, and will be probed at its old address.
	probes := l.advance(6 * time.Second)
	if len(probes) != 2 || ethernet.Addr(probes[0][:6]) != macB {
		t.Errorf("%d probes", len(probes))
	}
	l.in(eth6(naPacket(b6, a6, b6, macC, true, true)))
	if got := send(); got != macC {
		t.Errorf("an advertisement with Override left the address at %v", got)
	}
	// A neighbour that does not answer probes is asked for anew, by the group.
	l.advance(2 * time.Minute)
	send()
	var groups int
	for _, f := range l.advance(20 * time.Second) {
		if ethernet.Addr(f[:6]) == macC {
			continue
		}
		groups++
	}
	if got, want := send(), ethernet.Multicast6(ipv6.SolicitedNode(b6.As16())); got != want {
		t.Errorf("after failed probes: %v, want %v", got, want)
	}
	l.alive()
}

// Discovery in fragments, even atomic ones, is dropped.
func TestCase_N5(t *testing.T) {
	l := newLab(t).meet()
	ns := nsPacket(b6, a6, a6, macB, 255)
	b := make([]byte, 8)
	h := ipv6.FragmentHeader{Next: 58, ID: 3}
	h.Put(b)
	l.silent(DropNDP, frame6(ipv6.Header{Next: 44, HopLimit: 255}, append(b, ns[40:]...)))
	for i, f := range fragments6(4, 58, ns[40:], 16) {
		f[21] = 255
		if i == 0 {
			l.silent(DropFragment, f)
		} else {
			l.silent(DropNDP, f)
		}
	}
	l.alive()
}

// Duplicate address detection: an address that somebody has is not used, and our own echo does not count.
func TestCase_N9(t *testing.T) {
	for _, tt := range []struct {
		name  string
		frame func(probe []byte) []byte
		dup   bool
	}{
		{"nobody", func([]byte) []byte { return nil }, false},
		{"our own looped back", func(p []byte) []byte { return p }, false},
		{"advertisement", func([]byte) []byte {
			return eth6(naPacket(a6, netip.MustParseAddr("ff02::1"), a6, macC, false, true))
		}, true},
		{"another's probe", func([]byte) []byte {
			return eth6(nsPacket(netip.IPv6Unspecified(), netip.AddrFrom16(ipv6.SolicitedNode(a6.As16())), a6, ethernet.Addr{}, 255))
		}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := &lab{t: t, now: 1e9}
			l.buf.B = make([]byte, 70000)
			s, err := New(Config{}, l.now)
			if err != nil {
				t.Fatal(err)
			}
			info := ethernetLink
			info.Addr = macA
			l.s = s
			if l.i, err = s.AddInterface(l.now, InterfaceConfig{Info: info, NoLinkLocal: true}); err != nil {
				t.Fatal(err)
			}
			l.address("fd00::1/64")
			var probe []byte
			for _, f := range l.out() {
				if f[14+40] == icmp.Type6NeighborSolicit {
					probe = f
				}
			}
			if probe == nil || !s.Tentative(a6) {
				t.Fatal("no probe, or the address is used at once")
			}
			// A tentative address does not answer.
			if got := l.ask(eth6(nsPacket(b6, a6, a6, macB, 255))); len(got) != 0 {
				t.Errorf("a tentative address is advertised")
			}
			if f := tt.frame(probe); f != nil {
				l.in(f)
			}
			l.advance(5 * time.Second)
			if got := s.Tentative(a6); got != tt.dup {
				t.Errorf("Tentative = %v, want %v", got, tt.dup)
			}
			if n := s.Stats().Drops[DropDuplicateAddress]; n > 0 != tt.dup {
				t.Errorf("%d duplicates counted", n)
			}
		})
	}
}

// Traffic to very many addresses of an on-link prefix makes a bounded number of entries, and those of
// neighbours that exist survive.
func TestCase_N11(t *testing.T) {
	l := newLab(t).meet()
	u, err := l.s.BindUDP(netip.AddrPort{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 65536 {
		a := a6.As16()
		be.PutUint32(a[8:], uint32(i)+7)
		if _, err := u.WriteTo(l.now, []byte("x"), netip.AddrPortFrom(netip.AddrFrom16(a), 9)); err != nil {
			t.Fatal(err)
		}
		l.out()
	}
	if n := l.s.Stats().Neighbors; n > 1024 {
		t.Errorf("%d entries, limit 1024", n)
	}
	if _, err := u.WriteTo(l.now, []byte("x"), netip.AddrPortFrom(b6, 9)); err != nil {
		t.Fatal(err)
	}
	if f := l.one(l.out()); f[20] != 17 {
		t.Errorf("the existing neighbour's entry is gone: %s", show(f))
	}
	l.advance(10 * time.Second)
	if n := l.s.Stats().Neighbors; n > 16 {
		t.Errorf("%d entries after all have failed", n)
	}
	l.alive()
}
