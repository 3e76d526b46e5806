package udp

import "net/netip"

// Meta says where a datagram came from and how.
type Meta struct {
	From  netip.AddrPort // the sender
	Local netip.Addr     // the address that it was sent to
	If    int32          // the interface that it arrived on
	TTL   uint8          // or hop limit
	TOS   uint8          // or traffic class
}

// A Queue holds received datagrams until they are read, bounded in bytes and in number. What does
// not fit is dropped, the newest first, and counted. An empty Queue that was never used holds no memory.
type Queue struct {
	_ int
}

// Init sets the bounds: bytes of payload, and number of datagrams. Zero means 256 KiB and 1024.
func (q *Queue) Init(maxBytes, maxCount int) { panic("TODO") }

// Len returns the number of datagrams.
func (q *Queue) Len() int { panic("TODO") }

// Bytes returns the number of payload bytes.
func (q *Queue) Bytes() int { panic("TODO") }

// Dropped returns how many datagrams Push has refused.
func (q *Queue) Dropped() uint64 { panic("TODO") }

// Push copies a datagram into the queue, or reports false and counts it when it does not fit.
func (q *Queue) Push(m *Meta, payload []byte) bool { panic("TODO") }

// Next returns the oldest datagram's origin and length without removing it.
func (q *Queue) Next() (m *Meta, length int, ok bool) { panic("TODO") }

// Pop removes the oldest datagram and copies as much of it as fits into b. It returns the number of
// bytes copied and the datagram's length; the datagram was truncated when they differ.
func (q *Queue) Pop(b []byte) (m Meta, n, length int, ok bool) { panic("TODO") }

// Reset drops everything, without counting it, and gives the memory back.
func (q *Queue) Reset() { panic("TODO") }
