package reassembly

import "github.com/ztstack/ztstack/clock"

// find returns the entry of a datagram whose fragments are collected or swallowed, or none.
func (b *Buffer[K]) find(key *K) int32 {
	if int(b.hit) < len(b.keys) && b.matches(b.hit, key) {
		return b.hit
	}
	for i := range b.keys {
		if b.matches(int32(i), key) {
			return int32(i)
		}
	}
	return none
}

func (b *Buffer[K]) matches(i int32, key *K) bool {
	s := b.entries[i].state
	return b.keys[i] == *key && (s == stateOpen || s == stateDead)
}

// create returns a new entry, if need be that of the oldest datagram.
func (b *Buffer[K]) create(now clock.Time, key *K) int32 {
	i := b.vacancy()
	b.keys[i] = *key
	b.entries[i] = entry{
		state:    stateOpen,
		deadline: now.Add(b.cfg.Timeout),
		older:    b.newest,
		newer:    none,
		head:     none,
		first:    none,
		last:     none,
		total:    none,
	}
	if b.newest != none {
		b.entries[b.newest].newer = i
	} else {
		b.oldest = i
	}
	b.newest = i
	return i
}

func (b *Buffer[K]) vacancy() int32 {
	for i := range b.entries {
		if b.entries[i].state == stateFree {
			return int32(i)
		}
	}
	if len(b.entries) < b.cfg.MaxDatagrams {
		b.entries = append(b.entries, entry{})
		b.keys = append(b.keys, *new(K))
		return int32(len(b.entries) - 1)
	}
	i := b.oldest
	if b.entries[i].state == stateOpen {
		b.stats.Evicted++
	}
	b.free(i)
	return i
}

// makeRoom evicts the oldest datagrams, but never that of entry keep, until need blocks are available.
func (b *Buffer[K]) makeRoom(need int, keep int32) bool {
	for i := b.oldest; i != none && b.blocks.available() < need; {
		newer := b.entries[i].newer
		if i != keep && b.entries[i].first != none {
			if b.entries[i].state == stateOpen {
				b.stats.Evicted++
			}
			b.free(i)
		}
		i = newer
	}
	return b.blocks.available() >= need
}

// expire discards the datagrams whose time is up. Those with a first fragment keep it for Expired.
func (b *Buffer[K]) expire(now clock.Time) {
	for i := b.oldest; i != none; {
		e := &b.entries[i]
		newer := e.newer
		if e.state != stateExpired {
			if !e.deadline.Expired(now) {
				return
			}
			b.timeOut(i)
		}
		i = newer
	}
}

func (b *Buffer[K]) timeOut(i int32) {
	e := &b.entries[i]
	if e.state == stateOpen {
		b.stats.TimedOut++
		if e.head != none {
			e.state = stateExpired
			b.dropFragments(b.blocks.fragments[e.first].next)
			b.blocks.fragments[e.first].next = none
			e.last = e.first
			return
		}
	}
	b.free(i)
}

// kill discards what has arrived of a datagram and leaves the entry to swallow the rest.
func (b *Buffer[K]) kill(e *entry) {
	e.state = stateDead
	b.empty(e)
}

// free forgets a datagram.
func (b *Buffer[K]) free(i int32) {
	e := &b.entries[i]
	b.empty(e)
	if e.older != none {
		b.entries[e.older].newer = e.newer
	} else {
		b.oldest = e.newer
	}
	if e.newer != none {
		b.entries[e.newer].older = e.older
	} else {
		b.newest = e.older
	}
	e.state = stateFree
}

func (b *Buffer[K]) empty(e *entry) {
	b.dropFragments(e.first)
	b.blocks.drop(e.head)
	e.first, e.last, e.head = none, none, none
}

func (b *Buffer[K]) dropFragments(f int32) {
	for f != none {
		next := b.blocks.fragments[f].next
		b.blocks.drop(f)
		f = next
	}
}
