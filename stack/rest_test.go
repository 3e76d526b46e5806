package stack

import (
	"errors"
	"net/netip"
	"runtime"
	"testing"
	"time"
	"unsafe"

	"github.com/ztstack/ztstack/internal/table"
	"github.com/ztstack/ztstack/link"
	"github.com/ztstack/ztstack/tcp"
)

// wantResting fails unless that many connections of each host are at rest.
func (p *pair) wantResting(when string, a, b int) {
	p.tb.Helper()
	if ra, rb := p.a.Stats().Resting, p.b.Stats().Resting; ra != a || rb != b {
		p.tb.Errorf("%s: %d and %d connections are at rest, want %d and %d", when, ra, rb, a, b)
	}
}

// say moves a few bytes from c to d.
func (p *pair) say(c, d *TCP, text string) {
	p.tb.Helper()
	if n, err := c.Write(p.now, []byte(text)); n != len(text) || err != nil {
		p.tb.Fatalf("Write = %d, %v", n, err)
	}
	p.run()
	b := make([]byte, len(text)+1)
	if n, err := d.Read(p.now, b); string(b[:n]) != text || err != nil {
		p.tb.Fatalf("Read = %q, %v; want %q", b[:n], err, text)
	}
	p.run()
}

// A connection that is quiet goes to rest, soon if it has carried nothing yet, and nobody notices.
func TestRest(t *testing.T) {
	for _, cfg := range []*tcp.Config{nil, {NoTimestamps: true, NoSACK: true, NoWindowScale: true, Congestion: "cubic", NoDelay: true}} {
		p := newPair(t, ethernetLink)
		c, d := p.connect(netip.AddrPortFrom(b6, 80), cfg)
		p.wantResting("at first", 0, 0)
		p.advance(restFresh + time.Millisecond)
		p.wantResting("before there was data", 1, 1)
		if c.State() != tcp.StateEstablished || c.Err() != nil || c.Readable() != 0 {
			t.Errorf("at rest: %v, %v, %d bytes to read", c.State(), c.Err(), c.Readable())
		}
		if n, err := c.Read(p.now, make([]byte, 1)); n != 0 || !errors.Is(err, tcp.ErrWouldBlock) {
			t.Errorf("Read at rest = %d, %v", n, err)
		}
		p.wantResting("after looking", 1, 1)
		p.say(c, d, "first")
		p.wantResting("after data", 0, 0)
		p.advance(restAfter - 100*time.Millisecond)
		p.wantResting("a little later", 0, 0)
		before := c.Conn().Info()
		p.advance(200 * time.Millisecond)
		p.wantResting("after a second", 1, 1)
		p.advance(time.Hour)
		p.wantResting("after an hour", 1, 1)
		if next := p.a.Poll(p.now); next != 0 {
			t.Errorf("a host with a connection at rest wants to be polled at %v, now %v", next, p.now)
		}
		if n := p.a.Stats().Buffered + p.b.Stats().Buffered; n != 0 {
			t.Errorf("%d bytes are buffered", n)
		}
		if after := c.Conn().Info(); after != before {
			t.Errorf("before and after:\n%+v\n%+v", before, after)
		}
		p.say(d, c, "second")
		data := pattern(1 << 20)
		p.advance(2 * time.Second)
		p.wantResting("again", 1, 1)
		wantBytes(t, p.transfer(c, d, data, time.Minute), data)
		d.Close(p.now)
		c.Close(p.now)
		p.advance(2 * time.Minute)
		p.wantResting("in the end", 0, 0)
		for _, s := range []*Stack{p.a, p.b} {
			if st := s.Stats(); st.Conns != 0 || st.TimeWait != 0 || st.Buffered != 0 {
				t.Errorf("%d connections, %d records, %d bytes remain", st.Conns, st.TimeWait, st.Buffered)
			}
		}
		wantNoDrops(t, p)
	}
}

// Whatever can happen to a connection happens to one that is at rest.
func TestRestIsDisturbed(t *testing.T) {
	for _, tt := range []struct {
		name  string
		do    func(p *pair, c, d *TCP)
		c, d  tcp.State
		still bool // both are at rest afterwards
	}{
		{"close", func(p *pair, c, d *TCP) { c.CloseWrite(p.now) }, tcp.StateFinWait2, tcp.StateCloseWait, false},
		{"reset", func(p *pair, c, d *TCP) { d.Abort(p.now) }, tcp.StateClosed, tcp.StateClosed, false},
		{"close of the reading side", func(p *pair, c, d *TCP) { c.CloseRead(p.now); p.say(c, d, "x") }, tcp.StateEstablished, tcp.StateEstablished, false},
		{"a look", func(p *pair, c, d *TCP) { c.Conn().Info(); d.Kick(); p.advance(restAfter) }, tcp.StateEstablished, tcp.StateEstablished, true},
		{"a new address", func(p *pair, c, d *TCP) {
			if err := p.a.AddAddress(p.now, p.ia, netip.MustParsePrefix("10.0.0.7/24")); err != nil {
				t.Fatal(err)
			}
		}, tcp.StateEstablished, tcp.StateEstablished, true},
		{"loss of the address", func(p *pair, c, d *TCP) {
			if err := p.a.RemoveAddress(p.now, p.ia, netip.PrefixFrom(a4, 24)); err != nil {
				t.Fatal(err)
			}
		}, tcp.StateClosed, tcp.StateEstablished, false},
	} {
		p := newPair(t, ethernetLink)
		c, d := p.connect(netip.AddrPortFrom(b4, 80), nil)
		p.say(c, d, "hello")
		p.advance(2 * time.Second)
		p.wantResting(tt.name, 1, 1)
		tt.do(p, c, d)
		p.run()
		if c.State() != tt.c || d.State() != tt.d {
			t.Errorf("%s: %v and %v, want %v and %v", tt.name, c.State(), d.State(), tt.c, tt.d)
		}
		if tt.still {
			p.wantResting(tt.name, 1, 1)
		}
	}
}

