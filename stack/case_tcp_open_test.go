package stack

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/ztstack/ztstack/ethernet"
	"github.com/ztstack/ztstack/internal/be"
	"github.com/ztstack/ztstack/internal/cksum"
	"github.com/ztstack/ztstack/ipv4"
	"github.com/ztstack/ztstack/tcp"
)

// reseal makes the checksum of a TCP segment from b4 to a4 right again.
func reseal(seg []byte) []byte {
	be.PutUint16(seg[16:], 0)
	be.PutUint16(seg[16:], ^cksum.Add(cksum.Sum(seg), pseudoOf(b4, a4, 6, len(seg))))
	return seg
}

// withOptions returns the frame of p's segment with these option bytes, padded to whole words.
func (p *peer) withOptions(line string, opts []byte) []byte {
	h, n := p.header(line, []func(*tcp.Header){noTS})
	f := p.frame(line, noTS)
	seg := f[14+ipv4.HeaderLen:]
	data := append([]byte(nil), seg[len(seg)-n:]...)
	for len(opts)%4 != 0 {
		opts = append(opts, 0)
	}
	seg = make([]byte, 60)
	h.Options = tcp.Options{}
	h.Put(seg)
	seg = append(append(seg[:20], opts...), data...)
	seg[12] = byte(20+len(opts)) / 4 << 4
	return eth(macA, macB, ethernet.TypeIPv4, ip4(ipv4.Header{Proto: 6}, reseal(seg)))
}

// Segments that are none are dropped, on a listening port and on a connection.
// "Checksum: [...] the receiver MUST check it" RFC 9293, Section 3.1 (MUST-3).
func TestCase_T1(t *testing.T) {
	for _, open := range []bool{false, true} {
		p := newPeer(t, nil)
		line := "S 0:0(0)"
		if open {
			p.open()
			line = "P. 1:11(10) ack 1"
		}
		whole := p.frame(line)
		mangle := func(f func(seg []byte) []byte) []byte {
			seg := f(append([]byte(nil), whole[14+ipv4.HeaderLen:]...))
			return eth(macA, macB, ethernet.TypeIPv4, ip4(ipv4.Header{Proto: 6}, seg))
		}
		for i := range 16 {
			p.silent(DropTCPChecksum, mangle(func(seg []byte) []byte { seg[16+i/8] ^= 1 << (i % 8); return seg }))
		}
		for off := range 5 {
			p.silent(DropTCPHeader, mangle(func(seg []byte) []byte { seg[12] = byte(off) << 4; return reseal(seg) }))
		}
		p.silent(DropTCPHeader, mangle(func(seg []byte) []byte { seg[12] = 0xf0; return reseal(seg) }))
		for n := range 20 {
			p.silent(DropTCPHeader, mangle(func(seg []byte) []byte { return seg[:n] }))
		}
		if open {
			if n := p.conn.Readable(); n != 0 {
				t.Errorf("%d bytes can be read", n)
			}
			p.wantState(tcp.StateEstablished)
		} else if n := p.s.Stats().Conns; n != 0 {
			t.Errorf("%d connections", n)
		}
		p.alive()
	}
}

// Options that make no sense cost nothing but themselves.
// "MUST be prepared to handle an illegal option length (e.g., zero)" RFC 9293, Section 3.1 (MUST-7).
func TestCase_T2(t *testing.T) {
	for i, opts := range [][]byte{
		{2, 0}, {2, 1}, {2, 3, 5}, {2, 200, 5, 5}, {8, 255}, {3}, {5, 2, 1, 1}, {5, 9, 1, 2, 3, 4, 5, 6, 7},
		{30, 4, 1, 2}, {253, 6, 1, 2, 3, 4}, {254, 2}, {0, 2, 4, 1}, {1, 1, 1, 0, 255, 255, 255, 255},
		{69, 0, 0, 0, 4, 200}, make([]byte, 40),
	} {
		p := newPeer(t, nil)
		got := p.replies(p.ask(p.withOptions("S 0:0(0)", opts)))
		p.want(got, "S. 0:0(0) ack 1")
		p.want(p.say(". 1:1(0) ack 1"))
		p.accept()
		p.in(p.withOptions("P. 1:11(10) ack 1", opts))
		if n := p.read(1); n != 10 {
			t.Errorf("options %d %v: %d bytes arrived, want 10; drops:%s", i, opts, n, p.drops())
		}
		p.alive()
	}
}

