// Package ring is the bounded lock-free queue through which frames reach a busy host.
//
// Many producers (the goroutines that read UDP sockets) push batches of frames while somebody
// else holds the host's lock; the holder of the lock is the one consumer. A producer never waits:
// it reserves as many slots as are free with one compare-and-swap, copies its frames into them,
// and publishes the whole batch with one store. What does not fit is dropped and counted, as a
// NIC does.
//
// # Protocol
//
// Positions count slots for ever; slot p&mask is position p. Three kinds of shared words exist:
//
//	head     next position to reserve         producers: compare-and-swap
//	tail     next position to consume         consumer: store
//	ends[i]  end of the batch that begins at slot i
//
// A producer that reserved [p, q) fills the slots and stores q into ends[p&mask]. The consumer,
// at position t, finds a batch iff ends[t&mask] > t: what an earlier lap left there is at most t,
// because a batch is no longer than the ring. So nothing has to be cleared, batches become visible
// whole and in the order of their reservation, and a producer that is still copying holds back
// only what was reserved after it.
//
// # Memory
//
// Slots own their bytes, which is as fast as a LIFO pool up to 256 frames and slower beyond (a
// larger set of buffers used in turn falls out of the cache); hence MaxSlots. The bytes are touched
// only as frames arrive, so an unused ring costs address space alone.
package ring

import "sync/atomic"

// MaxSlots is the most frames that a Ring holds.
const MaxSlots = 256

// line is two cache lines of 64 bytes: the adjacent-line prefetcher fetches pairs.
const line = 128

// A Ring is a bounded queue of frames for any number of producers and one consumer. Reserve, Put,
// Publish, Empty and Dropped may be called by anyone at any time; Take, At and Release by one
// goroutine at a time, the consumer.
type Ring struct {
	_    [line]byte
	head atomic.Uint64
	_    [line - 8]byte
	tail atomic.Uint64
	_    [line - 8]byte

	dropped atomic.Uint64
	_       [line - 8]byte

	mask  uint64
	size  int
	ends  []atomic.Uint64
	slots []slot
	bytes []byte
}

// A slot describes the frame in it. It belongs to a producer from Reserve to Publish and to the
// consumer from Take to Release.
type slot struct {
	len int
	tag uint64
}

// A Batch is a run of slots that a producer has reserved. It must be published, and soon: what
// others reserve later stays invisible until then.
type Batch struct {
	pos uint64
	n   int
}

// Len returns the number of slots in b: as many frames as may be Put.
func (b Batch) Len() int { return b.n }

// New returns an empty ring of slots frames (rounded up to a power of two, at most MaxSlots) of up
// to size bytes each.
func New(slots, size int) *Ring {
	n := 1
	for n < min(slots, MaxSlots) {
		n *= 2
	}
	return &Ring{
		mask:  uint64(n - 1),
		size:  size,
		ends:  make([]atomic.Uint64, n),
		slots: make([]slot, n),
		bytes: make([]byte, n*size),
	}
}

// Reserve reserves up to n slots, fewer when the ring is nearly full. The frames for which there is
// no slot count as dropped. An empty Batch needs no Publish.
func (r *Ring) Reserve(n int) Batch {
	for {
		// Head is loaded before tail: then head-tail is never more than what was in use.
		head := r.head.Load()
		got, ok := r.claim(head, r.tail.Load(), n)
		if !ok {
			continue
		}
		if got < n {
			r.dropped.Add(uint64(n - got))
		}
		return Batch{pos: head, n: got}
	}
}

// claim is the second half of Reserve: it takes up to n slots from head on, given an earlier look at
// head and a later one at tail. It fails when another producer came first.
func (r *Ring) claim(head, tail uint64, n int) (got int, ok bool) {
	used := int64(head - tail)
	if used < 0 {
		return 0, false // head is stale: what it named has been filled and consumed since
	}
	got = min(n, len(r.slots)-int(used))
	if got <= 0 {
		return 0, true
	}
	return got, r.head.CompareAndSwap(head, head+uint64(got))
}

// Put copies frame into slot i of b and keeps tag, which is the caller's, beside it. A frame longer
// than a slot is dropped and counted; its slot stays empty.
func (r *Ring) Put(b Batch, i int, frame []byte, tag uint64) {
	at := (b.pos + uint64(i)) & r.mask
	s := &r.slots[at]
	s.tag, s.len = tag, 0
	if len(frame) > r.size {
		r.dropped.Add(1)
		return
	}
	s.len = copy(r.bytes[int(at)*r.size:][:r.size], frame)
}

// Publish makes b visible to the consumer. Every slot of b has been Put.
func (r *Ring) Publish(b Batch) {
	if b.n > 0 {
		r.ends[b.pos&r.mask].Store(b.pos + uint64(b.n))
	}
}

// Empty reports whether Take would find nothing. A producer that publishes and then fails to become
// the consumer may leave, because the consumer asks Empty after it has given up the lock.
func (r *Ring) Empty() bool {
	t := r.tail.Load()
	return r.ends[t&r.mask].Load() <= t
}

// Take returns the number of frames in the batch at the head of the queue, or 0 when there is none.
// The frames are At(0) to At(n-1) and stay valid until Release, which must follow before the next Take.
func (r *Ring) Take() (n int) {
	t := r.tail.Load()
	if end := r.ends[t&r.mask].Load(); end > t {
		return int(end - t)
	}
	return 0
}

// At returns frame i of the batch that Take found, and its tag. The slice has the whole slot's
// capacity. It is empty when the frame did not fit the slot.
func (r *Ring) At(i int) (frame []byte, tag uint64) {
	at := (r.tail.Load() + uint64(i)) & r.mask
	s := &r.slots[at]
	b := r.bytes[int(at)*r.size:]
	return b[:s.len:r.size], s.tag
}

// Release gives the n slots that Take announced back to the producers.
func (r *Ring) Release(n int) { r.tail.Store(r.tail.Load() + uint64(n)) }

// Cap returns the number of slots.
func (r *Ring) Cap() int { return len(r.slots) }

// Dropped returns the number of frames dropped for want of room, so far.
func (r *Ring) Dropped() uint64 { return r.dropped.Load() }
