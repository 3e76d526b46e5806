package stack

import (
	"fmt"
	"math/bits"
	"math/rand/v2"
	"net/netip"
	"testing"

	"pgregory.net/rapid"

	"github.com/ztstack/ztstack/link"
)

// check fails unless every node of a trie has a reason to be, and no memory is lost.
func (t *routeTrie) check(tb rapid.TB) {
	n, uses := 0, 0
	t.walk(func(s *routeSet) {
		if len(s.routes) == 0 {
			tb.Fatalf("a prefix of %d bits has no routes", s.bits)
		}
		n += len(s.routes)
		if s.bits > 0 {
			uses++
			if h := t.hops.all[s.hop]; h.ifc != s.routes[0].If || h.via != s.routes[0].Via {
				tb.Fatalf("a prefix of %d bits has another hop than its first route", s.bits)
			}
		}
	})
	if n != t.n {
		tb.Fatalf("%d routes, counted %d", n, t.n)
	}
	for _, h := range t.hops.all {
		uses -= h.uses
	}
	if uses != 0 || len(t.hops.index)+len(t.hops.free) != len(t.hops.all) {
		tb.Fatalf("%d uses of hops are not counted; %d hops, %d known, %d free", uses, len(t.hops.all), len(t.hops.index), len(t.hops.free))
	}
	if len(t.nodes.all) == 0 {
		return
	}
	nodes, leaves := 0, 0
	var visit func(i uint32, depth int)
	visit = func(i uint32, depth int) {
		n := t.nodes.all[i]
		nodes++
		if n.leaf&packed == 0 {
			leaves += bits.OnesCount64(n.starts)
		}
		depth += stride * int(n.path.strides())
		if i != 0 && len(t.own[i]) == 0 && n.below == 0 || (n.starts == 0) != (len(t.own[i]) == 0) {
			tb.Fatalf("node %d has %d prefixes, children %x, runs from %x", i, len(t.own[i]), n.below, n.starts)
		}
		for _, s := range t.own[i] {
			if (s.bits-1)/stride*stride != depth {
				tb.Fatalf("a prefix of %d bits at depth %d", s.bits, depth)
			}
		}
		for c := range bits.OnesCount64(n.below) {
			visit(n.child+uint32(c), depth+stride)
		}
	}
	visit(0, 0)
	for length, list := range t.nodes.free {
		nodes += length * len(list)
	}
	for length, list := range t.leaves.free {
		leaves += length * len(list)
	}
	if nodes != len(t.nodes.all) || len(t.own) != nodes || leaves != len(t.leaves.all) {
		tb.Fatalf("%d nodes and %d answers are in use or free, of %d (%d) and %d", nodes, leaves, len(t.nodes.all), len(t.own), len(t.leaves.all))
	}
}

// TestRouteTrieModel compares a trie with a list of prefixes, for both families and prefixes of any length, while they come
// and go.
func TestRouteTrieModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.SampledFrom([]int{4, 16}).Draw(t, "bytes of an address")
		addr := func() netip.Addr {
			// Few values, so that prefixes share bits, with both high and low ones in a byte.
			b := rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, 2, 0x80, 0xff}), size, size).Draw(t, "address")
			a, _ := netip.AddrFromSlice(b)
			return a
		}
		var trie routeTrie
		model := map[netip.Prefix]bool{}
		t.Repeat(map[string]func(*rapid.T){
			"insert": func(t *rapid.T) {
				p := netip.PrefixFrom(addr(), rapid.IntRange(0, 8*size).Draw(t, "length")).Masked()
				if got := trie.find(keyOf(p.Addr()), p.Bits()) != nil; got != model[p] {
					t.Fatalf("%v is there: %v, want %v", p, got, model[p])
				}
				if !model[p] {
					trie.insert(Route{Dst: p, If: Interface(p.Bits())})
				}
				model[p] = true
			},
			"remove": func(t *rapid.T) {
				p := netip.PrefixFrom(addr(), rapid.IntRange(0, 8*size).Draw(t, "length")).Masked()
				if s := trie.shorter(keyOf(p.Addr()), p.Bits()); s != nil && rapid.Bool().Draw(t, "one that is there") {
					p = s.routes[0].Dst
				}
				if got := trie.remove(Route{Dst: p, If: Interface(p.Bits())}); got != model[p] {
					t.Fatalf("removed %v: %v, want %v", p, got, model[p])
				}
				delete(model, p)
			},
			"look up": func(t *rapid.T) {
				a := addr()
				most := rapid.IntRange(-1, 8*size).Draw(t, "at most")
				best, limited := -1, -1
				for p := range model {
					if p.Contains(a) {
						best = max(best, p.Bits())
						if p.Bits() <= most {
							limited = max(limited, p.Bits())
						}
					}
				}
				got := -1
				if h := trie.lookup(keyOf(a)); h != nil {
					got = int(h.ifc)
				} else if trie.fallback != nil {
					got = 0
				}
				if got != best {
					t.Fatalf("%v: a prefix of %d bits, want %d", a, got, best)
				}
				if s := trie.shorter(keyOf(a), most); lengthOf(s) != limited || s != nil && !s.routes[0].Dst.Contains(a) {
					t.Fatalf("%v: a prefix of %d bits, want %d", a, lengthOf(s), limited)
				}
			},
			"": func(t *rapid.T) { trie.check(t) },
		})
		for p := range model {
			trie.remove(Route{Dst: p, If: Interface(p.Bits())})
		}
		trie.check(t)
		if trie.n != 0 || trie.fallback != nil || len(trie.hops.index) != 0 || len(trie.nodes.all) > 0 && trie.nodes.all[0].below != 0 {
			t.Fatalf("an empty trie has nodes")
		}
	})
}