// A peer's MSS is kept above what would make a storm of tiny segments, and is read from SYNs only.
// "If an MSS Option is not received at connection setup, TCP implementations MUST assume a default send MSS of
// 536 (576 - 40) for IPv4 or 1220 (1280 - 60) for IPv6" RFC 9293, Section 3.7.1 (MUST-15).
func TestCase_T3(t *testing.T) {
	for _, tt := range []struct {
		mss  int // -1: no option
		v6   bool
		want int
	}{
		{0, false, 64}, {1, false, 64}, {8, false, 64}, {48, false, 64}, {1000, false, 1000}, {65535, false, 1460},
		{-1, false, 536}, {-1, true, 1220}, {0, true, 64}, {65535, true, 1440},
	} {
		p := newPeer(t, nil)
		if tt.v6 {
			p.overIPv6()
		}
		if tt.mss < 0 {
			p.open()
		} else {
			p.open(withMSS(uint16(tt.mss)))
		}
		if got := p.info().MSS; got != tt.want {
			t.Errorf("MSS option %d, IPv6 %v: segments of %d bytes, want %d", tt.mss, tt.v6, got, tt.want)
		}
		got := p.write(4 * tt.want)
		for _, r := range got {
			if r.n != tt.want {
				t.Errorf("MSS option %d: a segment of %d bytes, want %d", tt.mss, r.n, tt.want)
			}
		}
		// On any other segment the option means nothing. Put leaves it out there: it goes in by hand.
		if !tt.v6 {
			p.in(p.withOptions(". 1:1(0) ack 1", []byte{2, 4, 0, 100}))
			if got := p.info().MSS; got != tt.want {
				t.Errorf("after an MSS option on an ACK: %d, want %d", got, tt.want)
			}
		}
	}
}

// "If a Window Scale option is received with a shift.cnt value larger than 14, the TCP SHOULD log the error but
// MUST use 14" RFC 7323, Section 2.3.
func TestCase_T4(t *testing.T) {
	for _, shift := range []byte{15, 255} {
		p := newPeer(t, nil)
		p.in(p.withOptions("S 0:0(0) win 1000", []byte{3, 3, shift, 0}))
		p.want(p.hear(), "S. 0:0(0) ack 1")
		p.want(p.say(". 1:1(0) ack 1 win 10"))
		p.accept()
		if in := p.info(); in.SendScale != 14 || in.SendWindow != 10<<14 {
			t.Errorf("shift %d: scale %d, window %d; want 14, %d", shift, in.SendScale, in.SendWindow, 10<<14)
		}
	}
	// An answer to what was not asked is no answer.
	p := newPeer(t, nil)
	if syn := p.dial(&tcp.Config{NoWindowScale: true}); syn.h.Options.HasWindowScale {
		t.Error("a window scale was offered")
	}
	p.want(p.say("S. 0:0(0) ack 1 win 1000", withScale(7)), ". 1:1(0) ack 1")
	p.say(". 1:1(0) ack 1 win 900")
	if in := p.info(); in.SendScale != 0 || in.SendWindow != 900 {
		t.Errorf("scale not offered: scale %d, window %d; want 0, 900", in.SendScale, in.SendWindow)
	}
	// "The window field in a segment where the SYN bit is set (i.e., a <SYN> or <SYN,ACK>) MUST NOT be scaled."
	// RFC 7323, Section 2.2.
	p = newPeer(t, nil)
	p.dial(nil)
	p.want(p.say("S. 0:0(0) ack 1 win 1000", withScale(7)), ". 1:1(0) ack 1")
	if in := p.info(); in.SendWindow != 1000 || in.SendScale != 7 {
		t.Errorf("in a SYN: window %d, scale %d; want 1000, 7", in.SendWindow, in.SendScale)
	}
}

