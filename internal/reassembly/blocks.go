package reassembly

// BlockSize is the unit in bytes in which fragments are stored and accounted.
const BlockSize = 512

// slabBlocks is how many blocks are allocated at once.
const slabBlocks = 64

// none ends a chain of blocks, of fragments or of entries.
const none int32 = -1

// blocks is an arena of chained blocks which grows by slabs up to its limit. Each block has a fragment
// record beside it: that of a chain's first block describes the fragment which the chain holds.
type blocks struct {
	limit     int // blocks that may exist
	inUse     int
	free      int32 // chain of free blocks
	slabs     [][]byte
	next      []int32 // next block of the chain that a block is in
	fragments []fragment
}

// A fragment is a stored fragment. It is named by the index of its first block.
type fragment struct {
	off, end   int32 // bytes of the datagram's payload, half-open
	prev, next int32 // by offset
}

func (a *blocks) init(limit int) {
	*a = blocks{limit: limit, free: none}
}

// release gives all memory back. No block may be in use.
func (a *blocks) release() { a.init(a.limit) }

// available returns how many blocks can be had.
func (a *blocks) available() int { return a.limit - a.inUse }

// store copies data into a new chain and returns its first block. The caller has made sure that enough
// blocks are available. There is always at least one block in a chain.
func (a *blocks) store(data []byte) int32 {
	first := a.take()
	for b := first; ; {
		data = data[copy(a.bytes(b), data):]
		if len(data) == 0 {
			return first
		}
		a.next[b] = a.take()
		b = a.next[b]
	}
}

// load copies the first len(dst) bytes of a chain into dst.
func (a *blocks) load(dst []byte, b int32) {
	for len(dst) > 0 {
		dst = dst[copy(dst, a.bytes(b)):]
		b = a.next[b]
	}
}

// equal reports whether a chain begins with data.
func (a *blocks) equal(b int32, data []byte) bool {
	for len(data) > 0 {
		n := min(len(data), BlockSize)
		if string(a.bytes(b)[:n]) != string(data[:n]) {
			return false
		}
		data = data[n:]
		b = a.next[b]
	}
	return true
}

// drop frees a chain.
func (a *blocks) drop(b int32) {
	for b != none {
		next := a.next[b]
		a.next[b] = a.free
		a.free = b
		a.inUse--
		b = next
	}
}

func (a *blocks) take() int32 {
	if a.free == none {
		a.grow()
	}
	b := a.free
	a.free = a.next[b]
	a.next[b] = none
	a.inUse++
	return b
}

func (a *blocks) grow() {
	n := min(slabBlocks, a.limit-len(a.next))
	if n <= 0 {
		panic("BUG: reassembly: more blocks taken than available")
	}
	a.slabs = append(a.slabs, make([]byte, n*BlockSize))
	for range n {
		a.next = append(a.next, a.free)
		a.free = int32(len(a.next) - 1)
	}
	a.fragments = append(a.fragments, make([]fragment, n)...)
}

func (a *blocks) bytes(b int32) []byte {
	off := int(b) % slabBlocks * BlockSize
	return a.slabs[int(b)/slabBlocks][off : off+BlockSize]
}

// blocksFor returns how many blocks n bytes take.
func blocksFor(n int) int { return max(1, (n+BlockSize-1)/BlockSize) }
