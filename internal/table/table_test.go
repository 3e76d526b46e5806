package table

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"unsafe"

	"pgregory.net/rapid"

	"github.com/ztstack/ztstack/internal/siphash"
)

func key4(n int) (k Key4) {
	for i := range 8 {
		k[2*i] = byte(n >> (8 * i))
	}
	return k
}

func key6(n int) (k Key6) {
	for i := range 8 {
		k[5*i] = byte(n >> (8 * i))
	}
	return k
}

// entries iterates over t by index.
func entries[K Key, V any](t *Table[K, V]) map[K]V {
	m := make(map[K]V)
	for i := range t.Cap() {
		if k, v, ok := t.At(i); ok {
			m[k] = v
		}
	}
	return m
}

// check compares t with the map it should be.
func check[K Key](t *rapid.T, got *Table[K, int], want map[K]int, absent K) {
	if got.Len() != len(want) {
		t.Fatalf("Len = %d, want %d", got.Len(), len(want))
	}
	for k, v := range want {
		if g, ok := got.Get(k); !ok || g != v {
			t.Fatalf("Get(%x) = %d, %v, want %d", k, g, ok, v)
		}
	}
	if v, ok := got.Get(absent); ok {
		t.Fatalf("Get of a key that was not put = %d", v)
	}
	seen := entries(got)
	if len(seen) != len(want) {
		t.Fatalf("iteration sees %d entries, want %d", len(seen), len(want))
	}
	used := 0
	for _, s := range got.slots {
		if s.key != *new(K) {
			used++
		}
	}
	if 2*used > len(got.slots) {
		t.Fatalf("%d of %d slots are used, want at most half", used, len(got.slots))
	}
}

// model runs random operations against a Go map. The keys are few, so that they collide, and the seed is
// drawn, so that they do so differently.
func model[K Key](key func(int) K) func(t *rapid.T) {
	return func(t *rapid.T) {
		seed := [2]uint64{rapid.Uint64().Draw(t, "seed0"), rapid.Uint64().Draw(t, "seed1")}
		got, want := New[K, int](seed), make(map[K]int)
		some := rapid.IntRange(0, rapid.SampledFrom([]int{8, 60, 400}).Draw(t, "keys"))
		t.Repeat(map[string]func(t *rapid.T){
			"put": func(t *rapid.T) {
				k, v := key(some.Draw(t, "key")), rapid.Int().Draw(t, "value")
				got.Put(k, v)
				want[k] = v
			},
			"put many": func(t *rapid.T) {
				from := some.Draw(t, "from")
				for i := from; i < from+20; i++ {
					got.Put(key(i), i)
					want[key(i)] = i
				}
			},
			"delete": func(t *rapid.T) {
				k := key(some.Draw(t, "key"))
				_, had := want[k]
				delete(want, k)
				if got.Delete(k) != had {
					t.Fatalf("Delete(%x) = %v, want %v", k, !had, had)
				}
			},
			"delete while iterating": func(t *rapid.T) {
				mod := rapid.IntRange(1, 4).Draw(t, "mod")
				for i := 0; i < got.Cap(); {
					k, v, ok := got.At(i)
					if ok && v%mod == 0 {
						got.Delete(k)
						continue
					}
					i++
				}
				for k, v := range want {
					if v%mod == 0 {
						delete(want, k)
					}
				}
			},
			"": func(t *rapid.T) { check(t, got, want, key(1_000_000)) },
		})
	}
}

func TestModelKey4(t *testing.T) { rapid.Check(t, model(key4)) }
func TestModelKey6(t *testing.T) { rapid.Check(t, model(key6)) }

func TestZeroTableIsEmpty(t *testing.T) {
	var tab Table[Key4, int]
	if _, ok := tab.Get(key4(1)); ok || tab.Delete(key4(1)) || tab.Delete(Key4{}) || tab.Len() != 0 || len(entries(&tab)) != 0 {
		t.Error("the zero Table is not empty")
	}
}

// The order of iteration depends on the seed and on nothing else.
func TestIterationIsDeterministic(t *testing.T) {
	order := func(seed uint64) string {
		tab := New[Key4, int]([2]uint64{seed, 1})
		for i := range 200 {
			tab.Put(key4(i), i)
		}
		for i := 0; i < 200; i += 3 {
			tab.Delete(key4(i))
		}
		var s []int
		for i := range tab.Cap() {
			if _, v, ok := tab.At(i); ok {
				s = append(s, v)
			}
		}
		return fmt.Sprint(s)
	}
	if a, b := order(7), order(7); a != b {
		t.Error("two tables with one history are iterated in different order")
	}
	if order(7) == order(8) {
		t.Error("the seed has no influence on where entries lie")
	}
}

