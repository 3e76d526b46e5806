package stack

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"strconv"
	"testing"
	"time"

	"github.com/ztstack/ztstack/tcp"
)

// "1) If the RST bit is set and the sequence number is outside the current receive window, silently drop the
// segment. 2) [...] exactly matches the next expected sequence number (RCV.NXT), then TCP endpoints MUST reset the
// connection [...] 3) [...] within the current receive window, TCP endpoints MUST send an acknowledgment" RFC
// 9293, Section 3.10.7.4, after RFC 5961, Section 3.2.
func TestCase_T20(t *testing.T) {
	const wnd = 8192
	for _, tt := range []struct {
		line, out string
		after     tcp.State
	}{
		{"R 1:1(0)", "", tcp.StateClosed},
		{"R. 1:1(0) ack 1", "", tcp.StateClosed},
		{"R. 1:1(0) ack 77777", "", tcp.StateClosed},
		{"R 2:2(0)", ". 1:1(0) ack 1", tcp.StateEstablished},
		{"R 8192:8192(0)", ". 1:1(0) ack 1", tcp.StateEstablished},
		{"R. 100:100(0) ack 1", ". 1:1(0) ack 1", tcp.StateEstablished},
		{"R 8193:8193(0)", "", tcp.StateEstablished},
		{"R 0:0(0)", "", tcp.StateEstablished},
		{"R -1000000:-1000000(0)", "", tcp.StateEstablished},
		{"R 2000000000:2000000000(0)", "", tcp.StateEstablished},
	} {
		p := newPeer(t, &tcp.Config{ReceiveBuffer: wnd}).open()
		p.want(p.say(tt.line), tt.out)
		p.wantState(tt.after)
		if tt.after == tcp.StateClosed && !errors.Is(p.conn.Err(), tcp.ErrReset) {
			t.Errorf("%s: Err = %v", tt.line, p.conn.Err())
		}
		p.alive()
	}
}

// "If the SYN bit is set in these synchronized states [...] irrespective of the sequence number, TCP endpoints MUST
// send a 'challenge ACK'" RFC 9293, Section 3.10.7.4, after RFC 5961, Section 4.2.
func TestCase_T21(t *testing.T) {
	for _, line := range []string{
		"S 1:1(0)", "S 100:100(0)", "S 0:0(0)", "S -5000:-5000(0)", "S 2000000000:2000000000(0)",
		"S. 1:1(0) ack 1", "S. 0:0(0) ack 1", "S. 1:11(10) ack 1",
	} {
		p := newPeer(t, nil).open()
		before := p.info()
		p.want(p.say(line), ". 1:1(0) ack 1")
		p.wantState(tcp.StateEstablished)
		if after := p.info(); after.RcvNXT != before.RcvNXT || after.SndUNA != before.SndUNA || after.SendWindow != before.SendWindow {
			t.Errorf("%s changed the connection", line)
		}
		p.say("P. 1:11(10) ack 1")
		if n := p.read(1); n != 10 {
			t.Errorf("after %s: %d bytes arrived, want 10", line, n)
		}
	}
}

// "All incoming segments whose ACK value doesn't satisfy the above condition MUST be discarded and an ACK sent back"
// RFC 9293, Section 3.10.7.4, after RFC 5961, Section 5.2.
func TestCase_T22(t *testing.T) {
	for _, ack := range []string{"12", "1000000", "-70000", "-2000000000", "2000000000"} {
		p := newPeer(t, nil).open()
		p.write(10)
		p.want(p.say("P. 1:11(10) ack "+ack), ". 11:11(0) ack 1")
		if n := p.conn.Readable(); n != 0 {
			t.Errorf("ack %s: %d bytes were taken", ack, n)
		}
		if una := p.info().SndUNA - p.iss; una != 1 {
			t.Errorf("ack %s: SND.UNA is %d", ack, una)
		}
	}
	// An ACK that is old but not too old brings its data.
	p := newPeer(t, nil).open()
	p.write(10)
	p.say(". 1:1(0) ack 11")
	p.say("P. 1:11(10) ack 1")
	if n := p.read(1); n != 10 {
		t.Errorf("with an old ACK: %d bytes arrived, want 10", n)
	}
}