// More next hops than fit into nodes.
func TestManyHops(t *testing.T) {
	var trie routeTrie
	prefixes := manyRoutes(maxPacked+3000, true)
	for i, p := range prefixes {
		trie.insert(Route{Dst: p, If: Interface(i)})
	}
	trie.check(t)
	for i, p := range prefixes {
		h := trie.lookup(keyOf(p.Addr()))
		if h == nil {
			t.Fatalf("no route to %v", p)
		}
		// A longer prefix may begin with the same address.
		if best := prefixes[h.ifc]; h.ifc != Interface(i) && (best.Bits() <= p.Bits() || !best.Contains(p.Addr())) {
			t.Fatalf("%v by %v", p, best)
		}
	}
	for i, p := range prefixes {
		if !trie.remove(Route{Dst: p, If: Interface(i)}) {
			t.Fatalf("%v is not there", p)
		}
	}
	trie.check(t)
}

func lengthOf(s *routeSet) int {
	if s == nil {
		return -1
	}
	return s.bits
}

// A route out of an interface that is down, or not the one wanted, gives way to the next best, however short its prefix.
func TestRouteFallsBack(t *testing.T) {
	s := twoLinks(t)
	for i, p := range []string{"0.0.0.0/0", "10.8.0.0/13", "10.9.0.0/16", "10.9.1.0/24", "10.9.1.128/25", "10.9.1.200/32"} {
		via := netip.AddrFrom4([4]byte{10, byte(1 + i%2), 0, byte(1 + i)})
		if err := s.AddRoute(Route{Dst: netip.MustParsePrefix(p), Via: via, If: Interface(1 + i%2)}); err != nil {
			t.Fatal(err)
		}
	}
	a := netip.MustParseAddr("10.9.1.200")
	want := func(via, ifc Interface, next string) {
		t.Helper()
		got, out := s.bestRoute(&s.routes4, keyOf(a), via)
		if out == nil || out.id != ifc || got.String() != next {
			t.Errorf("via %d: %v out of %v, want %s out of interface %d", via, got, out, next, ifc)
		}
	}
	want(0, 2, "10.2.0.6")
	want(1, 1, "10.1.0.5")
	want(2, 2, "10.2.0.6")
	if err := s.SetInterface(1e9, 2, link.Info{MTU: 1500}, false); err != nil {
		t.Fatal(err)
	}
	want(0, 1, "10.1.0.5")
	if _, out := s.bestRoute(&s.routes4, keyOf(a), 2); out != nil {
		t.Errorf("an interface that is down is used")
	}
	if err := s.RemoveInterface(1e9, 1); err != nil {
		t.Fatal(err)
	}
	for _, r := range s.Routes() {
		if r.If != 2 {
			t.Errorf("%+v outlives its interface", r)
		}
	}
	s.routes4.check(t)
	s.routes6.check(t)
}

// manyRoutes returns n prefixes as the Internet has them: of IPv4 most of 24 bits, the rest of 8 to 23; of IPv6 of 20 to 64.
func manyRoutes(n int, is4 bool) []netip.Prefix {
	r := rand.New(rand.NewPCG(1, 1))
	seen := map[netip.Prefix]bool{}
	var list []netip.Prefix
	for len(list) < n {
		var p netip.Prefix
		if is4 {
			length := 24
			if r.IntN(5) < 2 {
				length = 24 - min(int(r.ExpFloat64()*3), 16)
			}
			// Prefixes come in bunches.
			p = netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(1 + r.IntN(220)), byte(r.ExpFloat64() * 40), byte(r.IntN(256)), 0}), length).Masked()
		} else {
			length := 48
			if r.IntN(2) == 0 {
				length = 20 + r.IntN(45)
			}
			p = netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20, byte(r.IntN(16)), byte(r.ExpFloat64() * 40), byte(r.IntN(256)), byte(r.ExpFloat64() * 20), byte(r.IntN(256)), byte(r.IntN(8)), byte(r.IntN(256))}), length).Masked()
		}
		if !seen[p] {
			seen[p] = true
			list = append(list, p)
		}
	}
	return list
}

// BenchmarkRoute looks up addresses within random ones of the routes.
func BenchmarkRoute(b *testing.B) {
	for _, family := range []string{"v4", "v6"} {
		for _, n := range []int{4, 100_000} {
			b.Run(fmt.Sprintf("%s/routes%d", family, n), func(b *testing.B) {
				s := twoLinks(b)
				list := manyRoutes(n, family == "v4")
				for i, p := range list {
					if err := s.AddRoute(Route{Dst: p, If: Interface(1 + i%2)}); err != nil {
						b.Fatal(err)
					}
				}
				r := rand.New(rand.NewPCG(2, 2))
				var dst [1 << 16]netip.Addr
				for i := range dst {
					p := list[r.IntN(n)]
					dst[i] = p.Addr()
					if p.Addr().Is4() {
						a := p.Addr().As4()
						a[3] |= byte(1 + r.IntN(254))
						dst[i] = netip.AddrFrom4(a)
					}
				}
				i := 0
				b.ReportAllocs()
				for b.Loop() {
					if _, ok := s.lookup(dst[i%len(dst)], 0); !ok {
						b.Fatal("no route")
					}
					i++
				}
			})
		}
	}
}
