package reassembly

import (
	"bytes"
	"testing"
	"time"

	"github.com/ztstack/ztstack/clock"
)

const second = clock.Time(time.Second)

// A reassemblyTest drives a Buffer whose keys are small integers and whose heads are "head <key>".
type reassemblyTest struct {
	*testing.T
	b   Buffer[int]
	now clock.Time
}

func newTest(t *testing.T, cfg Config) *reassemblyTest {
	rt := &reassemblyTest{T: t, now: second}
	if cfg.MaxBytes == 0 {
		cfg.MaxBytes = 1 << 20
	}
	if cfg.MaxDatagrams == 0 {
		cfg.MaxDatagrams = 8
	}
	if cfg.MaxFragments == 0 {
		cfg.MaxFragments = 100
	}
	if cfg.MaxLen == 0 {
		cfg.MaxLen = 65535
	}
	cfg.Timeout = time.Minute
	rt.b.Init(cfg)
	return rt
}

func head(key int) []byte { return []byte{'h', 'e', 'a', 'd', byte(key)} }

// payload returns bytes [off, end) of the datagram that all tests send.
func payload(off, end int) []byte {
	b := make([]byte, end-off)
	for i := range b {
		b[i] = byte((off + i) * 7 >> 3)
	}
	return b
}

// add sends bytes [off, end) of datagram key; more is whether others follow.
func (t *reassemblyTest) add(key, off, end int, more bool) []byte {
	t.Helper()
	return t.addData(key, off, payload(off, end), more)
}

func (t *reassemblyTest) addData(key, off int, data []byte, more bool) []byte {
	t.Helper()
	f := Fragment[int]{Key: key, Off: off, Data: data, More: more}
	if off == 0 {
		f.Head = head(key)
	}
	d, headLen, _ := t.b.Add(t.now, &f)
	if d != nil && headLen != len(head(key)) {
		t.Errorf("head of %d bytes, want %d", headLen, len(head(key)))
	}
	return bytes.Clone(d)
}

// wantDatagram checks that d is datagram key, n bytes long.
func (t *reassemblyTest) wantDatagram(d []byte, key, n int) {
	t.Helper()
	if want := append(head(key), payload(0, n)...); !bytes.Equal(d, want) {
		t.Errorf("datagram %d is %d bytes, want %d, or different bytes", key, len(d), len(want))
	}
}

func (t *reassemblyTest) wantNothing(d []byte) {
	t.Helper()
	if d != nil {
		t.Errorf("a datagram of %d bytes came out, want none", len(d))
	}
}

func (t *reassemblyTest) wantStats(want Stats) {
	t.Helper()
	if got := t.b.Stats(); got != want {
		t.Errorf("stats are\n%+v, want\n%+v", got, want)
	}
}

func (t *reassemblyTest) wantHeld(bytes, datagrams int) {
	t.Helper()
	if b, d := t.b.Held(); b != bytes || d != datagrams {
		t.Errorf("%d bytes of %d datagrams are held, want %d of %d", b, d, bytes, datagrams)
	}
}

func TestAllOrders(t *testing.T) {
	type piece struct{ off, end int }
	pieces := []piece{{0, 8}, {8, 1200}, {1200, 1208}, {1208, 1211}}
	var permute func(done, rest []piece)
	permute = func(done, rest []piece) {
		if len(rest) == 0 {
			rt := newTest(t, Config{})
			for i, p := range done {
				d := rt.add(1, p.off, p.end, p.end != 1211)
				if i < len(done)-1 {
					rt.wantNothing(d)
				} else {
					rt.wantDatagram(d, 1, 1211)
				}
			}
			rt.wantStats(Stats{Fragments: 4, Reassembled: 1})
			rt.wantHeld(0, 0)
			return
		}
		for i := range rest {
			r := append(append([]piece{}, rest[:i]...), rest[i+1:]...)
			permute(append(done[:len(done):len(done)], rest[i]), r)
		}
	}
	permute(nil, pieces)
}

