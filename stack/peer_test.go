package stack

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ztstack/ztstack/arp"
	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/ethernet"
	"github.com/ztstack/ztstack/icmp"
	"github.com/ztstack/ztstack/ipv4"
	"github.com/ztstack/ztstack/ipv6"
	"github.com/ztstack/ztstack/tcp"
)

// A peer is a TCP of the test's own, at b4 or b6, that says to the host what no honest one would. It speaks in
// lines such as "P. 1:101(100) ack 1 win 1000", with sequence numbers relative to the initial ones: a SYN is 0
// and the first byte 1.
type peer struct {
	*lab
	local, remote netip.AddrPort // the peer's and the host's
	isn, iss      tcp.Seq        // the peer's and the host's initial sequence numbers
	conn          *TCP           // the host's end
	listener      *Listener
	ts            bool   // timestamps were agreed on: segments get them unless they bring their own
	tsval         uint32 // of the next segment in
	echo          uint32 // of the last segment out
	heard         []byte // the host's stream as far as it has come in order
	ecn           uint8  // ECN field of segments in
	tos           []uint8
}

// A reply is one segment of the host's.
type reply struct {
	h tcp.Header
	n int // of the payload
}

const peerPort = 8

// newPeer listens on port 8 of the host, and connects to nothing yet.
func newPeer(t testing.TB, cfg *tcp.Config) *peer { return newLab(t).meet().peer(40000, cfg) }

// peer returns another peer at a port of its own.
func (l *lab) peer(port uint16, cfg *tcp.Config) *peer {
	l.t.Helper()
	p := &peer{lab: l, local: netip.AddrPortFrom(b4, port), remote: netip.AddrPortFrom(a4, peerPort), isn: 5000, tsval: 100}
	if p.listener = l.s.listenerFor(p.remote); p.listener == nil {
		var err error
		if p.listener, err = l.s.ListenTCP(netip.AddrPortFrom(netip.IPv6Unspecified(), peerPort), 0, cfg, nil); err != nil {
			l.t.Fatal(err)
		}
	}
	return p
}

// overIPv6 makes the peer speak IPv6.
func (p *peer) overIPv6() *peer {
	p.local, p.remote = netip.AddrPortFrom(b6, p.local.Port()), netip.AddrPortFrom(a6, p.remote.Port())
	return p
}

// withMSS and the like change the header of a segment in.
func withMSS(mss uint16) func(*tcp.Header) {
	return func(h *tcp.Header) { h.Options.HasMSS, h.Options.MSS = true, mss }
}

func withScale(n uint8) func(*tcp.Header) {
	return func(h *tcp.Header) { h.Options.HasWindowScale, h.Options.WindowScale = true, n }
}

func withSACKOK(h *tcp.Header) { h.Options.SACKPermitted = true }

func withTS(val, ecr uint32) func(*tcp.Header) {
	return func(h *tcp.Header) { h.Options.HasTimestamps, h.Options.TSVal, h.Options.TSEcr = true, val, ecr }
}

func withUrgent(n uint16) func(*tcp.Header) { return func(h *tcp.Header) { h.Urgent = n } }

// withSACK reports ranges of the host's stream, two numbers each.
func (p *peer) withSACK(edges ...int) func(*tcp.Header) {
	return func(h *tcp.Header) {
		for i := 0; i+1 < len(edges); i += 2 {
			h.Options.SACK[h.Options.NumSACK] = tcp.SACKBlock{Start: p.iss.Add(edges[i]), End: p.iss.Add(edges[i+1])}
			h.Options.NumSACK++
		}
	}
}

// noTS leaves out the timestamps that a segment would have.
func noTS(h *tcp.Header) { h.Options.HasTimestamps = false }

// byteOf is the content of the peer's stream.
func byteOf(seq tcp.Seq) byte { return byte(seq*7 + seq>>8) }

// header reads a line.
func (p *peer) header(line string, with []func(*tcp.Header)) (h tcp.Header, n int) {
	p.t.Helper()
	f := strings.Fields(line)
	h = tcp.Header{SrcPort: p.local.Port(), DstPort: p.remote.Port(), Window: 65535}
	for _, c := range f[0] {
		if i := strings.IndexRune("FSRP.UEW", c); i >= 0 {
			h.Flags |= 1 << i
		} else if c != '0' {
			p.t.Fatalf("flags %q", f[0])
		}
	}
	var start, end int64
	if _, err := fmt.Sscanf(f[1], "%d:%d(%d)", &start, &end, &n); err != nil || end-start != int64(n) {
		p.t.Fatalf("range %q: %v", f[1], err)
	}
	h.Seq = p.isn + tcp.Seq(start)
	for i := 2; i+1 < len(f); i += 2 {
		v, err := strconv.ParseInt(f[i+1], 10, 64)
		switch {
		case err != nil:
			p.t.Fatalf("%q: %v", line, err)
		case f[i] == "ack":
			h.Ack = p.iss + tcp.Seq(v)
		case f[i] == "win":
			h.Window = uint16(v)
		}
	}
	if p.ts {
		h.Options.HasTimestamps, h.Options.TSVal, h.Options.TSEcr = true, p.tsval, p.echo
	}
	for _, w := range with {
		w(&h)
	}
	return h, n
}

