package stack

import (
	"net/netip"
	"testing"
	"time"

	"github.com/ztstack/ztstack/arp"
	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/ethernet"
	"github.com/ztstack/ztstack/icmp"
	"github.com/ztstack/ztstack/internal/be"
	"github.com/ztstack/ztstack/internal/cksum"
	"github.com/ztstack/ztstack/ipv4"
	"github.com/ztstack/ztstack/ipv6"
	"github.com/ztstack/ztstack/link"
	"github.com/ztstack/ztstack/tcp"
	"github.com/ztstack/ztstack/udp"
)

// A lab is one host, with address macA, a4, a6 and a listener on TCP port 7, whose only neighbour is the
// test: macB, b4, b6. The test sends frames by hand and looks at what comes back.
type lab struct {
	t   testing.TB
	now clock.Time
	s   *Stack
	i   Interface
	buf link.Buf
}

func newLab(t testing.TB) *lab { return newLabConfig(t, Config{}, true) }

func newLabConfig(t testing.TB, cfg Config, noDAD bool) *lab {
	t.Helper()
	l := &lab{t: t, now: 1e9, buf: link.Buf{B: make([]byte, 70000)}}
	s, err := New(cfg, l.now)
	if err != nil {
		t.Fatal(err)
	}
	l.s = s
	info := ethernetLink
	info.Addr = macA
	if l.i, err = s.AddInterface(l.now, InterfaceConfig{Name: "eth0", Info: info, NoDAD: noDAD}); err != nil {
		t.Fatal(err)
	}
	l.address("10.0.0.1/24")
	l.address("fd00::1/64")
	if _, err := s.ListenTCP(netip.MustParseAddrPort("[::]:7"), 0, nil, nil); err != nil {
		t.Fatal(err)
	}
	l.out()
	return l
}

func (l *lab) address(p string) {
	l.t.Helper()
	if err := l.s.AddAddress(l.now, l.i, netip.MustParsePrefix(p)); err != nil {
		l.t.Fatal(err)
	}
}

// meet makes the host know its neighbour.
func (l *lab) meet() *lab {
	l.in(arpFrame(arp.Request, macB, b4, ethernet.Addr{}, a4))
	l.in(eth(macA, macB, ethernet.TypeIPv6, nsPacket(b6, a6, a6, macB, 255)))
	l.out()
	return l
}

// in hands frames to the host.
func (l *lab) in(frames ...[]byte) {
	for _, f := range frames {
		b := link.Buf{B: append([]byte(nil), f...), Len: len(f)}
		l.s.Receive(l.now, l.i, &b)
	}
}

// out returns what the host sends now.
func (l *lab) out() (frames [][]byte) {
	for l.s.Pending(l.i) {
		l.buf.Off = 0
		if !l.s.Output(l.now, l.i, &l.buf) {
			break
		}
		f := append([]byte(nil), l.buf.Frame()...)
		frames = append(frames, f)
		if dst, src := ethernet.Addr(f[:6]), ethernet.Addr(f[6:12]); dst == (ethernet.Addr{}) || dst == macA || src != macA {
			l.t.Errorf("a frame from %v to %v: %s", src, dst, show(f))
		}
	}
	return frames
}

// ask hands over a frame and returns the answers.
func (l *lab) ask(frame []byte) [][]byte {
	l.in(frame)
	return l.out()
}

// silent fails unless the frame is dropped without an answer, for the given reason.
func (l *lab) silent(why Drop, frame []byte) {
	l.t.Helper()
	before := l.s.Stats().Drops[why]
	if got := l.ask(frame); len(got) != 0 {
		l.t.Errorf("the host answers with %d frames: %s", len(got), show(got[0]))
	}
	if n := l.s.Stats().Drops[why] - before; n != 1 {
		l.t.Errorf("%d packets dropped as %v, want 1; all drops: %v", n, why, l.drops())
	}
}

// drops lists what was dropped.
func (l *lab) drops() string {
	text := ""
	for why, n := range l.s.Stats().Drops {
		if n > 0 {
			text += " " + Drop(why).String()
		}
	}
	return text
}

// one returns the only frame of several.
func (l *lab) one(frames [][]byte) []byte {
	l.t.Helper()
	if len(frames) != 1 {
		l.t.Fatalf("%d frames, want 1; drops:%s", len(frames), l.drops())
	}
	return frames[0]
}

