package ipv6

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/ztstack/ztstack/clock"
)

const second = clock.Time(time.Second)

// A reassemblyTest sends fragments of packets from src to dst.
type reassemblyTest struct {
	*testing.T
	r    Reassembler
	now  clock.Time
	pre  string // extension headers before the Fragment header, in hexadecimal, as if Next were preN
	preN uint8
}

func newReassemblyTest(t *testing.T, cfg ReassemblyConfig) *reassemblyTest {
	rt := &reassemblyTest{T: t, now: second, preN: ProtoFragment}
	rt.r.Init(cfg)
	return rt
}

// packet builds a fragment. A UDP header is assumed at the beginning of data if off is 0.
func (t *reassemblyTest) packet(x FragmentHeader, data []byte) []byte {
	t.Helper()
	pre := unhex(t, t.pre)
	h := Header{Next: t.preN, HopLimit: 64, Src: src, Dst: dst, PayloadLen: len(pre) + FragmentHeaderLen + len(data)}
	p := make([]byte, HeaderLen+h.PayloadLen)
	n := h.Put(p)
	n += copy(p[n:], pre)
	n += x.Put(p[n:])
	copy(p[n:], data)
	return p
}

func (t *reassemblyTest) receive(p []byte) ([]byte, Verdict) {
	t.Helper()
	c, v := Walk(p[6], p[HeaderLen:])
	if v.Action != Reassemble {
		t.Fatalf("Walk(%x) = %+v", p, v)
	}
	return t.r.Receive(t.now, p, &c)
}

// send sends bytes [off, end) of the payload that all tests use.
func (t *reassemblyTest) send(id uint32, off, end int, more bool) ([]byte, Verdict) {
	t.Helper()
	return t.receive(t.packet(FragmentHeader{Next: ProtoUDP, Off: off, More: more, ID: id}, payload(end)[off:]))
}

func (t *reassemblyTest) wantStored(p []byte, v Verdict) {
	t.Helper()
	if p != nil || v.Action != Drop || v.Reason != Stored {
		t.Errorf("%d bytes came out, verdict %+v", len(p), v)
	}
}

func (t *reassemblyTest) wantStats(want ReassemblyStats) {
	t.Helper()
	if got := t.r.Stats(); got != want {
		t.Errorf("stats are\n%+v, want\n%+v", got, want)
	}
}

// The unfragmentable part stays, its last Next Header field names what the first fragment says, and
// everything else of the other fragments is forgotten. RFC 8200, Section 4.5.
func TestReassembledHeaders(t *testing.T) {
	for _, pre := range []struct {
		hex  string
		next uint8
		want string
		n    uint8
	}{
		{"", ProtoFragment, "", ProtoUDP},
		{"2c" + padded, ProtoHopByHop, "11" + padded, ProtoHopByHop},
		{"3c" + padded + "2c01" + "1e0c000000000000000000000000", ProtoHopByHop, "3c" + padded + "1101" + "1e0c000000000000000000000000", ProtoHopByHop},
	} {
		rt := newReassemblyTest(t, ReassemblyConfig{})
		// The last fragment comes without the headers and with another Next Header.
		last := rt.packet(FragmentHeader{Next: ProtoTCP, Off: 16, ID: 7}, payload(19)[16:])
		last[7] = 3
		rt.wantStored(rt.receive(last))
		rt.pre, rt.preN = pre.hex, pre.next
		p, v := rt.send(7, 0, 16, true)
		want := make([]byte, HeaderLen)
		ext := unhex(t, pre.want)
		h := Header{Next: pre.n, HopLimit: 64, Src: src, Dst: dst, PayloadLen: len(ext) + 19}
		h.Put(want)
		want = append(append(want, ext...), payload(19)...)
		if v.Action != Deliver || !bytes.Equal(p, want) {
			t.Errorf("with %q: %x, %+v, want %x", pre.hex, p, v, want)
		}
	}
}

