package vl2

// register is a map that can be walked in an order that depends on nothing but the calls made: a Go map's order is
// random, and the core is deterministic. The zero register is empty and ready.
type register[K comparable, V any] struct {
	index  map[K]int
	keys   []K
	values []V
}

func (r *register[K, V]) len() int { return len(r.keys) }

// get returns the value of k, or the zero V.
func (r *register[K, V]) get(k K) (v V, ok bool) {
	i, ok := r.index[k]
	if ok {
		v = r.values[i]
	}
	return v, ok
}

// at returns the i-th value where it is kept; it moves when something is added or deleted.
func (r *register[K, V]) at(i int) *V { return &r.values[i] }

// find returns the value of k where it is kept, or nil.
func (r *register[K, V]) find(k K) *V {
	if i, ok := r.index[k]; ok {
		return &r.values[i]
	}
	return nil
}

// put sets the value of k.
func (r *register[K, V]) put(k K, v V) {
	if i, ok := r.index[k]; ok {
		r.values[i] = v
		return
	}
	if r.index == nil {
		r.index = make(map[K]int)
	}
	r.index[k] = len(r.keys)
	r.keys = append(r.keys, k)
	r.values = append(r.values, v)
}

// deleteAt deletes the i-th entry; the last one takes its place.
func (r *register[K, V]) deleteAt(i int) {
	last := len(r.keys) - 1
	delete(r.index, r.keys[i])
	if i != last {
		r.keys[i], r.values[i] = r.keys[last], r.values[last]
		r.index[r.keys[i]] = i
	}
	var k K
	var v V
	r.keys[last], r.values[last] = k, v
	r.keys, r.values = r.keys[:last], r.values[:last]
}