// frame returns the segment that a line describes, with the peer's stream as payload.
func (p *peer) frame(line string, with ...func(*tcp.Header)) []byte {
	p.t.Helper()
	h, n := p.header(line, with)
	data := make([]byte, n)
	at := h.Seq - p.isn
	if h.Flags&tcp.SYN != 0 {
		at++
	}
	for i := range data {
		data[i] = byteOf(at.Add(i))
	}
	return p.wrap(&h, data)
}

// wrap returns the frame of a segment.
func (p *peer) wrap(h *tcp.Header, data []byte) []byte {
	src, dst := p.local.Addr(), p.remote.Addr()
	seg := segment(src, dst, h, data)
	if dst.Is4() {
		return eth(macA, macB, ethernet.TypeIPv4, ip4(ipv4.Header{TOS: p.ecn, Proto: 6, Src: src.As4(), Dst: dst.As4()}, seg))
	}
	return eth(macA, macB, ethernet.TypeIPv6, ip6(ipv6.Header{Traffic: p.ecn, Next: 6, Src: src.As16(), Dst: dst.As16()}, seg))
}

// say sends a segment to the host and returns what it says.
func (p *peer) say(line string, with ...func(*tcp.Header)) []reply {
	p.t.Helper()
	return p.replies(p.ask(p.frame(line, with...)))
}

// wait lets time pass and returns what the host says meanwhile. It answers the host's questions for the peer's
// link address.
func (p *peer) wait(d time.Duration) (got []reply) {
	p.t.Helper()
	for end := p.now.Add(d); ; {
		frames := p.out()
		for _, f := range frames {
			switch {
			case etherType(f) == ethernet.TypeARP:
				p.in(arpFrame(arp.Reply, macB, b4, macA, a4))
			case etherType(f) == ethernet.TypeIPv6 && f[14+6] == 58 && f[14+40] == icmp.Type6NeighborSolicit:
				p.in(eth(macA, macB, ethernet.TypeIPv6, naPacket(b6, a6, b6, macB, true, true)))
			}
		}
		got = append(got, p.replies(frames)...)
		next := p.s.Poll(p.now)
		if p.s.Pending(p.i) {
			continue
		}
		if next == clock.Never || next > end {
			if p.now == end {
				return got
			}
			next = end
		}
		p.now = max(p.now+1, next)
	}
}

// hear returns what the host has to say now.
func (p *peer) hear() []reply { p.t.Helper(); return p.replies(p.out()) }

// replies returns the host's segments to the peer.
func (p *peer) replies(frames [][]byte) (got []reply) {
	p.t.Helper()
	p.tos = p.tos[:0]
	for _, f := range frames {
		var seg []byte
		switch typ := etherType(f); {
		case typ == ethernet.TypeIPv4 && f[14+9] == 6:
			seg = f[14+ipv4.HeaderLen:]
			p.tos = append(p.tos, f[15])
		case typ == ethernet.TypeIPv6 && f[14+6] == 6:
			seg = f[14+ipv6.HeaderLen:]
			p.tos = append(p.tos, f[14]<<4|f[15]>>4)
		default:
			continue
		}
		var h tcp.Header
		k := h.Parse(seg)
		if k < 0 {
			p.t.Fatalf("not a segment: %s", show(f))
		}
		if h.DstPort != p.local.Port() || h.SrcPort != p.remote.Port() {
			continue
		}
		if h.Flags&tcp.SYN != 0 {
			p.iss = h.Seq
			p.ts = h.Options.HasTimestamps && p.ts
		}
		if h.Options.HasTimestamps {
			p.echo = h.Options.TSVal
		}
		if at := h.Seq.Sub(p.iss) - 1; at >= 0 && at <= len(p.heard) && at+len(seg)-k > len(p.heard) {
			p.heard = append(p.heard[:at], seg[k:]...)
		}
		got = append(got, reply{h, len(seg) - k})
	}
	return got
}

