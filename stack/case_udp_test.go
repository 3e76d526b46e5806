package stack

import (
	"bytes"
	"errors"
	"net/netip"
	"testing"

	"github.com/ztstack/ztstack/ethernet"
	"github.com/ztstack/ztstack/icmp"
	"github.com/ztstack/ztstack/internal/be"
	"github.com/ztstack/ztstack/internal/cksum"
	"github.com/ztstack/ztstack/ipv4"
	"github.com/ztstack/ztstack/tcp"
)

func (l *lab) udp(local string) *UDP {
	l.t.Helper()
	u, err := l.s.BindUDP(netip.MustParseAddrPort(local), local)
	if err != nil {
		l.t.Fatalf("bind %s: %v", local, err)
	}
	return u
}

// wantRead fails unless the next datagram of u is want.
func (l *lab) wantRead(u *UDP, want string) {
	l.t.Helper()
	b := make([]byte, 2000)
	n, from, _, err := u.ReadFrom(b)
	if err != nil || string(b[:n]) != want {
		l.t.Errorf("ReadFrom = %q from %v, %v; want %q", b[:n], from, err, want)
	}
}

// Wrong checksums are dropped, none is accepted over IPv4, and ours is never zero.
func TestCase_U1(t *testing.T) {
	l := newLab(t).meet()
	u := l.udp("[::]:9")
	d := datagram(b4, a4, 1000, 9, []byte("one"))
	d[6] ^= 1
	l.silent(DropUDPChecksum, ipFrame(b4, a4, 17, d))
	d[6], d[7] = 0, 0
	l.in(ipFrame(b4, a4, 17, d))
	l.wantRead(u, "one")
	// Of all two-byte payloads one sums to zero.
	zero := false
	for i := range 65536 {
		var b [2]byte
		be.PutUint16(b[:], uint16(i))
		if _, err := u.WriteTo(l.now, b[:], netip.AddrPortFrom(b4, 1)); err != nil {
			t.Fatal(err)
		}
		f := l.one(l.out())
		sum := be.Uint16(f[14+20+6:])
		if sum == 0 {
			t.Fatalf("payload %x is sent without checksum", b)
		}
		zero = zero || sum == 0xffff
		if cksum.Add(cksum.Sum(f[34:]), cksum.Pseudo4(a4.As4(), b4.As4(), 17, len(f)-34)) != 0xffff {
			t.Fatalf("payload %x has the wrong checksum %#x", b, sum)
		}
	}
	if !zero {
		t.Errorf("no payload had a checksum of zero")
	}
	l.alive()
}

// The length field counts.
func TestCase_U2(t *testing.T) {
	l := newLab(t).meet()
	u := l.udp("[::]:9")
	for _, n := range []uint16{0, 7, 12, 65535} {
		d := datagram(b4, a4, 1000, 9, []byte("abc"))
		be.PutUint16(d[4:], n)
		d[6], d[7] = 0, 0
		l.silent(DropUDPHeader, ipFrame(b4, a4, 17, d))
	}
	l.in(ipFrame(b4, a4, 17, append(datagram(b4, a4, 1000, 9, []byte("abc")), "more"...)))
	l.wantRead(u, "abc")
	l.alive()
}

// A closed port is reported if the datagram was for us alone.
func TestCase_U3(t *testing.T) {
	l := newLab(t).meet()
	m := l.icmpOf(l.one(l.ask(ipFrame(b4, a4, 17, datagram(b4, a4, 1, 9, nil)))))
	if m.Type != icmp.Type4Unreachable || m.Code != icmp.Code4Port {
		t.Errorf("answer %+v", m)
	}
	m = l.icmpOf(l.one(l.ask(ipFrame(b6, a6, 17, datagram(b6, a6, 1, 9, nil)))))
	if m.Type != icmp.Type6Unreachable || m.Code != icmp.Code6Port {
		t.Errorf("answer %+v", m)
	}
	for _, dst := range []string{"10.0.0.255", "255.255.255.255", "224.0.0.1", "ff02::1"} {
		a, src := netip.MustParseAddr(dst), b4
		if a.Is6() {
			src = b6
		}
		l.silent(DropUDPNoSocket, ipFrame(src, a, 17, datagram(src, a, 1, 9, nil)))
	}
	l.alive()
}

