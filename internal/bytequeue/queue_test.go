package bytequeue

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
	"unsafe"

	"pgregory.net/rapid"
)

// period is a prime, so that no two pages hold the same bytes at the same place.
const period = 65521

// pattern is a period of the stream, repeated.
var pattern = func() []byte {
	r := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, period, 40*period)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	for len(b) < cap(b) {
		b = append(b, b[:period]...)
	}
	return b
}()

// stream returns n bytes of a stream, from position pos on.
func stream(pos, n int) []byte { return pattern[pos%period:][:n:n] }

// A naive queue remembers which positions of the stream are stored.
type naive struct {
	head   int          // stream position of the first byte
	n      int          // contiguous bytes
	stored map[int]bool // positions from head+n on that were written out of order
}

// end returns the length from the head to the last byte stored.
func (m *naive) end() int {
	end := m.n
	for pos := range m.stored {
		end = max(end, pos+1-m.head)
	}
	return end
}

// pagesHeld returns how many pages of each class q holds.
func pagesHeld(q *Queue) (small, large int) {
	if q.small != nil {
		small = 1
	}
	for _, p := range q.pages {
		if p != nil {
			large++
		}
	}
	return small, large
}

// TestModel drives two queues with one pool, as the two directions of a connection have, against the
// stream itself. Offsets and lengths gather around the sizes of pages.
func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.SampledFrom([]int{0, 0, 3000, smallSize, pageSize, 5*pageSize + smallSize}).Draw(t, "limit")
		pool := NewPool(limit)
		var queues [2]Queue
		models := [2]naive{{stored: map[int]bool{}}, {head: 12345, stored: map[int]bool{}}}
		which := rapid.IntRange(0, 1)
		length := rapid.OneOf(rapid.IntRange(0, 3), rapid.IntRange(0, 3000), rapid.IntRange(0, 3000), rapid.IntRange(smallSize-3, smallSize+3),
			rapid.IntRange(pageSize-3, pageSize+3), rapid.IntRange(0, 3*pageSize))
		seldom := rapid.IntRange(0, 9)
		t.Repeat(map[string]func(t *rapid.T){
			"append": func(t *rapid.T) {
				k, n := which.Draw(t, "queue"), length.Draw(t, "n")
				q, m := &queues[k], &models[k]
				got := q.Append(pool, stream(m.head+m.n, n))
				checkTaken(t, pool, got, n)
				for pos := m.head + m.n; pos < m.head+m.n+got; pos++ {
					delete(m.stored, pos)
				}
				m.n += got
			},
			"write at": func(t *rapid.T) {
				k, off, n := which.Draw(t, "queue"), length.Draw(t, "off"), length.Draw(t, "n")
				q, m := &queues[k], &models[k]
				got := q.WriteAt(pool, off, stream(m.head+off, n))
				checkTaken(t, pool, got, n)
				for pos := m.head + max(off, m.n); pos < m.head+off+got; pos++ {
					m.stored[pos] = true
				}
			},
			"extend": func(t *rapid.T) {
				k := which.Draw(t, "queue")
				q, m := &queues[k], &models[k]
				ready := 0
				for m.stored[m.head+m.n+ready] {
					ready++
				}
				n := rapid.IntRange(0, ready).Draw(t, "n")
				q.Extend(n)
				for range n {
					delete(m.stored, m.head+m.n)
					m.n++
				}
			},
			"discard": func(t *rapid.T) {
				k := which.Draw(t, "queue")
				q, m := &queues[k], &models[k]
				n := min(m.n, length.Draw(t, "n"))
				if seldom.Draw(t, "all") == 9 {
					n = m.n
				}
				q.Discard(pool, n)
				m.head += n
				m.n -= n
			},
			"read": func(t *rapid.T) {
				k, off, n := which.Draw(t, "queue"), length.Draw(t, "off"), length.Draw(t, "n")
				q, m := &queues[k], &models[k]
				dst := make([]byte, n)
				want := max(0, min(n, m.n-off))
				if got := q.ReadAt(off, dst); got != want || !bytes.Equal(dst[:got], stream(m.head+off, got)) {
					t.Fatalf("ReadAt(%d, %d bytes) = %d of %d, or other bytes than were written", off, n, got, m.n)
				}
				a, b := q.Views(off, n)
				if got := len(a) + len(b); got != want && (n <= pageSize || got > want || got < pageSize) {
					t.Fatalf("Views(%d, %d) = %d + %d bytes of %d", off, n, len(a), len(b), m.n)
				}
				if got := append(bytes.Clone(a), b...); !bytes.Equal(got, stream(m.head+off, len(got))) {
					t.Fatalf("Views(%d, %d) shows other bytes than were written", off, n)
				}
				if len(a) == 0 && len(b) > 0 {
					t.Fatalf("Views(%d, %d): only the second piece holds bytes", off, n)
				}
			},
			"reset": func(t *rapid.T) {
				k := which.Draw(t, "queue")
				if seldom.Draw(t, "do it") < 9 {
					t.Skip()
				}
				queues[k].Reset(pool)
				models[k] = naive{head: models[k].head, stored: map[int]bool{}}
			},
			"": func(t *rapid.T) { checkInvariants(t, pool, queues[:], models[:]) },
		})
	})
}

