package udp

import (
	"bytes"
	"net/netip"
	"testing"

	"pgregory.net/rapid"
)

func metaFrom(port uint16) Meta {
	return Meta{
		From:  netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, 1}), port),
		Local: netip.AddrFrom4([4]byte{10, 0, 0, 2}), If: 3, TTL: 64, TOS: 1,
	}
}

func TestQueue(t *testing.T) {
	var q Queue
	q.Init(0, 0)
	if _, _, _, ok := q.Pop(nil); ok {
		t.Error("Pop of an empty queue")
	}
	if _, _, ok := q.Next(); ok {
		t.Error("Next of an empty queue")
	}
	a, b, c := metaFrom(1), metaFrom(2), metaFrom(3)
	q.Push(&a, []byte("first"))
	q.Push(&b, nil)
	q.Push(&c, []byte("third"))
	if q.Len() != 3 || q.Bytes() != 10 {
		t.Errorf("Len() = %d, Bytes() = %d", q.Len(), q.Bytes())
	}
	if m, length, ok := q.Next(); !ok || *m != a || length != 5 {
		t.Errorf("Next = %+v, %d, %v", m, length, ok)
	}
	buf := make([]byte, 4)
	if n := q.Peek(buf); n != 4 || string(buf) != "firs" {
		t.Errorf("Peek = %q", buf[:n])
	}
	// Too small a buffer loses the rest of its datagram, and no more.
	if m, n, length, ok := q.Pop(buf); !ok || m != a || string(buf[:n]) != "firs" || length != 5 {
		t.Errorf("Pop = %+v, %q, %d, %v", m, buf[:n], length, ok)
	}
	// A datagram of no bytes is a datagram.
	if m, n, length, ok := q.Pop(buf); !ok || m != b || n != 0 || length != 0 {
		t.Errorf("Pop = %+v, %d, %d, %v", m, n, length, ok)
	}
	if m, n, length, ok := q.Pop(nil); !ok || m != c || n != 0 || length != 5 {
		t.Errorf("Pop = %+v, %d, %d, %v", m, n, length, ok)
	}
	if q.Len() != 0 || q.Bytes() != 0 || q.Dropped() != 0 {
		t.Errorf("Len() = %d, Bytes() = %d, Dropped() = %d", q.Len(), q.Bytes(), q.Dropped())
	}
}

func TestQueueBounds(t *testing.T) {
	m := metaFrom(1)
	var q Queue
	q.Init(100, 1000)
	n := 0
	for range 1000 {
		if q.Push(&m, make([]byte, 30)) {
			n++
		}
	}
	if n != 3 || q.Dropped() != 997 || len(q.bytes.buf) > 100 {
		t.Errorf("%d datagrams of 30 bytes in 100, %d dropped, %d bytes allocated", n, q.Dropped(), len(q.bytes.buf))
	}
	if !q.Push(&m, make([]byte, 10)) || q.Push(&m, make([]byte, 1)) {
		t.Error("the last 10 bytes are not used, or an 11th is")
	}
	q.Init(0, 5)
	for i := range uint16(10) {
		m := metaFrom(i)
		q.Push(&m, nil)
	}
	if q.Len() != 5 || q.Dropped() != 5 || len(q.records) != 5 {
		t.Errorf("%d datagrams of no bytes, %d dropped, %d records", q.Len(), q.Dropped(), len(q.records))
	}
	// The newest are dropped.
	for i := range uint16(5) {
		if got, _, _, _ := q.Pop(nil); got != metaFrom(i) {
			t.Errorf("datagram %d is from port %d", i, got.From.Port())
		}
	}
	q.SetLimits(10, 1)
	if q.Push(&m, make([]byte, 11)) || !q.Push(&m, make([]byte, 10)) || q.Push(&m, nil) {
		t.Error("new limits are not kept")
	}
	q.Reset()
	if q.Len() != 0 || q.Bytes() != 0 || q.bytes.buf != nil || q.records != nil {
		t.Error("Reset keeps something")
	}
	if !q.Push(&m, make([]byte, 10)) {
		t.Error("Push after Reset")
	}
}

