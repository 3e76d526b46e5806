package sockets

import "github.com/ztstack/ztstack/clock"

// members is the list of a host's open sockets, so that Close finds them. It is intrusive: a socket costs three words.
type members struct{ head *member }

// A member is a socket's place in its host's list.
type member struct {
	prev, next *member
	owner      abandoner
}

// An abandoner is a socket that its host can close. The shard's lock is held.
type abandoner interface{ abandon(now clock.Time) }

func (l *members) first() *member { return l.head }

func (l *members) add(m *member, owner abandoner) {
	m.owner = owner
	m.next = l.head
	if l.head != nil {
		l.head.prev = m
	}
	l.head = m
}

func (l *members) remove(m *member) {
	if m.owner == nil {
		return
	}
	if m.prev != nil {
		m.prev.next = m.next
	} else {
		l.head = m.next
	}
	if m.next != nil {
		m.next.prev = m.prev
	}
	*m = member{}
}
