package stack

import (
	"bytes"
	"net/netip"
	"testing"
	"time"

	"github.com/ztstack/ztstack/ethernet"
	"github.com/ztstack/ztstack/icmp"
	"github.com/ztstack/ztstack/internal/be"
	"github.com/ztstack/ztstack/ipv4"
	"github.com/ztstack/ztstack/tcp"
)

// ping4 returns the frame of an echo request with n bytes.
func ping4(n int) []byte {
	m := icmp.Echo4(false, 7, 1, pattern(n))
	return eth(macA, macB, ethernet.TypeIPv4, icmp4Packet(b4, a4, &m))
}

// resum makes the header checksum of an IPv4 frame right again.
func resum(f []byte) []byte {
	ip := f[14:]
	n := min(max(int(ip[0]&15)*4, 20), len(ip)&^1)
	ip[10], ip[11] = 0, 0
	var s uint32
	for i := 0; i < n; i += 2 {
		s += uint32(be.Uint16(ip[i:]))
	}
	for s > 0xffff {
		s = s>>16 + s&0xffff
	}
	be.PutUint16(ip[10:], ^uint16(s))
	return f
}

// A wrong header checksum is dropped silently.
func TestCase_I1(t *testing.T) {
	l := newLab(t).meet()
	f := ping4(8)
	f[25]++
	l.silent(DropIPHeader, f)
	l.alive()
}

// Versions other than 4 under IPv4's EtherType are dropped.
func TestCase_I2(t *testing.T) {
	l := newLab(t).meet()
	for _, v := range []byte{0, 5, 6, 15} {
		f := ping4(8)
		f[14] = v<<4 | 5
		l.silent(DropIPHeader, resum(f))
	}
	l.alive()
}

// Header and total length that contradict each other or the frame are dropped.
func TestCase_I3(t *testing.T) {
	l := newLab(t).meet()
	for ihl := range byte(5) {
		f := ping4(8)
		f[14] = 0x40 | ihl
		l.silent(DropIPHeader, resum(f))
	}
	for _, tt := range []struct {
		ihl   byte
		total uint16
	}{{15, 36}, {5, 37}, {5, 65535}, {5, 19}, {5, 0}} {
		f := ping4(8)
		f[14] = 0x40 | tt.ihl
		be.PutUint16(f[16:], tt.total)
		l.silent(DropIPHeader, resum(f))
	}
	l.alive()
}

// Options that make no sense are dropped, those that do are passed over.
func TestCase_I4(t *testing.T) {
	l := newLab(t).meet()
	m := icmp.Echo4(false, 7, 1, []byte("x"))
	send := func(o ...byte) [][]byte {
		return l.ask(eth(macA, macB, ethernet.TypeIPv4, ip4(ipv4.Header{Proto: 1, Options: o}, icmp4Message(&m))))
	}
	for _, o := range [][]byte{{7, 0, 0, 0}, {7, 1, 0, 0}, {7, 40, 4, 0}} {
		before := l.s.Stats().Drops[DropIPOptions]
		got := send(o...)
		if l.s.Stats().Drops[DropIPOptions] != before+1 {
			t.Errorf("options %x were not dropped", o)
		}
		for _, f := range got {
			if m := l.icmpOf(f); m.Type != icmp.Type4ParamProblem || m.Pointer4() < 20 || m.Pointer4() > 23 {
				t.Errorf("options %x: answer %+v, want nothing or a Parameter Problem", o, m)
			}
		}
	}
	nops := bytes.Repeat([]byte{1}, 40)
	for _, o := range [][]byte{nops, {0, 9, 9, 9}} {
		if r := l.icmpOf(l.one(send(o...))); r.Type != icmp.Type4EchoReply {
			t.Errorf("options %x: answer %+v", o, r)
		}
	}
	l.alive()
}

// Source routes are dropped, to us and to others.
func TestCase_I5(t *testing.T) {
	l := newLab(t).meet()
	m := icmp.Echo4(false, 7, 1, []byte("x"))
	for _, typ := range []byte{131, 137} {
		o := []byte{typ, 7, 4, 10, 0, 0, 2, 0}
		l.silent(DropSourceRoute, eth(macA, macB, ethernet.TypeIPv4, ip4(ipv4.Header{Proto: 1, Options: o}, icmp4Message(&m))))
	}
	l.alive()
}