func TestReassembledECN(t *testing.T) {
	rt := newReassemblyTest(t, ReassemblyConfig{})
	for i, ecn := range []byte{2, 3} {
		p := rt.packet(FragmentHeader{Next: ProtoUDP, Off: 8 * i, More: i == 0, ID: 1}, payload(8*i + 8)[8*i:])
		p[1] |= ecn << 4
		whole, v := rt.receive(p)
		if i == 0 {
			rt.wantStored(whole, v)
			continue
		}
		var h Header
		if h.Parse(whole) < 0 || h.Traffic != 3 {
			t.Errorf("traffic class is %d, want congestion experienced", h.Traffic)
		}
	}
}

func TestFragmentVerdicts(t *testing.T) {
	udp := FragmentHeader{Next: ProtoUDP, More: true, ID: 1}
	param := func(r Reason, code uint8, pointer uint32) Verdict {
		return Verdict{Action: ParamProblem, Reason: r, Code: code, Pointer: pointer}
	}
	at := func(x FragmentHeader, off int, more bool) FragmentHeader {
		x.Off, x.More = off, more
		return x
	}
	next := func(n uint8) FragmentHeader { x := udp; x.Next = n; return x }
	for _, test := range []struct {
		name string
		x    FragmentHeader
		data []byte
		want Verdict
	}{
		{"not a multiple of 8", udp, payload(15), param(FragmentLength, CodeField, 4)},
		{"not a multiple of 8, middle", at(udp, 8, true), payload(1), param(FragmentLength, CodeField, 4)},
		{"empty", udp, nil, Verdict{Action: Drop, Reason: FragmentLength}},
		{"empty and last", at(udp, 8, false), nil, Verdict{Action: Drop, Reason: FragmentLength}},
		{"beyond 65535", at(udp, 65528, false), payload(8), param(FragmentBeyond, CodeField, 42)},
		{"beyond 65535, with more", at(udp, 65528, true), payload(8), param(FragmentBeyond, CodeField, 42)},
		{"up to 65535", at(udp, 65528, false), payload(7), Verdict{Action: Drop, Reason: Stored}},

		{"TCP header cut", next(ProtoTCP), make([]byte, 16), param(IncompleteChain, CodeChain, 0)},
		{"TCP options cut", next(ProtoTCP), append([]byte{12: 0x80}, make([]byte, 11)...), param(IncompleteChain, CodeChain, 0)},
		{"TCP header whole", next(ProtoTCP), append([]byte{12: 0x50}, make([]byte, 11)...), Verdict{Action: Drop, Reason: Stored}},
		{"options, then nothing", next(ProtoDestOptions), unhex(t, "06"+padded), param(IncompleteChain, CodeChain, 0)},
		{"options cut", next(ProtoDestOptions), unhex(t, "0602"+"010400000000"), param(IncompleteChain, CodeChain, 0)},
		{"options, then UDP", next(ProtoDestOptions), unhex(t, "11"+padded+"0001000200080000"), Verdict{Action: Drop, Reason: Stored}},
		{"unknown protocol", next(253), payload(8), Verdict{Action: Drop, Reason: Stored}},
		{"fragment header inside", next(ProtoFragment), unhex(t, "11"+atomic), Verdict{Action: Drop, Reason: FragmentTwice}},
		{"endless chain", next(ProtoDestOptions), unhex(t, strings.Repeat("3c"+padded, 50)), Verdict{Action: Drop, Reason: TooManyHeaders}},
	} {
		rt := newReassemblyTest(t, ReassemblyConfig{})
		p, v := rt.receive(rt.packet(test.x, test.data))
		if p != nil || v != test.want {
			t.Errorf("%s: %d bytes, %+v (%v), want %+v (%v)", test.name, len(p), v, v.Reason, test.want, test.want.Reason)
		}
		if s := rt.r.Stats(); (s.Invalid == 1) != (test.want.Reason != Stored) {
			t.Errorf("%s: %+v", test.name, s)
		}
	}
	// With extension headers the Fragment header, and the end of the packet, are elsewhere.
	rt := newReassemblyTest(t, ReassemblyConfig{})
	rt.pre, rt.preN = "2c"+padded, ProtoDestOptions
	_, v := rt.receive(rt.packet(at(udp, 65520, false), payload(8)))
	if want := param(FragmentBeyond, CodeField, 50); v != want {
		t.Errorf("beyond 65535 with options: %+v, want %+v", v, want)
	}
}

