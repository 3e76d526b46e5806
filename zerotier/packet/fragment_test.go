package packet

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

func fragmentVectors(t testing.TB) []capturedPacket {
	var v []capturedPacket
	readVectors(t, "fragments.json", &v)
	if len(v) != 6 {
		t.Fatalf("%d fragmented packets, want 6", len(v))
	}
	return v
}

// offer gives a datagram to a.
func offer(t interface {
	Helper()
	Fatalf(format string, args ...any)
}, a *Assembler, datagram []byte) ([]byte, bool) {
	t.Helper()
	if !IsFragment(datagram) {
		return a.Head(datagram)
	}
	f, ok := ParseFragment(datagram)
	if !ok {
		t.Fatalf("not a fragment: %x", clip(datagram))
	}
	return a.Fragment(&f)
}

func TestCapturedFragments(t *testing.T) {
	var a Assembler
	for i, v := range fragmentVectors(t) {
		for rotate := range v.Datagrams {
			for n := range v.Datagrams {
				d := v.Datagrams[(n+rotate)%len(v.Datagrams)]
				p, ok := offer(t, &a, d)
				if last := n == len(v.Datagrams)-1; ok != last {
					t.Fatalf("packet %d: complete %v after %d of %d datagrams", i, ok, n+1, len(v.Datagrams))
				}
				if !ok {
					if _, again := offer(t, &a, d); again {
						t.Fatalf("packet %d: complete after a duplicate", i)
					}
					continue
				}
				if !bytes.Equal(p, v.Wire) {
					t.Errorf("packet %d: put together differs from the packet", i)
				}
				if v.Cipher != CipherTrusted && !v.keys().Open(bytes.Clone(p)) {
					t.Errorf("packet %d: does not open", i)
				}
			}
		}
	}
}

func TestSplitEqual(t *testing.T) {
	for _, tt := range []struct{ packet, mtu, pieces, size int }{
		{28, 1432, 1, 28},
		{1432, 1432, 1, 1432},
		{1433, 1432, 2, 725},
		{2838, 1432, 2, 1427},
		{2848, 1432, 2, 1432},
		{2849, 1432, 3, 961},
		{9928, 1432, 7, 1432},
		{9929, 1432, 0, 0},
		{MaxLen, 1432, 0, 0},
		{MaxLen, 1500, 7, 1446},
		{MaxLen, MaxLen, 1, MaxLen},
		{MaxLen + 1, 2 * MaxLen, 0, 0},
		{100, 63, 0, 0},
		{100, 64, 2, 58},
	} {
		if pieces, size := SplitEqual(tt.packet, tt.mtu); pieces != tt.pieces || size != tt.size {
			t.Errorf("SplitEqual(%d, %d) = %d, %d, want %d, %d", tt.packet, tt.mtu, pieces, size, tt.pieces, tt.size)
		}
	}
}

// Cutting in place and putting together, in place or in any order, gives the packet back.
func TestSplitAndJoin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		mtu := rapid.IntRange(minFragmentMTU, 3000).Draw(t, "mtu")
		n := rapid.IntRange(HeaderLen, MaxLen).Draw(t, "packet length")
		pieces, size := SplitEqual(n, mtu)
		if pieces == 0 {
			if n <= 7*(mtu-16)-7 {
				t.Fatalf("%d bytes do not fit 7 datagrams of %d", n, mtu)
			}
			return
		}
		packet := testPacket(n)
		SetHead(packet, pieces > 1)
		NewKeys(new([48]byte)).Seal(packet, CipherAES, uint64(n))
		b := append(bytes.Clone(packet), make([]byte, 16*(pieces-1)+40)...)
		total := SplitInPlace(b, n, pieces, size)
		last := total - (pieces-1)*size
		if total != n+16*(pieces-1) || size > mtu || last > size || size-last >= pieces {
			t.Fatalf("%d datagrams of %d bytes, the last of %d, in all %d", pieces, size, last, total)
		}
		if pieces == 1 {
			if !bytes.Equal(b[:n], packet) {
				t.Fatal("one datagram differs from the packet")
			}
			return
		}
		order := rapid.Permutation(sequence(pieces)).Draw(t, "order")
		var a Assembler
		for i, no := range order {
			p, ok := offer(t, &a, b[no*size:min((no+1)*size, total)])
			if ok != (i == pieces-1) || ok && !bytes.Equal(p, packet) {
				t.Fatalf("in order %v: piece %d: complete %v", order, i, ok)
			}
		}
		// A read without all pieces is not taken.
		short := rapid.IntRange(0, (pieces-1)*size+FragmentHeaderLen).Draw(t, "bytes read")
		if n, taken := JoinInPlace(bytes.Clone(b[:short]), size); n != 0 || taken != 0 {
			t.Fatalf("joins %d of %d bytes", short, total)
		}
		if got, taken := JoinInPlace(b[:total], size); got != n || taken != total || !bytes.Equal(b[:got], packet) {
			t.Fatalf("JoinInPlace = %d, %d, want %d, %d", got, taken, n, total)
		}
	})
}

