// Package table is a hash table for demultiplexing: open addressing with linear probing at a load of at
// most one half, keys inline, and a seeded hash so that a peer who chooses addresses and ports cannot
// choose collisions.
//
// It exists for determinism: the seed is given, so the order of entries is a function of their history,
// and iteration is by index. A Go map with the same packed keys is as fast (the hash is half of a look-up
// here), but is seeded by the runtime and iterated in random order, which the core must not do.
package table

import "github.com/ztstack/ztstack/internal/siphash"

// Key4 is a packed IPv4 key: for a connection two addresses, two ports, and four bytes to spare for
// protocol and interface.
type Key4 [16]byte

// Key6 is a packed IPv6 key: for a connection two addresses, two ports, and four bytes to spare.
type Key6 [40]byte

// Key is what a Table may be keyed by.
type Key interface{ Key4 | Key6 }

// minSlots is the least number of slots allocated.
const minSlots = 16

// A Table maps keys to values. Use New or Init; it is not safe for concurrent use.
type Table[K Key, V any] struct {
	slots []slot[K, V] // empty, or a power of two of them; a slot with the zero key is free
	seed  [2]uint64
	n     int

	// The zero key marks a free slot, so its own value lives here.
	hasZero bool
	zero    V
}

type slot[K Key, V any] struct {
	key   K
	value V
}

// New returns an empty table whose hash is seeded by seed, which a peer must not be able to guess.
func New[K Key, V any](seed [2]uint64) *Table[K, V] {
	t := new(Table[K, V])
	t.Init(seed)
	return t
}

// Init makes t an empty table, as New does.
func (t *Table[K, V]) Init(seed [2]uint64) { *t = Table[K, V]{seed: seed} }

// Len returns the number of entries.
func (t *Table[K, V]) Len() int { return t.n }

// Get returns the value stored under k.
func (t *Table[K, V]) Get(k K) (v V, ok bool) {
	var zero K
	if k == zero {
		return t.zero, t.hasZero
	}
	if len(t.slots) == 0 {
		return v, false
	}
	mask := uint64(len(t.slots) - 1)
	for i := t.hash(&k) & mask; ; i = (i + 1) & mask {
		s := &t.slots[i]
		if s.key == k {
			return s.value, true
		}
		if s.key == zero {
			return v, false
		}
	}
}

// Put stores v under k, replacing what was there.
func (t *Table[K, V]) Put(k K, v V) {
	var zero K
	if k == zero {
		if !t.hasZero {
			t.n++
		}
		t.zero, t.hasZero = v, true
		return
	}
	if 2*(t.n+1) > len(t.slots) {
		t.resize(max(minSlots, 2*len(t.slots)))
	} else if len(t.slots) > minSlots && 16*t.n < len(t.slots) {
		t.resize(max(minSlots, len(t.slots)/4))
	}
	mask := uint64(len(t.slots) - 1)
	for i := t.hash(&k) & mask; ; i = (i + 1) & mask {
		s := &t.slots[i]
		if s.key == zero {
			t.n++
			s.key = k
		}
		if s.key == k {
			s.value = v
			return
		}
	}
}

// Delete removes the entry of k and reports whether there was one. It does not allocate.
func (t *Table[K, V]) Delete(k K) bool {
	var zero K
	var none V
	if k == zero {
		had := t.hasZero
		if had {
			t.n--
		}
		t.zero, t.hasZero = none, false
		return had
	}
	if len(t.slots) == 0 {
		return false
	}
	mask := uint64(len(t.slots) - 1)
	i := t.hash(&k) & mask
	for ; t.slots[i].key != k; i = (i + 1) & mask {
		if t.slots[i].key == zero {
			return false
		}
	}
	t.n--
	// Close the gap: an entry further on in the same run moves into it unless its own first slot lies
	// behind the gap. So no tombstones are needed.
	for j := (i + 1) & mask; t.slots[j].key != zero; j = (j + 1) & mask {
		home := t.hash(&t.slots[j].key) & mask
		if (j-home)&mask >= (j-i)&mask {
			t.slots[i] = t.slots[j]
			i = j
		}
	}
	t.slots[i] = slot[K, V]{}
	return true
}

// Cap returns the number of places At can be asked for.
func (t *Table[K, V]) Cap() int { return len(t.slots) + 1 }

// At returns the entry at place i, 0 ≤ i < Cap(), or false if the place is free. The order of entries
// depends on the seed and on what was put and deleted, and on nothing else.
//
// Iterate with i ascending. The loop may Delete the entry it is at, if it then looks at place i again,
// where another entry may be now; an entry may so be seen twice but none is missed. It may not Put.
func (t *Table[K, V]) At(i int) (k K, v V, ok bool) {
	if i == len(t.slots) {
		return k, t.zero, t.hasZero
	}
	s := &t.slots[i]
	return s.key, s.value, s.key != k
}

// resize moves the entries into n slots.
func (t *Table[K, V]) resize(n int) {
	old := t.slots
	t.slots = make([]slot[K, V], n)
	mask := uint64(n - 1)
	var zero K
	for j := range old {
		if old[j].key == zero {
			continue
		}
		i := t.hash(&old[j].key) & mask
		for t.slots[i].key != zero {
			i = (i + 1) & mask
		}
		t.slots[i] = old[j]
	}
}

// hash returns SipHash-1-3 of k.
func (t *Table[K, V]) hash(k *K) uint64 {
	if len(*k) == 16 {
		return siphash.Hash128(t.seed[0], t.seed[1], word(k, 0), word(k, 8))
	}
	return siphash.Hash320(t.seed[0], t.seed[1], &[5]uint64{word(k, 0), word(k, 8), word(k, 16), word(k, 24), word(k, 32)})
}

func word[K Key](k *K, i int) uint64 {
	return uint64((*k)[i]) | uint64((*k)[i+1])<<8 | uint64((*k)[i+2])<<16 | uint64((*k)[i+3])<<24 |
		uint64((*k)[i+4])<<32 | uint64((*k)[i+5])<<40 | uint64((*k)[i+6])<<48 | uint64((*k)[i+7])<<56
}
