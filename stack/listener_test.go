package stack

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/ztstack/ztstack/internal/be"
	"github.com/ztstack/ztstack/link"
	"github.com/ztstack/ztstack/tcp"
)

// syn returns the frame of a SYN to the host's port 7.
func synFrame(src netip.Addr, port uint16) []byte {
	h := tcp.Header{SrcPort: port, DstPort: 7, Seq: 1, Flags: tcp.SYN, Window: 1000}
	return ipFrame(src, a4, 6, segment(src, a4, &h, nil))
}

// A SYN from our own address and port is dropped and makes no connection.
func TestCase_T8(t *testing.T) {
	l := newLab(t).meet()
	h := tcp.Header{SrcPort: 7, DstPort: 7, Seq: 1, Flags: tcp.SYN, Window: 1000}
	l.silent(DropMartianSource, ipFrame(a4, a4, 6, segment(a4, a4, &h, nil)))
	l.silent(DropMartianSource, ipFrame(a6, a6, 6, segment(a6, a6, &h, nil)))
	if n := l.s.Stats().Conns; n != 0 {
		t.Errorf("%d connections", n)
	}
	l.alive()
}

// Segments from or to groups are dropped.
func TestCase_T9(t *testing.T) {
	l := newLab(t).meet()
	for _, f := range []tcp.Flags{tcp.SYN, tcp.RST, tcp.ACK} {
		h := tcp.Header{SrcPort: 50000, DstPort: 7, Seq: 1, Flags: f, Window: 1000}
		for _, dst := range []string{"10.0.0.255", "255.255.255.255", "224.0.0.1"} {
			a := netip.MustParseAddr(dst)
			l.silent(DropTCPGroup, ipFrame(b4, a, 6, segment(b4, a, &h, nil)))
		}
		for _, src := range []string{"10.0.0.255", "224.0.0.9"} {
			a := netip.MustParseAddr(src)
			l.silent(DropMartianSource, ipFrame(a, a4, 6, segment(a, a4, &h, nil)))
		}
	}
	l.alive()
}

// A closed port answers as RFC 9293, Section 3.10.7.1 says.
func TestCase_T11(t *testing.T) {
	l := newLab(t).meet()
	for _, tt := range []struct {
		flags    tcp.Flags
		data     int
		want     tcp.Flags
		seq, ack tcp.Seq
	}{
		{tcp.RST, 0, 0, 0, 0},
		{tcp.RST | tcp.ACK, 0, 0, 0, 0},
		{tcp.ACK, 0, tcp.RST, 500, 0},
		{tcp.SYN, 10, tcp.RST | tcp.ACK, 0, 111},
		{tcp.FIN, 0, tcp.RST | tcp.ACK, 0, 101},
	} {
		h := tcp.Header{SrcPort: 50000, DstPort: 99, Seq: 100, Ack: 500, Flags: tt.flags, Window: 1000}
		for _, pair := range [][2]netip.Addr{{b4, a4}, {b6, a6}} {
			got := l.ask(ipFrame(pair[0], pair[1], 6, segment(pair[0], pair[1], &h, make([]byte, tt.data))))
			if tt.want == 0 {
				if len(got) != 0 {
					t.Errorf("%v to a closed port is answered by %v", tt.flags, tcpOf(got[0]).Flags)
				}
				continue
			}
			r := tcpOf(l.one(got))
			if r.Flags != tt.want || r.Seq != tt.seq || r.Ack != tt.ack || r.SrcPort != 99 || r.DstPort != 50000 {
				t.Errorf("%v to a closed port: answer %v seq %d ack %d, want %v %d %d", tt.flags, r.Flags, r.Seq, r.Ack, tt.want, tt.seq, tt.ack)
			}
		}
	}
	l.alive()
}