// Challenges are limited: RFC 5961, Section 7. The limit of one connection tells nothing about another
// (CVE-2016-5696).
func TestCase_T23(t *testing.T) {
	p := newPeer(t, nil).open()
	q := p.peer(40001, nil).open()
	count := func(x *peer, n int) (answers int) {
		for range n {
			answers += len(x.say("S 100:100(0)"))
		}
		return answers
	}
	a := count(p, 10000)
	if a == 0 || a > 20 {
		t.Errorf("%d of 10000 triggers were answered, want 1 to 20", a)
	}
	b := count(q, 10000)
	if b == 0 || b > 20 {
		t.Errorf("beside it, %d of 10000 were answered, want 1 to 20", b)
	}
	// How many there are differs from second to second, so that it cannot be counted on.
	seen := map[int]bool{}
	for range 40 {
		p.wait(1100 * time.Millisecond)
		seen[count(p, 100)] = true
	}
	if len(seen) < 3 {
		t.Errorf("the limit takes only the values %v", seen)
	}
	p.wantState(tcp.StateEstablished)
	p.alive()
}

// "all arithmetic dealing with sequence numbers must be performed modulo 2^32" RFC 9293, Section 3.4.
func TestCase_T24(t *testing.T) {
	for _, cfg := range []tcp.Config{{}, {NoSACK: true}, {NoTimestamps: true}} {
		p := newPair(t, ethernetLink)
		p.connect(netip.MustParseAddrPort("10.0.0.2:80"), nil)
		to := netip.AddrPortFrom(b4, 81)
		l, err := p.b.ListenTCP(to, 0, &cfg, nil)
		if err != nil {
			t.Fatal(err)
		}
		// The clock is a term of the ISN, and the rest is the same for one tuple: this is when ours is 100 short
		// of the wrap.
		local := netip.AddrPortFrom(a4, 3333)
		probe, err := p.a.DialTCP(p.now, local, to, &cfg, nil)
		if err != nil {
			t.Fatal(err)
		}
		isn := probe.Conn().Info().ISS
		probe.Abort(p.now)
		p.advance(time.Duration(^uint32(99)-uint32(isn)) * 4000)
		c, err := p.a.DialTCP(p.now, local, to, &cfg, nil)
		if err != nil {
			t.Fatal(err)
		}
		p.run()
		if isn := c.Conn().Info().ISS; isn > 1<<32-90 || isn < 1<<32-100 {
			t.Fatalf("the ISN is %d", isn)
		}
		d, ok := l.Accept(nil)
		if !ok {
			t.Fatal("nothing to accept")
		}
		rng := rand.New(rand.NewPCG(24, 1))
		p.drop = func(bool, []byte) bool { return rng.IntN(50) == 0 }
		data := pattern(10 << 20)
		wantBytes(t, p.transfer(c, d, data, time.Hour), data)
		if in := c.Conn().Info(); in.Stats.Retransmits == 0 {
			t.Error("nothing was lost")
		}
	}
}

// Of bytes that arrive twice and differ the first count: they are acknowledged, and may have been delivered. The
// same is done behind a gap.
func TestCase_T25(t *testing.T) {
	other := func(p *peer, from, to int) {
		h, _ := p.header(". 1:1(0) ack 1", nil)
		h.Seq = p.isn.Add(from)
		data := make([]byte, to-from)
		for i := range data {
			data[i] = ^byteOf(tcp.Seq(from + i))
		}
		p.in(p.wrap(&h, data))
		p.hear()
	}
	for _, tt := range []struct {
		name     string
		first    [2]int // honest
		second   [2]int // different bytes
		rest     [2]int // honest, for what is missing before
		readable int
	}{
		{"tail", [2]int{1, 101}, [2]int{51, 101}, [2]int{1, 1}, 100},
		{"head", [2]int{1, 101}, [2]int{1, 51}, [2]int{1, 1}, 100},
		{"inside", [2]int{1, 101}, [2]int{31, 61}, [2]int{1, 1}, 100},
		{"same", [2]int{1, 101}, [2]int{1, 101}, [2]int{1, 1}, 100},
		{"behind a gap, tail", [2]int{101, 201}, [2]int{151, 201}, [2]int{1, 101}, 200},
		{"behind a gap, head", [2]int{101, 201}, [2]int{101, 151}, [2]int{1, 101}, 200},
		{"behind a gap, inside", [2]int{101, 201}, [2]int{131, 161}, [2]int{1, 101}, 200},
	} {
		p := newPeer(t, nil).open()
		say := func(r [2]int) {
			if r[0] < r[1] {
				h, _ := p.header(". 1:1(0) ack 1", nil)
				h.Seq = p.isn.Add(r[0])
				data := make([]byte, r[1]-r[0])
				for i := range data {
					data[i] = byteOf(tcp.Seq(r[0] + i))
				}
				p.in(p.wrap(&h, data))
				p.hear()
			}
		}
		say(tt.first)
		other(p, tt.second[0], tt.second[1])
		say(tt.rest)
		if n := p.read(1); n != tt.readable {
			t.Errorf("%s: %d bytes arrived, want %d", tt.name, n, tt.readable)
		}
	}
	// A superset brings what is new at both ends, and does not change the middle.
	p := newPeer(t, nil).open()
	p.say(". 51:101(50) ack 1")
	other(p, 1, 151)
	b := make([]byte, 200)
	if n, _ := p.conn.Read(p.now, b); n != 150 {
		t.Fatalf("superset: %d bytes arrived, want 150", n)
	}
	for i, c := range b[:150] {
		want := ^byteOf(tcp.Seq(1 + i))
		if i >= 50 && i < 100 {
			want = ^want
		}
		if c != want {
			t.Fatalf("superset: byte %d changed", i+1)
		}
	}
}