// A narrower link than before is noticed when a connection that was at rest sends again.
func TestRestAndMTU(t *testing.T) {
	p := newPair(t, ethernetLink)
	c, d := p.connect(netip.AddrPortFrom(b4, 80), nil)
	p.advance(time.Second)
	info := ethernetLink
	info.Addr, info.MTU = macA, 600
	if err := p.a.SetInterface(p.now, p.ia, info, true); err != nil {
		t.Fatal(err)
	}
	p.wantResting("after a change of the MTU", 1, 1)
	p.drop = func(fromA bool, frame []byte) bool {
		if fromA && len(frame) > 614 {
			t.Fatalf("a frame of %d bytes", len(frame))
		}
		return false
	}
	data := pattern(100_000)
	wantBytes(t, p.transfer(c, d, data, time.Minute), data)
}

// Keep-alive goes on: a peer that answers is left alone, one that has gone is found out.
func TestRestAndKeepAlive(t *testing.T) {
	p := newPair(t, ethernetLink)
	c, d := p.connect(netip.AddrPortFrom(b4, 80), &tcp.Config{KeepAliveIdle: 10 * time.Second, KeepAliveInterval: time.Second, KeepAliveCount: 3})
	before := c.Conn().Info().Stats.SegsOut
	p.advance(61 * time.Second)
	if n := c.Conn().Info().Stats.SegsOut - before; n < 5 || n > 14 {
		t.Errorf("%d segments in a minute, want about one or two every 10 s", n)
	}
	p.advance(5 * time.Second)
	p.wantResting("between probes", 1, 1)
	p.drop = func(bool, []byte) bool { return true }
	p.advance(20 * time.Second)
	if !errors.Is(c.Err(), tcp.ErrTimeout) || !errors.Is(d.Err(), tcp.ErrTimeout) {
		t.Errorf("after the link was cut: %v and %v, want %v", c.Err(), d.Err(), tcp.ErrTimeout)
	}
}

// Going to rest and waking allocate nothing once there has been as much at the same time.
func TestRestNoAllocs(t *testing.T) {
	p := newPair(t, ethernetLink)
	c, d := p.connect(netip.AddrPortFrom(b4, 80), nil)
	b := make([]byte, 100)
	if n := testing.AllocsPerRun(20, func() {
		c.Write(p.now, b)
		p.run()
		d.Read(p.now, b)
		p.advance(2 * restAfter)
		if p.a.Stats().Resting != 1 || p.b.Stats().Resting != 1 {
			t.Fatal("the connection is not at rest")
		}
	}); n != 0 {
		t.Errorf("a rest allocates %v times, want 0", n)
	}
}

// An idle connection takes at most 1 KiB, everything that a Stack holds for it included. In use it takes one tcp.Conn more.
func TestIdleConnectionSize(t *testing.T) {
	handle := unsafe.Sizeof(TCP{})
	slot := unsafe.Sizeof(table.Key4{}) + unsafe.Sizeof(&flow{})
	if sum := handle + unsafe.Sizeof(tcp.Dormant{}) + 4*slot; sum > 1024 {
		t.Errorf("at rest a connection takes %d + %d bytes and up to 4 × %d in the table, more than 1 KiB", handle, unsafe.Sizeof(tcp.Dormant{}), slot)
	}
	if n := unsafe.Sizeof(timeWait{}); n > 160 {
		t.Errorf("a TIME-WAIT record takes %d bytes, want at most 160", n)
	}

	// What the heap says, for both ends.
	const n = 4000
	heap := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	p := newPair(t, link.Info{MTU: 1500})
	to := netip.AddrPortFrom(b4, 80)
	l, err := p.b.ListenTCP(to, 0, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	conns := make([]*TCP, 0, 2*n)
	before := heap()
	for range n {
		c, err := p.a.DialTCP(p.now, netip.AddrPort{}, to, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		p.run()
		d, ok := l.Accept(nil)
		if !ok {
			t.Fatalf("not accepted: %v", c.State())
		}
		p.say(c, d, "something")
		p.now = p.now.Add(restAfter / 100) // so that a hundred are awake at a time
		conns = append(conns, c, d)
	}
	p.advance(2 * restAfter)
	p.wantResting("in the end", n, n)
	if each := (int64(heap()) - int64(before)) / (2 * n); each > 1024 {
		t.Errorf("an idle connection takes %d bytes of the heap, want at most 1024", each)
	} else {
		t.Logf("an idle connection takes %d bytes of the heap", each)
	}
	runtime.KeepAlive(conns)
}
