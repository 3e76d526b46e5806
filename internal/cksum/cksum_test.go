package cksum

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// naive is the sum as RFC 1071, Section 4.1 writes it.
func naive(b []byte) uint16 {
	var s uint64
	for ; len(b) > 1; b = b[2:] {
		s += uint64(b[0])<<8 | uint64(b[1])
	}
	if len(b) == 1 {
		s += uint64(b[0]) << 8
	}
	for s>>16 != 0 {
		s = s>>16 + s&0xffff
	}
	return uint16(s)
}

// implementations are the ways to sum that this build has.
func implementations() map[string]func([]byte) uint16 {
	m := map[string]func([]byte) uint16{"Sum": Sum, "generic": sumGeneric}
	if vector != nil {
		m["vector"] = vector
	}
	return m
}

func randomBytes(r *rand.Rand, b []byte) {
	for i := range b {
		b[i] = byte(r.Uint32())
	}
}

func TestSumOfRFC1071Example(t *testing.T) {
	// "the 1's complement sum of 00 01 f2 03 f4 f5 f6 f7 is dd f2" RFC 1071, Section 3.
	b := []byte{0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7}
	for name, sum := range implementations() {
		if name == "vector" {
			continue // It starts at 32 bytes.
		}
		if got := sum(b); got != 0xddf2 {
			t.Errorf("%s = %#04x, want 0xddf2", name, got)
		}
	}
}

func TestSumAtEveryLengthAndAlignment(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	buf := make([]byte, 700)
	for _, fill := range []string{"random", "ones", "zeros", "sparse"} {
		randomBytes(r, buf)
		for i := range buf {
			switch {
			case fill == "ones":
				buf[i] = 0xff
			case fill == "zeros", fill == "sparse" && i%67 != 0:
				buf[i] = 0
			}
		}
		for off := range 34 {
			for n := 0; off+n <= len(buf); n++ {
				b := buf[off : off+n]
				want := naive(b)
				for name, sum := range implementations() {
					if name == "vector" && n < 32 {
						continue
					}
					if got := sum(b); got != want {
						t.Fatalf("%s of %d %s bytes at offset %d = %#04x, want %#04x", name, n, fill, off, got, want)
					}
				}
			}
		}
	}
}

// Long data reaches the bounds of the accumulators: all ones and all words 0x8000 or 0x7fff are the
// extremes of the vector loop's signed lanes.
func TestSumOfLongData(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	buf := make([]byte, 3<<20+77)
	for _, word := range []int{-1, 0x0000, 0xffff, 0x8000, 0x7fff, 0x0080, 0xff7f} {
		randomBytes(r, buf)
		for i := range buf {
			if word >= 0 {
				buf[i] = byte(word >> (8 * (1 - i%2)))
			}
		}
		want := naive(buf)
		for name, sum := range implementations() {
			if got := sum(buf); got != want {
				t.Errorf("%s over words %#x = %#04x, want %#04x", name, word, got, want)
			}
		}
	}
}

func TestSumOfPartsIsSumOfWhole(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	buf := make([]byte, 3000)
	randomBytes(r, buf)
	for range 1000 {
		cut := 2 * r.IntN(len(buf)/2)
		if got, want := Add(Sum(buf[:cut]), Sum(buf[cut:])), Sum(buf); got != want {
			t.Fatalf("cut at %d: %#04x, want %#04x", cut, got, want)
		}
	}
}

func TestCopySum(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	src, dst := make([]byte, 2000), make([]byte, 2000)
	for range 500 {
		randomBytes(r, src)
		clear(dst)
		n := r.IntN(len(src))
		if got, want := CopySum(dst[:n+r.IntN(len(dst)-n)], src[:n]), naive(src[:n]); got != want {
			t.Fatalf("CopySum of %d bytes = %#04x, want %#04x", n, got, want)
		}
		if string(dst[:n]) != string(src[:n]) {
			t.Fatalf("CopySum of %d bytes did not copy them", n)
		}
		for i, v := range dst[n:] {
			if v != 0 {
				t.Fatalf("CopySum of %d bytes wrote byte %d", n, n+i)
			}
		}
	}
}

func TestCopySumPanicsWhenShort(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("CopySum into a shorter slice did not panic")
		}
	}()
	CopySum(make([]byte, 3), make([]byte, 4))
}

// "an example [...] HC = 0xDD2F, m = 0x5555, m' = 0x3285 [...] HC' = 0x0000" RFC 1624, Section 4: where
// the equation of RFC 1071 gives the wrong 0xffff.
func TestUpdateOfRFC1624Example(t *testing.T) {
	if got := Update(0xdd2f, 0x5555, 0x3285); got != 0x0000 {
		t.Errorf("Update = %#04x, want 0", got)
	}
}