// checkTaken verifies that a queue takes less than it is given only if no page is left.
func checkTaken(t *rapid.T, pool *Pool, got, n int) {
	if got > n || got < n && (pool.limit == 0 || pool.InUse()+pageSize <= pool.limit) {
		t.Fatalf("%d of %d bytes taken with %d in use of %d", got, n, pool.InUse(), pool.limit)
	}
}

func checkInvariants(t *rapid.T, pool *Pool, queues []Queue, models []naive) {
	total := 0
	for k := range queues {
		q, m := &queues[k], &models[k]
		if q.Len() != m.n || int(q.end) != m.end() {
			t.Fatalf("queue %d: Len = %d, end = %d, want %d, %d", k, q.Len(), q.end, m.n, m.end())
		}
		all := make([]byte, m.n)
		if n := q.ReadAt(0, all); n != m.n || !bytes.Equal(all, stream(m.head, n)) {
			t.Fatalf("queue %d: ReadAt of everything = %d of %d, or other bytes than were written", k, n, m.n)
		}
		small, large := pagesHeld(q)
		total += small*smallSize + large*pageSize
		if m.end() == 0 && !q.isZero() {
			t.Fatalf("queue %d holds nothing, but %d pages or an index of %d", k, small+large, cap(q.pages))
		}
		// No page is held that nothing was written to, and none before the head.
		most := (int(q.head)+m.end()+pageSize-1)/pageSize + small
		if large > most {
			t.Fatalf("queue %d: %d pages for %d bytes", k, large, m.end())
		}
	}
	if total != pool.InUse() {
		t.Fatalf("queues hold %d bytes of pages, InUse = %d", total, pool.InUse())
	}
	if pool.limit != 0 && total > pool.limit {
		t.Fatalf("%d bytes of pages are in use, limit %d", total, pool.limit)
	}
}

func (q *Queue) isZero() bool {
	return q.small == nil && q.pages == nil && q.head == 0 && q.n == 0 && q.end == 0
}

func TestSize(t *testing.T) {
	if n := unsafe.Sizeof(Queue{}); n > 48 {
		t.Errorf("a Queue takes %d bytes, want at most 48", n)
	}
}

func TestFarWriteTouchesOnePage(t *testing.T) {
	p := NewPool(0)
	var q Queue
	q.Append(p, stream(0, 10))
	q.WriteAt(p, 1<<20, stream(1<<20, 100))
	if got := p.InUse(); got != smallSize+pageSize {
		t.Errorf("%d bytes in use, want one small page and one page", got)
	}
	q.Append(p, stream(10, 1<<20-10))
	q.Extend(100)
	got := make([]byte, 1<<20+100)
	if n := q.ReadAt(0, got); n != len(got) || !bytes.Equal(got, stream(0, n)) {
		t.Errorf("read %d bytes, or not those written", n)
	}
}