func sequence(n int) []int {
	s := make([]int, n)
	for i := range s {
		s[i] = i
	}
	return s
}

// A GRO read holds several packets cut to datagrams of one size.
func TestJoinInPlaceTakesOneAfterTheOther(t *testing.T) {
	const n, size, count = 2838, 1427, 5
	var b []byte
	var want [][]byte
	k := NewKeys(new([48]byte))
	for i := range count {
		p := testPacket(n)
		SetHead(p, true)
		k.Seal(p, CipherAES, uint64(i))
		want = append(want, bytes.Clone(p))
		p = append(p, make([]byte, 16)...)
		b = append(b, p[:SplitInPlace(p, n, 2, size)]...)
	}
	for i := range count {
		got, taken := JoinInPlace(b, size)
		if got != n || taken != 2*size || !bytes.Equal(b[:got], want[i]) || !k.Open(b[:got]) {
			t.Fatalf("packet %d: JoinInPlace = %d, %d", i, got, taken)
		}
		b = b[taken:]
	}
	if n, taken := JoinInPlace(b, size); n != 0 || taken != 0 {
		t.Errorf("joins nothing to %d, %d", n, taken)
	}
}

func TestJoinInPlaceRefuses(t *testing.T) {
	const n, size = 400, 144 // three pieces
	packet := testPacket(n)
	SetHead(packet, true)
	b := append(packet, make([]byte, 32)...)
	if SplitInPlace(b, n, 3, size) != 3*size {
		t.Fatal("three pieces of 144 bytes expected")
	}
	for _, tt := range []struct {
		name string
		edit func(b []byte)
	}{
		{"not a head", func(b []byte) { SetHead(b, false) }},
		{"a fragment first", func(b []byte) { b[13] = 0xff }},
		{"another packet's piece", func(b []byte) { b[size+7]++ }},
		{"another packet's last piece", func(b []byte) { b[2*size]++ }},
		{"pieces in the wrong order", func(b []byte) { b[size+14], b[2*size+14] = b[2*size+14], b[size+14] }},
		{"no fragment second", func(b []byte) { b[size+13] = 0 }},
		{"total 1", func(b []byte) { b[size+14] = 0x11 }},
		{"total 0", func(b []byte) { b[size+14] = 0x01 }},
		{"total 4", func(b []byte) { b[size+14] = 0x41 }},
		{"total 8", func(b []byte) { b[size+14] = 0x81 }},
	} {
		c := bytes.Clone(b)
		tt.edit(c)
		before := bytes.Clone(c)
		if n, taken := JoinInPlace(c, size); n != 0 || taken != 0 || !bytes.Equal(c, before) {
			t.Errorf("%s: JoinInPlace = %d, %d", tt.name, n, taken)
		}
	}
	if n, _ := JoinInPlace(b, HeaderLen-1); n != 0 {
		t.Error("joins datagrams shorter than a header")
	}
	if n, _ := JoinInPlace(make([]byte, 80000), 20000); n != 0 {
		t.Error("joins to more than a packet may have")
	}
}

func TestParseFragmentRefuses(t *testing.T) {
	good := make([]byte, 17)
	PutFragmentHeader(good, 7, 0xa56960b9e2, 3, 2)
	if f, ok := ParseFragment(good); !ok || f.ID != 7 || f.Dst != 0xa56960b9e2 || f.Total != 3 || f.No != 2 || len(f.Data) != 1 {
		t.Fatalf("ParseFragment = %+v, %v", f, ok)
	}
	for n := range good {
		if _, ok := ParseFragment(good[:n]); ok {
			t.Errorf("a fragment of %d bytes parses", n)
		}
	}
	for _, b := range []byte{0x00, 0x10, 0x11, 0x20, 0x22, 0x33, 0x34, 0x81, 0xf1} {
		good[14] = b
		if _, ok := ParseFragment(good); ok {
			t.Errorf("piece and total %02x parse", b)
		}
	}
	good[13] = 0xfe
	if _, ok := ParseFragment(good); ok {
		t.Error("a head parses as a fragment")
	}
}

func head(id uint64, n int) []byte {
	p := testPacket(n)
	PutHeader(p, id, 1, 2, VerbFrame)
	SetHead(p, true)
	return p
}