// TestOverlaps tries every way in which a second fragment can disagree with a first, both ways round.
func TestOverlaps(t *testing.T) {
	type piece struct {
		off, end int
		more     bool
	}
	for _, test := range []struct {
		name string
		a, b piece
	}{
		{"head", piece{16, 32, true}, piece{8, 24, true}},
		{"one unit", piece{0, 16, true}, piece{8, 24, true}},
		{"inside", piece{0, 64, true}, piece{16, 24, true}},
		{"inside, same begin", piece{0, 64, true}, piece{0, 24, true}},
		{"inside, same end", piece{0, 64, true}, piece{40, 64, true}},
		{"last inside", piece{0, 64, true}, piece{40, 60, false}},
		{"last over the end", piece{0, 64, true}, piece{40, 70, false}},
		{"two last ones of different length", piece{64, 70, false}, piece{64, 71, false}},
		{"two last ones far apart", piece{64, 70, false}, piece{128, 136, false}},
		{"beyond the last", piece{64, 70, false}, piece{128, 136, true}},
		{"last that is not last", piece{64, 72, false}, piece{64, 72, true}},
	} {
		for _, swap := range []bool{false, true} {
			a, b := test.a, test.b
			if swap {
				a, b = b, a
			}
			rt := newTest(t, Config{})
			rt.wantNothing(rt.add(1, a.off, a.end, a.more))
			rt.wantNothing(rt.add(1, b.off, b.end, b.more))
			rt.wantStats(Stats{Fragments: 2, Overlaps: 1})
			rt.wantHeld(0, 1)
			// What follows of the datagram is swallowed, even if it were whole.
			rt.wantNothing(rt.add(1, 0, 8, true))
			rt.wantNothing(rt.add(1, 8, 16, false))
			rt.wantStats(Stats{Fragments: 4, Overlaps: 1, Late: 2})
			// Later the identification is free again.
			rt.now += 61 * second
			rt.wantNothing(rt.add(1, 0, 8, true))
			rt.wantDatagram(rt.add(1, 8, 16, false), 1, 16)
			if t.Failed() {
				t.Fatalf("%s, swapped: %v", test.name, swap)
			}
		}
	}
}

func TestDuplicates(t *testing.T) {
	rt := newTest(t, Config{})
	for range 3 {
		rt.wantNothing(rt.add(1, 8, 16, true))
		rt.wantNothing(rt.add(1, 16, 19, false))
	}
	rt.wantDatagram(rt.add(1, 0, 8, true), 1, 19)
	rt.wantStats(Stats{Fragments: 7, Reassembled: 1, Duplicates: 4})

	other := payload(8, 16)
	other[7]++
	rt.wantNothing(rt.add(2, 8, 16, true))
	rt.wantNothing(rt.addData(2, 8, other, true))
	rt.wantStats(Stats{Fragments: 9, Reassembled: 1, Duplicates: 4, Overlaps: 1})
}

func TestInterleavedDatagrams(t *testing.T) {
	rt := newTest(t, Config{})
	for key := range 8 {
		rt.wantNothing(rt.add(key, 0, 8*(key+1), true))
	}
	for key := range 8 {
		rt.wantDatagram(rt.add(key, 8*(key+1), 100, false), key, 100)
	}
}

func TestTimeout(t *testing.T) {
	rt := newTest(t, Config{})
	rt.wantNothing(rt.add(1, 0, 800, true))
	rt.now += second
	rt.wantNothing(rt.add(2, 8, 16, true)) // no first fragment
	rt.wantNothing(rt.add(1, 808, 816, true))
	if next := rt.b.Poll(rt.now); next != second+60*second {
		t.Errorf("Poll = %v, want a minute after the first fragment", next)
	}
	if _, ok := rt.b.Expired(); ok {
		t.Error("Expired before the time is up")
	}
	rt.now = 61*second - 1
	rt.b.Poll(rt.now)
	rt.wantStats(Stats{Fragments: 3})
	rt.now++
	if next := rt.b.Poll(rt.now); next != 62*second {
		t.Errorf("Poll = %v, want the other datagram's deadline", next)
	}
	if again := rt.b.Poll(rt.now); again != 62*second {
		t.Errorf("second Poll = %v, want the same", again)
	}
	rt.wantStats(Stats{Fragments: 3, TimedOut: 1})
	rt.wantHeld(4*BlockSize, 2) // a head, two blocks of the first fragment, one of the other datagram
	first, ok := rt.b.Expired()
	if !ok {
		t.Fatal("Expired says nothing")
	}
	rt.wantDatagram(first, 1, 800)
	if _, ok := rt.b.Expired(); ok {
		t.Error("Expired twice")
	}
	// A datagram without first fragment ends in silence.
	rt.now = 62 * second
	rt.b.Poll(rt.now)
	if _, ok := rt.b.Expired(); ok {
		t.Error("Expired without a first fragment")
	}
	rt.wantStats(Stats{Fragments: 3, TimedOut: 2})
	rt.wantHeld(0, 0)
}

func TestLateFragmentDoesNotComplete(t *testing.T) {
	rt := newTest(t, Config{})
	rt.wantNothing(rt.add(1, 0, 8, true))
	rt.now += 60 * second
	rt.wantNothing(rt.add(1, 8, 16, false)) // without a call to Poll before
	rt.wantStats(Stats{Fragments: 2, TimedOut: 1})
	first, ok := rt.b.Expired()
	if !ok {
		t.Fatal("Expired says nothing")
	}
	rt.wantDatagram(first, 1, 8)
}

func TestOldestIsEvicted(t *testing.T) {
	rt := newTest(t, Config{MaxDatagrams: 4})
	for key := range 5 {
		rt.now += second
		rt.wantNothing(rt.add(key, 0, 8, true))
	}
	rt.wantStats(Stats{Fragments: 5, Evicted: 1})
	for key := 1; key < 5; key++ {
		rt.wantDatagram(rt.add(key, 8, 9, false), key, 9)
	}
	rt.wantNothing(rt.add(0, 8, 9, false))
}

