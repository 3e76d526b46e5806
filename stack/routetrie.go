package stack

import (
	"math/bits"
	"net/netip"

	"github.com/ztstack/ztstack/internal/be"
)

// A routeTrie finds the routes of the longest prefix that holds an address. It looks at six bits of the address at a time.
//
// What a look-up needs of a node are 32 bytes: for each of the 64 values of its bits, whether there is a node below, and the
// answer of the longest of those prefixes that end in this node, as runs of equal answers. The nodes below one node lie side by
// side, and so do its answers, so that an index and a count of bits lead to them: after Asai and Ohara, "Poptrie", SIGCOMM
// 2015, but that an answer is not copied to the nodes below, so that a change concerns one node. Where a path has no branches
// a node skips up to five steps of it.
type routeTrie struct {
	nodes  blocks[routeNode]
	own    [][]*routeSet  // of each node: the prefixes that end there
	leaves blocks[uint32] // 1 + number of a hop, or 0
	hops   hopTable

	fallback *routeSet // of the prefix of no bits
	n        int       // routes
}

const (
	stride  = 6
	maxSkip = 5
)

// A routeNode is what look-ups need of a node.
type routeNode struct {
	below  uint64 // values that lead to a child
	starts uint64 // values at which a run of equal answers begins; before the first there is none
	child  uint32 // index of the first child
	leaf   uint32 // index of the first answer, or both answers: see packed
	path   skip   // what precedes the node's bits
}

// Most nodes have one prefix, and so no more than two answers: the prefix's, and none behind it. These need no look at
// another place in memory if they are small numbers: they are in the node itself, in 15 bits each.
const (
	packed    = 1 << 31
	maxPacked = 1<<15 - 1
)

// A skip is up to five strides of bits that a path without branches goes on for, and in the lowest bits their number.
type skip uint64

func skipOf(bits uint64, strides uint) skip { return skip(bits<<3 | uint64(strides)) }

func (p skip) strides() uint { return uint(p & 7) }
func (p skip) bits() uint64  { return uint64(p >> 3) }

// holds reports whether k goes on like that from bit depth on.
func (p skip) holds(k trieKey, depth uint) bool {
	return p == 0 || k.from(depth, stride*p.strides()) == p.bits()
}

// after returns p without its first n strides.
func (p skip) after(n uint) skip {
	rest := p.strides() - n
	return skipOf(p.bits()&(1<<(stride*rest)-1), rest)
}

// before returns the first n strides of p.
func (p skip) before(n uint) skip { return skipOf(p.bits()>>(stride*(p.strides()-n)), n) }

// A routeSet is the routes of one prefix, the smallest metric first.
type routeSet struct {
	key    trieKey
	bits   int
	hop    uint32 // of the first route
	routes []Route
}

// A trieKey is an address from its first bit on; behind an IPv4 address are zeros.
type trieKey struct{ hi, lo uint64 }

func keyOf(a netip.Addr) trieKey {
	if a.Is4() {
		b := a.As4()
		return trieKey{hi: uint64(be.Uint32(b[:])) << 32}
	}
	b := a.As16()
	return trieKey{be.Uint64(b[:]), be.Uint64(b[8:])}
}

// from returns the n bits from bit depth on, as a number; beyond the end are zeros. n is at most 64 and not 0.
func (k trieKey) from(depth, n uint) uint64 {
	if depth >= 64 {
		return k.lo << (depth - 64) >> (64 - n)
	}
	return (k.hi<<depth | k.lo>>(64-depth)) >> (64 - n)
}

// common returns how many bits k and o have in common.
func (k trieKey) common(o trieKey) int {
	if x := k.hi ^ o.hi; x != 0 {
		return bits.LeadingZeros64(x)
	}
	return 64 + bits.LeadingZeros64(k.lo^o.lo)
}

