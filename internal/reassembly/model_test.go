package reassembly

import (
	"bytes"
	"sort"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ztstack/ztstack/clock"
)

// A model reassembles with a list of fragments per datagram and no bounds.
type model map[int]*modelDatagram

type modelDatagram struct {
	deadline  clock.Time
	dead      bool
	fragments []Fragment[int]
}

func (m model) add(now clock.Time, f Fragment[int]) []byte {
	for key, d := range m {
		if d.deadline <= now {
			delete(m, key)
		}
	}
	d := m[f.Key]
	if d == nil {
		d = &modelDatagram{deadline: now + 60*second}
		m[f.Key] = d
	}
	if d.dead {
		return nil
	}
	for _, g := range d.fragments {
		if g.Off == f.Off && g.More == f.More && bytes.Equal(g.Data, f.Data) {
			return nil
		}
	}
	total := -1
	fs := append(d.fragments[:len(d.fragments):len(d.fragments)], f)
	covered := map[int]bool{}
	for _, g := range fs {
		for i := range g.Data {
			if covered[g.Off+i] {
				d.dead = true
			}
			covered[g.Off+i] = true
		}
		if !g.More {
			if total >= 0 {
				d.dead = true
			}
			total = g.Off + len(g.Data)
		}
	}
	for i := range covered {
		if total >= 0 && i >= total {
			d.dead = true
		}
	}
	d.fragments = fs
	if d.dead || total < 0 || len(covered) < total {
		return nil
	}
	sort.Slice(fs, func(i, j int) bool { return fs[i].Off < fs[j].Off })
	out := bytes.Clone(fs[0].Head)
	for _, g := range fs {
		out = append(out, g.Data...)
	}
	delete(m, f.Key)
	return out
}

// drawFragment draws one of few fragments of few datagrams, so that they often belong together,
// repeat, overlap or disagree.
func drawFragment(t *rapid.T) Fragment[int] {
	f := Fragment[int]{Key: rapid.IntRange(0, 2).Draw(t, "key"), ECN: 1}
	begin := rapid.IntRange(0, 4).Draw(t, "begin")
	end := rapid.IntRange(begin+1, 5).Draw(t, "end")
	f.More = end < 5 && !rapid.SampledFrom([]bool{true, false, false, false, false}).Draw(t, "early last")
	// Units of 600 bytes exercise chains of blocks.
	f.Off = begin * 600
	f.Data = payload(f.Off, end*600)
	if !f.More {
		f.Data = f.Data[:len(f.Data)-rapid.IntRange(0, 1).Draw(t, "short")*3]
	}
	if rapid.IntRange(0, 30).Draw(t, "corrupt") == 30 {
		f.Data[len(f.Data)-1] ^= 1
	}
	if f.Off == 0 {
		f.Head = head(f.Key)
	}
	return f
}

func TestModel(t *testing.T) {
	completed := 0
	rapid.Check(t, func(t *rapid.T) {
		var b Buffer[int]
		b.Init(Config{MaxBytes: 1 << 20, MaxDatagrams: 8, MaxFragments: 100, MaxLen: 65535, Timeout: time.Minute})
		m := model{}
		now := second
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now += rapid.SampledFrom([]clock.Time{0, 0, 0, second, 30 * second}).Draw(t, "advance")
			f := drawFragment(t)
			want := m.add(now, f)
			got, _, _ := b.Add(now, &f)
			if !bytes.Equal(got, want) {
				t.Fatalf("fragment %d [%d, %d) more %v: %d bytes came out, want %d", f.Key, f.Off, f.Off+len(f.Data), f.More, len(got), len(want))
			}
			if got != nil {
				completed++
			}
			checkInvariants(t, &b)
		}
	})
	if completed == 0 {
		t.Error("no datagram was ever completed")
	}
}

// TestBounds floods a buffer that is much too small, and checks that it keeps its bounds and its wits.
func TestBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := Config{MaxBytes: 6 * BlockSize, MaxDatagrams: 2, MaxFragments: 3, MaxLen: 2500, Timeout: time.Minute}
		var b Buffer[int]
		b.Init(cfg)
		now := second
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now += rapid.SampledFrom([]clock.Time{0, 0, second, 30 * second}).Draw(t, "advance")
			f := drawFragment(t)
			d, _, _ := b.Add(now, &f)
			if len(d) > cfg.MaxLen {
				t.Fatalf("a datagram of %d bytes, more than %d", len(d), cfg.MaxLen)
			}
			if rapid.Bool().Draw(t, "poll") {
				next := b.Poll(now)
				if again := b.Poll(now); next != again || next != clock.Never && next <= now {
					t.Fatalf("Poll at %v = %v, then %v", now, next, again)
				}
				if _, ok := b.Expired(); ok && b.stats.TimedOut == 0 {
					t.Fatal("Expired although nothing timed out")
				}
			}
			if bytes, n := b.Held(); bytes > cfg.MaxBytes || n > cfg.MaxDatagrams {
				t.Fatalf("%d bytes of %d datagrams are held", bytes, n)
			}
			checkInvariants(t, &b)
		}
		// After a while with nothing new, nothing is left.
		for range 5 {
			now += 60 * second
			b.Poll(now)
			for {
				if _, ok := b.Expired(); !ok {
					break
				}
			}
		}
		if bytes, n := b.Held(); bytes != 0 || n != 0 || b.blocks.slabs != nil {
			t.Fatalf("%d bytes of %d datagrams are left", bytes, n)
		}
	})
}

// checkInvariants walks all lists of b.
func checkInvariants(t *rapid.T, b *Buffer[int]) {
	blocks, entries := 0, 0
	count := func(i int32) {
		for ; i != none; i = b.blocks.next[i] {
			blocks++
		}
	}
	prev := none
	for i := b.oldest; i != none; prev, i = i, b.entries[i].newer {
		e := &b.entries[i]
		entries++
		if e.older != prev || e.state == stateFree {
			t.Fatalf("entry %d: older is %d, want %d; state %d", i, e.older, prev, e.state)
		}
		count(e.head)
		end := int32(0)
		for f := e.first; f != none; f = b.blocks.fragments[f].next {
			r := &b.blocks.fragments[f]
			if r.off < end {
				t.Fatalf("entry %d: fragment at %d begins before %d", i, r.off, end)
			}
			end = r.end
			count(f)
		}
	}
	if prev != b.newest {
		t.Fatalf("newest is %d, want %d", b.newest, prev)
	}
	if blocks != b.blocks.inUse {
		t.Fatalf("%d blocks in lists, %d in use", blocks, b.blocks.inUse)
	}
	if _, n := b.Held(); n != entries {
		t.Fatalf("%d entries in the list, %d in use", entries, n)
	}
}

func BenchmarkAdd(b *testing.B) {
	for _, bench := range []struct {
		name string
		n    int
	}{{"3x1480", 3}, {"44x1480", 44}} {
		b.Run(bench.name, func(b *testing.B) {
			var buf Buffer[int]
			buf.Init(Config{MaxBytes: 1 << 20, MaxDatagrams: 64, MaxFragments: 128, MaxLen: 65535, Timeout: time.Minute})
			data, h := payload(0, 1480), head(1)
			b.SetBytes(int64(bench.n * 1480))
			b.ReportAllocs()
			for b.Loop() {
				for i := range bench.n {
					f := Fragment[int]{Key: 1, Off: i * 1480, Data: data, More: i < bench.n-1}
					if i == 0 {
						f.Head = h
					}
					buf.Add(second, &f)
				}
			}
		})
	}
}
