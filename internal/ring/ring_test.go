package ring

import (
	"bytes"
	"encoding/binary"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"
)

// frameOf returns a frame that names its producer and number.
func frameOf(producer, number int) []byte {
	b := make([]byte, 8+number%5)
	binary.BigEndian.PutUint32(b, uint32(producer))
	binary.BigEndian.PutUint32(b[4:], uint32(number))
	return b
}

// TestModel runs random single-threaded histories beside a slice.
func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		slots := 1 << rapid.IntRange(0, 5).Draw(t, "log slots")
		r := New(slots, 16)
		type entry struct {
			frame []byte
			tag   uint64
		}
		var model [][]entry // published batches
		var dropped uint64
		used, number := 0, 0
		t.Repeat(map[string]func(*rapid.T){
			"push": func(t *rapid.T) {
				n := rapid.IntRange(0, 2*slots).Draw(t, "n")
				want := min(n, slots-used)
				b := r.Reserve(n)
				if b.Len() != want {
					t.Fatalf("Reserve(%d) = %d slots with %d of %d used, want %d", n, b.Len(), used, slots, want)
				}
				dropped += uint64(n - want)
				var batch []entry
				for i := range b.Len() {
					f := make([]byte, rapid.IntRange(0, 20).Draw(t, "len"))
					for j := range f {
						f[j] = byte(number + j)
					}
					r.Put(b, i, f, uint64(number))
					if len(f) > 16 {
						f, dropped = nil, dropped+1
					}
					batch = append(batch, entry{f, uint64(number)})
					number++
				}
				r.Publish(b)
				used += want
				if want > 0 {
					model = append(model, batch)
				}
			},
			"take": func(t *rapid.T) {
				n := r.Take()
				if len(model) == 0 {
					if n != 0 {
						t.Fatalf("Take() = %d on an empty ring", n)
					}
					return
				}
				if n != len(model[0]) {
					t.Fatalf("Take() = %d, want the batch of %d", n, len(model[0]))
				}
				for i, want := range model[0] {
					if f, tag := r.At(i); !bytes.Equal(f, want.frame) || tag != want.tag {
						t.Fatalf("At(%d) = %x, %d, want %x, %d", i, f, tag, want.frame, want.tag)
					}
				}
				r.Release(n)
				used -= n
				model = model[1:]
			},
			"": func(t *rapid.T) {
				if r.Empty() != (len(model) == 0) {
					t.Fatalf("Empty() = %v with %d batches", r.Empty(), len(model))
				}
				if r.Dropped() != dropped {
					t.Fatalf("Dropped() = %d, want %d", r.Dropped(), dropped)
				}
			},
		})
	})
}

// TestConcurrent runs producers against a consumer that, as a host's lock is, is taken by whoever
// wins a TryLock, and checks against a locked slice that every published frame arrives once, whole,
// and in its producer's order.
func TestConcurrent(t *testing.T) {
	const producers, batches = 4, 2000
	r := New(64, 32)
	var host sync.Mutex // makes its holder the consumer
	var got [producers][]int
	drain := func() {
		for !r.Empty() && host.TryLock() {
			for n := r.Take(); n > 0; n = r.Take() {
				for i := range n {
					f, tag := r.At(i)
					p, k := int(binary.BigEndian.Uint32(f)), int(binary.BigEndian.Uint32(f[4:]))
					if !bytes.Equal(f, frameOf(p, k)) || tag != uint64(k) {
						t.Errorf("frame %x with tag %d is damaged", f, tag)
					}
					got[p] = append(got[p], k)
				}
				r.Release(n)
			}
			host.Unlock()
		}
	}

	var mu sync.Mutex
	var model [producers][]int // guarded by mu
	var wg sync.WaitGroup
	for p := range producers {
		wg.Go(func() {
			number := 0
			for i := range batches {
				b := r.Reserve(1 + (i+p)%7)
				for j := range b.Len() {
					r.Put(b, j, frameOf(p, number), uint64(number))
					mu.Lock()
					model[p] = append(model[p], number)
					mu.Unlock()
					number++
				}
				r.Publish(b)
				drain()
				if i%64 == 0 {
					runtime.Gosched()
				}
			}
		})
	}
	wg.Wait()
	if !r.Empty() {
		t.Errorf("the ring is not empty although every producer asked after its last batch")
	}
	total := 0
	for p := range producers {
		if len(got[p]) != len(model[p]) {
			t.Errorf("producer %d: %d frames arrived, want %d", p, len(got[p]), len(model[p]))
			continue
		}
		for i, k := range got[p] {
			if k != model[p][i] {
				t.Errorf("producer %d: frame %d is number %d, want %d", p, i, k, model[p][i])
				break
			}
		}
		total += len(got[p])
	}
	if total == 0 {
		t.Error("no frame arrived")
	}
}

