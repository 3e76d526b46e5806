// Package bytequeue holds the bytes of a stream between the application and the network: what was
// written and is not yet acknowledged, what was received and is not yet read.
//
// A Queue is a window on a stream. Its head is the oldest byte; from there Len bytes are contiguous.
// Beyond them bytes may be stored out of order with WriteAt and become part of the queue with
// Extend, once the gap before them is filled.
//
// Bytes live in pages of 16 KiB from a Pool; a queue that holds little begins with a page of 4 KiB. Only
// pages that are written to are allocated. A queue that holds nothing holds no page.
package bytequeue

// A Queue is a byte window on a stream. The zero Queue is empty and ready for use. All calls for one
// Queue take the same Pool.
type Queue struct {
	// Byte i of the queue is at position head+i. The small page, if there is one, holds positions
	// below 4096; pages[k] holds the 16 KiB from position 16384 k, counted from the end of the small page.
	// A page that was never written to is nil.
	small *smallPage
	pages []*page
	head  int32 // position of the first byte, inside the first page
	n     int32 // contiguous bytes from the head
	end   int32 // end of the bytes stored, in order or not; n or more
}

// Len returns the number of contiguous bytes from the head.
func (q *Queue) Len() int { return int(q.n) }

// Append stores b behind the last contiguous byte and returns how many bytes it took: fewer than
// len(b) when the pool is exhausted.
func (q *Queue) Append(p *Pool, b []byte) int {
	n := q.WriteAt(p, int(q.n), b)
	q.n += int32(n)
	return n
}

// WriteAt stores b at off bytes from the head, without making it part of the queue. off may lie beyond
// Len. It returns how many bytes it stored, beginning with the first: fewer than len(b) when the pool is
// exhausted. The caller bounds off.
func (q *Queue) WriteAt(p *Pool, off int, b []byte) int {
	if off < 0 {
		panic("BUG: bytequeue: WriteAt before the head")
	}
	if len(b) == 0 {
		return 0
	}
	if q.end == 0 && off+len(b) <= smallSize {
		q.small = p.getSmall() // if there is none, no large page will be found either
	}
	stored := 0
	for stored < len(b) {
		room := q.touch(p, int(q.head)+off+stored)
		if room == nil {
			break
		}
		stored += copy(room, b[stored:])
	}
	if stored > 0 {
		q.end = max(q.end, int32(off+stored))
	}
	if q.end == 0 {
		q.Reset(p)
	}
	return stored
}

// Extend makes the n bytes behind Len part of the queue. The caller has stored them with WriteAt.
func (q *Queue) Extend(n int) {
	if n < 0 || int(q.n)+n > int(q.end) {
		panic("BUG: bytequeue: Extend over bytes that were not written")
	}
	q.n += int32(n)
}

// ReadAt copies bytes from off bytes after the head to dst without consuming them, and returns how many
// there were.
func (q *Queue) ReadAt(off int, dst []byte) int {
	n := min(len(dst), int(q.n)-off)
	if off < 0 || n <= 0 {
		return 0
	}
	for done := 0; done < n; {
		done += copy(dst[done:n], q.at(int(q.head)+off+done))
	}
	return n
}

// Views returns the n bytes at off bytes after the head as they lie in memory, in one piece or two, or
// as many of them as there are. More than 16 KiB may not fit into two pieces and are cut short. The
// pieces are valid until the queue is next written to or discarded from.
func (q *Queue) Views(off, n int) (a, b []byte) {
	n = min(n, int(q.n)-off)
	if off < 0 || n <= 0 {
		return nil, nil
	}
	a = q.at(int(q.head) + off)
	if len(a) >= n {
		return a[:n:n], nil
	}
	b = q.at(int(q.head) + off + len(a))
	if m := n - len(a); len(b) > m {
		b = b[:m:m]
	}
	return a, b
}

// Discard drops n contiguous bytes from the head and gives back the pages that hold nothing any more.
func (q *Queue) Discard(p *Pool, n int) {
	if n < 0 || n > int(q.n) {
		panic("BUG: bytequeue: Discard of more than Len bytes")
	}
	q.n -= int32(n)
	q.end -= int32(n)
	if q.end == 0 {
		q.Reset(p)
		return
	}
	q.head += int32(n)
	if q.small != nil && q.head >= smallSize {
		p.putSmall(q.small)
		q.small = nil
		q.head -= smallSize
	}
	if q.small == nil && q.head >= pageSize {
		q.dropPages(p, int(q.head/pageSize))
		q.head %= pageSize
	}
}

// Reset empties q and gives all pages back.
func (q *Queue) Reset(p *Pool) {
	if q.small != nil {
		p.putSmall(q.small)
	}
	if q.pages != nil {
		q.dropPages(p, len(q.pages))
		p.putIndex(q.pages)
	}
	*q = Queue{}
}

// dropPages gives back the first k pages.
func (q *Queue) dropPages(p *Pool, k int) {
	// Backwards, so that of a queue given up at once the first page comes out of the pool first.
	for i := k - 1; i >= 0; i-- {
		if q.pages[i] != nil {
			p.putPage(q.pages[i])
		}
	}
	m := copy(q.pages, q.pages[k:])
	clear(q.pages[m:])
	q.pages = q.pages[:m]
}

// at returns the bytes of the page that holds position pos, from there to the page's end.
func (q *Queue) at(pos int) []byte {
	if q.small != nil {
		if pos < smallSize {
			return q.small[pos:]
		}
		pos -= smallSize
	}
	return q.pages[uint(pos)/pageSize][uint(pos)%pageSize:]
}

// touch is at for writing: a page that is missing is taken from p. It returns nil if there is none.
func (q *Queue) touch(p *Pool, pos int) []byte {
	if q.small != nil {
		if pos < smallSize {
			return q.small[pos:]
		}
		pos -= smallSize
	}
	k := int(uint(pos) / pageSize)
	if k >= len(q.pages) {
		if k >= cap(q.pages) {
			q.growIndex(p, k+1)
		}
		q.pages = q.pages[:k+1]
	}
	if q.pages[k] == nil {
		if q.pages[k] = p.getPage(); q.pages[k] == nil {
			return nil
		}
	}
	return q.pages[k][uint(pos)%pageSize:]
}

// growIndex makes room for n pages in the index.
func (q *Queue) growIndex(p *Pool, n int) {
	old := q.pages
	q.pages = append(p.getIndex(n), old...)
	if old != nil {
		clear(old)
		p.putIndex(old)
	}
}