// advance lets d pass and returns what the host sends meanwhile.
func (l *lab) advance(d time.Duration) (frames [][]byte) {
	for end := l.now.Add(d); ; {
		frames = append(frames, l.out()...)
		next := l.s.Poll(l.now)
		if l.s.Pending(l.i) {
			continue
		}
		if next == clock.Never || next > end {
			if l.now == end {
				return frames
			}
			next = end
		}
		l.now = min(end, max(l.now+1, next))
	}
}

// alive fails unless an ordinary ping and an ordinary connection still work, by both families.
func (l *lab) alive() {
	l.t.Helper()
	l.out()
	l.meet()
	m := icmp.Echo4(false, 99, 1, []byte("alive"))
	if r := l.ask(eth(macA, macB, ethernet.TypeIPv4, icmp4Packet(b4, a4, &m))); len(r) != 1 {
		l.t.Errorf("IPv4 ping: %d answers, want 1; drops:%s", len(r), l.drops())
	}
	m = icmp.Echo6(false, 99, 1, []byte("alive"))
	if r := l.ask(eth(macA, macB, ethernet.TypeIPv6, icmp6Packet(b6, a6, &m, 64))); len(r) != 1 {
		l.t.Errorf("IPv6 ping: %d answers, want 1; drops:%s", len(r), l.drops())
	}
	for _, pair := range [][2]netip.Addr{{b4, a4}, {b6, a6}} {
		h := tcp.Header{SrcPort: 50000, DstPort: 7, Seq: 1, Flags: tcp.SYN, Window: 1000}
		r := l.ask(ipFrame(pair[0], pair[1], ipv4.ProtoTCP, segment(pair[0], pair[1], &h, nil)))
		if len(r) != 1 || tcpOf(r[0]).Flags != tcp.SYN|tcp.ACK {
			l.t.Errorf("%d answers to a SYN to %v, want a SYN-ACK; drops:%s", len(r), pair[1], l.drops())
			continue
		}
		h = tcp.Header{SrcPort: 50000, DstPort: 7, Seq: 2, Ack: tcpOf(r[0]).Seq + 1, Flags: tcp.RST | tcp.ACK}
		l.in(ipFrame(pair[0], pair[1], ipv4.ProtoTCP, segment(pair[0], pair[1], &h, nil)))
		l.out()
	}
}

func eth(dst, src ethernet.Addr, typ ethernet.EtherType, payload []byte) []byte {
	b := make([]byte, 14+len(payload))
	h := ethernet.Header{Dst: dst, Src: src, Type: typ}
	h.Put(b)
	copy(b[14:], payload)
	return b
}

func arpFrame(op uint16, hw ethernet.Addr, ip netip.Addr, targetHW ethernet.Addr, target netip.Addr) []byte {
	p := arp.Packet{Op: op, SenderHW: hw, SenderIP: ip.As4(), TargetHW: targetHW, TargetIP: target.As4()}
	b := make([]byte, arp.Len)
	p.Put(b)
	dst := ethernet.Broadcast
	if op == arp.Reply {
		dst = macA
	}
	return eth(dst, hw, ethernet.TypeARP, b)
}

// ip4 returns a packet; h says what is not usual. Without addresses it is from the test to the host.
func ip4(h ipv4.Header, payload []byte) []byte {
	if h.TTL == 0 {
		h.TTL = 64
	}
	if h.Src == [4]byte{} && h.Dst == [4]byte{} {
		h.Src, h.Dst = b4.As4(), a4.As4()
	}
	h.TotalLen = h.Len() + len(payload)
	b := make([]byte, h.TotalLen)
	copy(b[h.Put(b):], payload)
	return b
}

// ip6 returns a packet; h says what is not usual.
func ip6(h ipv6.Header, payload []byte) []byte {
	if h.HopLimit == 0 {
		h.HopLimit = 64
	}
	if h.Src == [16]byte{} && h.Dst == [16]byte{} {
		h.Src, h.Dst = b6.As16(), a6.As16()
	}
	h.PayloadLen = len(payload)
	b := make([]byte, 40+len(payload))
	copy(b[h.Put(b):], payload)
	return b
}

// ipFrame returns an ordinary packet in an ordinary frame to the host.
func ipFrame(src, dst netip.Addr, proto uint8, payload []byte) []byte {
	if dst.Is4() {
		return eth(macA, macB, ethernet.TypeIPv4, ip4(ipv4.Header{Proto: proto, Src: src.As4(), Dst: dst.As4()}, payload))
	}
	return eth(macA, macB, ethernet.TypeIPv6, ip6(ipv6.Header{Next: proto, Src: src.As16(), Dst: dst.As16()}, payload))
}

