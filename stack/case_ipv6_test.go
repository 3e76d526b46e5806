package stack

import (
	"bytes"
	"net/netip"
	"testing"
	"time"

	"github.com/ztstack/ztstack/ethernet"
	"github.com/ztstack/ztstack/icmp"
	"github.com/ztstack/ztstack/internal/be"
	"github.com/ztstack/ztstack/ipv6"
	"github.com/ztstack/ztstack/tcp"
)

func frame6(h ipv6.Header, payload []byte) []byte {
	return eth(macA, macB, ethernet.TypeIPv6, ip6(h, payload))
}

// echo6 returns an echo request from b6 to a6 with n bytes.
func echo6(n int) []byte {
	m := icmp.Echo6(false, 7, 1, pattern(n))
	b := make([]byte, m.Len())
	m.Put6(b, b6.As16(), a6.As16())
	return b
}

// problem fails unless the host answers a frame with a Parameter Problem.
func (l *lab) problem(name string, frame []byte, code uint8, pointer uint32) {
	l.t.Helper()
	got := l.ask(frame)
	if len(got) != 1 {
		l.t.Errorf("%s: %d answers, want a Parameter Problem; drops:%s", name, len(got), l.drops())
		return
	}
	if m := l.icmpOf(got[0]); m.Type != icmp.Type6ParamProblem || m.Code != code || m.Pointer6() != pointer {
		l.t.Errorf("%s: type %d code %d pointer %d, want a Parameter Problem, code %d, pointer %d", name, m.Type, m.Code, m.Pointer6(), code, pointer)
	}
	l.now = l.now.Add(time.Second)
}

// Payload Length beyond the frame is dropped, below it trims, zero is empty.
func TestCase_V1(t *testing.T) {
	l := newLab(t).meet()
	f := frame6(ipv6.Header{Next: 58}, echo6(8))
	be.PutUint16(f[18:], 17)
	l.silent(DropIPHeader, f)
	f = append(frame6(ipv6.Header{Next: 58}, echo6(8)), 0xff, 0xff)
	l.one(l.ask(f))
	f = frame6(ipv6.Header{Next: 58}, echo6(8))
	be.PutUint16(f[18:], 0)
	l.silent(DropICMP, f)
	l.alive()
}

// Jumbo options and extension headers out of place are answered as their RFCs say.
func TestCase_V2_V3(t *testing.T) {
	l := newLab(t).meet()
	jumbo := append([]byte{58, 0, 0xc2, 4, 0, 1, 0, 0}, echo6(8)...)
	l.problem("jumbo", frame6(ipv6.Header{Next: 0}, jumbo), icmp.Code6Option, 42)
	hop := append([]byte{0, 0, 1, 4, 0, 0, 0, 0}, append([]byte{58, 0, 1, 4, 0, 0, 0, 0}, echo6(8)...)...)
	l.problem("two hop-by-hop", frame6(ipv6.Header{Next: 0}, hop), icmp.Code6NextHeader, 40)
	l.problem("unknown header", frame6(ipv6.Header{Next: 253}, make([]byte, 8)), icmp.Code6NextHeader, 6)
	l.silent(DropExtension, frame6(ipv6.Header{Next: 59}, nil))
	// An ordinary chain is walked.
	ok := append([]byte{60, 0, 1, 4, 0, 0, 0, 0}, append([]byte{58, 0, 1, 4, 0, 0, 0, 0}, echo6(8)...)...)
	if m := l.icmpOf(l.one(l.ask(frame6(ipv6.Header{Next: 0}, ok)))); m.Type != icmp.Type6EchoReply {
		t.Errorf("answer %+v", m)
	}
	l.alive()
}

