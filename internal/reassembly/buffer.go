package reassembly

import (
	"time"

	"github.com/ztstack/ztstack/clock"
)

// Config bounds a Buffer. All fields must be positive.
type Config struct {
	MaxBytes     int           // bytes of blocks
	MaxDatagrams int           // datagrams, remembered discarded ones included
	MaxFragments int           // fragments of a datagram
	MaxLen       int           // bytes of a datagram's head and payload
	Timeout      time.Duration // from the arrival of a datagram's first fragment
}

// Stats counts what became of fragments and datagrams.
type Stats struct {
	Fragments   uint64 // passed to Add
	Reassembled uint64 // datagrams completed
	Duplicates  uint64 // fragments received twice, byte for byte
	Invalid     uint64 // fragments refused before Add, which the caller counts
	Overlaps    uint64 // datagrams discarded because fragments overlapped or disagreed
	TooMany     uint64 // datagrams discarded because of MaxFragments or MaxLen
	Evicted     uint64 // datagrams discarded to make room
	Late        uint64 // fragments of datagrams discarded before
	TimedOut    uint64 // datagrams discarded after Timeout
	ECN         uint64 // datagrams discarded because fragments' ECN fields contradict
}

// A Fragment is one fragment for Add. Its slices are borrowed.
type Fragment[K comparable] struct {
	Key  K
	Off  int    // where Data belongs in the datagram's payload
	Data []byte // not empty; a multiple of 8 bytes if More
	More bool   // whether it is not the last
	ECN  uint8  // the two bits of the ECN field
	Head []byte // what goes before the payload; of a fragment at offset 0 alone, not empty there
}

// state is what an entry is used for.
type state uint8

const (
	stateFree    state = iota
	stateOpen          // fragments are missing
	stateDead          // discarded; swallows late fragments until its deadline
	stateExpired       // timed out with its first fragment, which waits for Expired
)

// An entry is a datagram under reassembly.
type entry struct {
	state       state
	ecn         uint8 // a bit for each value seen
	deadline    clock.Time
	older       int32 // entries by age
	newer       int32
	head        int32 // chain of the head, or none
	headLen     int32
	first, last int32 // fragments by offset
	count       int32 // of fragments
	received    int32 // payload bytes
	total       int32 // payload bytes of the whole datagram, or none
}

// A Buffer holds fragments until their datagrams are complete.
type Buffer[K comparable] struct {
	cfg            Config
	stats          Stats
	blocks         blocks
	entries        []entry
	keys           []K // of the entries of the same index
	oldest, newest int32
	hit            int32      // the entry of the last fragment, where the next one's probably is
	idle           clock.Time // when to give memory back unless another fragment arrives
	out            []byte
}

// Init prepares b, which holds no memory until the first fragment arrives.
func (b *Buffer[K]) Init(cfg Config) {
	*b = Buffer[K]{cfg: cfg, oldest: none, newest: none}
	b.blocks.init(max(1, cfg.MaxBytes/BlockSize))
}

// Stats returns the counters.
func (b *Buffer[K]) Stats() Stats { return b.stats }

// Held returns how many bytes of blocks are in use, and how many datagrams are remembered.
func (b *Buffer[K]) Held() (bytes, datagrams int) {
	for i := range b.entries {
		if b.entries[i].state != stateFree {
			datagrams++
		}
	}
	return b.blocks.inUse * BlockSize, datagrams
}

// Add takes a fragment. If it completes a datagram, Add returns the datagram, the first headLen bytes
// of which are its head, and whether a fragment has met congestion (ECN CE). The bytes are valid until
// the next call to a method of b. Otherwise it returns nil.
func (b *Buffer[K]) Add(now clock.Time, f *Fragment[K]) (datagram []byte, headLen int, ce bool) {
	b.stats.Fragments++
	b.expire(now)
	b.idle = now.Add(b.cfg.Timeout)
	i := b.find(&f.Key)
	if i == none {
		i = b.create(now, &f.Key)
	}
	b.hit = i
	e := &b.entries[i]
	if e.state == stateDead {
		b.stats.Late++
		return nil, 0, false
	}
	prev, verdict := b.place(e, f)
	switch verdict {
	case duplicate:
		b.stats.Duplicates++
		return nil, 0, false
	case conflict:
		b.stats.Overlaps++
		b.kill(e)
		return nil, 0, false
	}
	if int(e.count) >= b.cfg.MaxFragments || len(f.Head)+f.Off+len(f.Data) > b.cfg.MaxLen {
		b.stats.TooMany++
		b.kill(e)
		return nil, 0, false
	}
	need := blocksFor(len(f.Data))
	if f.Off == 0 {
		need += blocksFor(len(f.Head))
	}
	if !b.makeRoom(need, i) {
		b.stats.Evicted++
		b.kill(e)
		return nil, 0, false
	}
	b.insert(e, prev, f)
	if e.total == none || e.received != e.total {
		return nil, 0, false
	}
	return b.complete(i)
}

