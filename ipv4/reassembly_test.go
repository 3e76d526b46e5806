package ipv4

import (
	"bytes"
	"testing"
	"time"

	"github.com/ztstack/ztstack/clock"
)

const second = clock.Time(time.Second)

// A reassemblyTest sends fragments of datagrams from 10.0.0.1 to 10.0.0.2.
type reassemblyTest struct {
	*testing.T
	r   Reassembler
	now clock.Time
}

func newReassemblyTest(t *testing.T, cfg ReassemblyConfig) *reassemblyTest {
	rt := &reassemblyTest{T: t, now: second}
	rt.r.Init(cfg)
	return rt
}

func fragmentHeader(id uint16, off int, more bool) Header {
	return Header{ID: id, FragOff: off, MF: more, TTL: 64, Proto: ProtoUDP, Src: [4]byte{10, 0, 0, 1}, Dst: [4]byte{10, 0, 0, 2}}
}

// send sends bytes [off, end) of the payload that all tests use.
func (t *reassemblyTest) send(id uint16, off, end int, more bool) ([]byte, bool) {
	h := fragmentHeader(id, off, more)
	return t.r.Receive(t.now, &h, payload(end)[off:])
}

func (t *reassemblyTest) wantStats(want ReassemblyStats) {
	t.Helper()
	if got := t.r.Stats(); got != want {
		t.Errorf("stats are\n%+v, want\n%+v", got, want)
	}
}

func TestReassembledHeader(t *testing.T) {
	rt := newReassemblyTest(t, ReassemblyConfig{})
	last := fragmentHeader(7, 16, false)
	last.TTL, last.TOS, last.Options = 3, 2, []byte{1, 1, 1, 1}
	rt.r.Receive(rt.now, &last, payload(19)[16:])
	first := fragmentHeader(7, 0, true)
	first.TOS, first.Options = 0xb9, unhex(t, "070704c0a80001"+"00")
	p, ok := rt.r.Receive(rt.now, &first, payload(16))
	var got Header
	if n := got.Parse(p); !ok || n != 28 || !bytes.Equal(p[n:], payload(19)) {
		t.Fatalf("Receive = %x, %v", p, ok)
	}
	want := first // all but the length comes from the first fragment
	want.MF, want.TotalLen = false, 28+19
	if !equal(got, want) {
		t.Errorf("header is %+v, want %+v", got, want)
	}
}

// A datagram one of whose fragments met congestion has met congestion. RFC 3168, Section 5.3.
func TestReassembledECN(t *testing.T) {
	rt := newReassemblyTest(t, ReassemblyConfig{})
	first, last := fragmentHeader(7, 0, true), fragmentHeader(7, 8, false)
	first.TOS, last.TOS = 0xb8|2, 0xb8|3
	rt.r.Receive(rt.now, &first, payload(8))
	p, ok := rt.r.Receive(rt.now, &last, payload(9)[8:])
	var got Header
	if n := got.Parse(p); !ok || n < 0 || got.TOS != 0xbb {
		t.Errorf("TOS is %#x, want 0xbb", got.TOS)
	}
}

func TestInvalidFragments(t *testing.T) {
	rt := newReassemblyTest(t, ReassemblyConfig{})
	for _, test := range []struct {
		name     string
		off, len int
		more     bool
	}{
		{"length not a multiple of 8", 0, 15, true},
		{"no payload", 8, 0, true},
		{"no payload, last", 8, 0, false},
		{"beyond 65535, the ping of death", 65528, 100, false},
		{"one byte too many", 65528 - 8, 8 - 12, false},
	} {
		n := test.len
		if n < 0 {
			n = 65535 - 20 - test.off + 1
		}
		h := fragmentHeader(1, test.off, test.more)
		if _, ok := rt.r.Receive(rt.now, &h, make([]byte, max(n, 0))); ok {
			t.Errorf("%s: a datagram came out", test.name)
		}
	}
	rt.wantStats(ReassemblyStats{Invalid: 5})
	if n, d := rt.r.Held(); n != 0 || d != 0 {
		t.Errorf("%d bytes of %d datagrams are held", n, d)
	}
}