func pseudoOf(src, dst netip.Addr, proto uint8, n int) uint16 {
	if dst.Is4() {
		return cksum.Pseudo4(src.As4(), dst.As4(), proto, n)
	}
	return cksum.Pseudo6(src.As16(), dst.As16(), proto, n)
}

// datagram returns a UDP datagram.
func datagram(src, dst netip.Addr, from, to uint16, payload []byte) []byte {
	b := make([]byte, 8+len(payload))
	udp.PutDatagram(b, from, to, payload, pseudoOf(src, dst, 17, len(b)))
	return b
}

// segment returns a TCP segment.
func segment(src, dst netip.Addr, h *tcp.Header, payload []byte) []byte {
	b := make([]byte, 60+len(payload))
	n := h.Put(b)
	b = b[:n+copy(b[n:], payload)]
	be.PutUint16(b[16:], ^cksum.Add(cksum.Sum(b), pseudoOf(src, dst, 6, len(b))))
	return b
}

func icmp4Message(m *icmp.Message) []byte {
	b := make([]byte, m.Len())
	m.Put4(b)
	return b
}

func icmp4Packet(src, dst netip.Addr, m *icmp.Message) []byte {
	return ip4(ipv4.Header{Proto: 1, Src: src.As4(), Dst: dst.As4()}, icmp4Message(m))
}

func icmp6Packet(src, dst netip.Addr, m *icmp.Message, hops uint8) []byte {
	b := make([]byte, m.Len())
	m.Put6(b, src.As16(), dst.As16())
	return ip6(ipv6.Header{Next: 58, HopLimit: hops, Src: src.As16(), Dst: dst.As16()}, b)
}

// nsPacket returns a Neighbour Solicitation.
func nsPacket(src, dst, target netip.Addr, hw ethernet.Addr, hops uint8) []byte {
	ns := icmp.NeighborSolicitation{Target: target.As16()}
	ns.Options.SourceLink, ns.Options.HasSourceLink = hw, hw != ethernet.Addr{}
	var buf [128]byte
	m := ns.Message(buf[:])
	return icmp6Packet(src, dst, &m, hops)
}

// naPacket returns a Neighbour Advertisement of target by macOf.
func naPacket(src, dst, target netip.Addr, hw ethernet.Addr, solicited, override bool) []byte {
	na := icmp.NeighborAdvertisement{Target: target.As16(), Solicited: solicited, Override: override}
	na.Options.TargetLink, na.Options.HasTargetLink = hw, true
	var buf [128]byte
	m := na.Message(buf[:])
	return icmp6Packet(src, dst, &m, 255)
}

// tcpOf returns the TCP header in a frame.
func tcpOf(frame []byte) (h tcp.Header) {
	switch etherType(frame) {
	case ethernet.TypeIPv4:
		h.Parse(frame[14+ipv4.HeaderLen:])
	case ethernet.TypeIPv6:
		h.Parse(frame[14+ipv6.HeaderLen:])
	}
	return h
}

// icmpOf returns the ICMP message of either family in a frame, and fails the test if there is none.
func (l *lab) icmpOf(frame []byte) (m icmp.Message) {
	l.t.Helper()
	n := -1
	switch etherType(frame) {
	case ethernet.TypeIPv4:
		var h ipv4.Header
		if k := h.Parse(frame[14:]); k > 0 && h.Proto == 1 {
			n = m.Parse4(frame[14+k : 14+h.TotalLen])
		}
	case ethernet.TypeIPv6:
		var h ipv6.Header
		if k := h.Parse(frame[14:]); k > 0 && h.Next == 58 {
			n = m.Parse6(frame[14+k:14+k+h.PayloadLen], h.Src, h.Dst)
		}
	}
	if n < 0 {
		l.t.Fatalf("no valid ICMP message: %s", show(frame))
	}
	return m
}

// arpOf returns the ARP packet in a frame, and fails the test if there is none.
func (l *lab) arpOf(frame []byte) (p arp.Packet) {
	l.t.Helper()
	if etherType(frame) != ethernet.TypeARP || p.Parse(frame[14:]) < 0 {
		l.t.Fatalf("no ARP packet: %s", show(frame))
	}
	return p
}

func etherType(frame []byte) ethernet.EtherType { return ethernet.EtherType(be.Uint16(frame[12:])) }

// show describes a frame in a few words.
func show(frame []byte) string {
	const hex = "0123456789abcdef"
	text := etherType(frame).String() + " "
	for _, b := range frame[14:min(len(frame), 80)] {
		text += string([]byte{hex[b>>4], hex[b&15]})
	}
	return text
}