func TestHashIsSipHashOfAllBytes(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var k4 Key4
		var k6 Key6
		for i := range k6 {
			k6[i] = byte(r.Uint32())
		}
		copy(k4[:], k6[:])
		t4 := New[Key4, int]([2]uint64{r.Uint64(), r.Uint64()})
		t6 := New[Key6, int](t4.seed)
		if got, want := t4.hash(&k4), siphash.Sum13(t4.seed[0], t4.seed[1], k4[:]); got != want {
			t.Fatalf("hash of %x = %#x, want %#x", k4, got, want)
		}
		if got, want := t6.hash(&k6), siphash.Sum13(t6.seed[0], t6.seed[1], k6[:]); got != want {
			t.Fatalf("hash of %x = %#x, want %#x", k6, got, want)
		}
	}
}

func TestMemory(t *testing.T) {
	if n, want := unsafe.Sizeof(slot[Key4, *int]{}), 16+unsafe.Sizeof(uintptr(0)); n != want {
		t.Errorf("a slot of an IPv4 table takes %d bytes, want %d", n, want)
	}
	tab := New[Key4, *int]([2]uint64{1, 2})
	for i := range 10000 {
		tab.Put(key4(i+1), new(int))
	}
	for i := range 10000 {
		tab.Delete(key4(i + 1))
	}
	for i := range 8 {
		tab.Put(key4(i+1), nil)
	}
	if tab.Cap() > 200 {
		t.Errorf("after 10000 entries have left, 8 take %d slots", tab.Cap())
	}
	for _, s := range tab.slots {
		if s.key == (Key4{}) && s.value != nil {
			t.Fatal("a free slot keeps a value alive")
		}
	}
}

func TestNoAllocs(t *testing.T) {
	tab := New[Key4, *int]([2]uint64{1, 2})
	for i := range 100 {
		tab.Put(key4(i), new(int))
	}
	if n := testing.AllocsPerRun(100, func() { tab.Get(key4(50)); tab.Delete(key4(50)); tab.Put(key4(50), nil) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func benchmarkGet[K Key](b *testing.B, n int, key func(int) K) {
	tab := New[K, *int]([2]uint64{1, 2})
	keys := make([]K, n)
	for i := range keys {
		keys[i] = key(i*7 + 1)
		tab.Put(keys[i], new(int))
	}
	rand.New(rand.NewPCG(1, 2)).Shuffle(n, func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if _, ok := tab.Get(keys[i]); !ok {
			b.Fatal("missing")
		}
		if i++; i == n {
			i = 0
		}
	}
}

// BenchmarkGet looks up the keys of a full table in random order.
func BenchmarkGet(b *testing.B) {
	for _, n := range []int{1, 1000, 100_000} {
		b.Run(fmt.Sprintf("v4/%d", n), func(b *testing.B) { benchmarkGet(b, n, key4) })
		b.Run(fmt.Sprintf("v6/%d", n), func(b *testing.B) { benchmarkGet(b, n, key6) })
	}
}

// BenchmarkGetMap is what it replaces.
func BenchmarkGetMap(b *testing.B) {
	for _, n := range []int{1, 1000, 100_000} {
		b.Run(fmt.Sprintf("v4/%d", n), func(b *testing.B) {
			m := make(map[Key4]*int)
			keys := make([]Key4, n)
			for i := range keys {
				keys[i] = key4(i*7 + 1)
				m[keys[i]] = new(int)
			}
			rand.New(rand.NewPCG(1, 2)).Shuffle(n, func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				if _, ok := m[keys[i]]; !ok {
					b.Fatal("missing")
				}
				if i++; i == n {
					i = 0
				}
			}
		})
	}
}

func BenchmarkPutDelete(b *testing.B) {
	tab := New[Key4, *int]([2]uint64{1, 2})
	for i := range 1000 {
		tab.Put(key4(i+1), new(int))
	}
	k := key4(500_000)
	b.ReportAllocs()
	for b.Loop() {
		tab.Put(k, nil)
		tab.Delete(k)
	}
}