// line describes a reply as the peer's own segments are described, without the window.
func (p *peer) line(r reply) string {
	start := int32(r.h.Seq - p.iss)
	if r.h.Flags&tcp.RST != 0 && r.h.Flags&tcp.ACK != 0 && r.h.Seq == 0 {
		start = 0 // answers from nowhere
	}
	s := fmt.Sprintf("%v %d:%d(%d)", r.h.Flags, start, start+int32(r.n), r.n)
	if r.h.Flags&tcp.ACK != 0 {
		s += fmt.Sprintf(" ack %d", int32(r.h.Ack-p.isn))
	}
	return s
}

// lines describes several.
func (p *peer) lines(rs []reply) string {
	var s []string
	for _, r := range rs {
		s = append(s, p.line(r))
	}
	return strings.Join(s, ", ")
}

// want fails unless the host has said just this; "" is nothing.
func (p *peer) want(got []reply, lines ...string) {
	p.t.Helper()
	want := strings.Join(lines, ", ")
	if g := p.lines(got); g != want {
		p.t.Errorf("the host says %q, want %q; connection %v; drops:%s", g, want, p.state(), p.drops())
	}
}

// state returns the connection's state; CLOSED if there is none.
func (p *peer) state() tcp.State {
	if p.conn == nil {
		return tcp.StateClosed
	}
	return p.conn.State()
}

func (p *peer) wantState(want tcp.State) {
	p.t.Helper()
	if s := p.state(); s != want {
		p.t.Errorf("the connection is %v, want %v", s, want)
	}
}

// open makes a connection to the host's port, which is then accepted.
func (p *peer) open(with ...func(*tcp.Header)) *peer {
	p.t.Helper()
	p.handshake("S 0:0(0)", "ack 1", with...)
	return p
}

// handshake opens a connection with the given SYN and the rest of an ACK's line.
func (p *peer) handshake(syn, ack string, with ...func(*tcp.Header)) {
	p.t.Helper()
	h, _ := p.header(syn, with)
	p.ts = h.Options.HasTimestamps
	got := p.say(syn, with...)
	if len(got) != 1 || got[0].h.Flags&^tcp.ECE != tcp.SYN|tcp.ACK {
		p.t.Fatalf("the host answers a SYN with %q; drops:%s", p.lines(got), p.drops())
	}
	p.want(p.say(". 1:1(0) " + ack))
	p.accept()
}

// accept takes the connection that the host has made.
func (p *peer) accept() {
	p.t.Helper()
	c, ok := p.listener.Accept("peer")
	if !ok {
		p.t.Fatalf("there is no connection to accept; drops:%s", p.drops())
	}
	p.conn = c
}

// dial makes the host connect to the peer, and returns its SYN.
func (p *peer) dial(cfg *tcp.Config) reply {
	p.t.Helper()
	p.remote = netip.AddrPortFrom(p.remote.Addr(), p.remote.Port()+1000)
	c, err := p.s.DialTCP(p.now, p.remote, p.local, cfg, "peer")
	if err != nil {
		p.t.Fatal(err)
	}
	p.conn = c
	got := p.hear()
	if len(got) != 1 || got[0].h.Flags&tcp.SYN == 0 {
		p.t.Fatalf("the host begins with %q", p.lines(got))
	}
	return got[0]
}

// write makes the host's application write n bytes, and returns what is sent.
func (p *peer) write(n int) []reply {
	p.t.Helper()
	if k, err := p.conn.Write(p.now, pattern(n)); k != n || err != nil {
		p.t.Fatalf("Write = %d, %v; want %d", k, err, n)
	}
	return p.hear()
}

// ackAll acknowledges, a few times, all that has come, with a window.
func (p *peer) ackAll(wnd int) {
	p.t.Helper()
	for range 20 {
		p.say(". 1:1(0) ack " + strconv.Itoa(len(p.heard)+1) + " win " + strconv.Itoa(wnd))
		p.wait(100 * time.Millisecond)
	}
}

// read makes the application read all there is, checks that it is the peer's stream from byte at on, and
// returns how many bytes it was.
func (p *peer) read(at tcp.Seq) int {
	p.t.Helper()
	b := make([]byte, 1<<20)
	n, _ := p.conn.Read(p.now, b)
	for i, c := range b[:n] {
		if c != byteOf(at.Add(i)) {
			p.t.Fatalf("byte %d of the stream is %#x, want %#x", int(at)+i, c, byteOf(at.Add(i)))
		}
	}
	return n
}

func (p *peer) info() tcp.Info { return p.conn.Conn().Info() }