// A flood of SYNs takes bounded memory, and an honest client still gets in, although a thousand SYNs come between two of
// its segments.
func TestCase_T12(t *testing.T) {
	l := newLabConfig(t, Config{MaxHalfOpen: 256}, true).meet()
	honest := 0
	for i := range 100000 {
		l.in(synFrame(netip.AddrFrom4([4]byte{10, 0, 0, byte(2 + i%250)}), uint16(i/250+1)))
		if i%64 == 0 {
			l.out()
		}
		if i%10000 != 5000 {
			continue
		}
		l.out()
		p := l.peer(uint16(50000+i/10000), nil)
		if i%20000 == 5000 {
			p.overIPv6()
		}
		p.ts = true
		p.want(p.say("S 0:0(0)", withMSS(1460), withSACKOK, withScale(7), withTS(100, 0)), "S. 0:0(0) ack 1")
		for j := range 1000 {
			l.in(synFrame(netip.AddrFrom4([4]byte{10, 0, 1, byte(j)}), uint16(i/10000+1)))
		}
		l.out()
		p.want(p.say(". 1:1(0) ack 1"))
		p.accept()
		p.say("P. 1:101(100) ack 1")
		if n := p.read(1); n != 100 {
			t.Fatalf("%d bytes of an honest client's arrive, want 100", n)
		}
		p.write(10000)
		p.ackAll(1000)
		if in := p.info(); len(p.heard) != 10000 || !in.SACK || !in.Timestamp || in.SendScale != 7 || in.MSS < 1400 {
			t.Errorf("an honest client gets %d bytes; %+v", len(p.heard), in)
		}
		p.conn.Abort(l.now)
		l.out()
		honest++
	}
	if st := l.s.Stats(); honest != 10 || st.TCPCookiesIn == 0 || st.TCPCookiesOut < 90000 {
		t.Errorf("%d honest clients, %d cookies came back, %d sent", honest, st.TCPCookiesIn, st.TCPCookiesOut)
	}
	// An ACK out of the blue is refused as ever.
	p := l.peer(60000, nil)
	p.want(p.say(". 1:1(0) ack 12345"), "R 12345:12345(0)")
	if st := l.s.Stats(); st.HalfOpen > 256 || st.Conns > 256 || st.Buffered != 0 {
		t.Errorf("%d connections, %d half-open, %d bytes; limit 256", st.Conns, st.HalfOpen, st.Buffered)
	}
	l.out()
	l.alive()
	l.advance(5 * time.Minute)
	if st := l.s.Stats(); st.Conns != 0 {
		t.Errorf("%d connections remain", st.Conns)
	}
}