// Unknown options do what their action bits say, and overruns are dropped.
func TestCase_V4(t *testing.T) {
	l := newLab(t).meet()
	option := func(typ byte) []byte { return append([]byte{58, 0, typ, 4, 0, 0, 0, 0}, echo6(8)...) }
	l.one(l.ask(frame6(ipv6.Header{Next: 60}, option(0x1e))))
	l.silent(DropExtension, frame6(ipv6.Header{Next: 60}, option(0x5e)))
	l.problem("action 10", frame6(ipv6.Header{Next: 60}, option(0x9e)), icmp.Code6Option, 42)
	l.problem("action 11", frame6(ipv6.Header{Next: 60}, option(0xde)), icmp.Code6Option, 42)
	for _, bad := range [][]byte{{58, 0, 1, 5, 0, 0, 0, 0}, {58, 0, 0x1e, 200, 0, 0, 0, 0}} {
		l.silent(DropExtension, frame6(ipv6.Header{Next: 60}, append(bad, echo6(8)...)))
	}
	l.alive()
}

// Routing headers are never followed.
func TestCase_V5(t *testing.T) {
	l := newLab(t).meet()
	for _, typ := range []byte{0, 2, 4, 200} {
		rh := func(left byte) []byte {
			return append([]byte{58, 2, typ, left, 0, 0, 0, 0, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9}, echo6(8)...)
		}
		l.problem("routing header", frame6(ipv6.Header{Next: 43}, rh(1)), icmp.Code6Field, 42)
		l.one(l.ask(frame6(ipv6.Header{Next: 43}, rh(0))))
	}
	l.alive()
}

// fragments6 cuts payload into fragments of n bytes.
func fragments6(id uint32, next uint8, payload []byte, n int) (list [][]byte) {
	for off := 0; off < len(payload); off += n {
		end := min(off+n, len(payload))
		b := make([]byte, 8+end-off)
		h := ipv6.FragmentHeader{Next: next, Off: off, More: end < len(payload), ID: id}
		copy(b[h.Put(b):], payload[off:end])
		list = append(list, frame6(ipv6.Header{Next: 44}, b))
	}
	return list
}

// Overlaps discard the packet and what follows of it; atomic fragments stand alone; order does not matter.
func TestCase_V6_V7(t *testing.T) {
	l := newLab(t).meet()
	list := fragments6(1, 58, echo6(92), 24)
	for i := range list {
		l.in(list[len(list)-1-i])
	}
	if m := l.icmpOf(l.one(l.out())); !bytes.Equal(m.Body, pattern(92)) {
		t.Errorf("the reply has other bytes")
	}
	list = fragments6(2, 58, echo6(92), 24)
	over := make([]byte, 8+16)
	h := ipv6.FragmentHeader{Next: 58, Off: 16, More: true, ID: 2}
	h.Put(over)
	l.in(list[0], frame6(ipv6.Header{Next: 44}, over))
	l.in(list[1:]...)
	if got := l.out(); len(got) != 0 {
		t.Errorf("%d answers to overlapping fragments", len(got))
	}
	// An atomic fragment passes while others with its ID wait.
	list = fragments6(3, 58, echo6(92), 24)
	l.in(list[:2]...)
	atomic := make([]byte, 8)
	h = ipv6.FragmentHeader{Next: 58, ID: 3}
	h.Put(atomic)
	l.one(l.ask(frame6(ipv6.Header{Next: 44}, append(atomic, echo6(8)...))))
	l.in(list[2:]...)
	l.one(l.out())
	l.alive()
}

// Fragments that cannot be right are reported; without the whole chain they are dropped.
func TestCase_V8_V9(t *testing.T) {
	l := newLab(t).meet()
	frag := func(next uint8, off int, more bool, payload []byte) []byte {
		b := make([]byte, 8)
		h := ipv6.FragmentHeader{Next: next, Off: off, More: more, ID: 77}
		h.Put(b)
		return frame6(ipv6.Header{Next: 44}, append(b, payload...))
	}
	l.problem("length", frag(58, 0, true, make([]byte, 9)), icmp.Code6Field, 4)
	l.problem("offset", frag(58, 65528, false, make([]byte, 64)), icmp.Code6Field, 42)
	// A Destination Options header that goes on in the next fragment.
	got := l.ask(frag(60, 0, true, []byte{58, 2, 1, 4, 0, 0, 0, 0}))
	for _, f := range got {
		if m := l.icmpOf(f); m.Type != icmp.Type6ParamProblem || m.Code != icmp.Code6Chain {
			t.Errorf("answer %+v", m)
		}
	}
	l.alive()
}

