package stack

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/ztstack/ztstack/arp"
	"github.com/ztstack/ztstack/ethernet"
	"github.com/ztstack/ztstack/icmp"
	"github.com/ztstack/ztstack/ipv4"
	"github.com/ztstack/ztstack/tcp"
)

// Frames of impossible length are dropped (RFC 894).
func TestCase_E1(t *testing.T) {
	l := newLab(t)
	for _, n := range []int{0, 1, 13} {
		l.silent(DropShortFrame, make([]byte, n))
	}
	l.silent(DropOtherHost, make([]byte, 14))
	l.silent(DropIPHeader, eth(macA, macB, ethernet.TypeIPv4, nil))
	l.silent(DropIPHeader, eth(macA, macB, ethernet.TypeIPv6, nil))
	l.silent(DropARP, eth(ethernet.Broadcast, macB, ethernet.TypeARP, nil))
	l.silent(DropEtherType, eth(macA, macB, 0x88cc, []byte("lldp")))
	l.alive()
}

// The padding of short frames never reaches TCP or UDP.
func TestCase_E2(t *testing.T) {
	l := newLab(t).meet()
	u, err := l.s.BindUDP(netip.MustParseAddrPort("10.0.0.1:9"), nil)
	if err != nil {
		t.Fatal(err)
	}
	f := ipFrame(b4, a4, 17, datagram(b4, a4, 1000, 9, []byte("hi")))
	for len(f) < 60 {
		f = append(f, 0xff)
	}
	l.in(f)
	var b [100]byte
	if n, _, _, err := u.ReadFrom(b[:]); n != 2 || err != nil {
		t.Errorf("ReadFrom = %d bytes, %v; want 2", n, err)
	}
	h := tcp.Header{SrcPort: 50000, DstPort: 7, Seq: 1, Flags: tcp.SYN, Window: 1000}
	f = ipFrame(b4, a4, 6, segment(b4, a4, &h, nil))
	f = append(f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)
	if got := tcpOf(l.one(l.ask(f))); got.Flags != tcp.SYN|tcp.ACK {
		t.Errorf("answer to a padded SYN: %v", got.Flags)
	}
}

// A frame for another station is dropped, whatever is in it.
func TestCase_E3(t *testing.T) {
	l := newLab(t).meet()
	f := ipFrame(b4, a4, 17, datagram(b4, a4, 1000, 9, []byte("hi")))
	copy(f, macB[:])
	l.silent(DropOtherHost, f)
	l.alive()
}

// A SYN or a datagram for us in a link-layer broadcast causes no answer.
func TestCase_E4(t *testing.T) {
	l := newLab(t).meet()
	h := tcp.Header{SrcPort: 50000, DstPort: 7, Seq: 1, Flags: tcp.SYN, Window: 1000}
	f := ipFrame(b4, a4, 6, segment(b4, a4, &h, nil))
	copy(f, ethernet.Broadcast[:])
	l.silent(DropTCPGroup, f)
	f = ipFrame(b4, a4, 17, datagram(b4, a4, 1000, 9, nil))
	copy(f, ethernet.Broadcast[:])
	l.silent(DropUDPNoSocket, f)
	f = ipFrame(b6, a6, 6, segment(b6, a6, &h, nil))
	copy(f, ethernet.Broadcast[:])
	l.silent(DropTCPGroup, f)
	l.alive()
}

// Frames with a priority tag are ours; those of a VLAN are not.
func TestVLANTags(t *testing.T) {
	l := newLab(t).meet()
	m := icmp.Echo4(false, 1, 1, nil)
	p := icmp4Packet(b4, a4, &m)
	for _, tt := range []struct {
		tci  uint16
		want int
	}{{0xe000, 1}, {0x0001, 0}} {
		b := make([]byte, 18+len(p))
		h := ethernet.Header{Dst: macA, Src: macB, Type: ethernet.TypeIPv4, VLAN: tt.tci, Tagged: true}
		copy(b[h.Put(b):], p)
		if got := l.ask(b); len(got) != tt.want {
			t.Errorf("tag %#x: %d answers, want %d", tt.tci, len(got), tt.want)
		}
	}
}