// Initial sequence numbers and ports cannot be told from each other, and grow for one tuple.
func TestCase_T14(t *testing.T) {
	l := newLab(t).meet()
	seen := map[uint16]bool{}
	deltas := map[tcp.Seq]bool{}
	stamps := map[uint32]bool{}
	var last tcp.Header
	for i := range 1000 {
		c, err := l.s.DialTCP(l.now, netip.AddrPort{}, netip.AddrPortFrom(b4, 80), nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		h := tcpOf(l.one(l.out()))
		if seen[h.SrcPort] {
			t.Errorf("port %d twice", h.SrcPort)
		}
		seen[h.SrcPort] = true
		stamps[h.Options.TSVal] = true
		if i > 0 {
			deltas[h.Seq-last.Seq] = true
		}
		last = h
		c.Abort(l.now)
		l.out()
	}
	if len(stamps) < 990 {
		t.Errorf("only %d timestamps of 1000 connections at one instant", len(stamps))
	}
	if len(deltas) < 990 {
		t.Errorf("only %d differences between 1000 ISNs", len(deltas))
	}
	local := netip.AddrPortFrom(a4, 55555)
	var before tcp.Seq
	for i := range 10 {
		c, err := l.s.DialTCP(l.now, local, netip.AddrPortFrom(b4, 80), nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		h := tcpOf(l.one(l.out()))
		if i > 0 && !before.LessThan(h.Seq) {
			t.Errorf("ISN %d after %d for one tuple", h.Seq, before)
		}
		before = h.Seq
		c.Abort(l.now)
		l.out()
		l.now = l.now.Add(time.Millisecond)
	}
}

// Connections are accepted by the most specific listener, and refused where nobody listens.
func TestListeners(t *testing.T) {
	p := newPair(t, ethernetLink)
	listen := func(s string) *Listener {
		t.Helper()
		l, err := p.b.ListenTCP(netip.MustParseAddrPort(s), 0, nil, s)
		if err != nil {
			t.Fatalf("listen on %s: %v", s, err)
		}
		return l
	}
	dual, v4, exact := listen("[::]:80"), listen("0.0.0.0:81"), listen("10.0.0.2:80")
	if _, err := p.b.ListenTCP(netip.MustParseAddrPort("0.0.0.0:80"), 0, nil, nil); !errors.Is(err, ErrInUse) {
		t.Errorf("listening twice: %v, want %v", err, ErrInUse)
	}
	for _, tt := range []struct {
		to string
		l  *Listener
	}{{"10.0.0.2:80", exact}, {"[fd00::2]:80", dual}, {"10.0.0.2:81", v4}, {"[fd00::2]:81", nil}, {"10.0.0.2:82", nil}} {
		c, err := p.a.DialTCP(p.now, netip.AddrPort{}, netip.MustParseAddrPort(tt.to), nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		p.run()
		if tt.l == nil {
			if !errors.Is(c.Err(), tcp.ErrRefused) {
				t.Errorf("%s: Err = %v, want %v", tt.to, c.Err(), tcp.ErrRefused)
			}
			continue
		}
		if owner := p.b.Ready(); owner != tt.l.Local().String() && owner != tt.to {
			t.Errorf("%s: %v is ready", tt.to, owner)
		}
		tt.l.Events()
		d, ok := tt.l.Accept("conn")
		if !ok {
			t.Errorf("%s: nothing to accept", tt.to)
			continue
		}
		if d.Local() != c.Remote() || d.Remote() != c.Local() {
			t.Errorf("%s: ends %v-%v and %v-%v", tt.to, c.Local(), c.Remote(), d.Local(), d.Remote())
		}
		for p.b.Ready() != nil {
		}
		d.Events()
	}
	// Closing a listener resets what nobody has accepted.
	c, err := p.a.DialTCP(p.now, netip.AddrPort{}, netip.MustParseAddrPort("10.0.0.2:80"), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	p.run()
	exact.Close(p.now)
	p.run()
	if !errors.Is(c.Err(), tcp.ErrReset) {
		t.Errorf("after the listener's Close: Err = %v, want %v", c.Err(), tcp.ErrReset)
	}
}

// While the queue is full no more is begun; when there is room again a retransmitted SYN gets in.
func TestBacklog(t *testing.T) {
	p := newPair(t, ethernetLink)
	l, err := p.b.ListenTCP(netip.MustParseAddrPort("10.0.0.2:80"), 2, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	var conns []*TCP
	for range 3 {
		c, err := p.a.DialTCP(p.now, netip.AddrPort{}, netip.MustParseAddrPort("10.0.0.2:80"), nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, c)
		p.run()
	}
	if s := conns[2].State(); s != tcp.StateSynSent {
		t.Errorf("the third connection is %v", s)
	}
	if _, ok := l.Accept(nil); !ok {
		t.Fatal("nothing to accept")
	}
	p.advance(2 * time.Second)
	if s := conns[2].State(); s != tcp.StateEstablished {
		t.Errorf("the third connection is %v after one was accepted", s)
	}
}

// TIME-WAIT keeps a record only, which answers the peer's FIN and lets a new connection of the same tuple
// in.
func TestTimeWait(t *testing.T) {
	p := newPair(t, ethernetLink)
	to := netip.MustParseAddrPort("10.0.0.2:80")
	l, err := p.b.ListenTCP(to, 0, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	// The server closes first, so that TIME-WAIT is its; the client comes again from the same port.
	local := netip.MustParseAddrPort("10.0.0.1:40000")
	for i := range 5 {
		c, err := p.a.DialTCP(p.now, local, to, nil, nil)
		if err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
		p.run()
		d, ok := l.Accept(nil)
		if !ok {
			t.Fatalf("connection %d is %v, %v", i, c.State(), c.Err())
		}
		d.Close(p.now)
		p.run()
		c.Close(p.now)
		p.run()
		if st := p.b.Stats(); st.TimeWait != 1 || st.Conns != 0 {
			t.Fatalf("connection %d: %d TIME-WAIT records, %d connections", i, st.TimeWait, st.Conns)
		}
		if st := p.a.Stats(); st.Conns != 0 {
			t.Fatalf("connection %d: the client keeps %d connections", i, st.Conns)
		}
		p.advance(10 * time.Millisecond)
	}
	p.advance(2 * time.Minute)
	if st := p.b.Stats(); st.TimeWait != 0 {
		t.Errorf("%d records after two minutes", st.TimeWait)
	}
	if next := p.b.Poll(p.now); next != 0 {
		t.Errorf("an idle host wants to be polled at %v, now %v", next, p.now)
	}
}

// TIME-WAIT records are bounded.
func TestTimeWaitLimit(t *testing.T) {
	p := newPairConfig(t, ethernetLink, Config{}, Config{MaxTimeWait: 10})
	for range 30 {
		c, d := p.connect(netip.MustParseAddrPort("10.0.0.2:80"), nil)
		d.Close(p.now)
		p.run()
		c.Close(p.now)
		p.run()
	}
	if st := p.b.Stats(); st.TimeWait != 10 || st.Drops[DropTimeWaitLimit] != 20 {
		t.Errorf("%d records, %d dropped; want 10 and 20", st.TimeWait, st.Drops[DropTimeWaitLimit])
	}
}

// Many connections at once carry data, and all memory returns.
func TestManyConnections(t *testing.T) {
	const n = 2000
	p := newPair(t, ethernetLink)
	to := netip.MustParseAddrPort("[fd00::2]:80")
	l, err := p.b.ListenTCP(to, n, nil, "listener")
	if err != nil {
		t.Fatal(err)
	}
	var conns, ends []*TCP
	for i := range n {
		c, err := p.a.DialTCP(p.now, netip.AddrPort{}, to, nil, nil)
		if err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
		conns = append(conns, c)
		if i%64 == 0 {
			p.run()
		}
	}
	p.run()
	for d, ok := l.Accept(nil); ok; d, ok = l.Accept(nil) {
		ends = append(ends, d)
	}
	if len(ends) != n {
		t.Fatalf("%d connections accepted, want %d", len(ends), n)
	}
	var b [4]byte
	for i, c := range conns {
		be.PutUint32(b[:], uint32(i))
		if _, err := c.Write(p.now, b[:]); err != nil {
			t.Fatal(err)
		}
	}
	p.run()
	seen := make([]bool, n)
	for _, d := range ends {
		k, err := d.Read(p.now, b[:])
		if k != 4 || err != nil {
			t.Fatalf("Read = %d, %v", k, err)
		}
		seen[be.Uint32(b[:])] = true
	}
	for i, ok := range seen {
		if !ok {
			t.Errorf("what connection %d wrote did not arrive", i)
		}
	}
	for i := range conns {
		conns[i].Close(p.now)
		ends[i].Close(p.now)
	}
	p.advance(3 * time.Minute)
	for _, s := range []*Stack{p.a, p.b} {
		if st := s.Stats(); st.Conns != 0 || st.TimeWait != 0 || st.Buffered != 0 {
			t.Errorf("%d connections, %d records, %d bytes remain", st.Conns, st.TimeWait, st.Buffered)
		}
	}
}

// MaxConns bounds both directions.
func TestMaxConns(t *testing.T) {
	p := newPairConfig(t, ethernetLink, Config{MaxConns: 4}, Config{MaxConns: 2})
	to := netip.MustParseAddrPort("10.0.0.2:80")
	if _, err := p.b.ListenTCP(to, 0, nil, nil); err != nil {
		t.Fatal(err)
	}
	up := 0
	var conns []*TCP
	for i := range 5 {
		c, err := p.a.DialTCP(p.now, netip.AddrPort{}, to, nil, nil)
		if i == 4 {
			if !errors.Is(err, ErrLimit) {
				t.Errorf("the fifth connection: %v, want %v", err, ErrLimit)
			}
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, c)
		p.run()
	}
	for _, c := range conns {
		if c.State() == tcp.StateEstablished {
			up++
		}
	}
	if up != 2 {
		t.Errorf("%d connections are established, limit 2", up)
	}
}

// A connection to the host itself goes over the loopback interface.
func TestLoopback(t *testing.T) {
	p := newPair(t, ethernetLink)
	for _, to := range []string{"127.0.0.1:80", "10.0.0.1:80", "[::1]:80", "[fd00::1]:80"} {
		a := netip.MustParseAddrPort(to)
		l, err := p.a.ListenTCP(a, 0, nil, nil)
		if err != nil {
			t.Fatalf("%s: %v", to, err)
		}
		c, err := p.a.DialTCP(p.now, netip.AddrPort{}, a, nil, nil)
		if err != nil {
			t.Fatalf("%s: %v", to, err)
		}
		p.run()
		d, ok := l.Accept(nil)
		if !ok {
			t.Fatalf("%s: nothing to accept; %v, %v; drops %v", to, c.State(), c.Err(), p.a.Stats().Drops)
		}
		data := pattern(1 << 20)
		wantBytes(t, p.transfer(c, d, data, time.Minute), data)
		l.Close(p.now)
	}
	u, err := p.a.BindUDP(netip.MustParseAddrPort("127.0.0.1:53"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := u.WriteTo(p.now, []byte("self"), netip.MustParseAddrPort("127.0.0.1:53")); err != nil {
		t.Fatal(err)
	}
	p.run()
	var b [10]byte
	if n, from, _, err := u.ReadFrom(b[:]); string(b[:n]) != "self" || from.String() != "127.0.0.1:53" {
		t.Errorf("ReadFrom = %q from %v, %v", b[:n], from, err)
	}
	g, err := p.a.BindPing(netip.Addr{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Send(p.now, netip.MustParseAddr("::1"), 5, []byte("echo")); err != nil {
		t.Fatal(err)
	}
	p.run()
	if n, from, seq, ok := g.Recv(b[:]); !ok || seq != 5 || n != 4 || !from.IsLoopback() {
		t.Errorf("ping ::1: %d bytes from %v, sequence number %d", n, from, seq)
	}
}

// Two processes with one link-local address on different links are kept apart by zones.
func TestLinkLocal(t *testing.T) {
	p := newPair(t, ethernetLink)
	ll := netip.MustParseAddr("fe80::ff:fe00:b%eth0")
	l, err := p.b.ListenTCP(netip.AddrPortFrom(netip.IPv6Unspecified(), 80), 0, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	c, err := p.a.DialTCP(p.now, netip.AddrPort{}, netip.AddrPortFrom(ll, 80), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	p.run()
	d, ok := l.Accept(nil)
	if !ok {
		t.Fatalf("nothing to accept; %v, %v; drops %v %v", c.State(), c.Err(), p.a.Stats().Drops, p.b.Stats().Drops)
	}
	if got := c.Remote().Addr(); got != ll {
		t.Errorf("Remote = %v, want %v", got, ll)
	}
	if got := d.Remote().Addr().String(); got != "fe80::ff:fe00:a%eth0" {
		t.Errorf("the other end's Remote = %v", got)
	}
	wantBytes(t, p.transfer(c, d, pattern(10000), time.Minute), pattern(10000))
}

// Removing an address ends its connections, and a link that goes down and up does not.
func TestAddressAndLinkChanges(t *testing.T) {
	p := newPair(t, ethernetLink)
	c, d := p.connect(netip.MustParseAddrPort("10.0.0.2:80"), nil)
	info := ethernetLink
	info.Addr = macA
	if err := p.a.SetInterface(p.now, p.ia, info, false); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write(p.now, []byte("x")); err != nil {
		t.Fatal(err)
	}
	p.advance(3 * time.Second)
	if c.State() != tcp.StateEstablished {
		t.Fatalf("the connection is %v while the link is down", c.State())
	}
	if _, err := p.a.DialTCP(p.now, netip.AddrPort{}, netip.MustParseAddrPort("10.0.0.2:81"), nil, nil); !errors.Is(err, ErrNoRoute) {
		t.Errorf("dial while the link is down: %v, want %v", err, ErrNoRoute)
	}
	info.MTU = 1400
	if err := p.a.SetInterface(p.now, p.ia, info, true); err != nil {
		t.Fatal(err)
	}
	p.advance(20 * time.Second)
	var b [10]byte
	if n, err := d.Read(p.now, b[:]); n != 1 {
		t.Errorf("Read = %d, %v after the link is back; want 1", n, err)
	}
	if got := c.Conn().Info().MSS; got > 1360 {
		t.Errorf("MSS %d over a link with MTU 1400", got)
	}
	if err := p.a.RemoveAddress(p.now, p.ia, netip.MustParsePrefix("10.0.0.1/24")); err != nil {
		t.Fatal(err)
	}
	p.run()
	if !errors.Is(c.Err(), tcp.ErrAborted) {
		t.Errorf("after removing its address: Err = %v, want %v", c.Err(), tcp.ErrAborted)
	}
	if err := p.a.RemoveInterface(p.now, p.ia); err != nil {
		t.Fatal(err)
	}
	if len(p.a.Routes()) != 0 {
		t.Errorf("routes %v remain", p.a.Routes())
	}
	p.run()
}

// A host with an MTU below IPv6's minimum speaks IPv4 alone.
func TestSmallMTU(t *testing.T) {
	p := newPair(t, link.Info{Medium: link.Ethernet, MTU: 296})
	c, d := p.connect(netip.MustParseAddrPort("10.0.0.2:80"), nil)
	wantBytes(t, p.transfer(c, d, pattern(20000), time.Minute), pattern(20000))
	if err := p.a.AddAddress(p.now, p.ia, netip.MustParsePrefix("fd00::1/64")); !errors.Is(err, ErrInterfaceMTU) {
		t.Errorf("IPv6 address on a small link: %v, want %v", err, ErrInterfaceMTU)
	}
	for _, mtu := range []int{0, 67, 65536} {
		if _, err := p.a.AddInterface(p.now, InterfaceConfig{Info: link.Info{MTU: mtu}}); !errors.Is(err, ErrInterfaceMTU) {
			t.Errorf("MTU %d: %v, want %v", mtu, err, ErrInterfaceMTU)
		}
	}
}