// "[...] if any of the fragments being reassembled overlap [...] all the fragments [...] must be
// discarded and no ICMP error messages should be sent." RFC 8200, Section 4.5; RFC 5722.
func TestOverlaps(t *testing.T) {
	type piece struct{ off, end int }
	pieces := []piece{{0, 16}, {16, 32}, {32, 40}}
	for _, bad := range []piece{{8, 24}, {0, 8}, {8, 16}, {16, 24}, {24, 40}, {0, 32}} {
		for at := range 3 {
			rt := newReassemblyTest(t, ReassemblyConfig{})
			order := append(append(append([]piece{}, pieces[:at]...), bad), pieces[at:]...)
			for _, p := range order {
				rt.wantStored(rt.send(1, p.off, p.end, p.end < 40))
			}
			rt.now += 61 * second
			rt.r.Poll(rt.now)
			if _, ok := rt.r.Expired(); ok {
				t.Errorf("%v at %d: a quote for an ICMP error", bad, at)
			}
			if s := rt.r.Stats(); s.Overlaps != 1 || s.Reassembled != 0 || s.TimedOut != 0 {
				t.Errorf("%v at %d: %+v", bad, at, s)
			}
		}
	}
	// One byte is enough: the last fragment begins where the second but last ends, less 8.
	rt := newReassemblyTest(t, ReassemblyConfig{})
	rt.wantStored(rt.send(1, 0, 16, true))
	rt.wantStored(rt.send(1, 8, 9, false))
	rt.wantStats(ReassemblyStats{Fragments: 2, Overlaps: 1})
}

// Fragments are joined only if source, destination and identification are the same; the Next Header of
// a Fragment header does not matter.
func TestNeverJoined(t *testing.T) {
	rt := newReassemblyTest(t, ReassemblyConfig{})
	rt.wantStored(rt.send(1, 0, 8, true))
	rt.wantStored(rt.send(2, 8, 16, false))
	for _, at := range []int{23, 39} {
		p := rt.packet(FragmentHeader{Next: ProtoUDP, Off: 8, ID: 1}, payload(16)[8:])
		p[at]++
		rt.wantStored(rt.receive(p))
	}
	if p, v := rt.send(1, 8, 16, false); v.Action != Deliver || !bytes.Equal(p[HeaderLen:], payload(16)) {
		t.Error("the right fragment does not complete the packet")
	}
}

// An atomic fragment is whole by itself and leaves a queue of the same identification alone. RFC 6946.
func TestAtomicFragment(t *testing.T) {
	rt := newReassemblyTest(t, ReassemblyConfig{})
	rt.wantStored(rt.send(1, 0, 8, true))
	p := rt.packet(FragmentHeader{Next: ProtoUDP, ID: 1}, payload(100))
	c, v := Walk(p[6], p[HeaderLen:])
	if v.Action != Deliver || c.Next != ProtoUDP || !c.Fragmented || !bytes.Equal(p[c.Off:], payload(100)) {
		t.Errorf("Walk = %+v, %+v", c, v)
	}
	if p, v := rt.send(1, 8, 16, false); v.Action != Deliver || !bytes.Equal(p[HeaderLen:], payload(16)) {
		t.Error("the other fragments are not put together")
	}
}

