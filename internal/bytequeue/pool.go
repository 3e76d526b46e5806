package bytequeue

const (
	smallSize = 4 << 10
	pageSize  = 16 << 10

	// keepFree is how many pages of each class a pool keeps for reuse in any case.
	keepFree = 64

	minIndex    = 8  // least capacity of an index of pages
	indexLevels = 24 // capacities are minIndex << level
)

type (
	smallPage [smallSize]byte
	page      [pageSize]byte
)

// A Pool hands out pages to the queues of one lock domain and takes them back. It is last in, first out:
// the page that comes out is the one most likely still in the cache. Not safe for concurrent use.
type Pool struct {
	limit int // bytes; 0 is none

	// Pages handed out.
	smallInUse int
	pagesInUse int

	// What is kept for reuse.
	small   []*smallPage
	pages   []*page
	indexes [indexLevels][][]*page // arrays of page pointers, by capacity
}

// NewPool returns a pool whose pages in use never exceed limit bytes in all; 0 means no limit.
func NewPool(limit int) *Pool { return &Pool{limit: limit} }

// InUse returns how many bytes of pages are handed out. Pages kept for reuse do not count.
func (p *Pool) InUse() int { return p.smallInUse*smallSize + p.pagesInUse*pageSize }

// getSmall returns a small page, or nil if the limit is reached. Its bytes are arbitrary.
func (p *Pool) getSmall() *smallPage {
	if p.limit != 0 && p.InUse()+smallSize > p.limit {
		return nil
	}
	p.smallInUse++
	n := len(p.small)
	if n == 0 {
		return new(smallPage)
	}
	g := p.small[n-1]
	p.small[n-1] = nil
	p.small = p.small[:n-1]
	return g
}

// getPage returns a page, or nil if the limit is reached. Its bytes are arbitrary.
func (p *Pool) getPage() *page {
	if p.limit != 0 && p.InUse()+pageSize > p.limit {
		return nil
	}
	p.pagesInUse++
	n := len(p.pages)
	if n == 0 {
		return new(page)
	}
	g := p.pages[n-1]
	p.pages[n-1] = nil
	p.pages = p.pages[:n-1]
	return g
}

func (p *Pool) putSmall(g *smallPage) {
	p.smallInUse--
	p.small = trim(append(p.small, g), p.smallInUse)
}

func (p *Pool) putPage(g *page) {
	p.pagesInUse--
	p.pages = trim(append(p.pages, g), p.pagesInUse)
}

// trim leaves at most as many free pages as there are in use, and a few: so memory is given back as
// traffic ceases, while traffic that fluctuates allocates nothing.
func trim[T any](free []*T, inUse int) []*T {
	for range 2 {
		if n := len(free); n > inUse+keepFree {
			free[n-1] = nil
			free = free[:n-1]
		}
	}
	return free
}

// getIndex returns an empty index with room for at least n pages.
func (p *Pool) getIndex(n int) []*page {
	level := 0
	for minIndex<<level < n {
		level++
	}
	list := p.indexes[level]
	if len(list) == 0 {
		return make([]*page, 0, minIndex<<level)
	}
	x := list[len(list)-1]
	p.indexes[level] = list[:len(list)-1]
	return x
}

// putIndex takes back an index that getIndex returned. Its entries are nil.
func (p *Pool) putIndex(x []*page) {
	level := 0
	for minIndex<<level < cap(x) {
		level++
	}
	if len(p.indexes[level]) < keepFree {
		p.indexes[level] = append(p.indexes[level], x[:0])
	}
}
