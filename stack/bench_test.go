package stack

import (
	"net/netip"
	"testing"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/link"
	"github.com/ztstack/ztstack/tcp"
)

// bulk moves data from c to d as fast as both stacks do it: 64 KiB a Write and a Read, batches of 44
// frames, virtual time that goes on by 1 µs a batch.
type bulk struct {
	*pair
	c, d    *TCP
	in, out []byte
	frames  []link.Buf
}

func newBulk(tb testing.TB, info link.Info, to netip.Addr) *bulk {
	p := newPair(tb, info)
	b := &bulk{pair: p, in: make([]byte, 64<<10), out: make([]byte, 64<<10)}
	b.c, b.d = p.connect(netip.AddrPortFrom(to, 80), &tcp.Config{})
	batch := 44
	if info.MTU > 1500 {
		batch = 65536 / info.MTU
	}
	for range batch {
		b.frames = append(b.frames, link.Buf{B: make([]byte, 14+max(info.MTU, 64)+headerRoom)})
	}
	return b
}

// batch carries one batch of frames from x to y.
func (b *bulk) batch(x *Stack, ix Interface, y *Stack, iy Interface) int {
	n := 0
	for n < len(b.frames) && x.Pending(ix) {
		b.frames[n].Off = 0
		if !x.Output(b.now, ix, &b.frames[n]) {
			break
		}
		n++
	}
	for i := range n {
		y.Receive(b.now, iy, &b.frames[i])
	}
	return n
}

// move moves one 64 KiB block and returns when it has been read.
func (b *bulk) move() {
	rest, unread := b.in, len(b.in)
	for unread > 0 {
		if len(rest) > 0 {
			if n, _ := b.c.Write(b.now, rest); n > 0 {
				rest = rest[n:]
			}
		}
		moved := b.batch(b.a, b.ia, b.b, b.ib)
		n, _ := b.d.Read(b.now, b.out)
		unread -= n
		moved += b.batch(b.b, b.ib, b.a, b.ia)
		b.now += 1000
		if moved == 0 && n == 0 {
			next := clock.Min(b.a.Poll(b.now), b.b.Poll(b.now))
			if next == clock.Never {
				b.tb.Fatal("stuck")
			}
			b.now = max(b.now, next)
		}
	}
}

// BenchmarkBulk is TCP from one stack to another in one goroutine, everything included: sockets' queues,
// segmentation, all checksums, look-ups, ACKs. cpu-ns/segment is processor time and counts both ends.
func BenchmarkBulk(b *testing.B) {
	for _, bb := range []struct {
		name string
		mtu  int
		to   netip.Addr
	}{
		{"v4/mtu1500", 1500, b4}, {"v4/mtu2800", 2800, b4}, {"v4/mtu9000", 9000, b4},
		{"v6/mtu1500", 1500, b6}, {"v6/mtu2800", 2800, b6}, {"v6/mtu9000", 9000, b6},
	} {
		b.Run(bb.name, func(b *testing.B) {
			w := newBulk(b, link.Info{MTU: bb.mtu}, bb.to)
			for range 64 {
				w.move()
			}
			b.SetBytes(int64(len(w.in)))
			b.ReportAllocs()
			before := w.a.Stats().TCPSegmentsOut
			start := cpuTime()
			for b.Loop() {
				w.move()
			}
			segs := w.a.Stats().TCPSegmentsOut - before
			b.ReportMetric(float64(cpuTime()-start)/float64(segs), "cpu-ns/segment")
		})
	}
}

// TestNoAllocs moves bulk data in the steady state.
func TestNoAllocs(t *testing.T) {
	for _, to := range []netip.Addr{b4, b6} {
		w := newBulk(t, ethernetLink, to)
		for range 64 {
			w.move()
		}
		if n := testing.AllocsPerRun(50, w.move); n != 0 {
			t.Errorf("moving 64 KiB to %v allocates %v times, want 0", to, n)
		}
	}
}
