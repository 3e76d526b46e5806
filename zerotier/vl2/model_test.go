package vl2

import (
	"bytes"
	"testing"

	"github.com/ztstack/ztstack/zerotier/packet"
	"pgregory.net/rapid"
)

// TestAssembly cuts a dictionary anywhere and delivers the pieces in any order, some twice and among pieces of another one: exactly one
// delivery completes it, and it is whole.
func TestAssembly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dict := rapid.SliceOfN(rapid.Byte(), 1, 5000).Draw(t, "dict")
		var cuts []int
		for at := 0; at < len(dict); {
			cuts = append(cuts, at)
			at += rapid.IntRange(min(len(dict), 1024), 3000).Draw(t, "length")
		}
		var pieces []packet.ConfigChunk
		for i, at := range cuts {
			end := len(dict)
			if i+1 < len(cuts) {
				end = cuts[i+1]
			}
			pieces = append(pieces, packet.ConfigChunk{UpdateID: 7, Total: uint32(len(dict)), Offset: uint32(at), Data: dict[at:end]})
		}
		order := rapid.Permutation(append(pieces, pieces...)).Draw(t, "order")
		nw := &network{}
		seen := make(map[uint32]bool)
		for i := range order {
			other := packet.ConfigChunk{UpdateID: 8, Total: 10, Offset: 5, Data: []byte("other")}
			nw.assemblyOf(2, &other).add(&other)
			got := nw.assemblyOf(1, &order[i]).add(&order[i])
			complete := len(seen) == len(pieces)
			seen[order[i].Offset] = true
			switch {
			case complete:
				return // what follows would begin a new assembly
			case len(seen) < len(pieces) && got != nil:
				t.Fatalf("complete after %d of %d pieces", len(seen), len(pieces))
			case len(seen) == len(pieces) && !bytes.Equal(got, dict):
				t.Fatalf("got %d bytes, want %d", len(got), len(dict))
			}
		}
	})
}

// TestOverlappingChunks: chunks that overlap cannot both be genuine parts of one dictionary.
func TestOverlappingChunks(t *testing.T) {
	a := assembly{total: 10}
	for _, c := range []struct {
		offset uint32
		data   string
	}{{0, "01234"}, {4, "456789"}, {0, "0"}, {3, "3"}} {
		if dict := a.add(&packet.ConfigChunk{Offset: c.offset, Data: []byte(c.data)}); dict != nil {
			t.Errorf("complete: %q", dict)
		}
	}
	if a.have != 5 {
		t.Errorf("%d bytes kept, want those of the first chunk", a.have)
	}
}

// TestRegister compares a register with a map.
func TestRegister(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var r register[int, int]
		model := make(map[int]int)
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			k := rapid.IntRange(0, 15).Draw(t, "key")
			if rapid.Bool().Draw(t, "put") {
				v := rapid.Int().Draw(t, "value")
				r.put(k, v)
				model[k] = v
			} else if i, ok := r.index[k]; ok {
				r.deleteAt(i)
				delete(model, k)
			}
			if r.len() != len(model) {
				t.Fatalf("%d entries, want %d", r.len(), len(model))
			}
			for i, k := range r.keys {
				if v, ok := model[k]; !ok || v != *r.at(i) || r.index[k] != i || *r.find(k) != v {
					t.Fatalf("entry %d: key %d", i, k)
				}
			}
		}
	})
}

// TestRuleSets: what is coded is parsed again, and a trace changes nothing.
func TestRuleSets(t *testing.T) {
	one := rapid.Custom(func(t *rapid.T) Rule {
		kind := RuleType(rapid.IntRange(0, 63).Draw(t, "type"))
		for !kind.Known() {
			kind = (kind + 1) % 64
		}
		n := int(ruleTypes[kind].len)
		r := NewRule(kind, rapid.SliceOfN(rapid.Byte(), n, n).Draw(t, "field")...)
		r.Not, r.Or = rapid.Bool().Draw(t, "not"), rapid.Bool().Draw(t, "or")
		return r
	})
	rapid.Check(t, func(t *rapid.T) {
		rules := rapid.SliceOfN(one, 0, 20).Draw(t, "rules")
		parsed, ok := ParseRules(AppendRules(nil, rules), MaxRules)
		if !ok || len(parsed) != len(rules) {
			t.Fatalf("parsed %d of %d rules", len(parsed), len(rules))
		}
		for i := range rules {
			if parsed[i] != rules[i] {
				t.Fatalf("rule %d: %+v, want %+v", i, parsed[i], rules[i])
			}
		}
		s := view(rapid.Bool().Draw(t, "inbound"), etherIPv4, tcp4())
		s.random = nil
		plain := *s
		var e, f effect
		var tr Trace
		if v, w := s.evaluate(rules, &e, &tr), plain.evaluate(rules, &f, nil); v != w || e != f {
			t.Fatalf("traced %d %+v, plain %d %+v", v, e, w, f)
		}
	})
}