// Sources that nobody can have are dropped silently, whatever is asked.
func TestCase_I6(t *testing.T) {
	l := newLab(t).meet()
	for _, src := range []string{"255.255.255.255", "10.0.0.255", "224.0.0.1", "240.0.0.1", "0.0.0.0", "127.0.0.1", "10.0.0.1"} {
		a := netip.MustParseAddr(src)
		h := tcp.Header{SrcPort: 50000, DstPort: 7, Seq: 1, Flags: tcp.SYN, Window: 1000}
		m := icmp.Echo4(false, 7, 1, nil)
		l.silent(DropMartianSource, ipFrame(a, a4, 6, segment(a, a4, &h, nil)))
		l.silent(DropMartianSource, ipFrame(a, a4, 17, datagram(a, a4, 1, 9, nil)))
		l.silent(DropMartianSource, ipFrame(a, a4, 1, icmp4Message(&m)))
	}
	l.alive()
}

// Destinations that may not be on a wire are dropped silently.
func TestCase_I7(t *testing.T) {
	l := newLab(t).meet()
	for _, dst := range []string{"127.0.0.1", "0.0.0.0"} {
		m := icmp.Echo4(false, 7, 1, nil)
		l.silent(DropMartianDst, ipFrame(b4, netip.MustParseAddr(dst), 1, icmp4Message(&m)))
	}
	m := icmp.Echo4(false, 7, 1, nil)
	l.silent(DropNotLocal, ipFrame(b4, netip.MustParseAddr("10.0.0.77"), 1, icmp4Message(&m)))
	l.alive()
}

// A host accepts packets with TTL 0 and 1.
func TestCase_I8(t *testing.T) {
	l := newLab(t).meet()
	for ttl := range byte(2) {
		f := ping4(8)
		f[22] = ttl
		l.one(l.ask(resum(f)))
	}
}

// fragments cuts the payload of an IPv4 packet into pieces of n bytes.
func fragments(id uint16, proto uint8, payload []byte, n int) (list [][]byte) {
	for off := 0; off < len(payload); off += n {
		end := min(off+n, len(payload))
		h := ipv4.Header{Proto: proto, ID: id, FragOff: off, MF: end < len(payload)}
		list = append(list, eth(macA, macB, ethernet.TypeIPv4, ip4(h, payload[off:end])))
	}
	return list
}

// A datagram never mixes the bytes of fragments that disagree.
func TestCase_I9(t *testing.T) {
	m := icmp.Echo4(false, 7, 1, make([]byte, 56))
	payload := icmp4Message(&m)
	// One fragment more, of other bytes, over: the head, the middle, the tail, all but a little, inside.
	for _, over := range [][2]int{{0, 16}, {8, 16}, {24, 24}, {0, 64}, {24, 8}} {
		for first := range 2 {
			l := newLab(t).meet()
			evil := bytes.Repeat([]byte{0xee}, over[1])
			x := eth(macA, macB, ethernet.TypeIPv4, ip4(ipv4.Header{Proto: 1, ID: 5, FragOff: over[0], MF: over[0]+over[1] < 64}, evil))
			list := fragments(5, 1, payload, 16)
			if first == 0 {
				list = append([][]byte{x}, list...)
			} else {
				list = append(list[:3:3], x, list[3])
			}
			l.in(list...)
			for _, f := range l.out() {
				r := l.icmpOf(f)
				if bytes.Contains(r.Body, []byte{0xee}) {
					t.Errorf("overlap %v, order %d: the echo reply mixes both", over, first)
				}
			}
			l.alive()
		}
	}
}

// Tiny fragments are put together, in any order; a fragment is never parsed as a transport header.
func TestCase_I10(t *testing.T) {
	l := newLab(t).meet()
	u, err := l.s.BindUDP(netip.MustParseAddrPort("10.0.0.1:9"), nil)
	if err != nil {
		t.Fatal(err)
	}
	list := fragments(6, 17, datagram(b4, a4, 1000, 9, pattern(50)), 8)
	for i := range list {
		l.in(list[len(list)-1-i])
	}
	var b [100]byte
	if n, _, _, err := u.ReadFrom(b[:]); n != 50 || err != nil || !bytes.Equal(b[:n], pattern(50)) {
		t.Errorf("ReadFrom = %d bytes, %v; want 50", n, err)
	}
	h := tcp.Header{SrcPort: 50000, DstPort: 7, Seq: 1, Flags: tcp.SYN, Window: 1000}
	list = fragments(7, 6, segment(b4, a4, &h, nil), 8)
	l.in(list[1:]...)
	if got := l.out(); len(got) != 0 {
		t.Errorf("%d answers to the last fragments of a SYN", len(got))
	}
	if got := tcpOf(l.one(l.ask(list[0]))); got.Flags != tcp.SYN|tcp.ACK {
		t.Errorf("answer to a fragmented SYN: %v", got.Flags)
	}
}