func TestBytesAreBounded(t *testing.T) {
	rt := newTest(t, Config{MaxBytes: 10 * BlockSize})
	for key := range 4 {
		rt.wantNothing(rt.add(key, 8, 8+3*BlockSize/8*8, true))
	}
	rt.wantStats(Stats{Fragments: 4, Evicted: 1})
	rt.wantHeld(9*BlockSize, 3)
	// A datagram that fits no memory at all gives up, after it has driven the others out.
	rt.wantNothing(rt.add(9, 8, 8+10*BlockSize, true))
	rt.wantNothing(rt.add(9, 8+10*BlockSize, 16+10*BlockSize, true))
	rt.wantHeld(0, 1)
	rt.wantStats(Stats{Fragments: 6, Evicted: 5})
}

func TestFragmentsAreBounded(t *testing.T) {
	rt := newTest(t, Config{MaxFragments: 10})
	for i := range 11 {
		rt.wantNothing(rt.add(1, 8*i, 8*i+8, i < 10))
	}
	rt.wantHeld(0, 1)
	rt.wantStats(Stats{Fragments: 11, TooMany: 1})
}

func TestLengthIsBounded(t *testing.T) {
	rt := newTest(t, Config{MaxLen: 104})
	// The head, which comes last, makes it one byte too long.
	rt.wantNothing(rt.add(1, 8, 100, false))
	rt.wantNothing(rt.add(1, 0, 8, true))
	rt.wantStats(Stats{Fragments: 2, TooMany: 1})
	rt.wantNothing(rt.add(2, 8, 99, false))
	rt.wantDatagram(rt.add(2, 0, 8, true), 2, 99)
}

func TestMemoryReturns(t *testing.T) {
	rt := newTest(t, Config{})
	if next := rt.b.Poll(rt.now); next != clock.Never {
		t.Errorf("Poll of an unused buffer = %v", next)
	}
	rt.add(1, 0, 8, true)
	rt.wantDatagram(rt.add(1, 8, 16, false), 1, 16)
	next := rt.b.Poll(rt.now)
	if next != rt.now+60*second {
		t.Errorf("Poll = %v, want a minute from now", next)
	}
	if next = rt.b.Poll(next); next != clock.Never {
		t.Errorf("Poll = %v, want never", next)
	}
	if rt.b.blocks.slabs != nil || rt.b.entries != nil || rt.b.out != nil {
		t.Error("memory is kept")
	}
	// And nothing is wrong with it afterwards.
	rt.now += 120 * second
	rt.add(1, 0, 8, true)
	rt.wantDatagram(rt.add(1, 8, 16, false), 1, 16)
}

func TestMemoryReturnsAfterExpired(t *testing.T) {
	rt := newTest(t, Config{})
	rt.add(1, 0, 8, true)
	for range 3 {
		rt.now = rt.b.Poll(rt.now)
		for {
			if _, ok := rt.b.Expired(); !ok {
				break
			}
		}
		if rt.now == clock.Never {
			break
		}
	}
	if rt.b.blocks.slabs != nil {
		t.Error("memory is kept")
	}
}

func TestECN(t *testing.T) {
	for _, test := range []struct {
		a, b     uint8
		drop, ce bool
	}{
		{0, 0, false, false}, {1, 2, false, false}, {2, 3, false, true}, {3, 1, false, true},
		{3, 3, false, true}, {0, 3, true, false}, {3, 0, true, false}, {0, 2, false, false},
	} {
		rt := newTest(t, Config{})
		rt.b.Add(rt.now, &Fragment[int]{Off: 0, Data: payload(0, 8), More: true, ECN: test.a, Head: head(0)})
		d, _, ce := rt.b.Add(rt.now, &Fragment[int]{Off: 8, Data: payload(8, 16), ECN: test.b})
		if (d == nil) != test.drop || ce != test.ce {
			t.Errorf("ECN %d and %d: dropped %v, CE %v", test.a, test.b, d == nil, ce)
		}
	}
}

func TestNoAllocs(t *testing.T) {
	rt := newTest(t, Config{})
	data, h := payload(0, 1480), head(1)
	run := func() {
		for off := 0; off < 10*1480; off += 1480 {
			f := Fragment[int]{Key: 1, Off: off, Data: data, More: off < 9*1480}
			if off == 0 {
				f.Head = h
			}
			rt.b.Add(rt.now, &f)
		}
	}
	run()
	if n := testing.AllocsPerRun(100, run); n != 0 {
		t.Errorf("a datagram of 10 fragments allocates %v times", n)
	}
	if n := rt.b.Stats().Reassembled; n < 100 {
		t.Errorf("%d datagrams", n)
	}
}
