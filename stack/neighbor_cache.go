package stack

import (
	"net/netip"

	"github.com/ztstack/ztstack/internal/table"
)

// A neighborCache holds the neighbours of one interface: a table to find them, and two lists, the least
// recently useful first, to choose which goes when there are too many.
type neighborCache struct {
	entries    table.Table[table.Key4, *neighbor]
	unresolved neighborList // nudIncomplete and nudFailed
	resolved   neighborList
	waiting    int // packets in all entries' queues

	last *neighbor // the entry found last: packets to one neighbour come in bunches
}

func (c *neighborCache) init(seed [2]uint64) { c.entries.Init(seed) }

// get returns the entry for a, or nil.
func (c *neighborCache) get(a netip.Addr) *neighbor {
	if c.last != nil && c.last.addr == a {
		return c.last
	}
	n, _ := c.entries.Get(addrKey(a))
	if n != nil {
		c.last = n
	}
	return n
}

// A neighborList is a doubly linked list.
type neighborList struct {
	head, tail *neighbor
	n          int
}

func (l *neighborList) pushTail(n *neighbor) {
	n.list, n.prev, n.next = l, l.tail, nil
	if l.tail == nil {
		l.head = n
	} else {
		l.tail.next = n
	}
	l.tail = n
	l.n++
}

func (l *neighborList) pushHead(n *neighbor) {
	n.list, n.prev, n.next = l, nil, l.head
	if l.head == nil {
		l.tail = n
	} else {
		l.head.prev = n
	}
	l.head = n
	l.n++
}

func (l *neighborList) remove(n *neighbor) {
	if n.prev == nil {
		l.head = n.next
	} else {
		n.prev.next = n.next
	}
	if n.next == nil {
		l.tail = n.prev
	} else {
		n.next.prev = n.prev
	}
	n.list, n.prev, n.next = nil, nil, nil
	l.n--
}

func (l *neighborList) toTail(n *neighbor) {
	if l.tail != n {
		l.remove(n)
		l.pushTail(n)
	}
}

func (l *neighborList) toHead(n *neighbor) {
	if l.head != n {
		l.remove(n)
		l.pushHead(n)
	}
}