// lookup returns the hop of the longest prefix that holds k, or nil. The prefix of no bits does not count.
func (t *routeTrie) lookup(k trieKey) *hop {
	best := uint32(0)
	for i, depth := uint32(0), uint(0); i < uint32(len(t.nodes.all)); depth += stride {
		n := &t.nodes.all[i]
		if n.path != 0 {
			if !n.path.holds(k, depth) {
				break
			}
			depth += stride * n.path.strides()
		}
		bit := uint64(1) << k.from(depth, stride)
		if run := n.starts & (bit<<1 - 1); run != 0 {
			rank, answer := uint32(bits.OnesCount64(run)-1), uint32(0)
			if n.leaf&packed != 0 {
				answer = n.leaf >> (15 * rank) & maxPacked
			} else {
				answer = t.leaves.all[n.leaf+rank]
			}
			if answer != 0 {
				best = answer
			}
		}
		if n.below&bit == 0 {
			break
		}
		i = n.child + uint32(bits.OnesCount64(n.below&(bit-1)))
	}
	if best == 0 {
		return nil
	}
	return &t.hops.all[best-1]
}

// shorter returns the routes of the longest prefix of at most most bits that holds k, or nil. It is slow.
func (t *routeTrie) shorter(k trieKey, most int) *routeSet {
	if most < 0 {
		return nil
	}
	best := t.fallback
	t.descend(k, func(i uint32, depth uint) bool {
		for _, s := range t.own[i] {
			if s.bits <= most && s.key.common(k) >= s.bits && (best == nil || s.bits > best.bits) {
				best = s
			}
		}
		return true
	})
	return best
}

// descend calls f with the nodes on the way to k and how many bits lead to each, until there are no more or f returns false.
func (t *routeTrie) descend(k trieKey, f func(i uint32, depth uint) bool) {
	for i, depth := uint32(0), uint(0); i < uint32(len(t.nodes.all)); depth += stride {
		n := &t.nodes.all[i]
		if !n.path.holds(k, depth) {
			return
		}
		depth += stride * n.path.strides()
		if !f(i, depth) {
			return
		}
		bit := uint64(1) << k.from(depth, stride)
		if n.below&bit == 0 {
			return
		}
		i = n.child + uint32(bits.OnesCount64(n.below&(bit-1)))
	}
}

// find returns the routes of the very prefix, or nil.
func (t *routeTrie) find(k trieKey, length int) *routeSet {
	if length == 0 {
		return t.fallback
	}
	var found *routeSet
	t.descend(k, func(i uint32, _ uint) bool {
		for _, s := range t.own[i] {
			if s.bits == length && s.key == k {
				found = s
			}
		}
		return found == nil
	})
	return found
}

// walk calls f with the routes of every prefix. f must not change the trie.
func (t *routeTrie) walk(f func(*routeSet)) {
	if t.fallback != nil {
		f(t.fallback)
	}
	for _, own := range t.own {
		for _, s := range own {
			f(s)
		}
	}
}

// A blocks is memory for runs of things that lie side by side, by index. Runs that are no longer used are used again for
// others of the same length.
type blocks[T any] struct {
	all  []T
	free [1<<stride + 1][]uint32 // by length
}

// get returns the index of the first of n things. They hold what they last did.
func (b *blocks[T]) get(n int) uint32 {
	if n == 0 {
		return 0
	}
	if list := b.free[n]; len(list) > 0 {
		b.free[n] = list[:len(list)-1]
		return list[len(list)-1]
	}
	i := len(b.all)
	b.all = append(b.all, make([]T, n)...)
	return uint32(i)
}

func (b *blocks[T]) put(i uint32, n int) {
	if n > 0 {
		b.free[n] = append(b.free[n], i)
	}
}

// A hop is where packets for a prefix go: what Route says but for the prefix and the metric.
type hop struct {
	via  netip.Addr
	ifc  Interface
	uses int
}

// A hopTable numbers hops: there are few, however many prefixes there are.
type hopTable struct {
	all   []hop
	index map[hop]uint32 // without uses
	free  []uint32
}

// get returns the number of r's hop.
func (h *hopTable) get(r *Route) uint32 {
	key := hop{via: r.Via, ifc: r.If}
	i, ok := h.index[key]
	switch {
	case ok:
	case len(h.free) > 0:
		i = h.free[len(h.free)-1]
		h.free = h.free[:len(h.free)-1]
		h.all[i] = key
	default:
		i = uint32(len(h.all))
		h.all = append(h.all, key)
	}
	if h.index == nil {
		h.index = make(map[hop]uint32)
	}
	h.index[key] = i
	h.all[i].uses++
	return i
}

// put says that one use of hop i is over.
func (h *hopTable) put(i uint32) {
	if h.all[i].uses--; h.all[i].uses == 0 {
		delete(h.index, h.all[i])
		h.free = append(h.free, i)
	}
}
