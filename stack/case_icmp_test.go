package stack

import (
	"bytes"
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/ztstack/ztstack/ethernet"
	"github.com/ztstack/ztstack/icmp"
	"github.com/ztstack/ztstack/ipv4"
	"github.com/ztstack/ztstack/ipv6"
	"github.com/ztstack/ztstack/tcp"
)

// Echo of every size: the same bytes come back, from the address that was asked.
func TestCase_C1(t *testing.T) {
	l := newLab(t).meet()
	l.address("10.0.0.55/24")
	l.out()
	for n := 0; n <= 1472; n += 92 {
		m := icmp.Echo4(false, 0xabcd, uint16(n), pattern(n))
		f := l.one(l.ask(ipFrame(b4, netip.MustParseAddr("10.0.0.55"), 1, icmp4Message(&m))))
		r := l.icmpOf(f)
		if r.Type != icmp.Type4EchoReply || r.EchoID() != 0xabcd || r.EchoSeq() != uint16(n) || !bytes.Equal(r.Body, pattern(n)) {
			t.Fatalf("%d bytes: reply %+v", n, r)
		}
		if [4]byte(f[26:30]) != [4]byte{10, 0, 0, 55} {
			t.Errorf("reply from %v", f[26:30])
		}
	}
	// 60000 bytes in fragments, which come back in fragments that fit the link.
	p := newPair(t, ethernetLink)
	ping, err := p.a.BindPing(netip.Addr{}, "ping")
	if err != nil {
		t.Fatal(err)
	}
	for i, to := range []netip.Addr{b4, b6} {
		if err := ping.Send(p.now, to, uint16(i), pattern(60000)); err != nil {
			t.Fatal(err)
		}
		p.run()
		b := make([]byte, 65536)
		n, from, seq, ok := ping.Recv(b)
		if !ok || from != to || seq != uint16(i) || !bytes.Equal(b[:n], pattern(60000)) {
			t.Errorf("ping of %v: %d bytes from %v, sequence number %d, %v", to, n, from, seq, ok)
		}
	}
}

// Echo requests to groups and broadcast addresses are not answered.
func TestCase_C2(t *testing.T) {
	l := newLab(t).meet()
	for _, dst := range []string{"255.255.255.255", "10.0.0.255", "224.0.0.1"} {
		m := icmp.Echo4(false, 7, 1, nil)
		l.silent(DropEchoGroup, ipFrame(b4, netip.MustParseAddr(dst), 1, icmp4Message(&m)))
	}
	m := icmp.Echo6(false, 7, 1, nil)
	l.silent(DropEchoGroup, eth(macA, macB, ethernet.TypeIPv6, icmp6Packet(b6, netip.MustParseAddr("ff02::1"), &m, 64)))
	l.alive()
}

// What must not cause an error causes none.
func TestCase_C3(t *testing.T) {
	l := newLab(t).meet()
	bad := ip4(ipv4.Header{Proto: 253, Src: a4.As4(), Dst: b4.As4()}, make([]byte, 8))
	e := icmp.Unreachable4(icmp.Code4Host, bad)
	for name, f := range map[string][]byte{
		"error":         ipFrame(b4, a4, 1, icmp4Message(&e)),
		"broadcast dst": ipFrame(b4, netip.MustParseAddr("10.0.0.255"), 17, datagram(b4, netip.MustParseAddr("10.0.0.255"), 1, 9, nil)),
		"fragment":      eth(macA, macB, ethernet.TypeIPv4, ip4(ipv4.Header{Proto: 253, FragOff: 8, ID: 3}, make([]byte, 8))),
	} {
		if got := l.ask(f); len(got) != 0 {
			t.Errorf("%s: %d answers", name, len(got))
		}
	}
	l.alive()
}

// Types that mean nothing, truncated and damaged messages are dropped.
func TestCase_C4(t *testing.T) {
	l := newLab(t).meet()
	for _, typ := range []uint8{1, 2, 7, 19, 25, 29, 253} {
		m := icmp.Message{Type: typ, Body: []byte("data")}
		l.silent(DropICMPType, ipFrame(b4, a4, 1, icmp4Message(&m)))
	}
	m := icmp.Echo4(false, 7, 1, []byte("data"))
	good := icmp4Message(&m)
	for n := range 8 {
		l.silent(DropICMP, ipFrame(b4, a4, 1, good[:n]))
	}
	good[2] ^= 1
	l.silent(DropICMP, ipFrame(b4, a4, 1, good))
	l.alive()
}