// Fragments beyond 65535 bytes are dropped, as are those of odd lengths.
func TestCase_I11_I12(t *testing.T) {
	l := newLab(t).meet()
	for _, h := range []ipv4.Header{
		{Proto: 1, ID: 1, FragOff: 65528},
		{Proto: 1, ID: 2, FragOff: 65520, MF: true},
	} {
		l.silent(DropFragment, eth(macA, macB, ethernet.TypeIPv4, ip4(h, make([]byte, 1400))))
	}
	l.silent(DropFragment, eth(macA, macB, ethernet.TypeIPv4, ip4(ipv4.Header{Proto: 1, ID: 3, MF: true}, make([]byte, 9))))
	l.silent(DropFragment, eth(macA, macB, ethernet.TypeIPv4, ip4(ipv4.Header{Proto: 1, ID: 4, MF: true}, nil)))
	l.alive()
}

// A flood of first fragments takes bounded memory, and is reported at the limited rate after a minute.
func TestCase_I13(t *testing.T) {
	l := newLab(t).meet()
	for i := range 100000 {
		l.in(eth(macA, macB, ethernet.TypeIPv4, ip4(ipv4.Header{Proto: uint8(17 + i>>16), ID: uint16(i), MF: true}, make([]byte, 64))))
	}
	if got := len(l.out()); got > icmpErrorsBurst {
		t.Errorf("%d answers at once", got)
	}
	st := l.s.Stats().Reassembly4
	if st.Evicted < 99000 {
		t.Errorf("only %d datagrams were evicted: %+v", st.Evicted, st)
	}
	sent := 0
	for _, f := range l.advance(2 * time.Minute) {
		if etherType(f) != ethernet.TypeIPv4 {
			continue
		}
		if m := l.icmpOf(f); m.Type != icmp.Type4TimeExceeded || m.Code != icmp.Code4Reassembly {
			t.Errorf("unexpected %+v", m)
		}
		sent++
	}
	if sent == 0 || sent > 120 {
		t.Errorf("%d Time Exceeded messages", sent)
	}
	if next := l.s.Poll(l.now); next != 0 && next < l.now.Add(-time.Second) {
		t.Errorf("a timer is left at %v, now %v", next, l.now)
	}
	l.alive()
}

// Exact duplicates are harmless; fragments of different protocols or senders are never joined.
func TestCase_I14_I15(t *testing.T) {
	l := newLab(t).meet()
	m := icmp.Echo4(false, 7, 1, pattern(100))
	list := fragments(9, 1, icmp4Message(&m), 24)
	l.in(list[0], list[1], list[1], list[0])
	other := fragments(9, 17, icmp4Message(&m), 24)
	l.in(other[2], other[3])
	if got := l.out(); len(got) != 0 {
		t.Errorf("%d answers to fragments that do not belong together", len(got))
	}
	l.in(list[2:]...)
	if r := l.icmpOf(l.one(l.out())); !bytes.Equal(r.Body, pattern(100)) {
		t.Errorf("the reply has other bytes")
	}
	l.alive()
}

// An unknown protocol is answered if it came to us alone.
func TestCase_I16(t *testing.T) {
	l := newLab(t).meet()
	m := l.icmpOf(l.one(l.ask(ipFrame(b4, a4, 253, []byte("12345678")))))
	if m.Type != icmp.Type4Unreachable || m.Code != icmp.Code4Protocol {
		t.Errorf("answer %+v", m)
	}
	l.silent(DropProtocol, ipFrame(b4, netip.MustParseAddr("10.0.0.255"), 253, []byte("12345678")))
	l.silent(DropProtocol, ipFrame(b4, netip.MustParseAddr("224.0.0.1"), 253, []byte("12345678")))
	answers := 0
	for range 1000 {
		answers += len(l.ask(ipFrame(b4, a4, 253, []byte("12345678"))))
	}
	if answers > icmpErrorsBurst {
		t.Errorf("%d answers at one instant", answers)
	}
	l.alive()
}