// A request for our address is answered, and its sender remembered.
func TestCase_A1(t *testing.T) {
	l := newLab(t)
	f := l.one(l.ask(arpFrame(arp.Request, macB, b4, ethernet.Addr{}, a4)))
	p := l.arpOf(f)
	want := arp.Packet{Op: arp.Reply, SenderHW: macA, SenderIP: a4.As4(), TargetHW: macB, TargetIP: b4.As4()}
	if p != want || ethernet.Addr(f[:6]) != macB {
		t.Errorf("reply %+v to %v, want %+v", p, ethernet.Addr(f[:6]), want)
	}
	// So an answer to b goes out at once.
	m := icmp.Echo4(false, 1, 1, nil)
	if f := l.one(l.ask(eth(macA, macB, ethernet.TypeIPv4, icmp4Packet(b4, a4, &m)))); etherType(f) != ethernet.TypeIPv4 {
		t.Errorf("instead of the echo reply: %s", show(f))
	}
	// A request for somebody else's address is not our business.
	if got := l.ask(arpFrame(arp.Request, macB, b4, ethernet.Addr{}, netip.MustParseAddr("10.0.0.77"))); len(got) != 0 {
		t.Errorf("%d answers to a request for another address", len(got))
	}
}

// A probe is answered and leaves no entry.
func TestCase_A2(t *testing.T) {
	l := newLab(t)
	zero := netip.IPv4Unspecified()
	if p := l.arpOf(l.one(l.ask(arpFrame(arp.Request, macB, zero, ethernet.Addr{}, a4)))); p.Op != arp.Reply {
		t.Errorf("no reply to a probe: %+v", p)
	}
	if n := l.s.Stats().Neighbors; n != 0 {
		t.Errorf("%d neighbour entries after a probe", n)
	}
	l.alive()
}

// Our address is defended, at most once in ten seconds, and nobody else's claim to it is believed.
func TestCase_A3(t *testing.T) {
	l := newLab(t)
	for _, op := range []uint16{arp.Request, arp.Reply} {
		l.in(arpFrame(op, macB, a4, ethernet.Addr{}, a4))
	}
	p := l.arpOf(l.one(l.out()))
	if p.SenderHW != macA || p.SenderIP != a4.As4() || !p.IsAnnouncement() {
		t.Errorf("defence %+v", p)
	}
	if n := l.s.Stats().Neighbors; n != 0 {
		t.Errorf("%d neighbour entries", n)
	}
	l.advance(11 * time.Second)
	l.in(arpFrame(arp.Request, macB, a4, ethernet.Addr{}, a4))
	l.one(l.out())
	l.alive()
}

// Malformed packets are dropped.
func TestCase_A4(t *testing.T) {
	l := newLab(t)
	good := arpFrame(arp.Request, macB, b4, ethernet.Addr{}, a4)
	for _, tt := range []struct {
		at int
		v  byte
	}{{15, 6}, {16, 0x86}, {18, 0}, {18, 255}, {19, 0}, {19, 16}, {21, 0}, {21, 3}, {20, 0xff}} {
		bad := append([]byte(nil), good...)
		bad[tt.at] = tt.v
		l.silent(DropARP, bad)
	}
	for n := 14; n < len(good); n++ {
		l.silent(DropARP, good[:n])
	}
	l.alive()
}

// A sender with a group address is dropped; one that differs from the frame's is accepted.
func TestCase_A5(t *testing.T) {
	l := newLab(t)
	for _, hw := range []ethernet.Addr{ethernet.Broadcast, {1, 0, 0x5e, 0, 0, 1}, {}} {
		l.silent(DropARP, arpFrame(arp.Reply, hw, b4, macA, a4))
	}
	f := arpFrame(arp.Request, macB, b4, ethernet.Addr{}, a4)
	f[11] ^= 1
	l.one(l.ask(f))
	l.alive()
}

// Replies that nobody has asked for make no entries and evict none.
func TestCase_A6(t *testing.T) {
	l := newLab(t).meet()
	before := l.s.Stats().Neighbors
	for i := range 65536 {
		a := netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})
		if a == a4 || a == b4 {
			continue
		}
		l.in(arpFrame(arp.Reply, ethernet.Addr{2, 1, 1, 1, byte(i >> 8), byte(i)}, a, macA, a4))
	}
	if n := l.s.Stats().Neighbors; n != before {
		t.Errorf("%d neighbour entries, before %d", n, before)
	}
	l.alive()
}