// Source port 0 is delivered, destination port 0 is not.
func TestCase_U4_U5(t *testing.T) {
	l := newLab(t).meet()
	u := l.udp("[::]:9")
	l.in(ipFrame(b4, a4, 17, datagram(b4, a4, 0, 9, []byte("zero"))))
	l.wantRead(u, "zero")
	l.silent(DropUDPHeader, ipFrame(b4, a4, 17, datagram(b4, a4, 1, 0, nil)))
	for _, src := range []string{"224.0.0.5", "10.0.0.255"} {
		a := netip.MustParseAddr(src)
		l.silent(DropMartianSource, ipFrame(a, a4, 17, datagram(a, a4, 1, 9, nil)))
	}
	l.alive()
}

// A port unreachable is reported once to the connected socket that it belongs to.
func TestCase_U6(t *testing.T) {
	l := newLab(t).meet()
	u, free := l.udp("0.0.0.0:1111"), l.udp("0.0.0.0:2222")
	if err := u.Connect(l.now, netip.AddrPortFrom(b4, 9)); err != nil {
		t.Fatal(err)
	}
	refuse := func(from, to uint16, peer netip.Addr) []byte {
		q := icmp.Unreachable4(icmp.Code4Port, ip4(ipv4.Header{Proto: 17, Src: a4.As4(), Dst: peer.As4()}, datagram(a4, peer, from, to, []byte("x"))))
		return ipFrame(b4, a4, 1, icmp4Message(&q))
	}
	l.in(refuse(1111, 10, b4), refuse(1111, 9, netip.MustParseAddr("10.0.0.3")), refuse(2222, 9, b4))
	if err := u.Err(); err != nil {
		t.Errorf("an error about another peer is reported: %v", err)
	}
	if err := free.Err(); err != nil {
		t.Errorf("an error is reported to an unconnected socket: %v", err)
	}
	l.in(refuse(1111, 9, b4))
	if l.s.Ready() != "0.0.0.0:1111" {
		t.Errorf("the socket is not ready")
	}
	if _, _, _, err := u.ReadFrom(make([]byte, 10)); !errors.Is(err, ErrRefused) {
		t.Errorf("ReadFrom = %v, want %v", err, ErrRefused)
	}
	if _, _, _, err := u.ReadFrom(make([]byte, 10)); !errors.Is(err, ErrWouldBlock) {
		t.Errorf("the second ReadFrom = %v, want %v", err, ErrWouldBlock)
	}
	l.alive()
}

// Empty datagrams arrive, truncation is told, and an unread socket keeps the oldest.
func TestCase_U7(t *testing.T) {
	l := newLab(t).meet()
	u := l.udp("10.0.0.1:9")
	l.in(ipFrame(b4, a4, 17, datagram(b4, a4, 5, 9, nil)), ipFrame(b4, a4, 17, datagram(b4, a4, 6, 9, pattern(1000))))
	b := make([]byte, 100)
	if n, from, size, err := u.ReadFrom(b); n != 0 || size != 0 || err != nil || from != netip.AddrPortFrom(b4, 5) {
		t.Errorf("ReadFrom = %d of %d from %v, %v; want an empty datagram", n, size, from, err)
	}
	if n, _, size, err := u.ReadFrom(b); n != 100 || size != 1000 || err != nil || !bytes.Equal(b, pattern(100)) {
		t.Errorf("ReadFrom = %d of %d, %v; want 100 of 1000", n, size, err)
	}
	for i := range 20000 {
		var p [1000]byte
		be.PutUint32(p[:], uint32(i))
		l.in(ipFrame(b4, a4, 17, datagram(b4, a4, 5, 9, p[:])))
	}
	if n := u.Dropped(); n < 19000 || n != l.s.Stats().Drops[DropUDPFull] {
		t.Errorf("%d dropped", n)
	}
	if _, _, _, err := u.ReadFrom(b); err != nil || be.Uint32(b) != 0 {
		t.Errorf("the oldest is %d, %v", be.Uint32(b), err)
	}
	l.alive()
}

