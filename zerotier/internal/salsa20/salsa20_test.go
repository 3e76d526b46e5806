package salsa20

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"

	//lint:ignore SA1019 the bare cipher, counter and all, is what an independent twin needs
	"golang.org/x/crypto/salsa20/salsa"
)

func randomBytes(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func TestVectors(t *testing.T) {
	var v struct {
		Salsa2012 struct{ Key, IV, KeyStream192 string }
		Salsa2020 struct{ KeyStream192 string }
	}
	b, err := os.ReadFile("testdata/primitives.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	key, _ := hex.DecodeString(v.Salsa2012.Key)
	iv, _ := hex.DecodeString(v.Salsa2012.IV)
	for _, impl := range Available() {
		for rounds, want := range map[int]string{Rounds12: v.Salsa2012.KeyStream192, Rounds20: v.Salsa2020.KeyStream192} {
			s := NewWith(impl, (*[32]byte)(key), (*[8]byte)(iv), rounds)
			got := make([]byte, 192)
			s.KeyStream(got, 0)
			if hex.EncodeToString(got) != want {
				t.Errorf("%v, %d rounds: keystream %x, want %s", impl, rounds, got, want)
			}
		}
	}
}

// All implementations agree with each other on every length, and with another one where it exists.
func TestTwins(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for n := range 2300 {
		key, iv := [32]byte(randomBytes(r, 32)), [8]byte(randomBytes(r, 8))
		src := randomBytes(r, n)
		counter := uint64(r.Uint32()) & 0xffffff
		for _, rounds := range []int{Rounds12, Rounds20} {
			one := NewWith(Generic, &key, &iv, rounds)
			want := make([]byte, n)
			one.XOR(want, src, counter)
			if rounds == Rounds20 {
				check := make([]byte, n)
				salsa.XORKeyStream(check, src, counterBytes(&iv, counter), &key)
				if !bytes.Equal(check, want) {
					t.Fatalf("%d bytes: differs from x/crypto", n)
				}
			}
			for _, impl := range Available()[1:] {
				s := NewWith(impl, &key, &iv, rounds)
				buf := bytes.Repeat([]byte{0xa5}, n+128)
				got := buf[64 : 64+n]
				copy(got, src)
				s.XOR(got, got, counter)
				if !bytes.Equal(got, want) {
					t.Fatalf("%v, %d bytes, %d rounds: differs", impl, n, rounds)
				}
				if bytes.Count(buf[:64], []byte{0xa5}) != 64 || bytes.Count(buf[64+n:], []byte{0xa5}) != 64 {
					t.Fatalf("%v, %d bytes: writes outside", impl, n)
				}
				clear(got)
				s.XOR(got, src, counter)
				if !bytes.Equal(got, want) {
					t.Fatalf("%v, %d bytes: differs when not in place", impl, n)
				}
			}
		}
	}
}

func counterBytes(iv *[8]byte, counter uint64) *[16]byte {
	var b [16]byte
	copy(b[:], iv[:])
	store64(b[8:], counter)
	return &b
}

// The counter has 64 bits.
func TestCounterCarries(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	key, iv := [32]byte(randomBytes(r, 32)), [8]byte(randomBytes(r, 8))
	src := randomBytes(r, 5000)
	for _, counter := range []uint64{1<<32 - 1, 1<<32 - 20, 1<<32 - 79, 1<<32 - 200, 1 << 32, 5<<32 + 7, 1<<64 - 3} {
		want := make([]byte, len(src))
		salsa.XORKeyStream(want, src, counterBytes(&iv, counter), &key)
		for _, impl := range Available() {
			s := NewWith(impl, &key, &iv, Rounds20)
			got := make([]byte, len(src))
			s.XOR(got, src, counter)
			if !bytes.Equal(got, want) {
				t.Errorf("%v from block %#x: differs", impl, counter)
			}
		}
	}
}

func TestNoAllocs(t *testing.T) {
	b := make([]byte, 3000)
	for _, impl := range Available() {
		if n := testing.AllocsPerRun(10, func() {
			s := NewWith(impl, &[32]byte{1}, &[8]byte{2}, Rounds12)
			s.XOR(b, b, 0)
		}); n != 0 {
			t.Errorf("%v: %v allocations", impl, n)
		}
	}
}

func FuzzTwins(f *testing.F) {
	f.Add([]byte("key"), uint64(1), uint64(0), []byte("message"))
	f.Add([]byte{}, uint64(0), uint64(1<<32-8), make([]byte, 1025))
	f.Fuzz(func(t *testing.T, key []byte, iv, counter uint64, src []byte) {
		var k [32]byte
		copy(k[:], key)
		var v [8]byte
		store64(v[:], iv)
		want := make([]byte, len(src))
		for _, impl := range Available() {
			s := NewWith(impl, &k, &v, Rounds12)
			got := make([]byte, len(src))
			s.XOR(got, src, counter)
			if impl == Generic {
				want = got
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%v differs", impl)
			}
		}
	})
}

func BenchmarkXOR(b *testing.B) {
	for _, n := range []int{16384, 2811, 65} {
		for _, impl := range Available() {
			b.Run(fmt.Sprintf("%v/12/%d", impl, n), func(b *testing.B) {
				s := NewWith(impl, &[32]byte{1}, &[8]byte{2}, Rounds12)
				buf := make([]byte, n)
				b.SetBytes(int64(n))
				b.ReportAllocs()
				for b.Loop() {
					s.XOR(buf, buf, 0)
				}
			})
		}
	}
}