// TestQueueModel compares with a slice of datagrams.
func TestQueueModel(t *testing.T) {
	type datagram struct {
		meta Meta
		data []byte
	}
	rapid.Check(t, func(t *rapid.T) {
		maxBytes := rapid.SampledFrom([]int{1, 100, 3000, 10000}).Draw(t, "max bytes")
		maxCount := rapid.IntRange(1, 40).Draw(t, "max count")
		var q Queue
		q.Init(maxBytes, maxCount)
		var model []datagram
		held, dropped := 0, uint64(0)
		serial := byte(0)
		t.Repeat(map[string]func(*rapid.T){
			"push": func(t *rapid.T) {
				serial++
				n := rapid.SampledFrom([]int{0, 1, 50, 99, 1000, 2500}).Draw(t, "length")
				d := datagram{metaFrom(uint16(serial)), bytes.Repeat([]byte{serial}, n)}
				fits := held+n <= maxBytes && len(model) < maxCount
				if got := q.Push(&d.meta, d.data); got != fits {
					t.Fatalf("Push of %d bytes = %v with %d bytes in %d datagrams", n, got, held, len(model))
				}
				if fits {
					model = append(model, d)
					held += n
				} else {
					dropped++
				}
			},
			"pop": func(t *rapid.T) {
				b := make([]byte, rapid.SampledFrom([]int{0, 10, 3000}).Draw(t, "room"))
				m, n, length, ok := q.Pop(b)
				if ok != (len(model) > 0) {
					t.Fatalf("Pop = %v with %d datagrams", ok, len(model))
				}
				if !ok {
					return
				}
				d := model[0]
				model = model[1:]
				held -= len(d.data)
				if m != d.meta || length != len(d.data) || n != min(len(b), length) || !bytes.Equal(b[:n], d.data[:n]) {
					t.Fatalf("Pop = %+v, %x, %d, want %+v, %x", m, b[:n], length, d.meta, d.data)
				}
			},
			"": func(t *rapid.T) {
				if q.Len() != len(model) || q.Bytes() != held || q.Dropped() != dropped {
					t.Fatalf("%d datagrams, %d bytes, %d dropped, want %d, %d, %d", q.Len(), q.Bytes(), q.Dropped(), len(model), held, dropped)
				}
				if len(q.bytes.buf) > maxBytes || len(q.records) > maxCount {
					t.Fatalf("%d bytes and %d records are allocated", len(q.bytes.buf), len(q.records))
				}
			},
		})
	})
}

func TestNoAllocs(t *testing.T) {
	var q Queue
	q.Init(0, 0)
	m := metaFrom(1)
	data := make([]byte, 1400)
	run := func() {
		for range 20 {
			q.Push(&m, data)
		}
		for range 20 {
			q.Pop(data)
		}
	}
	run()
	if n := testing.AllocsPerRun(100, run); n != 0 {
		t.Errorf("20 datagrams allocate %v times", n)
	}
	datagram := make([]byte, 1408)
	if n := testing.AllocsPerRun(100, func() {
		PutDatagram(datagram, 1, 2, data, 0)
		new(Header).Parse(datagram)
		Verify(datagram, 0, true)
	}); n != 0 {
		t.Errorf("a datagram allocates %v times", n)
	}
}

func BenchmarkQueue(b *testing.B) {
	for _, bench := range []struct {
		name string
		size int
	}{{"64", 64}, {"1400", 1400}} {
		b.Run("push+pop/"+bench.name, func(b *testing.B) {
			var q Queue
			q.Init(0, 0)
			m := metaFrom(1)
			data := make([]byte, bench.size)
			b.SetBytes(int64(bench.size))
			b.ReportAllocs()
			for b.Loop() {
				q.Push(&m, data)
				q.Pop(data)
			}
		})
	}
}