// A peer that sends every second byte of a large window costs bounded memory, and its segments do not cost
// more the more of them there are (CVE-2018-5390): this test would take minutes.
func TestCase_T26(t *testing.T) {
	const wnd = 1 << 20
	p := newPeer(t, &tcp.Config{ReceiveBuffer: wnd}).open(withScale(7), withSACKOK)
	for at := 2; at < wnd; at += 2 {
		h := tcp.Header{SrcPort: p.local.Port(), DstPort: p.remote.Port(), Seq: p.isn.Add(at), Ack: p.iss + 1, Flags: tcp.ACK, Window: 1000}
		p.in(p.wrap(&h, []byte{byteOf(tcp.Seq(at))}))
		if at%128 == 0 {
			p.hear()
		}
	}
	p.hear()
	st := p.s.Stats()
	if st.Buffered > wnd+64<<10 || p.conn.Readable() != 0 {
		t.Errorf("%d bytes are held, %d can be read", st.Buffered, p.conn.Readable())
	}
	// The honest way still works: every byte, in order.
	for at := 1; at <= 20000; at += 1000 {
		h := tcp.Header{SrcPort: p.local.Port(), DstPort: p.remote.Port(), Seq: p.isn.Add(at), Ack: p.iss + 1, Flags: tcp.ACK, Window: 1000}
		data := make([]byte, 1000)
		for i := range data {
			data[i] = byteOf(tcp.Seq(at + i))
		}
		p.in(p.wrap(&h, data))
	}
	if n := p.read(1); n < 20000 {
		t.Errorf("%d bytes arrived, want 20000", n)
	}
	p.alive()
}

// SACK blocks that make no sense are ignored, and a peer that takes back what it has SACKed still gets it.
// "After a retransmit timeout the data sender SHOULD turn off all of the SACKed bits" RFC 2018, Section 8.
func TestCase_T27(t *testing.T) {
	fresh := func() *peer {
		p := newPeer(t, nil).open(withMSS(1000), withSACKOK)
		if got := p.write(10000); len(got) != 10 {
			t.Fatalf("the host sends %q", p.lines(got))
		}
		return p
	}
	for _, edges := range [][]int{
		{-5000, -4000}, {0, 1}, {10001, 11001}, {9001, 20001}, {3001, 3001}, {4001, 3001}, {-2000000000, 5001},
		{5001, -2000000000}, {10001, 11001, 11001, 12001, 12001, 13001, 13001, 14001},
	} {
		p := fresh()
		p.say(". 1:1(0) ack 1", p.withSACK(edges...))
		if in := p.info(); in.SACKed != 0 || in.Lost != 0 {
			t.Errorf("blocks %v: %d bytes SACKed, %d lost", edges, in.SACKed, in.Lost)
		}
	}
	p := fresh()
	p.say(". 1:1(0) ack 1", p.withSACK(2001, 5001, 3001, 6001, 2001, 4001, 8001, 9001))
	if in := p.info(); in.SACKed != 5000 {
		t.Errorf("overlapping blocks: %d bytes SACKed, want 5000", in.SACKed)
	}
	// Reneging: all but the first segment was there, and is not any more.
	p = fresh()
	p.say(". 1:1(0) ack 1", p.withSACK(1001, 10001))
	if in := p.info(); in.SACKed != 9000 {
		t.Fatalf("%d bytes SACKed, want 9000", in.SACKed)
	}
	p.wait(5 * time.Second)
	if in := p.info(); in.SACKed != 0 || in.Stats.Timeouts == 0 {
		t.Errorf("after a timeout: %d bytes SACKed, %d timeouts", in.SACKed, in.Stats.Timeouts)
	}
	acked := 1
	for range 100 {
		got := p.say(". 1:1(0) ack " + strconv.Itoa(acked))
		for _, r := range append(got, p.wait(time.Second)...) {
			if at := int(r.h.Seq - p.iss); at <= acked && at+r.n > acked {
				acked = at + r.n
			}
		}
	}
	if acked != 10001 {
		t.Errorf("a peer that reneged has got %d bytes, want 10000", acked-1)
	}
}