func TestLongestDatagram(t *testing.T) {
	rt := newReassemblyTest(t, ReassemblyConfig{})
	const total = MaxLen - HeaderLen
	for off := 0; off < total; off += 1480 {
		end := min(off+1480, total)
		p, ok := rt.send(1, off, end, end < total)
		if ok != (end == total) {
			t.Fatalf("at %d: complete %v", off, ok)
		}
		if ok && (len(p) != MaxLen || !bytes.Equal(p[HeaderLen:], payload(total))) {
			t.Errorf("%d bytes, or others than were sent", len(p))
		}
	}
	// With options in the first fragment the same would be too long.
	for off := total - total%1480; off >= 0; off -= 1480 {
		h := fragmentHeader(2, off, off+1480 < total)
		if off == 0 {
			h.Options = []byte{1, 1, 1, 1}
		}
		if _, ok := rt.r.Receive(rt.now, &h, payload(min(off+1480, total))[off:]); ok {
			t.Error("a datagram longer than 65535 bytes came out")
		}
	}
	if s := rt.r.Stats(); s.TooMany != 1 || s.Reassembled != 1 {
		t.Errorf("stats are %+v", s)
	}
}

// Fragments are joined only if source, destination, identification and protocol are the same.
func TestNeverJoined(t *testing.T) {
	rt := newReassemblyTest(t, ReassemblyConfig{})
	rt.send(1, 0, 8, true)
	for name, change := range map[string]func(*Header){
		"id":       func(h *Header) { h.ID++ },
		"protocol": func(h *Header) { h.Proto++ },
		"src":      func(h *Header) { h.Src[3]++ },
		"dst":      func(h *Header) { h.Dst[3]++ },
	} {
		h := fragmentHeader(1, 8, false)
		change(&h)
		if _, ok := rt.r.Receive(rt.now, &h, payload(16)[8:]); ok {
			t.Errorf("fragments with another %s are joined", name)
		}
	}
	if p, ok := rt.send(1, 8, 16, false); !ok || !bytes.Equal(p[HeaderLen:], payload(16)) {
		t.Error("the right fragment does not complete the datagram")
	}
}

// 8 bytes of TCP, the flags in the second fragment: put together, never looked at apart. RFC 1858.
func TestTinyFragments(t *testing.T) {
	rt := newReassemblyTest(t, ReassemblyConfig{})
	for off := 0; off < 40; off += 8 {
		p, ok := rt.send(1, off, off+8, off < 32)
		if ok != (off == 32) {
			t.Fatalf("at %d: complete %v", off, ok)
		}
		if ok && !bytes.Equal(p[HeaderLen:], payload(40)) {
			t.Errorf("payload is %x", p[HeaderLen:])
		}
	}
	for off := 0; off < 65528-8; off += 8 {
		rt.send(2, off, off+8, true)
	}
	if n, d := rt.r.Held(); n != 0 || d != 1 {
		t.Errorf("thousands of fragments: %d bytes of %d datagrams are held", n, d)
	}
}

func TestFirstFragmentFlood(t *testing.T) {
	rt := newReassemblyTest(t, ReassemblyConfig{MaxBytes: 64 << 10})
	for i := range 100000 {
		rt.now += 10000
		h := fragmentHeader(uint16(i), 0, true)
		h.Src[1] = byte(i >> 16)
		rt.r.Receive(rt.now, &h, payload(1480))
		if n, d := rt.r.Held(); n > 64<<10 || d > 64 {
			t.Fatalf("%d bytes of %d datagrams are held", n, d)
		}
	}
	rt.r.Poll(rt.now + 60*second)
	n := 0
	for {
		quote, ok := rt.r.Expired()
		if !ok {
			break
		}
		var h Header
		if h.Parse(quote) != HeaderLen || !h.MF || len(quote) != 1500 {
			t.Fatalf("quote is %d bytes, %+v", len(quote), h)
		}
		n++
	}
	if s := rt.r.Stats(); n == 0 || uint64(n) != s.TimedOut || s.Evicted+s.TimedOut != 100000 {
		t.Errorf("%d quotes, %+v", n, s)
	}
	if n, d := rt.r.Held(); n != 0 || d != 0 {
		t.Errorf("%d bytes of %d datagrams are held", n, d)
	}
}

