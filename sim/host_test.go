package sim

import (
	"bytes"
	"errors"
	"io"
	"net/netip"
	"testing"
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/pcap"
	"github.com/ztstack/ztstack/stack"
	"github.com/ztstack/ztstack/tcp"
)

// Many streams through less memory than they would like arrive all the same, within the limit.
func TestBufferLimit(t *testing.T) {
	const limit, streams, size = 512 << 10, 12, 200 << 10
	w := ForTest(t, 1)
	a := w.AddHost("a", stack.Config{BufferLimit: limit})
	b := w.AddHost("b", stack.Config{BufferLimit: limit})
	l := w.Connect(LinkConfig{Impairments: Impairments{Delay: 2 * time.Millisecond}}, a, b)
	a.Address(l, "10.0.0.1/24")
	b.Address(l, "10.0.0.2/24")
	listener, err := b.ListenTCP(netip.MustParseAddrPort("10.0.0.2:80"), 0, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	var all []*stream
	for i := range streams {
		c, err := a.DialTCP(w.Now(), netip.AddrPort{}, netip.MustParseAddrPort("10.0.0.2:80"), nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, &stream{from: c, rest: pattern(size, uint32(i))})
		w.Drive(50 * time.Millisecond) // one after the other, so that they are accepted in order
	}
	for _, s := range all {
		s.to, _ = listener.Accept(nil)
	}
	left := streams
	done := w.DriveUntil(func() bool {
		left = 0
		for _, s := range all {
			s.work(w.Now())
			if s.err != nil {
				t.Fatalf("stream: %v", s.err)
			}
			if !s.eof {
				left++
			}
		}
		for _, h := range []*Host{a, b} {
			if n := h.Stats().Buffered; n > limit {
				t.Fatalf("host %s buffers %d bytes, limit %d", h.Name, n, limit)
			}
		}
		// A writer that met an exhausted pool is not told: it has to try again by itself.
		w.Drive(time.Millisecond)
		return left == 0
	}, 10*time.Minute)
	if !done {
		t.Fatalf("%d streams have not arrived after %v", left, w.Elapsed())
	}
	for i, s := range all {
		if !bytes.Equal(s.got.Bytes(), pattern(size, uint32(i))) {
			t.Errorf("stream %d is not what was sent", i)
		}
	}
	t.Logf("%v of virtual time", w.Elapsed())
}

// Ping over a link with delay measures it, by both families, and a host that is gone is reported.
func TestPing(t *testing.T) {
	w, a, _, l := twoHosts(t, 1, LinkConfig{Impairments: Impairments{Delay: 25 * time.Millisecond}})
	p, err := a.BindPing(netip.Addr{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for seq, to := range []string{"10.0.0.2", "fd00::2"} {
		var rtt time.Duration
		for range 2 { // the first resolves the neighbour
			start := w.Now()
			if err := p.Send(start, netip.MustParseAddr(to), uint16(seq), []byte("ping")); err != nil {
				t.Fatal(err)
			}
			var b [10]byte
			if !w.DriveUntil(func() bool { _, _, s, ok := p.Recv(b[:]); return ok && s == uint16(seq) }, time.Second) {
				t.Fatalf("no reply from %s", to)
			}
			rtt = w.Now().Sub(start)
		}
		if rtt != 50*time.Millisecond {
			t.Errorf("RTT to %s = %v, want 50ms", to, rtt)
		}
	}
	l.Cut(a, true)
	if err := p.Send(w.Now(), netip.MustParseAddr("10.0.0.9"), 9, nil); err != nil {
		t.Fatal(err)
	}
	w.Drive(10 * time.Second)
	if err := p.Err(); !errors.Is(err, stack.ErrUnreachable) {
		t.Errorf("Err = %v, want %v", err, stack.ErrUnreachable)
	}
}

// Datagrams arrive, or do not, but never changed; a closed port is reported to the sender.
func TestDatagrams(t *testing.T) {
	w, a, b, l := twoHosts(t, 4, LinkConfig{Impairments: Impairments{
		Delay: time.Millisecond, Loss: 0.1, Duplicate: 0.1, Reorder: 0.1, Corrupt: 0.1,
	}})
	from, err := a.BindUDP(netip.AddrPort{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	to, err := b.BindUDP(netip.MustParseAddrPort("[::]:9"), nil)
	if err != nil {
		t.Fatal(err)
	}
	arrived := 0
	var sent [][]byte
	buf := make([]byte, 5000)
	for i := range 500 {
		dst := netip.MustParseAddrPort([]string{"10.0.0.2:9", "[fd00::2]:9"}[i%2])
		sent = append(sent, pattern(4000, uint32(i)))
		sent[i][0], sent[i][1] = byte(i>>8), byte(i)
		if _, err := from.WriteTo(w.Now(), sent[i], dst); err != nil {
			t.Fatal(err)
		}
		w.Drive(20 * time.Millisecond)
		for {
			n, _, _, err := to.ReadFrom(buf)
			if err != nil {
				break
			}
			arrived++
			// Earlier ones may come late or again; none may be other than what was sent.
			if k := int(buf[0])<<8 | int(buf[1]); k > i || !bytes.Equal(buf[:n], sent[k]) {
				t.Fatalf("datagram %d was changed on its way", k)
			}
		}
	}
	if arrived < 200 || arrived > 450 {
		t.Errorf("%d of 500 datagrams arrived; each is in three fragments, of which some are lost", arrived)
	}
	l.Impair(nil, Impairments{})
	if err := from.Connect(w.Now(), netip.MustParseAddrPort("10.0.0.2:10")); err != nil {
		t.Fatal(err)
	}
	if _, err := from.WriteTo(w.Now(), []byte("x"), netip.AddrPort{}); err != nil {
		t.Fatal(err)
	}
	w.Drive(time.Second)
	if err := from.Err(); !errors.Is(err, stack.ErrRefused) {
		t.Errorf("Err = %v, want %v", err, stack.ErrRefused)
	}
}

// A connection survives a cut of its link, and one to a dead peer ends.
func TestCut(t *testing.T) {
	w, a, b, l := twoHosts(t, 5, LinkConfig{Impairments: Impairments{Delay: time.Millisecond}})
	c, d := exchange(t, w, a, b, netip.MustParseAddrPort("10.0.0.2:80"), 1000, time.Minute)
	c.Close(w.Now())
	d.Close(w.Now())
	ln, err := b.ListenTCP(netip.MustParseAddrPort("10.0.0.2:80"), 0, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if c, err = a.DialTCP(w.Now(), netip.AddrPort{}, netip.MustParseAddrPort("10.0.0.2:80"), nil, nil); err != nil {
		t.Fatal(err)
	}
	w.Drive(time.Second)
	d, _ = ln.Accept(nil)
	l.Cut(a, true)
	if _, err := c.Write(w.Now(), []byte("hello")); err != nil {
		t.Fatal(err)
	}
	w.Drive(20 * time.Second)
	l.Cut(a, false)
	var buf [10]byte
	if !w.DriveUntil(func() bool { n, _ := d.Read(w.Now(), buf[:]); return n == 5 }, time.Minute) {
		t.Fatal("the connection did not survive a cut of 20 s")
	}
	l.Cut(b, true)
	if _, err := c.Write(w.Now(), []byte("anybody")); err != nil {
		t.Fatal(err)
	}
	if !w.DriveUntil(func() bool { return c.State() == tcp.StateClosed }, 30*time.Minute) {
		t.Fatal("the connection to a dead peer did not end")
	}
	if !errors.Is(c.Err(), tcp.ErrTimeout) && !errors.Is(c.Err(), stack.ErrUnreachable) {
		t.Errorf("Err = %v", c.Err())
	}
}

// Several hosts share one link.
func TestSeveralHosts(t *testing.T) {
	w := ForTest(t, 6)
	var hosts []*Host
	for _, name := range []string{"a", "b", "c", "d"} {
		hosts = append(hosts, w.AddHost(name, stack.Config{}))
	}
	l := w.Connect(LinkConfig{DAD: true, Impairments: Impairments{Delay: time.Millisecond, Loss: 0.01}}, hosts...)
	for i, h := range hosts {
		h.Address(l, "10.0.0."+string(rune('1'+i))+"/24")
		h.Address(l, "fd00::"+string(rune('1'+i))+"/64")
	}
	w.Drive(3 * time.Second) // of duplicate address detection
	for i, h := range hosts {
		to := hosts[(i+1)%len(hosts)]
		c, d := exchange(t, w, h, to, netip.MustParseAddrPort("[fd00::"+string(rune('1'+(i+1)%4))+"]:80"), 50<<10, time.Minute)
		c.Close(w.Now())
		d.Close(w.Now())
	}
}

// echoNode answers every datagram, and may begin.
type echoNode struct {
	addr  netip.AddrPort
	queue []netip.AddrPort
	got   int
	first clock.Time // when to begin, or Never
	peer  netip.AddrPort
}

func (n *echoNode) Receive(now clock.Time, from, to netip.AddrPort, b []byte) {
	n.got++
	n.queue = append(n.queue, from)
}

func (n *echoNode) Poll(now clock.Time) clock.Time {
	if n.first.Expired(now) {
		n.first = clock.Never
		n.queue = append(n.queue, n.peer)
	}
	return n.first
}

func (n *echoNode) Output(now clock.Time, dst []byte) (int, netip.AddrPort, netip.AddrPort, bool) {
	if len(n.queue) == 0 {
		return 0, netip.AddrPort{}, netip.AddrPort{}, false
	}
	to := n.queue[0]
	n.queue = n.queue[1:]
	return copy(dst, "datagram"), n.addr, to, true
}

// Datagram nodes find each other by address; who talks without end is found out; a capture shows it all.
func TestInternet(t *testing.T) {
	w := New(1)
	net := w.AddInternet()
	x, y := netip.MustParseAddrPort("192.0.2.1:9993"), netip.MustParseAddrPort("[2001:db8::1]:9993")
	z := netip.MustParseAddrPort("192.0.2.3:9993")
	a := &echoNode{addr: x, first: Start.Add(time.Second), peer: z}
	b := &echoNode{addr: z}
	c := &echoNode{addr: y, first: Start.Add(time.Second), peer: y}
	net.Attach("a", a, 0, Impairments{Delay: 10 * time.Millisecond}, x)
	net.Attach("b", b, 0, Impairments{Delay: 10 * time.Millisecond}, z)
	net.Attach("c", c, 0, Impairments{Loss: 1}, y)
	var out bytes.Buffer
	if err := net.Capture(&out); err != nil {
		t.Fatal(err)
	}
	if w.DriveBounded(100, time.Minute) {
		t.Error("two nodes that answer each other for ever come to rest")
	}
	w.Drive(time.Minute)
	if a.got < 2900 || b.got < 2900 || c.got != 0 {
		t.Errorf("%d, %d and %d datagrams arrived", a.got, b.got, c.got)
	}
	net.Cut("b", true)
	if !w.DriveBounded(100, time.Minute) {
		t.Error("a node that is cut off goes on answering")
	}
	if net.Lost() != 1 || net.Counts("c").Lost != 1 {
		t.Errorf("%d datagrams met nobody, %d were lost; want 1 and 1", net.Lost(), net.Counts("c").Lost)
	}
	r, err := pcap.NewReader(&out)
	if err != nil {
		t.Fatal(err)
	}
	packets := 0
	for {
		if _, err := r.Next(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		packets++
	}
	if packets < a.got+b.got {
		t.Errorf("the capture has %d packets, want at least %d", packets, a.got+b.got)
	}
}

// The bottleneck's rate is what a stream gets.
func TestRate(t *testing.T) {
	w, a, b, _ := twoHosts(t, 9, LinkConfig{Impairments: Impairments{Delay: 5 * time.Millisecond, Rate: 10e6, Queue: 64 << 10}})
	start := w.Now()
	exchange(t, w, a, b, netip.MustParseAddrPort("10.0.0.2:80"), 2<<20, 10*time.Minute)
	rate := float64(2<<20*8) / w.Now().Sub(start).Seconds()
	if rate < 7e6 || rate > 10e6 {
		t.Errorf("%.1f Mbit/s through 10 Mbit/s", rate/1e6)
	}
}
