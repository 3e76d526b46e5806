package udp

import (
	"cmp"
	"net/netip"
)

// Meta says where a datagram came from and how.
type Meta struct {
	From  netip.AddrPort // the sender
	Local netip.Addr     // the address that it was sent to
	If    int32          // the interface that it arrived on
	TTL   uint8          // or hop limit
	TOS   uint8          // or traffic class
}

// A Queue holds received datagrams until they are read, bounded in bytes and in number. What does
// not fit is dropped, the newest first, and counted. Init must be called before anything else.
//
// Payloads lie in one ring of bytes, their origins in another of records. Both start small, double
// when they are full, up to the bounds, and are kept: a socket that is read in time allocates nothing.
// A queue that was never used, or was Reset, holds no memory.
type Queue struct {
	bytes   ring
	records []record // a ring too; its length is a power of two or maxCount
	head    int      // index of the oldest record
	count   int

	maxBytes, maxCount int
	dropped            uint64
}

type record struct {
	meta   Meta
	length int
}

// Sizes that the rings start with.
const (
	firstBytes   = 2048
	firstRecords = 8
)

// Init sets the bounds: bytes of payload, and number of datagrams. Zero means 256 KiB and 1024.
func (q *Queue) Init(maxBytes, maxCount int) {
	*q = Queue{}
	q.SetLimits(maxBytes, maxCount)
}

// SetLimits changes the bounds. Datagrams already queued stay.
func (q *Queue) SetLimits(maxBytes, maxCount int) {
	q.maxBytes = cmp.Or(max(0, maxBytes), 256<<10)
	q.maxCount = cmp.Or(max(0, maxCount), 1024)
}

// Len returns the number of datagrams.
func (q *Queue) Len() int { return q.count }

// Bytes returns the number of payload bytes.
func (q *Queue) Bytes() int { return q.bytes.used }

// Dropped returns how many datagrams Push has refused.
func (q *Queue) Dropped() uint64 { return q.dropped }

// Push copies a datagram into the queue, or reports false and counts it when it does not fit.
func (q *Queue) Push(m *Meta, payload []byte) bool {
	if q.count >= q.maxCount || q.bytes.used+len(payload) > q.maxBytes {
		q.dropped++
		return false
	}
	if q.count == len(q.records) {
		q.grow()
	}
	q.bytes.reserve(len(payload), q.maxBytes)
	i := q.head + q.count
	if i >= len(q.records) {
		i -= len(q.records)
	}
	q.records[i] = record{meta: *m, length: len(payload)}
	q.bytes.push(payload)
	q.count++
	return true
}

// Next returns the oldest datagram's origin and length without removing it. m is valid until the next
// call to a method of q.
func (q *Queue) Next() (m *Meta, length int, ok bool) {
	if q.count == 0 {
		return nil, 0, false
	}
	r := &q.records[q.head]
	return &r.meta, r.length, true
}

// Peek copies as much of the oldest datagram as fits into b without removing it, and returns how much.
func (q *Queue) Peek(b []byte) (n int) {
	if q.count == 0 {
		return 0
	}
	return q.bytes.peek(b[:min(len(b), q.records[q.head].length)])
}

// Pop removes the oldest datagram and copies as much of it as fits into b. It returns the number of
// bytes copied and the datagram's length; the datagram was truncated when they differ.
func (q *Queue) Pop(b []byte) (m Meta, n, length int, ok bool) {
	if q.count == 0 {
		return Meta{}, 0, 0, false
	}
	r := &q.records[q.head]
	m, length = r.meta, r.length
	n = q.bytes.peek(b[:min(len(b), length)])
	q.bytes.discard(length)
	r.meta = Meta{}
	q.count--
	if q.head++; q.head == len(q.records) || q.count == 0 {
		q.head = 0
	}
	return m, n, length, true
}

// Reset drops everything, without counting it, and gives the memory back.
func (q *Queue) Reset() {
	q.bytes = ring{}
	q.records = nil
	q.head, q.count = 0, 0
}

// grow makes room for another record.
func (q *Queue) grow() {
	records := make([]record, min(max(firstRecords, 2*len(q.records)), q.maxCount))
	n := copy(records, q.records[q.head:])
	copy(records[n:], q.records[:q.head])
	q.records, q.head = records, 0
}

// A ring is a ring of bytes.
type ring struct {
	buf  []byte
	head int // index of the oldest byte
	used int
}

// reserve makes room for n more bytes, in a buffer of limit bytes at most unless what is there is more.
func (r *ring) reserve(n, limit int) {
	need := r.used + n
	if need <= len(r.buf) {
		return
	}
	size := max(firstBytes, 2*len(r.buf))
	for size < need {
		size *= 2
	}
	buf := make([]byte, max(min(size, limit), need))
	r.peek(buf[:r.used])
	r.buf, r.head = buf, 0
}

func (r *ring) push(b []byte) {
	i := r.head + r.used
	if i >= len(r.buf) {
		i -= len(r.buf)
	}
	n := copy(r.buf[i:], b)
	copy(r.buf, b[n:])
	r.used += len(b)
}

// peek copies the oldest len(dst) bytes.
func (r *ring) peek(dst []byte) int {
	n := copy(dst, r.buf[r.head:])
	copy(dst[n:], r.buf)
	return len(dst)
}

func (r *ring) discard(n int) {
	r.used -= n
	if r.head += n; r.head >= len(r.buf) {
		r.head -= len(r.buf)
	}
	if r.used == 0 {
		r.head = 0 // the same few bytes again, which are still in the cache
	}
}
