package stack

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/ztstack/ztstack/ipv4"
	"github.com/ztstack/ztstack/tcp"
)

// A churn opens and closes connections to one server, one after the other; the client closes first, so that TIME-WAIT is
// its.
type churn struct {
	*pair
	l  *Listener
	to netip.AddrPort
}

func newChurn(tb testing.TB, to netip.AddrPort, ca, cb Config) *churn {
	tb.Helper()
	p := newPairConfig(tb, ethernetLink, ca, cb)
	l, err := p.b.ListenTCP(to, 0, nil, nil)
	if err != nil {
		tb.Fatal(err)
	}
	return &churn{p, l, to}
}

// once makes a connection, sends a byte each way and closes it. It takes 10 µs.
func (w *churn) once() error {
	c, err := w.a.DialTCP(w.now, netip.AddrPort{}, w.to, nil, nil)
	if err != nil {
		return err
	}
	w.pump()
	d, ok := w.l.Accept(nil)
	if !ok {
		return errors.New("not accepted: " + c.State().String())
	}
	b := [1]byte{1}
	c.Write(w.now, b[:])
	w.pump()
	if n, err := d.Read(w.now, b[:]); n != 1 {
		return err
	}
	d.Write(w.now, b[:])
	w.pump()
	if n, err := c.Read(w.now, b[:]); n != 1 {
		return err
	}
	w.now = w.now.Add(10 * time.Microsecond)
	c.Close(w.now)
	w.pump()
	d.Close(w.now)
	w.run()
	return nil
}

// A client connects to one server again and again, faster than TIME-WAIT frees ports: records that are in the way give way.
func TestPortsDoNotRunOut(t *testing.T) {
	n := 200_000
	if testing.Short() {
		n = 70_000
	}
	for _, tt := range []struct {
		to  netip.AddrPort
		cfg tcp.Config
		n   int
	}{
		{netip.AddrPortFrom(b4, 80), tcp.Config{}, n},
		{netip.AddrPortFrom(b6, 80), tcp.Config{NoTimestamps: true}, 40_000},
	} {
		w := newChurn(t, tt.to, Config{TCP: tt.cfg}, Config{})
		for i := range tt.n {
			if err := w.once(); err != nil {
				t.Fatalf("%v: connection %d: %v", tt.to, i, err)
			}
		}
		st := w.a.Stats()
		if st.TimeWait > numEphemeral || st.Conns != 0 || w.b.Stats().Conns != 0 {
			t.Errorf("%v: %d records, %d connections, %d at the server", tt.to, st.TimeWait, st.Conns, w.b.Stats().Conns)
		}
		wantNoDrops(t, w.pair)
		w.advance(2 * time.Minute)
		if st := w.a.Stats(); st.TimeWait != 0 {
			t.Errorf("%v: %d records after two minutes", tt.to, st.TimeWait)
		}
	}
}