// Requests from many addresses are answered, and the entries that they make stay bounded and give way to
// each other, not to neighbours in use.
func TestARPRequestFlood(t *testing.T) {
	l := newLab(t).meet()
	u, err := l.s.BindUDP(netip.AddrPort{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	to := netip.AddrPortFrom(b4, 1000)
	if _, err := u.WriteTo(l.now, []byte("x"), to); err != nil {
		t.Fatal(err)
	}
	l.out()
	for i := range 10000 {
		a := netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)})
		l.one(l.ask(arpFrame(arp.Request, ethernet.Addr{2, 1, 1, 1, byte(i >> 8), byte(i)}, a, ethernet.Addr{}, a4)))
	}
	if n := l.s.Stats().Neighbors; n > 1024 {
		t.Errorf("%d neighbour entries, limit 1024", n)
	}
	if _, err := u.WriteTo(l.now, []byte("x"), to); err != nil {
		t.Fatal(err)
	}
	if f := l.one(l.out()); etherType(f) != ethernet.TypeIPv4 {
		t.Errorf("a neighbour in use was evicted: %s", show(f))
	}
}

// An unresolvable neighbour is asked for at most once a second, keeps a few packets waiting, and in the end
// the sender is told.
func TestCase_A7(t *testing.T) {
	l := newLab(t)
	u, err := l.s.BindUDP(netip.AddrPort{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	to := netip.MustParseAddrPort("10.0.0.99:1000")
	if err := u.Connect(l.now, to); err != nil {
		t.Fatal(err)
	}
	requests, told := 0, false
	start := l.now
	for range 10000 {
		if _, err := u.WriteTo(l.now, []byte("x"), netip.AddrPort{}); errors.Is(err, ErrUnreachable) {
			told = true
		} else if err != nil {
			t.Fatal(err)
		}
		requests += len(l.advance(time.Millisecond))
	}
	seconds := int(l.now.Sub(start)/time.Second) + 1
	if requests > seconds || requests < 3 {
		t.Errorf("%d requests in %d s", requests, seconds)
	}
	if !told {
		t.Errorf("the sender was not told")
	}
	// When the neighbour appears the newest packets go out.
	l.advance(5 * time.Second)
	u.Err()
	for i := range 100 {
		if _, err := u.WriteTo(l.now, []byte{byte(i)}, netip.AddrPort{}); err != nil {
			t.Fatal(err)
		}
	}
	l.out()
	got := l.ask(arpFrame(arp.Reply, macB, to.Addr(), macA, a4))
	if len(got) != maxWaiting || got[len(got)-1][14+ipv4.HeaderLen+8] != 99 {
		t.Errorf("%d packets follow the reply, want the newest %d", len(got), maxWaiting)
	}
	l.alive()
}

// A connection to a neighbour that does not exist fails soon; one whose neighbour vanishes goes on when it
// is back.
func TestConnectUnreachable(t *testing.T) {
	l := newLab(t)
	for _, to := range []string{"10.0.0.99:80", "[fd00::99]:80"} {
		c, err := l.s.DialTCP(l.now, netip.AddrPort{}, netip.MustParseAddrPort(to), nil, "owner")
		if err != nil {
			t.Fatal(err)
		}
		asked := l.advance(2500 * time.Millisecond)
		if len(asked) != 3 || c.Err() != nil {
			t.Errorf("%s: %d frames, error %v after 2.5 s; want 3 requests and none", to, len(asked), c.Err())
		}
		l.advance(time.Second)
		if !errors.Is(c.Err(), ErrUnreachable) {
			t.Errorf("%s: Err = %v, want %v", to, c.Err(), ErrUnreachable)
		}
		if l.s.Ready() != "owner" || c.Events()&tcp.Closed == 0 {
			t.Errorf("%s: the owner was not told", to)
		}
		c.Close(l.now)
		l.out()
	}
	if st := l.s.Stats(); st.Conns != 0 {
		t.Errorf("%d connections remain", st.Conns)
	}
}