func TestOverlapsDifferingBytes(t *testing.T) {
	for name, second := range map[string]struct{ off, end int }{
		"head": {0, 16}, "tail": {24, 40}, "middle": {16, 24}, "around": {0, 48},
	} {
		for _, swap := range []bool{false, true} {
			rt := newReassemblyTest(t, ReassemblyConfig{})
			pieces := []struct{ off, end int }{{8, 32}, second}
			if swap {
				pieces[0], pieces[1] = pieces[1], pieces[0]
			}
			for _, p := range append(pieces, struct{ off, end int }{0, 8}, struct{ off, end int }{32, 50}) {
				h := fragmentHeader(1, p.off, p.end < 50)
				data := payload(p.end)[p.off:]
				if p == second {
					data = bytes.Repeat([]byte{0xee}, len(data))
				}
				if d, ok := rt.r.Receive(rt.now, &h, data); ok {
					t.Errorf("%s, swapped %v: a datagram came out: %x", name, swap, d)
				}
			}
			if s := rt.r.Stats(); s.Overlaps != 1 {
				t.Errorf("%s, swapped %v: %+v", name, swap, s)
			}
		}
	}
}

func TestReassemblerNoAllocs(t *testing.T) {
	rt := newReassemblyTest(t, ReassemblyConfig{})
	data := payload(3000)
	run := func() {
		for off := 0; off < 3000; off += 1480 {
			end := min(off+1480, 3000)
			h := fragmentHeader(1, off, end < 3000)
			rt.r.Receive(rt.now, &h, data[off:end])
		}
	}
	run()
	if n := testing.AllocsPerRun(100, run); n != 0 {
		t.Errorf("a datagram of three fragments allocates %v times", n)
	}
}

// FuzzReassembler reads fragments from b and checks that nothing comes out that the naive expectation
// does not know: every byte of a datagram was sent at its place by a fragment of the same key.
func FuzzReassembler(f *testing.F) {
	f.Add([]byte("\x00\x00\x08\x01\x01\x08\x08\x00"))
	f.Add([]byte("\x01\x10\x08\x00\x01\x00\x10\x01\x01\x00\x10\x01"))
	f.Add([]byte("\x02\x10\x05\x01\x02\xff\xff\x00\x02\x00\xff\x01"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var r Reassembler
		r.Init(ReassemblyConfig{MaxBytes: 16 << 10, MaxDatagrams: 4, MaxFragments: 20})
		now := second
		for ; len(b) >= 4; b = b[4:] {
			off, n := int(b[1])*8, int(b[2])
			h := fragmentHeader(uint16(b[0]&7), off, b[3]&1 != 0)
			now += clock.Time(b[3]>>1) * second
			if p, ok := r.Receive(now, &h, payload(off + n)[off:]); ok {
				var got Header
				if m := got.Parse(p); m != HeaderLen || got.TotalLen != len(p) || got.IsFragment() || !bytes.Equal(p[m:], payload(len(p)-m)) {
					t.Fatalf("reassembled %x", p)
				}
			}
			if next := r.Poll(now); next != clock.Never && next <= now {
				t.Fatalf("Poll(%v) = %v", now, next)
			}
			if n, d := r.Held(); n > 16<<10 || d > 4 {
				t.Fatalf("%d bytes of %d datagrams are held", n, d)
			}
		}
	})
}

func BenchmarkReassembler(b *testing.B) {
	var r Reassembler
	r.Init(ReassemblyConfig{})
	data := payload(3000)
	b.SetBytes(3000)
	b.ReportAllocs()
	for b.Loop() {
		for off := 0; off < 3000; off += 1480 {
			end := min(off+1480, 3000)
			h := fragmentHeader(1, off, end < 3000)
			r.Receive(second, &h, data[off:end])
		}
	}
}
