package rangeset

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

// A naive set holds every sequence number, counted from base, as a bit of its own.
type naive struct {
	base uint32
	in   [256]bool
}

func (n *naive) ranges() (rs []Range) {
	for i := 0; i < len(n.in); i++ {
		if !n.in[i] {
			continue
		}
		start := i
		for i < len(n.in) && n.in[i] {
			i++
		}
		rs = append(rs, Range{n.base + uint32(start), n.base + uint32(i)})
	}
	return rs
}

func (n *naive) set(r Range) {
	for s := r.Start; s != r.End; s++ {
		n.in[s-n.base] = true
	}
}

// covering returns the range that holds seq.
func (n *naive) covering(seq uint32) Range {
	for _, r := range n.ranges() {
		if seq-r.Start < r.End-r.Start {
			return r
		}
	}
	return Range{}
}

func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		capacity := rapid.SampledFrom([]int{0, 1, 2, 4, 32, 200}).Draw(t, "capacity")
		// Near the wrap and near the change of sign, where a comparison would go wrong.
		model := naive{base: rapid.SampledFrom([]uint32{0, 1000, 1<<31 - 100, 1<<32 - 100, 1<<32 - 256}).Draw(t, "base")}
		var s Set
		s.Init(capacity)
		draw := func(t *rapid.T) Range {
			start := rapid.IntRange(0, 250).Draw(t, "start")
			n := rapid.IntRange(0, min(255-start, rapid.SampledFrom([]int{1, 3, 255}).Draw(t, "most"))).Draw(t, "length")
			return Range{model.base + uint32(start), model.base + uint32(start+n)}
		}
		t.Repeat(map[string]func(t *rapid.T){
			"add": func(t *rapid.T) {
				r := draw(t)
				after := model
				after.set(r)
				fits := len(after.ranges()) <= max(capacity, len(model.ranges()))
				got, ok := s.Add(r)
				if ok != fits {
					t.Fatalf("Add(%v) to %v of %d = %v, want %v", r, model.ranges(), capacity, ok, fits)
				}
				if !ok {
					return
				}
				model = after
				want := r
				if r.Len() > 0 {
					want = model.covering(r.Start)
				}
				if got != want {
					t.Fatalf("Add(%v) returns %v, want %v", r, got, want)
				}
			},
			"remove": func(t *rapid.T) {
				n := rapid.IntRange(0, 255).Draw(t, "before")
				clear(model.in[:n])
				s.RemoveBefore(model.base + uint32(n))
			},
			"query": func(t *rapid.T) {
				r := draw(t)
				if got, want := s.Contains(r.Start), model.in[r.Start-model.base]; got != want {
					t.Fatalf("Contains(%d) = %v in %v", r.Start, got, model.ranges())
				}
				all := true
				for q := r.Start; q != r.End; q++ {
					all = all && model.in[q-model.base]
				}
				if got := s.Covers(r); got != all {
					t.Fatalf("Covers(%v) = %v in %v", r, got, model.ranges())
				}
				var want Range
				for _, q := range model.ranges() {
					if int32(q.End-r.Start) > 0 {
						want = q
						break
					}
				}
				if got, ok := s.Next(r.Start); got != want || ok != (want != Range{}) {
					t.Fatalf("Next(%d) = %v, %v in %v", r.Start, got, ok, model.ranges())
				}
			},
			"clear": func(t *rapid.T) {
				if rapid.Bool().Draw(t, "memory too") {
					s.Reset()
				} else {
					s.Clear()
				}
				clear(model.in[:])
			},
			"": func(t *rapid.T) {
				var got []Range
				size := 0
				for i := range s.Len() {
					got = append(got, s.At(i))
					size += s.At(i).Len()
				}
				want := model.ranges()
				if fmt.Sprint(got) != fmt.Sprint(want) {
					t.Fatalf("the set is %v, want %v", got, want)
				}
				if s.Size() != size {
					t.Fatalf("Size = %d, want %d", s.Size(), size)
				}
				first, ok1 := s.First()
				last, ok2 := s.Last()
				if ok1 != (len(want) > 0) || ok2 != ok1 || ok1 && (first != want[0] || last != want[len(want)-1]) {
					t.Fatalf("First = %v, %v, Last = %v, %v of %v", first, ok1, last, ok2, want)
				}
			},
		})
	})
}

func TestFullSetStillMerges(t *testing.T) {
	var s Set
	s.Init(2)
	s.Add(Range{10, 20})
	s.Add(Range{30, 40})
	if _, ok := s.Add(Range{50, 60}); ok {
		t.Error("a third range fits into a set of two")
	}
	if r, ok := s.Add(Range{20, 30}); !ok || r != (Range{10, 40}) || s.Len() != 1 {
		t.Errorf("closing the gap = %v, %v, and %d ranges", r, ok, s.Len())
	}
}

// A range of half the sequence space or more, or one that ends before it starts, is a mistake that must
// not spoil the set.
func TestBackwardRangeIsRefused(t *testing.T) {
	var s Set
	s.Init(4)
	for _, r := range []Range{{10, 9}, {0, 1 << 31}, {5, 5 + 1<<31}, {0, 1<<32 - 1}} {
		if _, ok := s.Add(r); ok || s.Len() != 0 {
			t.Errorf("Add(%v) was taken", r)
		}
	}
}

func TestZeroSetTakesNothing(t *testing.T) {
	var s Set
	if _, ok := s.Add(Range{1, 2}); ok || s.Contains(1) || s.Covers(Range{1, 2}) || s.Len() != 0 {
		t.Error("the zero Set took a range")
	}
	s.RemoveBefore(5)
}

func TestNoAllocs(t *testing.T) {
	var s Set
	s.Init(8)
	cycle := func() {
		for i := range uint32(8) {
			s.Add(Range{i * 100, i*100 + 10})
		}
		s.RemoveBefore(1000)
	}
	cycle()
	if n := testing.AllocsPerRun(100, cycle); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkAdd is what a receive window does behind a loss: ranges arrive in order, and merge.
func BenchmarkAdd(b *testing.B) {
	b.Run("append", func(b *testing.B) {
		var s Set
		s.Init(32)
		b.ReportAllocs()
		seq := uint32(0)
		s.Add(Range{seq, seq + 1})
		for b.Loop() {
			s.Add(Range{seq, seq + 1448})
			seq += 1448
			s.RemoveBefore(seq - 100_000)
		}
	})
	b.Run("holes", func(b *testing.B) {
		var s Set
		s.Init(32)
		b.ReportAllocs()
		seq := uint32(0)
		for b.Loop() {
			s.Add(Range{seq, seq + 1448})
			seq += 2 * 1448
			s.RemoveBefore(seq - 30*2*1448)
		}
	})
}
