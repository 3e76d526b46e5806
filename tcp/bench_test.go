package tcp

import (
	"testing"
	"unsafe"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/internal/bytequeue"
)

// A wire joins two Conns directly, in real memory and virtual time, with nothing between Output and Receive but
// Parse: what it measures is this package's work and its copies.
type wire struct {
	pool *bytequeue.Pool
	a, b Conn
	now  int64
	slot [64][2048]byte
	size [64]int
	big  []byte
}

func newWire(cfg Config) *wire {
	w := &wire{pool: bytequeue.NewPool(0), now: 1e9, big: make([]byte, 1<<17)}
	cfg.Pool, cfg.MSS = w.pool, orDefault(cfg.MSS, 1460)
	w.a.Open(&cfg, 1e9, 1, 2, 1000)
	n, _ := w.a.Output(1e9, w.slot[0][:], 1)
	var h Header
	h.Parse(w.slot[0][:n])
	w.b.Accept(&cfg, 1e9, &h, 2000)
	for w.move(&w.b, &w.a)+w.move(&w.a, &w.b) > 0 {
	}
	return w
}

// move carries one batch of segments and returns how many there were.
func (w *wire) move(from, to *Conn) int {
	n := 0
	for n < 32 {
		size, _ := from.Output(w.time(), w.slot[n][:], 1)
		if size == 0 {
			break
		}
		w.size[n] = size
		n++
	}
	var h Header
	for i := range n {
		b := w.slot[i][:w.size[i]]
		hdr := h.Parse(b)
		to.Receive(w.time(), &h, b[hdr:])
	}
	return n
}

// moveBig carries super-segments.
func (w *wire) moveBig(from, to *Conn) int {
	n := 0
	var h Header
	for {
		size, _ := from.Output(w.time(), w.big, 44)
		if size == 0 {
			return n
		}
		n++
		hdr := h.Parse(w.big[:size])
		to.Receive(w.time(), &h, w.big[hdr:size])
	}
}

// BenchmarkBulk moves 64 KiB writes one way. ns/segment counts the work of both ends for one segment of 1448 bytes:
// three copies into queues and out of them, one into the frame with its checksum, and acknowledgements. Segments of the
// tiny variant have 52 bytes: what they cost is protocol work.
func BenchmarkBulk(b *testing.B) {
	for _, v := range []struct {
		name string
		cfg  Config
		big  bool
	}{
		{"sum", Config{}, false},
		{"nosum", Config{NoSum: true}, false},
		{"super", Config{NoSum: true}, true},
		{"tiny", Config{NoSum: true, MSS: minMSS}, false},
	} {
		b.Run(v.name, func(b *testing.B) {
			w := newWire(v.cfg)
			data, sink := make([]byte, 64<<10), make([]byte, 64<<10)
			move := w.move
			if v.big {
				move = w.moveBig
			}
			total := 0
			b.ReportAllocs()
			for b.Loop() {
				total += w.bulk(b, data, sink, move)
			}
			b.SetBytes(int64(len(data)))
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())*float64(w.a.snd.mss)/float64(total), "ns/segment")
		})
	}
}

// bulk writes data and reads all of it at the other end.
func (w *wire) bulk(tb testing.TB, data, sink []byte, move func(from, to *Conn) int) int {
	w.now += 50_000
	sent, got := 0, 0
	for got < len(data) {
		if sent < len(data) {
			n, _ := w.a.Write(w.time(), data[sent:])
			sent += n
		}
		move(&w.a, &w.b)
		n, _ := w.b.Read(w.time(), sink)
		got += n
		if n == 0 && move(&w.b, &w.a) == 0 {
			tb.Fatal("stuck")
		}
		move(&w.b, &w.a)
	}
	return got
}

// BenchmarkRoundTrip sends one byte and gets one back.
func BenchmarkRoundTrip(b *testing.B) {
	w := newWire(Config{NoDelay: true})
	b.ReportAllocs()
	for b.Loop() {
		w.roundTrip()
	}
}

func (w *wire) roundTrip() {
	w.now += 50_000
	var one [1]byte
	w.a.Write(w.time(), one[:])
	w.move(&w.a, &w.b)
	w.b.Read(w.time(), one[:])
	w.b.Write(w.time(), one[:])
	w.move(&w.b, &w.a)
	w.a.Read(w.time(), one[:])
}

func TestSizes(t *testing.T) {
	if n := unsafe.Sizeof(Conn{}); n > 1024 {
		t.Errorf("a Conn is %d bytes, want at most 1024", n)
	} else {
		t.Logf("a Conn is %d bytes", n)
	}
	if n := unsafe.Sizeof(TimeWait{}); n > 64 {
		t.Errorf("a TimeWait is %d bytes, want at most 64", n)
	}
}

func (w *wire) time() clock.Time { return clock.Time(w.now) }
