package stack

import (
	"net/netip"
	"testing"

	"github.com/ztstack/ztstack/link"
)

// udpPair is a socket on each of two hosts.
type udpPair struct {
	*bulk
	from, to *UDP
	dst      netip.AddrPort
	payload  []byte
}

func newUDPPair(tb testing.TB, to netip.Addr, size int) *udpPair {
	w := &udpPair{bulk: newBulk(tb, ethernetLink, to), dst: netip.AddrPortFrom(to, 9), payload: make([]byte, size)}
	var err error
	if w.from, err = w.a.BindUDP(netip.AddrPort{}, nil); err != nil {
		tb.Fatal(err)
	}
	if w.to, err = w.b.BindUDP(netip.AddrPortFrom(netip.IPv6Unspecified(), 9), nil); err != nil {
		tb.Fatal(err)
	}
	return w
}

// move sends and reads 32 datagrams.
func (w *udpPair) move() {
	for range 32 {
		if _, err := w.from.WriteTo(w.now, w.payload, w.dst); err != nil {
			w.tb.Fatal(err)
		}
	}
	for w.batch(w.a, w.ia, w.b, w.ib) > 0 {
	}
	for range 32 {
		if _, _, _, err := w.to.ReadFrom(w.out); err != nil {
			w.tb.Fatal(err)
		}
	}
	w.now += 1000
}

// BenchmarkUDP is one datagram from one socket to another through both stacks, in batches of 32.
func BenchmarkUDP(b *testing.B) {
	for _, bb := range []struct {
		name string
		to   netip.Addr
		size int
	}{{"v4/64", b4, 64}, {"v4/1400", b4, 1400}, {"v6/64", b6, 64}, {"v6/1400", b6, 1400}} {
		b.Run(bb.name, func(b *testing.B) {
			w := newUDPPair(b, bb.to, bb.size)
			w.move()
			b.ReportAllocs()
			start, n := cpuTime(), 0
			for b.Loop() {
				w.move()
				n += 32
			}
			b.ReportMetric(float64(cpuTime()-start)/float64(n), "cpu-ns/datagram")
		})
	}
}

// TestUDPNoAllocs sends datagrams and echo requests in the steady state.
func TestUDPNoAllocs(t *testing.T) {
	for _, to := range []netip.Addr{b4, b6} {
		w := newUDPPair(t, to, 64)
		for range 100 {
			w.move()
		}
		if n := testing.AllocsPerRun(50, w.move); n != 0 {
			t.Errorf("32 datagrams to %v allocate %v times, want 0", to, n)
		}
		p, err := w.a.BindPing(netip.Addr{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		ping := func() {
			if err := p.Send(w.now, to, 1, w.payload); err != nil {
				t.Fatal(err)
			}
			w.batch(w.a, w.ia, w.b, w.ib)
			w.batch(w.b, w.ib, w.a, w.ia)
			if _, _, _, ok := p.Recv(w.out); !ok {
				t.Fatal("no reply")
			}
		}
		for range 100 {
			ping()
		}
		if n := testing.AllocsPerRun(50, ping); n != 0 {
			t.Errorf("a ping of %v allocates %v times, want 0", to, n)
		}
	}
}

// BenchmarkRoundTrip is one byte there and one back, over one of many connections in turn.
func BenchmarkRoundTrip(b *testing.B) {
	for _, n := range []int{1, 100, 10000} {
		name := map[int]string{1: "conns1", 100: "conns100", 10000: "conns10000"}[n]
		b.Run(name, func(b *testing.B) {
			w := newBulk(b, link.Info{MTU: 1500}, b4)
			var c, d []*TCP
			for range n {
				x, y := w.connect(netip.AddrPortFrom(b4, 81), nil)
				c, d = append(c, x), append(d, y)
			}
			b.ReportAllocs()
			start, trips := cpuTime(), 0
			i := 0
			for b.Loop() {
				i = (i*5 + 1) % n
				trips++
				c[i].Write(w.now, w.in[:1])
				w.batch(w.a, w.ia, w.b, w.ib)
				d[i].Read(w.now, w.out)
				d[i].Write(w.now, w.in[:1])
				w.batch(w.b, w.ib, w.a, w.ia)
				c[i].Read(w.now, w.out)
				w.now += 2000
				if trips%64 == 0 {
					w.a.Poll(w.now)
					w.b.Poll(w.now)
				}
			}
			b.ReportMetric(float64(cpuTime()-start)/float64(trips), "cpu-ns/trip")
		})
	}
}