// handshake makes a connection of the host to b4:80, with the test as the other end, and returns it with
// the host's next sequence number.
func (l *lab) handshake(to netip.AddrPort) (*TCP, tcp.Header) {
	l.t.Helper()
	c, err := l.s.DialTCP(l.now, netip.AddrPort{}, to, nil, nil)
	if err != nil {
		l.t.Fatal(err)
	}
	syn := tcpOf(l.one(l.out()))
	src := c.Local().Addr()
	r := tcp.Header{SrcPort: to.Port(), DstPort: syn.SrcPort, Seq: 1000, Ack: syn.Seq + 1, Flags: tcp.SYN | tcp.ACK, Window: 60000}
	r.Options.HasMSS, r.Options.MSS = true, 1460
	l.in(ipFrame(to.Addr(), src, 6, segment(to.Addr(), src, &r, nil)))
	ack := tcpOf(l.one(l.out()))
	if ack.Flags != tcp.ACK {
		l.t.Fatalf("answer to the SYN-ACK: %v", ack.Flags)
	}
	return c, ack
}

// quoted returns an ICMP error about a packet with the given header from the host.
func (l *lab) quoted(c *TCP, seq tcp.Seq, make4 func(packet []byte) icmp.Message, size int) []byte {
	src, dst := c.Local(), c.Remote()
	h := tcp.Header{SrcPort: src.Port(), DstPort: dst.Port(), Seq: seq, Flags: tcp.ACK}
	m := make4(ip4(ipv4.Header{Proto: 6, Src: src.Addr().As4(), Dst: dst.Addr().As4()}, segment(src.Addr(), dst.Addr(), &h, make([]byte, size))))
	return ipFrame(b4, a4, 1, icmp4Message(&m))
}

// Errors that quote too little or nothing of ours are dropped.
func TestCase_C5(t *testing.T) {
	l := newLab(t).meet()
	whole := ip4(ipv4.Header{Proto: 6, Src: a4.As4(), Dst: b4.As4()}, segment(a4, b4, &tcp.Header{SrcPort: 1, DstPort: 2}, nil))
	foreign := ip4(ipv4.Header{Proto: 6, Src: [4]byte{10, 0, 0, 9}, Dst: b4.As4()}, segment(a4, b4, &tcp.Header{SrcPort: 1, DstPort: 2}, nil))
	badIHL := append([]byte{0x44}, whole[1:]...)
	for _, q := range [][]byte{whole[:20], whole[:27], badIHL, whole, foreign} {
		for _, m := range []icmp.Message{icmp.Unreachable4(icmp.Code4Port, q), icmp.TimeExceeded4(0, q)} {
			l.silent(DropICMPQuote, ipFrame(b4, a4, 1, icmp4Message(&m)))
		}
	}
	l.alive()
}