// The most specific socket has a datagram.
func TestUDPDemux(t *testing.T) {
	l := newLab(t).meet()
	all, one, six := l.udp("0.0.0.0:9"), l.udp("10.0.0.1:9"), l.udp("[fd00::1]:9")
	connected := l.udp("10.0.0.1:10")
	if err := connected.Connect(l.now, netip.AddrPortFrom(b4, 77)); err != nil {
		t.Fatal(err)
	}
	if _, err := l.s.BindUDP(netip.MustParseAddrPort("[::]:9"), nil); !errors.Is(err, ErrInUse) {
		t.Errorf("bind to both families over a bound port: %v, want %v", err, ErrInUse)
	}
	if _, err := l.s.BindUDP(netip.MustParseAddrPort("10.0.0.9:9"), nil); !errors.Is(err, ErrNotAvailable) {
		t.Errorf("bind to a foreign address: %v, want %v", err, ErrNotAvailable)
	}
	l.address("10.0.0.3/24")
	a3 := netip.MustParseAddr("10.0.0.3")
	l.in(
		ipFrame(b4, a4, 17, datagram(b4, a4, 5, 9, []byte("one"))),
		ipFrame(b4, a3, 17, datagram(b4, a3, 5, 9, []byte("all"))),
		ipFrame(b6, a6, 17, datagram(b6, a6, 5, 9, []byte("six"))),
		ipFrame(b4, a4, 17, datagram(b4, a4, 77, 10, []byte("peer"))),
		ipFrame(b4, a4, 17, datagram(b4, a4, 78, 10, []byte("stranger"))),
	)
	l.wantRead(one, "one")
	l.wantRead(all, "all")
	l.wantRead(six, "six")
	l.wantRead(connected, "peer")
	if n := connected.Readable(); n != -1 {
		t.Errorf("a stranger's datagram of %d bytes is in the connected socket", n)
	}
	one.Close()
	l.in(ipFrame(b4, a4, 17, datagram(b4, a4, 5, 9, []byte("again"))))
	l.wantRead(all, "again")
	l.alive()
}

// Groups: what was joined arrives, at every socket that joined it.
func TestUDPGroups(t *testing.T) {
	l := newLab(t).meet()
	l.s.GroupsChanged()
	for _, g := range []string{"239.1.2.3", "ff02::1:2:3"} {
		a, src := netip.MustParseAddr(g), b4
		if a.Is6() {
			src = b6
		}
		x, y := l.udp("[::]:5353"), l.udp("[fd00::1]:5353")
		hello := ipFrame(src, a, 17, datagram(src, a, 5353, 5353, []byte("hello")))
		l.silent(DropGroup, hello)
		before := len(l.s.Groups(l.i))
		if err := x.JoinGroup(l.now, l.i, a); err != nil {
			t.Fatal(err)
		}
		if i, ok := l.s.GroupsChanged(); !ok || i != l.i || len(l.s.Groups(l.i)) != before+1 {
			t.Errorf("%v: groups %v after joining, changed %v", a, l.s.Groups(l.i), ok)
		}
		if got := l.out(); len(got) != 1 {
			t.Errorf("%v: %d membership reports", a, len(got))
		}
		l.in(hello)
		l.wantRead(x, "hello")
		if y.Readable() != -1 {
			t.Errorf("%v: a socket that did not join received it", a)
		}
		x.Close()
		l.silent2(DropGroup, hello)
		if len(l.s.Groups(l.i)) != before {
			t.Errorf("%v: groups %v after closing", a, l.s.Groups(l.i))
		}
		y.Close()
	}
	l.alive()
}

// silent2 is silent after the report of leaving a group.
func (l *lab) silent2(why Drop, frame []byte) {
	l.t.Helper()
	l.out()
	l.silent(why, frame)
}