// Odd flags in every kind of state: RFC 9293, Section 3.10.7.
func TestCase_T5(t *testing.T) {
	type answers struct{ closed, listen, synSent, established string }
	for _, tt := range []struct {
		flags string
		answers
		after tcp.State // from ESTABLISHED
	}{
		{"0", answers{"R. 0:0(0) ack 1", "", "", ""}, tcp.StateEstablished},
		{"F", answers{"R. 0:0(0) ack 2", "", "", ""}, tcp.StateEstablished},
		{"SF", answers{"R. 0:0(0) ack 3", "", "", ". 1:1(0) ack 1"}, tcp.StateEstablished},
		{"SR", answers{"", "", "", ""}, tcp.StateClosed},
		{"FUP", answers{"R. 0:0(0) ack 2", "", "", ""}, tcp.StateEstablished},
		{"FSRP.UEW", answers{"", "", "", ""}, tcp.StateClosed},
	} {
		line := tt.flags + " 1:1(0) ack 99"
		p := newPeer(t, nil)
		p.remote = netip.AddrPortFrom(a4, 99)
		p.want(p.say(line), tt.closed)

		p = newPeer(t, nil)
		p.want(p.say(line), tt.listen)
		if n := p.s.Stats().Conns; n != 0 {
			t.Errorf("%s in LISTEN: %d connections", tt.flags, n)
		}

		p = newPeer(t, nil)
		p.dial(nil)
		p.want(p.say(line), tt.synSent)
		p.wantState(tcp.StateSynSent)

		p = newPeer(t, nil).open()
		p.want(p.say(line), tt.established)
		p.wantState(tt.after)
		p.alive()
	}
	// The same with an acceptable ACK in SYN-SENT: the reset counts.
	p := newPeer(t, nil)
	p.dial(nil)
	p.want(p.say("FSRP.UEW 0:0(0) ack 1"))
	p.wantState(tcp.StateClosed)
	if err := p.conn.Err(); !errors.Is(err, tcp.ErrRefused) {
		t.Errorf("Err = %v, want %v", err, tcp.ErrRefused)
	}
}

// Data in a SYN is not given to the application before the handshake is complete (RFC 9293, Section 3.4), and
// arrives once.
func TestCase_T6(t *testing.T) {
	p := newPeer(t, nil)
	p.want(p.say("S 0:100(100)"), "S. 0:0(0) ack 1")
	if _, ok := p.listener.Accept(nil); ok {
		t.Fatal("a connection can be accepted before the handshake is complete")
	}
	p.want(p.say(". 1:1(0) ack 1"))
	p.accept()
	if n := p.conn.Readable(); n != 0 {
		t.Errorf("%d bytes can be read that were not acknowledged", n)
	}
	p.say("P. 1:101(100) ack 1")
	if n := p.read(1); n != 100 {
		t.Errorf("%d bytes arrived, want 100", n)
	}
	p.alive()
}

// Simultaneous open: RFC 9293, Section 3.5, Figure 8 (MUST-10).
func TestCase_T7(t *testing.T) {
	for _, tt := range []struct {
		name, syn string
		with      []func(*tcp.Header)
	}{
		{"plain", "S 0:0(0)", nil},
		{"options", "S 0:0(0)", []func(*tcp.Header){withMSS(700), withScale(3), withSACKOK, withTS(100, 0)}},
		{"data", "S 0:50(50)", nil},
	} {
		p := newPeer(t, nil)
		p.dial(nil)
		p.ts = tt.name == "options"
		p.want(p.say(tt.syn, tt.with...), "S. 0:0(0) ack 1")
		p.wantState(tcp.StateSynReceived)
		p.want(p.say("S. 0:0(0) ack 1", tt.with...), ". 1:1(0) ack 1")
		p.wantState(tcp.StateEstablished)
		p.say("P. 1:51(50) ack 1")
		if n := p.read(1); n != 50 {
			t.Errorf("%s: %d bytes arrived, want 50", tt.name, n)
		}
		if in := p.info(); in.SACK != (tt.with != nil) || in.Timestamp != (tt.with != nil) {
			t.Errorf("%s: SACK %v, timestamps %v", tt.name, in.SACK, in.Timestamp)
		}
	}
	simultaneousPair(t)
}

