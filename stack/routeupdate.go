package stack

import (
	"math/bits"
	"slices"
)

// insert adds a route behind those of its prefix that are to be preferred to it.
func (t *routeTrie) insert(r Route) {
	k, length := keyOf(r.Dst.Addr()), r.Dst.Bits()
	s := t.find(k, length)
	if s == nil {
		s = &routeSet{key: k, bits: length, routes: make([]Route, 0, 1)}
	}
	at := 0
	for at < len(s.routes) && s.routes[at].Metric <= r.Metric {
		at++
	}
	fresh := len(s.routes) == 0
	s.routes = slices.Insert(s.routes, at, r)
	t.n++
	switch {
	case length == 0:
		t.fallback = s
	case fresh:
		s.hop = t.hops.get(&r)
		i, depth := t.node(k, uint(length-1)/stride*stride)
		t.own[i] = append(t.own[i], s)
		t.rebuild(i, depth)
	case at == 0:
		t.rehop(s)
	}
}

// remove removes the first route of r's prefix that has r's Via, and r's If unless that is 0, and reports whether there was one.
func (t *routeTrie) remove(r Route) bool {
	s := t.find(keyOf(r.Dst.Addr()), r.Dst.Bits())
	if s == nil {
		return false
	}
	i := slices.IndexFunc(s.routes, func(x Route) bool { return x.Via == r.Via && (x.If == r.If || r.If == 0) })
	if i < 0 {
		return false
	}
	s.routes = slices.Delete(s.routes, i, i+1)
	t.n--
	switch {
	case len(s.routes) == 0 && s.bits == 0:
		t.fallback = nil
	case len(s.routes) == 0:
		t.prune(0, 0, s)
		t.hops.put(s.hop)
	case i == 0 && s.bits != 0:
		t.rehop(s)
	}
	return true
}

// rehop follows a change of s's first route.
func (t *routeTrie) rehop(s *routeSet) {
	old := s.hop
	s.hop = t.hops.get(&s.routes[0])
	t.hops.put(old)
	t.descend(s.key, func(i uint32, depth uint) bool {
		if depth == uint(s.bits-1)/stride*stride {
			t.rebuild(i, depth)
			return false
		}
		return true
	})
}

// node returns the node that the first depth bits of k lead to, making it if there is none.
func (t *routeTrie) node(k trieKey, depth uint) (uint32, uint) {
	if len(t.nodes.all) == 0 {
		t.nodes.get(1)
		t.own = append(t.own, nil)
	}
	at := uint(0) // bits that lead to node i, with what it skips
	for i := uint32(0); ; {
		if at == depth {
			return i, depth
		}
		i = t.below(i, k, at, depth)
		at += stride * (1 + t.nodes.all[i].path.strides())
	}
}

// below returns the child of node i, which at bits lead to, on the way to the node that depth bits of k lead to. It makes
// one if there is none, and cuts it in two if it skips too much.
func (t *routeTrie) below(i uint32, k trieKey, at, depth uint) uint32 {
	n := &t.nodes.all[i]
	value := k.from(at, stride)
	bit := uint64(1) << value
	rank := uint32(bits.OnesCount64(n.below & (bit - 1)))
	steps := (depth - at) / stride // to the node wanted
	if n.below&bit == 0 {
		var fresh routeNode
		if skip := min(steps-1, maxSkip); skip > 0 {
			fresh.path = skipOf(k.from(at+stride, stride*skip), skip)
		}
		t.moveChildren(i, n.below|bit, int(rank), &fresh)
		return t.nodes.all[i].child + rank
	}
	c := n.child + rank
	old := t.nodes.all[c]
	same := uint(0) // strides that child c skips rightly and not too far
	for same < min(old.path.strides(), steps-1) && old.path.before(same+1).holds(k, at+stride) {
		same++
	}
	if same == old.path.strides() {
		return c
	}
	// A node goes before c that skips what is right, and c becomes its only child.
	first := t.nodes.get(1)
	t.grow()
	upper := routeNode{below: 1 << old.path.after(same).before(1).bits(), child: first, path: old.path.before(same)}
	old.path = old.path.after(same + 1)
	t.nodes.all[first], t.own[first] = old, t.own[c]
	t.nodes.all[c], t.own[c] = upper, nil
	return c
}