// "If there is a Timestamps option in the arriving segment, SEG.TSval < TS.Recent, TS.Recent is valid, and the
// RST bit is not set, then treat the arriving segment as not acceptable" RFC 7323, Section 5.3 (R1).
func TestCase_T28(t *testing.T) {
	fresh := func() *peer {
		p := newPeer(t, nil)
		p.tsval = 1000
		return p.open(withTS(1000, 0))
	}
	p := fresh()
	p.want(p.say("P. 1:11(10) ack 1", withTS(999, p.echo)), ". 1:1(0) ack 1")
	if n := p.conn.Readable(); n != 0 {
		t.Errorf("a segment with an old timestamp brought %d bytes", n)
	}
	// A jump of more than 2^31 is a step back.
	p.want(p.say("P. 1:11(10) ack 1", withTS(1000+1<<31+1, p.echo)), ". 1:1(0) ack 1")
	if n := p.conn.Readable(); n != 0 {
		t.Errorf("a timestamp beyond 2^31 brought %d bytes", n)
	}
	p.say("P. 1:11(10) ack 1", withTS(1000+1<<31-1, p.echo))
	if n := p.read(1); n != 10 {
		t.Errorf("a newer timestamp brought %d bytes, want 10", n)
	}
	// "RST segments [...] MUST NOT be subjected to the PAWS check" in the sense of Section 5.3 (R1).
	p = fresh()
	p.want(p.say("R 1:1(0)", withTS(1, 0)))
	p.wantState(tcp.StateClosed)
	// Deviation: a segment without a timestamp after negotiation is taken, as Linux does.
	p = fresh()
	p.say("P. 1:11(10) ack 1", noTS)
	if n := p.read(1); n != 10 {
		t.Errorf("a segment without a timestamp brought %d bytes, want 10", n)
	}
	// "If the connection has been idle more than 24 days, [...] invalidate TS.Recent" RFC 7323, Section 5.5.
	p = fresh()
	p.wait(25 * 24 * time.Hour)
	p.say("P. 1:11(10) ack 1", withTS(500, p.echo))
	if n := p.read(1); n != 10 {
		t.Errorf("after 25 days %d bytes arrived, want 10", n)
	}
}

// An echo that we never sent does not spoil the estimate of the round-trip time (RFC 7323, Sections 4.1 and 4.3).
func TestCase_T29(t *testing.T) {
	for _, tt := range []struct {
		name string
		with func(p *peer) func(*tcp.Header)
	}{
		{"from the future", func(p *peer) func(*tcp.Header) { return withTS(200, p.echo+5000) }},
		{"far off", func(p *peer) func(*tcp.Header) { return withTS(200, p.echo+1<<31) }},
		{"an hour old", func(p *peer) func(*tcp.Header) { return withTS(200, p.echo-3600_000) }},
		{"zero", func(p *peer) func(*tcp.Header) { return withTS(200, 0) }},
		{"missing", func(p *peer) func(*tcp.Header) { return noTS }},
	} {
		p := newPeer(t, nil).open(withTS(100, 0))
		p.tsval = 200
		// Only a segment that was sent twice is measured by the echo.
		p.write(100)
		if got := p.wait(3 * time.Second); len(got) == 0 {
			t.Fatalf("%s: nothing was retransmitted", tt.name)
		}
		before := p.info()
		p.wait(30 * time.Millisecond)
		p.say(". 1:1(0) ack 101", tt.with(p))
		if in := p.info(); in.SRTT > before.SRTT+time.Second || in.MinRTT > before.MinRTT || in.SRTT <= 0 {
			t.Errorf("%s: SRTT went from %v to %v, the least round trip from %v to %v", tt.name, before.SRTT, in.SRTT, before.MinRTT, in.MinRTT)
		}
		p.write(100)
		p.wait(20 * time.Millisecond)
		p.say(". 1:1(0) ack 201")
		if in := p.info(); in.Flight != 0 || in.RTO > 5*time.Second {
			t.Errorf("%s: afterwards %d bytes in flight, RTO %v", tt.name, in.Flight, in.RTO)
		}
	}
}