// Errors with sequence numbers that are not in flight are ignored, and hard errors do not end a connection
// that works.
func TestCase_C6_C7(t *testing.T) {
	l := newLab(t).meet()
	c, ack := l.handshake(netip.AddrPortFrom(b4, 80))
	port := func(p []byte) icmp.Message { return icmp.Unreachable4(icmp.Code4Port, p) }
	if _, err := c.Write(l.now, []byte("hello")); err != nil {
		t.Fatal(err)
	}
	l.out()
	l.silent(DropICMPQuote, l.quoted(c, ack.Seq-1, port, 0))
	l.silent(DropICMPQuote, l.quoted(c, ack.Seq+5, port, 0))
	l.in(l.quoted(c, ack.Seq, port, 0))
	if c.State() != tcp.StateEstablished {
		t.Errorf("a hard error ended an established connection: %v", c.State())
	}
	// In SYN-SENT port unreachable means refused, host unreachable does not matter.
	for _, tt := range []struct {
		code uint8
		want error
	}{{icmp.Code4Port, ErrRefused}, {icmp.Code4Protocol, ErrRefused}, {icmp.Code4Net, nil}, {icmp.Code4Host, nil}, {icmp.Code4SourceRoute, nil}} {
		c, err := l.s.DialTCP(l.now, netip.AddrPort{}, netip.AddrPortFrom(b4, 81), nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		syn := tcpOf(l.one(l.out()))
		l.in(l.quoted(c, syn.Seq, func(p []byte) icmp.Message { return icmp.Unreachable4(tt.code, p) }, 0))
		if !errors.Is(c.Err(), tt.want) {
			t.Errorf("code %d in SYN-SENT: Err = %v, want %v", tt.code, c.Err(), tt.want)
		}
		c.Abort(l.now)
		l.out()
	}
	l.alive()
}

// Fragmentation Needed lowers the MSS when it is about data in flight, never below the floor.
func TestCase_C8(t *testing.T) {
	for _, tt := range []struct {
		mtu   int
		right bool // quotes what is in flight
		want  int  // MSS after it
	}{
		{1400, true, 1360}, {1400, false, 1460}, {0, true, minPMTU4 - 40}, {1, true, minPMTU4 - 40},
		{67, true, minPMTU4 - 40}, {68, true, minPMTU4 - 40}, {1499, true, 1459}, {65535, true, 1460}, {1500, true, 1460},
	} {
		l := newLab(t).meet()
		c, ack := l.handshake(netip.AddrPortFrom(b4, 80))
		if _, err := c.Write(l.now, pattern(5000)); err != nil {
			t.Fatal(err)
		}
		l.out()
		seq := ack.Seq
		if !tt.right {
			seq -= 1
		}
		l.in(l.quoted(c, seq, func(p []byte) icmp.Message { return icmp.FragNeeded4(tt.mtu, p) }, 1460))
		frames := l.out()
		if got := c.Conn().Info().MSS; got != tt.want {
			t.Errorf("MTU %d, right %v: MSS %d, want %d", tt.mtu, tt.right, got, tt.want)
		}
		for _, f := range frames {
			if len(f)-14-40 > tt.want {
				t.Errorf("MTU %d: a segment of %d bytes after it", tt.mtu, len(f)-54)
			}
		}
		if tt.want < 1459 && len(frames) == 0 {
			t.Errorf("MTU %d: nothing is sent again", tt.mtu)
		}
		l.alive()
	}
	// Nothing in flight: not believed.
	l := newLab(t).meet()
	c, ack := l.handshake(netip.AddrPortFrom(b4, 80))
	l.silent(DropICMPQuote, l.quoted(c, ack.Seq, func(p []byte) icmp.Message { return icmp.FragNeeded4(600, p) }, 1460))
}

// Redirects and Source Quench are ignored.
func TestCase_C9_C10(t *testing.T) {
	l := newLab(t).meet()
	c, ack := l.handshake(netip.AddrPortFrom(b4, 80))
	if _, err := c.Write(l.now, pattern(100)); err != nil {
		t.Fatal(err)
	}
	l.out()
	before := c.Conn().Info().CWND
	l.silent(DropICMPType, l.quoted(c, ack.Seq, func(p []byte) icmp.Message { return icmp.Redirect4([4]byte{10, 0, 0, 9}, p) }, 0))
	l.silent(DropICMPType, l.quoted(c, ack.Seq, func(p []byte) icmp.Message {
		m := icmp.Unreachable4(0, p)
		m.Type = icmp.Type4SourceQuench
		return m
	}, 0))
	if got := c.Conn().Info().CWND; got != before {
		t.Errorf("cwnd %d after Source Quench, before %d", got, before)
	}
	l.alive()
}

// Errors are limited in rate.
func TestCase_C11(t *testing.T) {
	l := newLab(t).meet()
	answers := 0
	f4, f6 := ipFrame(b4, a4, 17, datagram(b4, a4, 1, 9, nil)), ipFrame(b6, a6, 17, datagram(b6, a6, 1, 9, nil))
	for range 5000 {
		answers += len(l.ask(f4)) + len(l.ask(f6))
		l.now = l.now.Add(200 * time.Microsecond)
	}
	if answers < icmpErrorsPerSecond/2 || answers > icmpErrorsPerSecond+icmpErrorsBurst+1 {
		t.Errorf("%d errors in a second, want about %d", answers, icmpErrorsPerSecond)
	}
	l.advance(time.Second)
	l.alive()
}

// Packet Too Big below 1280 and for unknown flows is ignored.
func TestCase_V15(t *testing.T) {
	for _, tt := range []struct {
		mtu  uint32
		want int
	}{{0, 1440}, {1279, 1440}, {1280, 1220}, {1400, 1340}, {1500, 1440}, {4294967295, 1440}} {
		l := newLab(t).meet()
		c, ack := l.handshake(netip.AddrPortFrom(b6, 80))
		if _, err := c.Write(l.now, pattern(5000)); err != nil {
			t.Fatal(err)
		}
		l.out()
		src, dst := c.Local(), c.Remote()
		h := tcp.Header{SrcPort: src.Port(), DstPort: dst.Port(), Seq: ack.Seq, Flags: tcp.ACK}
		q := ip6(ipv6.Header{Next: 6, Src: src.Addr().As16(), Dst: dst.Addr().As16()}, segment(src.Addr(), dst.Addr(), &h, make([]byte, 1440)))
		m := icmp.PacketTooBig6(0, q)
		m.Rest = tt.mtu
		l.in(eth(macA, macB, ethernet.TypeIPv6, icmp6Packet(b6, a6, &m, 64)))
		l.out()
		if got := c.Conn().Info().MSS; got != tt.want {
			t.Errorf("MTU %d: MSS %d, want %d", tt.mtu, got, tt.want)
		}
		if tt.mtu == 1280 {
			// After ten minutes the path is tried again.
			c.Abort(l.now)
			l.advance(11 * time.Minute)
			l.meet()
			c, _ = l.handshake(netip.AddrPortFrom(b6, 80))
			if got := c.Conn().Info().MSS; got != 1440 {
				t.Errorf("MSS %d after the path MTU's lifetime", got)
			}
		}
		l.alive()
	}
}