// grow makes own as long as the nodes.
func (t *routeTrie) grow() {
	if more := len(t.nodes.all) - len(t.own); more > 0 {
		t.own = append(t.own, make([][]*routeSet, more)...)
	}
}

// moveChildren gives node i the children in below, which is one more than before, fresh at rank, or, if fresh is nil, one fewer.
func (t *routeTrie) moveChildren(i uint32, below uint64, rank int, fresh *routeNode) {
	n := t.nodes.all[i]
	had, has := bits.OnesCount64(n.below), bits.OnesCount64(below)
	to, from := t.nodes.get(has), n.child
	t.grow()
	skipTo, skipFrom := 0, 1
	if fresh != nil {
		skipTo, skipFrom = 1, 0
		t.nodes.all[int(to)+rank], t.own[int(to)+rank] = *fresh, nil
	}
	copy(t.nodes.all[to:], t.nodes.all[from:int(from)+rank])
	copy(t.own[to:], t.own[from:int(from)+rank])
	copy(t.nodes.all[int(to)+rank+skipTo:], t.nodes.all[int(from)+rank+skipFrom:int(from)+had])
	copy(t.own[int(to)+rank+skipTo:], t.own[int(from)+rank+skipFrom:int(from)+had])
	clear(t.own[from : int(from)+had])
	t.nodes.put(from, had)
	t.nodes.all[i].below, t.nodes.all[i].child = below, to
}

// rebuild computes the answers of node i, which depth bits lead to, from its prefixes.
func (t *routeTrie) rebuild(i uint32, depth uint) {
	var longest [1 << stride]*routeSet
	for _, s := range t.own[i] {
		first, free := s.key.from(depth, stride), depth+stride-uint(s.bits)
		for v := first; v < first+1<<free; v++ {
			if longest[v] == nil || longest[v].bits < s.bits {
				longest[v] = s
			}
		}
	}
	n := &t.nodes.all[i]
	if n.leaf&packed == 0 {
		t.leaves.put(n.leaf, bits.OnesCount64(n.starts))
	}
	n.starts = 0
	var runs [1 << stride]uint32
	last, count := uint32(0), 0
	for v, s := range longest {
		answer := uint32(0)
		if s != nil {
			answer = s.hop + 1
		}
		if answer != last {
			n.starts |= 1 << v
			runs[count] = answer
			last = answer
			count++
		}
	}
	if count <= 2 && max(runs[0], runs[1]) <= maxPacked {
		n.leaf = packed | runs[1]<<15 | runs[0]
		return
	}
	n.leaf = t.leaves.get(count)
	copy(t.leaves.all[n.leaf:], runs[:count])
}

// prune removes s from node i, which at bits lead to, or below it, and reports whether the node is of no use any more.
func (t *routeTrie) prune(i uint32, at uint, s *routeSet) (useless bool) {
	at += stride * t.nodes.all[i].path.strides()
	if at == uint(s.bits-1)/stride*stride {
		j := slices.Index(t.own[i], s)
		t.own[i] = slices.Delete(t.own[i], j, j+1)
		t.rebuild(i, at)
	} else {
		n := t.nodes.all[i]
		bit := uint64(1) << s.key.from(at, stride)
		rank := bits.OnesCount64(n.below & (bit - 1))
		if t.prune(n.child+uint32(rank), at+stride, s) {
			t.moveChildren(i, n.below&^bit, rank, nil)
		}
	}
	return len(t.own[i]) == 0 && t.nodes.all[i].below == 0
}