func TestNoAllocs(t *testing.T) {
	r := New(64, 64)
	frame := make([]byte, 60)
	if n := testing.AllocsPerRun(100, func() { passBatch(r, frame, 8) }); n != 0 {
		t.Errorf("a batch through the ring allocates %v times", n)
	}
}

func TestNewRoundsUp(t *testing.T) {
	for _, test := range []struct{ slots, want int }{{0, 1}, {1, 1}, {3, 4}, {256, 256}, {1000, 256}} {
		if got := New(test.slots, 1).Cap(); got != test.want {
			t.Errorf("New(%d).Cap() = %d, want %d", test.slots, got, test.want)
		}
	}
}

func passBatch(r *Ring, frame []byte, n int) {
	b := r.Reserve(n)
	for i := range b.Len() {
		r.Put(b, i, frame, 0)
	}
	r.Publish(b)
	for n := r.Take(); n > 0; n = r.Take() {
		for i := range n {
			r.At(i)
		}
		r.Release(n)
	}
}

// The benchmarks move batches of 22 frames of 1500 bytes (a super's worth at MTU 2800 is 22) from
// a producer to a consumer; one operation is one frame, copied in but not out. "same" is one
// goroutine, which shows the cost of the queue alone; "pair" is two.
const benchBatch, benchSize = 22, 1500

func BenchmarkRing(b *testing.B) {
	frame := make([]byte, benchSize)
	b.Run("same", func(b *testing.B) {
		r := New(256, 2048)
		b.SetBytes(benchSize * benchBatch)
		b.ReportAllocs()
		for b.Loop() {
			passBatch(r, frame, benchBatch)
		}
	})
	b.Run("pair", func(b *testing.B) {
		r := New(256, 2048)
		stop, done := new(atomic.Bool), make(chan struct{})
		go func() {
			defer close(done)
			for !stop.Load() || !r.Empty() {
				n := r.Take()
				if n == 0 {
					runtime.Gosched()
					continue
				}
				for i := range n {
					r.At(i)
				}
				r.Release(n)
			}
		}()
		b.SetBytes(benchSize * benchBatch)
		b.ReportAllocs()
		for b.Loop() {
			for left := benchBatch; left > 0; {
				batch := r.Reserve(left)
				for i := range batch.Len() {
					r.Put(batch, i, frame, 0)
				}
				r.Publish(batch)
				if left -= batch.Len(); left > 0 {
					runtime.Gosched()
				}
			}
		}
		stop.Store(true)
		<-done
	})
}

// mutexRing is the obvious alternative: the same slots under a lock, taken once per batch.
type mutexRing struct {
	mu         sync.Mutex
	head, tail int
	slots      [256][2048]byte
}

func (r *mutexRing) push(frame []byte, n int) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n = min(n, len(r.slots)-(r.head-r.tail))
	for range n {
		copy(r.slots[r.head%len(r.slots)][:], frame)
		r.head++
	}
	return n
}

func (r *mutexRing) pop() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.head - r.tail
	r.tail = r.head
	return n
}

func BenchmarkMutexRing(b *testing.B) {
	frame := make([]byte, benchSize)
	b.Run("same", func(b *testing.B) {
		r := new(mutexRing)
		b.SetBytes(benchSize * benchBatch)
		b.ReportAllocs()
		for b.Loop() {
			r.push(frame, benchBatch)
			r.pop()
		}
	})
	b.Run("pair", func(b *testing.B) {
		r := new(mutexRing)
		stop, done := new(atomic.Bool), make(chan struct{})
		go func() {
			defer close(done)
			for !stop.Load() {
				if r.pop() == 0 {
					runtime.Gosched()
				}
			}
		}()
		b.SetBytes(benchSize * benchBatch)
		b.ReportAllocs()
		for b.Loop() {
			for left := benchBatch; left > 0; {
				if left -= r.push(frame, left); left > 0 {
					runtime.Gosched()
				}
			}
		}
		stop.Store(true)
		<-done
	})
}

// BenchmarkChannel sends one buffer per frame through a channel of the same capacity, with the
// buffers coming back through another.
func BenchmarkChannel(b *testing.B) {
	frame := make([]byte, benchSize)
	full, free := make(chan []byte, 256), make(chan []byte, 256)
	for range 256 {
		free <- make([]byte, 2048)
	}
	push := func() {
		for range benchBatch {
			buf := <-free
			copy(buf, frame)
			full <- buf
		}
	}
	b.Run("same", func(b *testing.B) {
		b.SetBytes(benchSize * benchBatch)
		b.ReportAllocs()
		for b.Loop() {
			push()
			for range benchBatch {
				free <- <-full
			}
		}
	})
	b.Run("pair", func(b *testing.B) {
		stop, done := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(done)
			for {
				select {
				case buf := <-full:
					free <- buf
				case <-stop:
					return
				}
			}
		}()
		b.SetBytes(benchSize * benchBatch)
		b.ReportAllocs()
		for b.Loop() {
			push()
		}
		close(stop)
		<-done
	})
}