// A flood of fragments takes bounded memory.
func TestCase_V10(t *testing.T) {
	l := newLab(t).meet()
	for i := range 20000 {
		l.in(fragments6(uint32(i), 58, echo6(92), 24)[0])
	}
	if st := l.s.Stats().Reassembly6; st.Evicted < 19000 {
		t.Errorf("only %d packets were evicted", st.Evicted)
	}
	sent := 0
	l.advance(58 * time.Second)
	l.meet() // it has gone unanswered since, and would have to be resolved
	for _, f := range l.advance(time.Minute) {
		if m := l.icmpOf(f); m.Type == icmp.Type6TimeExceeded {
			sent++
		}
	}
	if sent == 0 || sent > 120 {
		t.Errorf("%d Time Exceeded messages", sent)
	}
	l.alive()
}

// Addresses that may not be on a wire are dropped without an answer.
func TestCase_V11(t *testing.T) {
	l := newLab(t).meet()
	for _, src := range []string{"ff02::1", "::1", "::ffff:10.0.0.2", "::", "fd00::1"} {
		a := netip.MustParseAddr(src)
		if a.Is4In6() {
			a = netip.AddrFrom16(a.As16())
		}
		l.silent(DropMartianSource, eth(macA, macB, ethernet.TypeIPv6, ip6(ipv6.Header{Next: 17, Src: a.As16(), Dst: a6.As16()}, datagram(b6, a6, 1, 9, nil))))
	}
	for _, dst := range []string{"::1", "::ffff:10.0.0.1"} {
		l.silent(DropMartianDst, eth(macA, macB, ethernet.TypeIPv6, ip6(ipv6.Header{Next: 17, Src: b6.As16(), Dst: netip.MustParseAddr(dst).As16()}, datagram(b6, a6, 1, 9, nil))))
	}
	l.alive()
}

// Long chains cost bounded work; a UDP checksum of zero is dropped; groups cause no errors but two.
func TestCase_V12_V13_V14(t *testing.T) {
	l := newLab(t).meet()
	var chain []byte
	for range 150 {
		chain = append(chain, 60, 0, 1, 4, 0, 0, 0, 0)
	}
	chain[len(chain)-8] = 58
	l.silent(DropExtension, frame6(ipv6.Header{Next: 60}, append(chain, echo6(8)...)))
	d := datagram(b6, a6, 1, 9, nil)
	d[6], d[7] = 0, 0
	l.silent(DropUDPChecksum, frame6(ipv6.Header{Next: 17}, d))
	group := netip.MustParseAddr("ff02::1")
	l.silent(DropUDPNoSocket, ipFrame(b6, group, 17, datagram(b6, group, 1, 9, nil)))
	e := icmp.Unreachable6(icmp.Code6Port, ip6(ipv6.Header{Next: 253}, make([]byte, 8)))
	if got := l.ask(eth(macA, macB, ethernet.TypeIPv6, icmp6Packet(b6, a6, &e, 64))); len(got) != 0 {
		t.Errorf("an error is answered")
	}
	l.problem("option for groups", ipFrame(b6, group, 60, []byte{58, 0, 0x9e, 4, 0, 0, 0, 0, 128, 0, 0, 0, 0, 0, 0, 0}), icmp.Code6Option, 42)
	l.alive()
}

// Segments in link-layer broadcasts or from nobody open nothing.
func TestIPv6GroupSegments(t *testing.T) {
	l := newLab(t).meet()
	h := tcp.Header{SrcPort: 50000, DstPort: 7, Seq: 1, Flags: tcp.SYN, Window: 1000}
	group := netip.MustParseAddr("ff02::1")
	l.silent(DropTCPGroup, ipFrame(b6, group, 6, segment(b6, group, &h, nil)))
	l.alive()
}