// simultaneousPair lets the SYNs of two hosts cross.
func simultaneousPair(t *testing.T) {
	p := newPair(t, ethernetLink)
	p.connect(netip.MustParseAddrPort("10.0.0.2:80"), nil) // the hosts know each other's stations
	x, y := netip.AddrPortFrom(a4, 1111), netip.AddrPortFrom(b4, 2222)
	c, err := p.a.DialTCP(p.now, x, y, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	d, err := p.b.DialTCP(p.now, y, x, &tcp.Config{NoSACK: true, NoTimestamps: true}, nil)
	if err != nil {
		t.Fatal(err)
	}
	take := func(s *Stack, i Interface) []byte {
		p.buf.Off = 0
		if !s.Output(p.now, i, &p.buf) {
			t.Fatal("no SYN")
		}
		return append([]byte(nil), p.buf.Frame()...)
	}
	fa, fb := take(p.a, p.ia), take(p.b, p.ib)
	p.buf.Off, p.buf.Len = 0, copy(p.buf.B, fb)
	p.a.Receive(p.now, p.ia, &p.buf)
	p.buf.Off, p.buf.Len = 0, copy(p.buf.B, fa)
	p.b.Receive(p.now, p.ib, &p.buf)
	p.run()
	if c.State() != tcp.StateEstablished || d.State() != tcp.StateEstablished {
		t.Fatalf("after SYNs crossed: %v and %v", c.State(), d.State())
	}
	if c.Conn().Info().SACK || d.Conn().Info().SACK {
		t.Error("SACK is used, which one end has not offered")
	}
	if n := p.a.Stats().Conns; n != 2 {
		t.Errorf("%d connections, want 2", n)
	}
	wantBytes(t, p.transfer(c, d, pattern(100000), 1e12), pattern(100000))
}

// What is not the answer to our SYN: RFC 9293, Section 3.10.7.3.
func TestCase_T10(t *testing.T) {
	for _, tt := range []struct{ in, out string }{
		{"S. 0:0(0) ack 0", "R 0:0(0)"}, {"S. 0:0(0) ack 2", "R 2:2(0)"}, {"S. 0:0(0) ack 100000", "R 100000:100000(0)"},
		{"R 0:0(0)", ""}, {"R. 0:0(0) ack 0", ""}, {"R. 0:0(0) ack 2", ""},
		{". 0:0(0) ack 1", ""}, {". 0:0(0) ack 7", "R 7:7(0)"}, {"P. 0:10(10) ack 1", ""}, {"F. 0:0(0) ack 1", ""},
	} {
		p := newPeer(t, nil)
		p.dial(nil)
		p.want(p.say(tt.in), tt.out)
		p.wantState(tcp.StateSynSent)
		p.want(p.say("S. 0:0(0) ack 1"), ". 1:1(0) ack 1")
		p.wantState(tcp.StateEstablished)
	}
}

// A peer that has rebooted and begins again finds the old connection, and ends it: RFC 9293, Section 3.5.1,
// Figure 9, by way of RFC 5961, Section 4.
func TestCase_T13(t *testing.T) {
	p := newPeer(t, nil).open()
	p.write(10)
	old := p.isn
	p.isn += 1 << 20 // its new initial sequence number
	got := p.say("S 0:0(0)")
	if len(got) != 1 || got[0].h.Flags != tcp.ACK || got[0].h.Seq != p.iss+11 || got[0].h.Ack != old+1 {
		t.Fatalf("a new SYN is answered with %q, want a challenge", p.lines(got))
	}
	p.wantState(tcp.StateEstablished)
	// The peer's answer to an ACK that it cannot explain: <SEQ=SEG.ACK><CTL=RST>.
	p.isn = old
	p.want(p.say("R 1:1(0)"))
	p.wantState(tcp.StateClosed)
	if err := p.conn.Err(); !errors.Is(err, tcp.ErrReset) {
		t.Errorf("Err = %v, want %v", err, tcp.ErrReset)
	}
	p.conn.Close(p.now)
	p.hear()
	p.conn, p.isn = nil, old+1<<20
	p.open()
	p.wantState(tcp.StateEstablished)
	p.alive()
}

// "A TCP implementation MUST reject as an error a local OPEN call for an invalid remote IP address (e.g., a broadcast or
// multicast address)" RFC 9293, Section 3.9.2.3 (MUST-46).
func TestDialToGroups(t *testing.T) {
	l := newLab(t).meet()
	for _, to := range []string{"10.0.0.255:80", "255.255.255.255:80", "224.0.0.1:80", "[ff02::1%eth0]:80", "10.0.0.2:0"} {
		if c, err := l.s.DialTCP(l.now, netip.AddrPort{}, netip.MustParseAddrPort(to), nil, nil); err == nil {
			t.Errorf("DialTCP to %s makes a connection in %v", to, c.State())
		}
	}
	if n := l.s.Stats().Conns; n != 0 {
		t.Errorf("%d connections", n)
	}
}

// "The TTL value used to send TCP segments MUST be configurable" RFC 9293, Section 3.9.2 (MUST-49).
func TestHopLimit(t *testing.T) {
	l := newLabConfig(t, Config{HopLimit: 9}, true).meet()
	p := l.peer(40000, nil)
	if f := l.one(l.ask(p.frame("S 0:0(0)"))); f[14+8] != 9 {
		t.Errorf("TTL %d, want 9", f[14+8])
	}
	p = l.peer(40001, nil).overIPv6()
	if f := l.one(l.ask(p.frame("S 0:0(0)"))); f[14+7] != 9 {
		t.Errorf("hop limit %d, want 9", f[14+7])
	}
}