func TestExpired(t *testing.T) {
	rt := newReassemblyTest(t, ReassemblyConfig{})
	rt.pre, rt.preN = "2c"+padded, ProtoDestOptions
	first := rt.packet(FragmentHeader{Next: ProtoUDP, More: true, ID: 1}, payload(80))
	rt.wantStored(rt.receive(first))
	rt.wantStored(rt.send(2, 8, 16, true))
	if next := rt.r.Poll(rt.now); next != 61*second {
		t.Errorf("Poll = %v", next)
	}
	rt.r.Poll(61 * second)
	quote, ok := rt.r.Expired()
	if !ok || !bytes.Equal(quote, first) {
		t.Errorf("Expired = %x, %v, want the first fragment as it came, %x", quote, ok, first)
	}
	if _, ok := rt.r.Expired(); ok {
		t.Error("Expired for a packet without first fragment")
	}
	if n, p := rt.r.Held(); n != 0 || p != 0 {
		t.Errorf("%d bytes of %d packets are held", n, p)
	}
}

func TestFlood(t *testing.T) {
	rt := newReassemblyTest(t, ReassemblyConfig{MaxBytes: 64 << 10, MaxDatagrams: 16})
	p := rt.packet(FragmentHeader{Next: ProtoUDP, More: true}, payload(1232))
	for i := range 20000 {
		p[46], p[47] = byte(i>>8), byte(i)
		p[45] = byte(i >> 16)
		rt.wantStored(rt.receive(p))
		if n, d := rt.r.Held(); n > 64<<10 || d > 16 {
			t.Fatalf("%d bytes of %d packets are held", n, d)
		}
	}
}

func TestReassemblerNoAllocs(t *testing.T) {
	rt := newReassemblyTest(t, ReassemblyConfig{})
	a := rt.packet(FragmentHeader{Next: ProtoUDP, More: true, ID: 1}, payload(1448))
	b := rt.packet(FragmentHeader{Next: ProtoUDP, Off: 1448, ID: 1}, payload(700))
	ca, _ := Walk(a[6], a[HeaderLen:])
	cb, _ := Walk(b[6], b[HeaderLen:])
	run := func() {
		rt.r.Receive(rt.now, a, &ca)
		rt.r.Receive(rt.now, b, &cb)
	}
	run()
	if n := testing.AllocsPerRun(100, run); n != 0 {
		t.Errorf("a packet of two fragments allocates %v times", n)
	}
	if s := rt.r.Stats(); s.Reassembled < 100 {
		t.Errorf("%+v", s)
	}
}

// FuzzReassembler reads fragments from b. Whatever comes out consists of what was sent.
func FuzzReassembler(f *testing.F) {
	f.Add([]byte("\x00\x00\x08\x01\x00\x01\x08\x00"))
	f.Add([]byte("\x01\x10\x08\x00\x01\x00\x10\x01\x01\x00\x10\x01"))
	f.Add([]byte("\x82\x10\x05\x01\x82\xff\xff\x00\x82\x00\xff\x01"))
	f.Fuzz(func(t *testing.T, b []byte) {
		rt := newReassemblyTest(t, ReassemblyConfig{MaxBytes: 16 << 10, MaxDatagrams: 4, MaxFragments: 20})
		for ; len(b) >= 4; b = b[4:] {
			rt.pre, rt.preN = "", ProtoFragment
			if b[0]&0x80 != 0 {
				rt.pre, rt.preN = "2c"+padded, ProtoHopByHop
			}
			off, n := int(b[1])*8, int(b[2])
			more := b[3]&1 != 0
			rt.now += clock.Time(b[3]>>1) * second
			if off == 0 && !more {
				continue // atomic
			}
			if p, v := rt.send(uint32(b[0]&7), off, off+n, more); v.Action == Deliver {
				var h Header
				if h.Parse(p) < 0 || HeaderLen+h.PayloadLen != len(p) {
					t.Fatalf("reassembled %x", p)
				}
				c, v := Walk(h.Next, p[HeaderLen:])
				if v.Action != Deliver || c.Fragmented || !bytes.Equal(p[c.Off:], payload(len(p)-c.Off)) {
					t.Fatalf("reassembled %x, %+v", p, v)
				}
			}
			if n, d := rt.r.Held(); n > 16<<10 || d > 4 {
				t.Fatalf("%d bytes of %d packets are held", n, d)
			}
		}
	})
}