func TestAssemblerIsBounded(t *testing.T) {
	var a Assembler
	big := make([]byte, MaxLen)
	for id := range uint64(10 * ringLen) {
		a.Head(head(id, 5000))
		if _, ok := a.Fragment(&Fragment{ID: id, Total: 3, No: 2, Data: big[:5000]}); ok {
			t.Fatal("complete without the middle")
		}
	}
	bytesHeld := cap(a.out)
	for i := range a.ring {
		bytesHeld += cap(a.ring[i].buf)
	}
	if bytesHeld > 33*(MaxLen+1024) {
		t.Errorf("%d bytes held", bytesHeld)
	}
	if _, ok := a.Fragment(&Fragment{ID: 0, Total: 3, No: 1, Data: big[:1]}); ok {
		t.Error("an entry that gave way is complete")
	}
	// The newest are still there.
	if p, ok := a.Fragment(&Fragment{ID: 10*ringLen - 1, Total: 3, No: 1, Data: big[:24]}); !ok || len(p) != MaxLen {
		t.Errorf("%d bytes, %v", len(p), ok)
	}
	a.Head(head(1, 5000))
	if _, ok := a.Fragment(&Fragment{ID: 1, Total: 2, No: 1, Data: big[:5025]}); ok {
		t.Error("longer than a packet may be")
	}
	if _, ok := a.Fragment(&Fragment{ID: 1, Total: 2, No: 1, Data: big[:10]}); ok {
		t.Error("a packet that was given up is complete")
	}
}

func TestAssemblerIgnoresAnotherTotal(t *testing.T) {
	var a Assembler
	a.Fragment(&Fragment{ID: 5, Total: 3, No: 1, Data: []byte("b")})
	a.Head(head(5, 40))
	if _, ok := a.Fragment(&Fragment{ID: 5, Total: 2, No: 1, Data: []byte("x")}); ok {
		t.Error("complete with another total")
	}
	p, ok := a.Fragment(&Fragment{ID: 5, Total: 3, No: 2, Data: []byte("c")})
	if !ok || string(p[40:]) != "bc" {
		t.Errorf("%q, %v", p, ok)
	}
	// Done is done: the same pieces start anew.
	if _, ok := a.Fragment(&Fragment{ID: 5, Total: 3, No: 2, Data: []byte("c")}); ok {
		t.Error("complete again")
	}
}

func TestAssemblerNoAllocs(t *testing.T) {
	v := fragmentVectors(t)
	var a Assembler
	next := 0
	run := func() {
		for _, d := range v[next%len(v)].Datagrams {
			if IsFragment(d) {
				f, _ := ParseFragment(d)
				a.Fragment(&f)
			} else {
				a.Head(d)
			}
		}
		next++
	}
	for range 2 * ringLen {
		run()
	}
	if allocs := testing.AllocsPerRun(20, run); allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

func FuzzFragments(f *testing.F) {
	for _, v := range fragmentVectors(f)[:1] {
		f.Add([]byte(bytes.Join([][]byte{v.Datagrams[0], v.Datagrams[1]}, nil)), uint16(1432))
	}
	small := head(1, 60)
	b := append(small, make([]byte, 32)...)
	f.Add(b[:SplitInPlace(b, 60, 3, 31)], uint16(31))
	f.Fuzz(func(t *testing.T, b []byte, size uint16) {
		s := max(int(size), 1)
		var a Assembler
		for rest := b; len(rest) > 0; rest = rest[min(s, len(rest)):] {
			d := rest[:min(s, len(rest))]
			if len(d) < FragmentHeaderLen {
				break
			}
			var p []byte
			if !IsFragment(d) {
				p, _ = a.Head(d)
			} else if frag, ok := ParseFragment(d); ok {
				p, _ = a.Fragment(&frag)
			}
			if len(p) > MaxLen {
				t.Errorf("a packet of %d bytes", len(p))
			}
		}
		// What joins in place is what the assembler makes of the same datagrams.
		orig := bytes.Clone(b)
		n, taken := JoinInPlace(b, s)
		if n == 0 {
			return
		}
		var c Assembler
		var p []byte
		for at := 0; at < taken; at += s {
			p, _ = offer(t, &c, orig[at:min(at+s, taken)])
		}
		if !bytes.Equal(p, b[:n]) {
			t.Errorf("joined in place to %d bytes, assembled to %d", n, len(p))
		}
	})
}

func BenchmarkJoinInPlace(b *testing.B) {
	p := head(1, 2838)
	p = append(p, make([]byte, 16)...)
	SplitInPlace(p, 2838, 2, 1427)
	b.ReportAllocs()
	for b.Loop() {
		if n, _ := JoinInPlace(p, 1427); n == 0 {
			b.Fatal("does not join")
		}
		SplitInPlace(p, 2838, 2, 1427)
	}
}

func BenchmarkAssembler(b *testing.B) {
	p := head(1, 2838)
	p = append(p, make([]byte, 16)...)
	SplitInPlace(p, 2838, 2, 1427)
	var a Assembler
	f, _ := ParseFragment(p[1427:])
	b.ReportAllocs()
	for b.Loop() {
		a.Head(p[:1427])
		if _, ok := a.Fragment(&f); !ok {
			b.Fatal("not complete")
		}
	}
}