// The last page goes too when the queue is emptied, but not as long as something lies out of order.
func TestEmptiedQueueHoldsNothing(t *testing.T) {
	p := NewPool(0)
	var q Queue
	q.Append(p, stream(0, 100))
	q.WriteAt(p, 200, stream(200, 50))
	q.Discard(p, 100)
	if p.InUse() != smallSize || q.Len() != 0 {
		t.Errorf("%d bytes in use, Len %d; bytes 200 to 249 must stay", p.InUse(), q.Len())
	}
	q.Append(p, stream(100, 100))
	q.Extend(50)
	got := make([]byte, 200)
	if n := q.ReadAt(0, got); n != 150 || !bytes.Equal(got[:n], stream(100, n)) {
		t.Errorf("read %d bytes, or not those written", n)
	}
	q.Discard(p, 150)
	if p.InUse() != 0 || !q.isZero() {
		t.Errorf("%d bytes in use by an empty queue", p.InUse())
	}
}

func TestPageGoesWithItsLastByte(t *testing.T) {
	p := NewPool(0)
	var q Queue
	q.Append(p, stream(0, 1))
	q.Append(p, stream(1, smallSize+2*pageSize))
	for _, tt := range []struct{ discard, inUse int }{
		{smallSize - 1, smallSize + 3*pageSize},
		{1, 3 * pageSize},
		{pageSize - 1, 3 * pageSize},
		{1, 2 * pageSize},
		{pageSize, pageSize},
		{1, 0},
	} {
		if q.Discard(p, tt.discard); p.InUse() != tt.inUse {
			t.Errorf("with %d bytes left, %d bytes in use, want %d", q.Len(), p.InUse(), tt.inUse)
		}
	}
}

func TestViewsOfAPageLengthFitIntoTwoPieces(t *testing.T) {
	for _, first := range []int{1, smallSize, smallSize + 1} { // with a small page, and without
		p := NewPool(0)
		var q Queue
		q.Append(p, stream(0, first))
		q.Append(p, stream(first, 4*pageSize))
		for off := range q.Len() - pageSize {
			if a, b := q.Views(off, pageSize); len(a)+len(b) != pageSize {
				t.Fatalf("first write of %d: Views(%d, %d) = %d + %d bytes", first, off, pageSize, len(a), len(b))
			}
		}
	}
}

func TestMisuseIsFound(t *testing.T) {
	for name, f := range map[string]func(p *Pool, q *Queue){
		"Discard beyond Len":    func(p *Pool, q *Queue) { q.Discard(p, 11) },
		"Discard of less":       func(p *Pool, q *Queue) { q.Discard(p, -1) },
		"Extend over nothing":   func(p *Pool, q *Queue) { q.Extend(1) },
		"Extend backwards":      func(p *Pool, q *Queue) { q.Extend(-1) },
		"WriteAt before a head": func(p *Pool, q *Queue) { q.WriteAt(p, -1, []byte{1}) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s did not panic", name)
				}
			}()
			p := NewPool(0)
			var q Queue
			q.Append(p, stream(0, 10))
			f(p, &q)
		}()
	}
	var q Queue
	if a, b := q.Views(-1, 5); a != nil || b != nil || q.ReadAt(-1, make([]byte, 5)) != 0 {
		t.Error("a negative offset shows bytes")
	}
}

// What many queues held is given back once they are gone, but for a few pages.
func TestPoolGivesMemoryBack(t *testing.T) {
	p := NewPool(0)
	queues := make([]Queue, 1000)
	for i := range queues {
		queues[i].Append(p, stream(0, 100))
		queues[i].Append(p, stream(100, 20000))
	}
	for i := range queues {
		queues[i].Discard(p, queues[i].Len())
	}
	if p.InUse() != 0 || len(p.pages) > keepFree || len(p.small) > keepFree || len(p.indexes[0]) > keepFree {
		t.Errorf("%d bytes in use; %d pages, %d small pages, %d indexes kept", p.InUse(), len(p.pages), len(p.small), len(p.indexes[0]))
	}
}

