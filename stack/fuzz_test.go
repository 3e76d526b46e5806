package stack

import (
	"net/netip"
	"testing"
	"time"

	"github.com/ztstack/ztstack/ethernet"
	"github.com/ztstack/ztstack/internal/be"
	"github.com/ztstack/ztstack/internal/cksum"
	"github.com/ztstack/ztstack/ipv4"
	"github.com/ztstack/ztstack/ipv6"
	"github.com/ztstack/ztstack/tcp"
)

// repair makes the checksums of a frame right where it is clear what they should be, so that fuzzing gets
// past them.
func repair(f []byte) {
	if len(f) < 14+20 {
		return
	}
	b := f[14:]
	var seg []byte
	var proto uint8
	var pseudo uint16
	switch etherType(f) {
	case ethernet.TypeIPv4:
		resum(f)
		var h ipv4.Header
		n := h.Parse(b)
		if n < 0 || h.IsFragment() {
			return
		}
		seg, proto = b[n:h.TotalLen], h.Proto
		pseudo = cksum.Pseudo4(h.Src, h.Dst, proto, len(seg))
		if proto == ipv4.ProtoICMP || proto == ipv4.ProtoIGMP {
			pseudo = 0
		}
	case ethernet.TypeIPv6:
		var h ipv6.Header
		n := h.Parse(b)
		if n < 0 {
			return
		}
		c, v := ipv6.Walk(h.Next, b[n:n+h.PayloadLen])
		if v.Action != ipv6.Deliver {
			return
		}
		seg, proto = b[c.Off:n+h.PayloadLen], c.Next
		pseudo = cksum.Pseudo6(h.Src, h.Dst, proto, len(seg))
	}
	at := map[uint8]int{ipv4.ProtoTCP: 16, ipv4.ProtoUDP: 6, ipv4.ProtoICMP: 2, ipv4.ProtoIGMP: 2, ipv6.ProtoICMPv6: 2}[proto]
	if at == 0 || len(seg) < at+2 {
		return
	}
	be.PutUint16(seg[at:], 0)
	be.PutUint16(seg[at:], ^cksum.Add(cksum.Sum(seg), pseudo))
}

// busyLab returns a lab with sockets of every kind and state.
func busyLab(t testing.TB) *lab {
	l := newLabConfig(t, Config{MaxConns: 64, MaxHalfOpen: 16, MaxNeighbors: 64}, false).meet()
	l.advance(3 * time.Second)
	l.meet()
	u := l.udp("[::]:9")
	if err := u.JoinGroup(l.now, l.i, netip.MustParseAddr("239.1.2.3")); err != nil {
		t.Fatal(err)
	}
	if _, err := l.s.BindPing(netip.Addr{}, nil); err != nil {
		t.Fatal(err)
	}
	for _, to := range []netip.Addr{b4, b6} {
		h := tcp.Header{SrcPort: 50000, DstPort: 7, Seq: 1, Flags: tcp.SYN, Window: 1000}
		src := a4
		if to.Is6() {
			src = a6
		}
		l.in(ipFrame(to, src, 6, segment(to, src, &h, nil)))
		l.address(map[bool]string{true: "10.0.0.77/24", false: "fd00::77/64"}[to.Is4()])
	}
	l.out()
	return l
}

// FuzzReceive feeds a host whatever frames there are: each is preceded by its length in two bytes, whose
// highest bit asks for its checksums to be made right, and the next lets time pass. The host must answer
// each frame with a bounded number of its own, keep its memory bounded, and still work afterwards.
func FuzzReceive(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte) {
		l := busyLab(t)
		for len(data) > 2 {
			n := int(be.Uint16(data))
			fix, wait := n&0x8000 != 0, n&0x4000 != 0
			n = min(n&0x3fff, len(data)-2)
			frame := append([]byte(nil), data[2:2+n]...)
			data = data[2+n:]
			if fix {
				repair(frame)
			}
			limit := 64
			l.in(frame)
			if wait {
				l.now = l.now.Add(700 * time.Millisecond)
				l.s.Poll(l.now)
				limit = 256
			}
			if got := len(l.out()); got > limit {
				t.Fatalf("%d frames after %s", got, show(append(frame, make([]byte, 14)...)))
			}
		}
		for range 100 {
			next := l.s.Poll(l.now)
			l.out()
			if next == 0 || next > l.now.Add(time.Hour) {
				break
			}
			l.now = max(l.now+1, next)
		}
		st := l.s.Stats()
		if st.Conns > 64 || st.Neighbors > 64 || st.Buffered > 64<<20 {
			t.Fatalf("limits exceeded: %+v", st)
		}
		if l.s.Tentative(a4) || l.s.Tentative(a6) {
			return
		}
		l.out()
		l.meet()
		for _, f := range [][]byte{ping4(8), ipFrame(b6, a6, 58, echo6(8))} {
			if len(l.ask(f)) == 0 {
				t.Fatalf("an ordinary ping is not answered; drops:%s", l.drops())
			}
		}
	})
}