// A full interface queue holds the writer, who is told when there is room.
func TestUDPBackPressure(t *testing.T) {
	l := newLabConfig(t, Config{QueueFrames: 16}, true).meet()
	u := l.udp("0.0.0.0:9")
	n := 0
	for ; n < 100; n++ {
		if _, err := u.WriteTo(l.now, []byte("x"), netip.AddrPortFrom(b4, 9)); errors.Is(err, ErrWouldBlock) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if n == 0 || n > 16 {
		t.Errorf("%d datagrams taken, queue of 16", n)
	}
	if l.s.Ready() != nil {
		t.Errorf("ready while the queue is full")
	}
	if got := len(l.out()); got != n {
		t.Errorf("%d frames sent, want %d", got, n)
	}
	if l.s.Ready() == nil || u.Events()&tcp.Writable == 0 {
		t.Errorf("the writer was not told")
	}
	if _, err := u.WriteTo(l.now, make([]byte, 65508), netip.AddrPortFrom(b4, 9)); !errors.Is(err, ErrMessageTooLong) {
		t.Errorf("65508 bytes: %v, want %v", err, ErrMessageTooLong)
	}
}

// Datagrams of every size arrive whole, in fragments if need be.
func TestUDPSizes(t *testing.T) {
	p := newPair(t, ethernetLink)
	from, err := p.a.BindUDP(netip.AddrPort{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	to, err := p.b.BindUDP(netip.MustParseAddrPort("[::]:9"), nil)
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 65536)
	for _, n := range []int{0, 1, 1471, 1472, 1473, 1452, 1453, 3000, 20000, 65507} {
		for _, dst := range []netip.Addr{b4, b6} {
			if _, err := from.WriteTo(p.now, pattern(n), netip.AddrPortFrom(dst, 9)); err != nil {
				t.Fatalf("%d bytes to %v: %v", n, dst, err)
			}
			p.run()
			if got, _, _, err := to.ReadFrom(b); err != nil || !bytes.Equal(b[:got], pattern(n)) {
				t.Errorf("%d bytes to %v: %d arrived, %v", n, dst, got, err)
			}
		}
	}
	wantNoDropsBut(t, p, DropFragment)
}

// Broadcasts and groups go to everybody on the link, even where a default route leads to a router.
func TestUDPBroadcast(t *testing.T) {
	l := newLab(t).meet()
	if err := l.s.AddRoute(Route{Dst: netip.MustParsePrefix("0.0.0.0/0"), Via: b4}); err != nil {
		t.Fatal(err)
	}
	u := l.udp("0.0.0.0:9")
	for dst, want := range map[string]ethernet.Addr{
		"255.255.255.255": ethernet.Broadcast,
		"10.0.0.255":      ethernet.Broadcast,
		"239.1.2.3":       {1, 0, 0x5e, 1, 2, 3},
		"192.0.2.1":       macB,
	} {
		if _, err := u.WriteTo(l.now, []byte("x"), netip.AddrPortFrom(netip.MustParseAddr(dst), 9)); err != nil {
			t.Errorf("%s: %v", dst, err)
			continue
		}
		if got := ethernet.Addr(l.one(l.out())[:6]); got != want {
			t.Errorf("%s is sent to %v, want %v", dst, got, want)
		}
	}
	// What others send to everybody arrives.
	for _, dst := range []string{"255.255.255.255", "10.0.0.255"} {
		a := netip.MustParseAddr(dst)
		f := ipFrame(b4, a, 17, datagram(b4, a, 5, 9, []byte(dst)))
		copy(f, ethernet.Broadcast[:])
		l.in(f)
		l.wantRead(u, dst)
	}
}

// Connecting again changes peer and source; an invalid remote dissolves the association.
func TestUDPConnect(t *testing.T) {
	l := newLab(t).meet()
	u := l.udp("[::]:9")
	for _, to := range []netip.Addr{b4, b6, b4} {
		if err := u.Connect(l.now, netip.AddrPortFrom(to, 7)); err != nil {
			t.Fatalf("connect to %v: %v", to, err)
		}
		if got := u.Local().Addr(); got != a4 && got != a6 || got.Is4() != to.Is4() || u.Remote() != netip.AddrPortFrom(to, 7) {
			t.Errorf("connected to %v: ends %v and %v", to, u.Local(), u.Remote())
		}
		if _, err := u.WriteTo(l.now, []byte("x"), netip.AddrPort{}); err != nil {
			t.Errorf("write to %v: %v", to, err)
		}
		l.one(l.out())
	}
	if err := u.Connect(l.now, netip.AddrPort{}); err != nil || !u.Local().Addr().IsUnspecified() {
		t.Errorf("dissolved: %v, local address %v", err, u.Local())
	}
	if _, err := u.WriteTo(l.now, nil, netip.AddrPort{}); !errors.Is(err, ErrNotConnected) {
		t.Errorf("write without a peer: %v, want %v", err, ErrNotConnected)
	}
	l.in(ipFrame(b6, a6, 17, datagram(b6, a6, 5, 9, []byte("free"))))
	l.wantRead(u, "free")
}