// A record gives way only to a connection whose timestamps are later: a port closed in this very millisecond is not used
// again, nor is one that is in use.
func TestPortReuseIsSafe(t *testing.T) {
	w := newChurn(t, netip.AddrPortFrom(b4, 80), Config{}, Config{})
	local := netip.AddrPortFrom(a4, 40000)
	c, err := w.a.DialTCP(w.now, local, w.to, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	w.run()
	if _, err := w.a.DialTCP(w.now, local, w.to, nil, nil); !errors.Is(err, ErrInUse) {
		t.Errorf("a connection that is open: %v, want %v", err, ErrInUse)
	}
	d, _ := w.l.Accept(nil)
	if _, err := c.Write(w.now, pattern(100_000)); err != nil {
		t.Fatal(err)
	}
	w.run()
	d.CloseRead(w.now)
	c.Close(w.now)
	w.run()
	d.Close(w.now)
	w.run()
	if st := w.a.Stats(); st.TimeWait != 1 {
		t.Fatalf("%d records", st.TimeWait)
	}
	if _, err := w.a.DialTCP(w.now, local, w.to, nil, nil); !errors.Is(err, ErrInUse) {
		t.Errorf("in the millisecond of the last ACK: %v, want %v", err, ErrInUse)
	}
	old := w.a.timeWaits.head.rec
	w.now = w.now.Add(time.Millisecond)
	if c, err = w.a.DialTCP(w.now, local, w.to, nil, nil); err != nil {
		t.Fatalf("a millisecond later: %v", err)
	}
	// 100,000 bytes in no time: the clock of the ISNs has not come as far.
	var next tcp.Conn
	byClock := w.a.isn(w.now, &c.flow.tuple)
	next.Open(&tcp.Config{Pool: w.a.pool}, w.now, 1, 2, byClock)
	next.Succeed(&old)
	if got, want := c.Conn().Info().ISS, next.Info().ISS; got != want || got == byClock {
		t.Errorf("the ISN is %d, want %d, beyond the old connection's; by the clock it would be %d", got, want, byClock)
	}
	w.run()
	if _, ok := w.l.Accept(nil); !ok || c.State() != tcp.StateEstablished || w.a.Stats().TimeWait != 0 {
		t.Errorf("the connection is %v, %d records", c.State(), w.a.Stats().TimeWait)
	}
}

// The last ACK of a connection is lost, and its port is used again while the server is still in LAST-ACK: its answer to the
// SYN is reset, and the SYN sent again at once.
func TestPortReuseMeetsLastACK(t *testing.T) {
	w := newChurn(t, netip.AddrPortFrom(b4, 80), Config{}, Config{})
	local := netip.AddrPortFrom(a4, 40000)
	c, err := w.a.DialTCP(w.now, local, w.to, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	w.run()
	d, _ := w.l.Accept(nil)
	c.Close(w.now)
	w.run()
	w.drop = func(fromA bool, frame []byte) bool { return fromA }
	d.CloseWrite(w.now)
	w.run()
	w.drop = nil
	if d.State() != tcp.StateLastAck || w.a.Stats().TimeWait != 1 {
		t.Fatalf("the server is %v; %d records", d.State(), w.a.Stats().TimeWait)
	}
	w.now = w.now.Add(time.Millisecond)
	if c, err = w.a.DialTCP(w.now, local, w.to, nil, nil); err != nil {
		t.Fatal(err)
	}
	w.advance(50 * time.Millisecond)
	if _, ok := w.l.Accept(nil); !ok || c.State() != tcp.StateEstablished {
		t.Errorf("after 50 ms the connection is %v, %v", c.State(), c.Err())
	}
	if d.State() != tcp.StateClosed || d.Err() != nil {
		t.Errorf("the old connection is %v, %v", d.State(), d.Err())
	}
}

// A listener's TIME-WAIT record answers what is left of the old connection, and lets a SYN in that is surely new. Then the
// server's numbers go on beyond the old ones too. Where nobody listens any more, or the listener has no room, the record
// stays. (RFC 9293, Section 3.10.7.4; RFC 6191; RFC 1337)
func TestListenerTimeWait(t *testing.T) {
	for _, tt := range []struct {
		name string
		ts   bool // the old connection has timestamps
		tcp.Header
		want  tcp.Flags
		quiet bool // nothing is sent
	}{
		{"higher number", false, tcp.Header{Seq: 3000, Flags: tcp.SYN}, tcp.SYN | tcp.ACK, false},
		{"lower number", false, tcp.Header{Seq: 500, Flags: tcp.SYN}, tcp.ACK, false},
		{"later timestamp, lower number", true, tcp.Header{Seq: 500, Flags: tcp.SYN, Options: tcp.Options{HasTimestamps: true, TSVal: 1001}},
			tcp.SYN | tcp.ACK, false},
		{"same timestamp, higher number", true, tcp.Header{Seq: 3000, Flags: tcp.SYN, Options: tcp.Options{HasTimestamps: true, TSVal: 1000}},
			tcp.SYN | tcp.ACK, false},
		{"same timestamp, lower number", true, tcp.Header{Seq: 500, Flags: tcp.SYN, Options: tcp.Options{HasTimestamps: true, TSVal: 1000}},
			tcp.ACK, false},
		{"earlier timestamp, higher number", true, tcp.Header{Seq: 3000, Flags: tcp.SYN, Options: tcp.Options{HasTimestamps: true, TSVal: 999}},
			tcp.ACK, false},
		{"reset", false, tcp.Header{Seq: 1002, Flags: tcp.RST}, 0, true},
		{"old data", false, tcp.Header{Seq: 900, Flags: tcp.ACK}, tcp.ACK, false},
	} {
		l := newLab(t).meet()
		lis, err := l.s.ListenTCP(netip.AddrPortFrom(a4, 90), 1, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		var ack tcp.Seq
		stamp := tcp.Options{HasTimestamps: tt.ts, TSVal: 1000}
		say := func(h tcp.Header) []tcp.Header {
			h.SrcPort, h.DstPort, h.Window = 40000, 90, 1000
			if h.Flags&(tcp.ACK|tcp.SYN|tcp.RST) == tcp.ACK {
				h.Ack = ack
			}
			var got []tcp.Header
			for _, f := range l.ask(ipFrame(b4, a4, ipv4.ProtoTCP, segment(b4, a4, &h, nil))) {
				got = append(got, tcpOf(f))
			}
			return got
		}
		iss := say(tcp.Header{Seq: 1000, Flags: tcp.SYN, Options: stamp})[0].Seq
		ack = iss + 1
		say(tcp.Header{Seq: 1001, Flags: tcp.ACK, Options: stamp})
		c, ok := lis.Accept(nil)
		if !ok {
			t.Fatal("not accepted")
		}
		c.Close(l.now)
		l.out()
		ack = iss + 2
		say(tcp.Header{Seq: 1001, Flags: tcp.FIN | tcp.ACK, Options: stamp})
		if st := l.s.Stats(); st.TimeWait != 1 || st.Conns != 0 {
			t.Fatalf("%s: %d records, %d connections", tt.name, st.TimeWait, st.Conns)
		}
		before := l.s.timeWaits.head.rec.Expires
		l.now = l.now.Add(10 * time.Second)

		got := say(tt.Header)
		if tt.quiet {
			if len(got) != 0 {
				t.Errorf("%s: answered by %v", tt.name, got[0].Flags)
			}
			got = []tcp.Header{{}}
		}
		if len(got) != 1 || got[0].Flags != tt.want {
			t.Fatalf("%s: %d answers, %v; want %v", tt.name, len(got), got, tt.want)
		}
		if tt.want == tcp.SYN|tcp.ACK {
			if got[0].Ack != tt.Seq+1 || !(iss + 1).LessThan(got[0].Seq) || l.s.Stats().TimeWait != 0 {
				t.Errorf("%s: ack %d, seq %d after %d, %d records", tt.name, got[0].Ack, got[0].Seq, iss, l.s.Stats().TimeWait)
			}
			continue
		}
		if st := l.s.Stats(); st.TimeWait != 1 || l.s.timeWaits.head.rec.Expires != before {
			t.Errorf("%s: %d records; the wait begins anew: %v", tt.name, st.TimeWait, l.s.timeWaits.head.rec.Expires != before)
		}
		if tt.Flags == tcp.RST {
			// Only the FIN begins the wait anew.
			if f := say(tcp.Header{Seq: 1001, Flags: tcp.FIN | tcp.ACK, Options: stamp}); len(f) != 1 || f[0].Flags != tcp.ACK ||
				l.s.timeWaits.head.rec.Expires != before.Add(10*time.Second) {
				t.Errorf("a FIN sent again: %d answers", len(f))
			}
			// A full backlog, and then no listener: the record outlives a new SYN.
			for i := range 2 {
				h := tcp.Header{SrcPort: 50000, DstPort: 90, Seq: 1, Flags: tcp.SYN, Window: 1000}
				a := tcpOf(l.one(l.ask(ipFrame(b4, a4, ipv4.ProtoTCP, segment(b4, a4, &h, nil)))))
				h.Seq, h.Ack, h.Flags = 2, a.Seq+1, tcp.ACK
				l.ask(ipFrame(b4, a4, ipv4.ProtoTCP, segment(b4, a4, &h, nil)))
				if i == 0 {
					if f := say(tcp.Header{Seq: 3000, Flags: tcp.SYN}); len(f) != 0 || l.s.Stats().TimeWait != 1 {
						t.Errorf("full backlog: %d answers, %d records", len(f), l.s.Stats().TimeWait)
					}
					break
				}
			}
			lis.Close(l.now)
			l.out()
			if f := say(tcp.Header{Seq: 3000, Flags: tcp.SYN}); len(f) != 1 || f[0].Flags != tcp.RST|tcp.ACK || l.s.Stats().TimeWait != 1 {
				t.Errorf("no listener: %d answers, %d records", len(f), l.s.Stats().TimeWait)
			}
		}
	}
}

// BenchmarkConnect connects, sends a byte each way and closes, in one goroutine; both ends are included. After 32768
// connections ports and TIME-WAIT records are used again and again.
func BenchmarkConnect(b *testing.B) {
	w := newChurn(b, netip.AddrPortFrom(b4, 80), Config{}, Config{})
	for range numEphemeral + 100 {
		if err := w.once(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := w.once(); err != nil {
			b.Fatal(err)
		}
	}
}