func TestPoolIsLastInFirstOut(t *testing.T) {
	p := NewPool(0)
	a, b := p.getPage(), p.getPage()
	p.putPage(b)
	p.putPage(a)
	if p.getPage() != a || p.getPage() != b {
		t.Error("the page given back last does not come out first")
	}
	c, d := p.getSmall(), p.getSmall()
	p.putSmall(c)
	p.putSmall(d)
	if p.getSmall() != d || p.getSmall() != c {
		t.Error("the small page given back last does not come out first")
	}
}

func TestNoAllocs(t *testing.T) {
	p := NewPool(0)
	var q Queue
	b, dst := make([]byte, 1448), make([]byte, 1448)
	bulk := func() { // fill 256 KiB, with a hole closed late, and empty it
		for off := 0; off < 256<<10; off += 3 * len(b) {
			q.WriteAt(p, q.Len()+2*len(b), b)
			q.Append(p, b)
			q.Append(p, b)
			q.Extend(len(b))
			q.ReadAt(0, dst)
		}
		q.Discard(p, q.Len())
	}
	echo := func() { q.Append(p, b[:1]); q.Discard(p, 1) }
	bulk()
	echo()
	for name, f := range map[string]func(){"bulk": bulk, "echo": echo} {
		if n := testing.AllocsPerRun(50, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// BenchmarkSegment moves one segment through a queue that holds a window of others: in by Append, out by
// ReadAt, dropped by Discard. Copying twice is included.
func BenchmarkSegment(b *testing.B) {
	for _, window := range []int{0, 64 << 10, 256 << 10, 1 << 20} {
		b.Run(fmt.Sprintf("window%dK", window>>10), func(b *testing.B) {
			p := NewPool(0)
			var q Queue
			src, dst := make([]byte, 1448), make([]byte, 1448)
			q.Append(p, make([]byte, window))
			b.SetBytes(1448)
			b.ReportAllocs()
			for b.Loop() {
				q.Append(p, src)
				q.ReadAt(window, dst)
				q.Discard(p, 1448)
			}
		})
	}
}

// BenchmarkSegmentRing is the same through one contiguous ring, which is what pages cost.
func BenchmarkSegmentRing(b *testing.B) {
	for _, window := range []int{64 << 10, 256 << 10, 1 << 20} {
		b.Run(fmt.Sprintf("window%dK", window>>10), func(b *testing.B) {
			ring := make([]byte, 2*window)
			src, dst := make([]byte, 1448), make([]byte, 1448)
			at := 0
			b.SetBytes(1448)
			for b.Loop() {
				n := copy(ring[at:], src)
				copy(ring, src[n:])
				n = copy(dst, ring[at:])
				copy(dst[n:], ring)
				at = (at + 1448) % len(ring)
			}
		})
	}
}

// BenchmarkViews looks at a segment in place, at random offsets of a window, as output does.
func BenchmarkViews(b *testing.B) {
	p := NewPool(0)
	var q Queue
	q.Append(p, make([]byte, 256<<10))
	offs := make([]int, 1024)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range offs {
		offs[i] = r.IntN(250 << 10)
	}
	b.ReportAllocs()
	i, n := 0, 0
	for b.Loop() {
		a, c := q.Views(offs[i&1023], 1448)
		n += len(a) + len(c)
		i++
	}
	if n != 1448*i {
		b.Fatal("short views")
	}
}

// BenchmarkEcho stores one byte in an empty queue and drops it: a page is taken and given back.
func BenchmarkEcho(b *testing.B) {
	p := NewPool(0)
	var q Queue
	one := []byte{1}
	b.ReportAllocs()
	for b.Loop() {
		q.Append(p, one)
		q.Discard(p, 1)
	}
}