func TestUpdateIsRecomputation(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	var b [40]byte
	for range 5000 {
		randomBytes(r, b[:])
		check := ^Sum(b[:])
		i := 2 * r.IntN(len(b)/2)
		old := uint16(b[i])<<8 | uint16(b[i+1])
		randomBytes(r, b[i:i+2])
		got := Update(check, old, uint16(b[i])<<8|uint16(b[i+1]))
		if want := ^Sum(b[:]); got != want {
			t.Fatalf("Update = %#04x, want %#04x", got, want)
		}
	}
}

func TestPseudo(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	for range 500 {
		var src4, dst4 [4]byte
		var src6, dst6 [16]byte
		randomBytes(r, src4[:])
		randomBytes(r, dst4[:])
		randomBytes(r, src6[:])
		randomBytes(r, dst6[:])
		proto, length := uint8(r.Uint32()), r.IntN(1<<16)

		p4 := append(append(src4[:4:4], dst4[:]...), 0, proto, byte(length>>8), byte(length))
		if got, want := Pseudo4(src4, dst4, proto, length), naive(p4); got != want {
			t.Fatalf("Pseudo4 = %#04x, want %#04x", got, want)
		}
		length = r.IntN(1<<31 - 1)
		p6 := append(append(src6[:16:16], dst6[:]...), byte(length>>24), byte(length>>16), byte(length>>8), byte(length), 0, 0, 0, proto)
		if got, want := Pseudo6(src6, dst6, proto, length), naive(p6); got != want {
			t.Fatalf("Pseudo6 = %#04x, want %#04x", got, want)
		}
	}
}

// A UDP datagram from 10.0.0.1:1024 to 10.0.0.2:53 with payload "abc". By hand: the words 0400 0035 000b 6162
// 6300 of the datagram and 0a00 0001 0a00 0002 0011 000b of the pseudo-header add up to dcc1.
func TestVerifyWholeSegment(t *testing.T) {
	src, dst := [4]byte{10, 0, 0, 1}, [4]byte{10, 0, 0, 2}
	seg := []byte{0x04, 0x00, 0x00, 0x35, 0x00, 0x0b, 0x00, 0x00, 'a', 'b', 'c'}
	check := ^Add(Sum(seg), Pseudo4(src, dst, 17, len(seg)))
	if check != 0x233e {
		t.Errorf("checksum = %#04x, want 0x233e", check)
	}
	seg[6], seg[7] = byte(check>>8), byte(check)
	if got := Add(Sum(seg), Pseudo4(src, dst, 17, len(seg))); got != 0xffff {
		t.Errorf("sum of an intact segment = %#04x, want 0xffff", got)
	}
	seg[9] ^= 0x40
	if Add(Sum(seg), Pseudo4(src, dst, 17, len(seg))) == 0xffff {
		t.Error("a corrupted segment passes")
	}
}

func TestNoAllocs(t *testing.T) {
	b, d := make([]byte, 1460), make([]byte, 1460)
	if n := testing.AllocsPerRun(100, func() { CopySum(d, b); Pseudo6([16]byte{}, [16]byte{}, 6, 1460) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzSum(f *testing.F) {
	f.Add([]byte{}, uint8(0))
	f.Add([]byte{0xff}, uint8(3))
	f.Add(make([]byte, 1461), uint8(31))
	f.Fuzz(func(t *testing.T, b []byte, off uint8) {
		b = b[min(int(off), len(b)):]
		want := naive(b)
		if got := Sum(b); got != want {
			t.Errorf("Sum = %#04x, want %#04x", got, want)
		}
		if got := sumGeneric(b); got != want {
			t.Errorf("sumGeneric = %#04x, want %#04x", got, want)
		}
	})
}

func BenchmarkSum(b *testing.B) {
	for name, sum := range implementations() {
		for _, n := range []int{20, 40, 128, 576, 1460, 8960, 65536} {
			if name == "vector" && n < 32 {
				continue
			}
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				buf := make([]byte, n)
				b.SetBytes(int64(n))
				b.ReportAllocs()
				for b.Loop() {
					sum(buf)
				}
			})
		}
	}
}

func BenchmarkCopySum(b *testing.B) {
	src, dst := make([]byte, 1460), make([]byte, 1460)
	b.SetBytes(1460)
	b.ReportAllocs()
	for b.Loop() {
		CopySum(dst, src)
	}
}