// Poll discards datagrams whose time is up and returns the next deadline, or clock.Never.
func (b *Buffer[K]) Poll(now clock.Time) (next clock.Time) {
	b.expire(now)
	for i := b.oldest; i != none; i = b.entries[i].newer {
		if b.entries[i].state != stateExpired {
			return b.entries[i].deadline
		}
	}
	if b.idle.Expired(now) && b.oldest == none {
		b.blocks.release()
		b.entries, b.keys, b.out = nil, nil, nil
		b.idle = clock.Never
	}
	if b.oldest != none && b.idle.Expired(now) {
		b.idle = now.Add(b.cfg.Timeout) // Expired has not been called yet.
	}
	return b.idle
}

// Expired returns the head and data of the first fragment of a datagram that has timed out, once for
// each that had one. The bytes are valid until the next call to a method of b.
func (b *Buffer[K]) Expired() (first []byte, ok bool) {
	i := b.oldest
	if i == none || b.entries[i].state != stateExpired {
		return nil, false
	}
	e := &b.entries[i]
	f := &b.blocks.fragments[e.first]
	n := int(e.headLen) + int(f.end)
	b.room(n)
	b.blocks.load(b.out[:e.headLen], e.head)
	b.blocks.load(b.out[e.headLen:n], e.first)
	b.free(i)
	return b.out[:n], true
}

// placement is what place finds out about a fragment.
type placement uint8

const (
	fits placement = iota
	duplicate
	conflict
)

// place returns the stored fragment after which f belongs, or none, and whether f fits there.
//
// "If any of the fragments being reassembled overlap with any other fragments being reassembled for
// the same packet, reassembly of that packet must be abandoned and all the fragments that have been
// received for that packet must be discarded [...]" RFC 8200, Section 4.5.
func (b *Buffer[K]) place(e *entry, f *Fragment[K]) (prev int32, verdict placement) {
	off, end := int32(f.Off), int32(f.Off+len(f.Data))
	prev = e.last
	for prev != none && b.blocks.fragments[prev].off > off {
		prev = b.blocks.fragments[prev].prev
	}
	next := e.first
	if prev != none {
		p := &b.blocks.fragments[prev]
		if p.off == off && p.end == end && f.More == (e.total != end) && b.blocks.equal(prev, f.Data) {
			return prev, duplicate
		}
		if p.end > off {
			return prev, conflict
		}
		next = p.next
	}
	if next != none && b.blocks.fragments[next].off < end {
		return prev, conflict
	}
	if f.More {
		if e.total != none && end > e.total {
			return prev, conflict
		}
	} else if e.total != none || next != none {
		return prev, conflict
	}
	return prev, fits
}

// insert stores f behind prev.
func (b *Buffer[K]) insert(e *entry, prev int32, f *Fragment[K]) {
	i := b.blocks.store(f.Data)
	n := fragment{off: int32(f.Off), end: int32(f.Off + len(f.Data)), prev: prev, next: e.first}
	if prev != none {
		n.next = b.blocks.fragments[prev].next
		b.blocks.fragments[prev].next = i
	} else {
		e.first = i
	}
	if n.next != none {
		b.blocks.fragments[n.next].prev = i
	} else {
		e.last = i
	}
	b.blocks.fragments[i] = n
	if f.Off == 0 {
		e.head, e.headLen = b.blocks.store(f.Head), int32(len(f.Head))
	}
	if !f.More {
		e.total = n.end
	}
	e.count++
	e.received += n.end - n.off
	e.ecn |= 1 << (f.ECN & 3)
}

// complete copies a whole datagram out and forgets it.
func (b *Buffer[K]) complete(i int32) (datagram []byte, headLen int, ce bool) {
	e := &b.entries[i]
	// One fragment that met congestion marks the datagram, unless another says that the sender does not
	// speak ECN: then somebody on the way has lied. RFC 3168, Section 5.3.
	ce = e.ecn&(1<<3) != 0
	if ce && e.ecn&1 != 0 {
		b.stats.ECN++
		b.kill(e)
		return nil, 0, false
	}
	headLen = int(e.headLen)
	n := headLen + int(e.total)
	if n > b.cfg.MaxLen {
		b.stats.TooMany++
		b.kill(e)
		return nil, 0, false
	}
	b.room(n)
	b.blocks.load(b.out[:headLen], e.head)
	for f := e.first; f != none; f = b.blocks.fragments[f].next {
		r := &b.blocks.fragments[f]
		b.blocks.load(b.out[headLen+int(r.off):headLen+int(r.end)], f)
	}
	b.free(i)
	b.stats.Reassembled++
	return b.out[:n], headLen, ce
}

// room makes out n bytes long at least.
func (b *Buffer[K]) room(n int) {
	if len(b.out) < n {
		b.out = make([]byte, min(max(n, 2*len(b.out)), max(n, b.cfg.MaxLen)))
	}
}
