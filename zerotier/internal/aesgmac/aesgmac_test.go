package aesgmac

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
)

func randomBytes(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// keys returns a random key in every implementation, the standard library's first.
func keys(r *rand.Rand) []*Key {
	k0, k1 := [32]byte(randomBytes(r, 32)), [32]byte(randomBytes(r, 32))
	var all []*Key
	for _, impl := range Available() {
		all = append(all, NewWith(impl, &k0, &k1))
	}
	return all
}

func TestVectors(t *testing.T) {
	var v struct {
		GMAC struct{ Key, IV12, AAD, Tag string }
	}
	b, err := os.ReadFile("testdata/primitives.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	decode := func(s string) []byte {
		b, err := hex.DecodeString(s)
		if err != nil || len(b) == 0 {
			t.Fatalf("%q: %v", s, err)
		}
		return b
	}
	key := [32]byte(decode(v.GMAC.Key))
	s := new(genericScratch)
	s.mac(NewWith(Generic, &key, &key), decode(v.GMAC.AAD), (*[8]byte)(decode(v.GMAC.IV12)))
	if got := hex.EncodeToString(s.sum[:]); got != v.GMAC.Tag {
		t.Errorf("GMAC %s, want %s", got, v.GMAC.Tag)
	}
}

// All implementations agree on every length: all tails of 512, 256, 128, 64 and 16 bytes.
func TestTwins(t *testing.T) {
	if len(Available()) == 1 {
		t.Skip("there is only the standard library on this machine")
	}
	r := rand.New(rand.NewPCG(1, 1))
	for n := AADLen; n <= 1700; n++ {
		all := keys(r)
		msg, iv := randomBytes(r, n), [8]byte(randomBytes(r, 8))
		var wantTag [TagLen]byte
		want := bytes.Clone(msg)
		all[0].Seal(want, &iv, &wantTag)
		for _, k := range all {
			const guard = 96
			buf := bytes.Repeat([]byte{0xa5}, n+2*guard)
			m := buf[guard : guard+n]
			copy(m, msg)
			var tag [TagLen]byte
			k.Seal(m, &iv, &tag)
			if tag != wantTag || !bytes.Equal(m, want) {
				t.Fatalf("%d bytes: %v seals differently", n, k.impl)
			}
			if !k.Open(m, &tag) || !bytes.Equal(m, msg) {
				t.Fatalf("%d bytes: %v does not open", n, k.impl)
			}
			if !bytes.Equal(buf[:guard], buf[guard+n:]) || buf[0] != 0xa5 || bytes.Count(buf[:guard], buf[:1]) != guard {
				t.Fatalf("%d bytes: %v writes outside the message", n, k.impl)
			}
			bad := bytes.Clone(want)
			bad[r.IntN(n)] ^= 1 << r.IntN(8)
			if k.Open(bad, &tag) {
				t.Fatalf("%d bytes: %v opens with a bit changed", n, k.impl)
			}
			tag[r.IntN(TagLen)] ^= 1 << r.IntN(8)
			if k.Open(bytes.Clone(want), &tag) {
				t.Fatalf("%d bytes: %v opens with a bit of the tag changed", n, k.impl)
			}
		}
	}
}

// The counter starts anywhere in 31 bits, and goes on into the 32nd; the bit above it in the tag is ignored.
func TestCounterDoesNotCarry(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	for _, start := range [][4]byte{{0xff, 0xff, 0xff, 0xff}, {0x7f, 0xff, 0xff, 0xfe}, {0xff, 0xff, 0xff, 0x80}, {0, 0, 0, 0xff}, {0x80, 0, 0xff, 0xff}} {
		all := keys(r)
		msg, tag := randomBytes(r, 5000), [TagLen]byte(randomBytes(r, TagLen))
		copy(tag[12:], start[:])
		want := bytes.Clone(msg)
		if all[0].Open(want, &tag) {
			t.Fatal("a random tag is right")
		}
		for _, k := range all[1:] {
			got := bytes.Clone(msg)
			if k.Open(got, &tag) || !bytes.Equal(got, want) {
				t.Errorf("counter %x: %v decrypts differently", start, k.impl)
			}
		}
	}
}

func TestShortMessagePanics(t *testing.T) {
	for _, k := range keys(rand.New(rand.NewPCG(3, 3))) {
		for name, f := range map[string]func(){
			"Seal": func() { k.Seal(make([]byte, AADLen-1), new([8]byte), new([TagLen]byte)) },
			"Open": func() { k.Open(make([]byte, AADLen-1), new([TagLen]byte)) },
		} {
			func() {
				defer func() {
					if recover() == nil {
						t.Errorf("%v: %s takes a message that is too short", k.impl, name)
					}
				}()
				f()
			}()
		}
	}
}

func TestNoAllocs(t *testing.T) {
	for _, k := range keys(rand.New(rand.NewPCG(4, 4))) {
		if k.impl == Generic {
			continue
		}
		msg := make([]byte, 2000)
		var tag [TagLen]byte
		if n := testing.AllocsPerRun(20, func() {
			k.Seal(msg, &[8]byte{1}, &tag)
			k.Open(msg, &tag)
		}); n != 0 {
			t.Errorf("%v: %v allocations", k.impl, n)
		}
	}
}

func BenchmarkSeal(b *testing.B) {
	for _, n := range []int{2827, 1307, 81} {
		for _, k := range keys(rand.New(rand.NewPCG(5, 5))) {
			b.Run(fmt.Sprintf("%v/%d", k.impl, n), func(b *testing.B) {
				msg := make([]byte, n)
				var tag [TagLen]byte
				b.SetBytes(int64(n))
				b.ReportAllocs()
				for b.Loop() {
					k.Seal(msg, &[8]byte{1}, &tag)
				}
			})
		}
	}
}

func BenchmarkNew(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		New(&[32]byte{1}, &[32]byte{2})
	}
}

func FuzzTwins(f *testing.F) {
	f.Add([]byte("k0"), []byte("k1"), make([]byte, 16), uint64(0))
	f.Add([]byte{}, []byte{0xff}, bytes.Repeat([]byte{0xff}, 513), ^uint64(0))
	f.Fuzz(func(t *testing.T, a, b, msg []byte, iv uint64) {
		if len(msg) < AADLen {
			return
		}
		var k0, k1 [32]byte
		copy(k0[:], a)
		copy(k1[:], b)
		var ivBytes [8]byte
		for i := range ivBytes {
			ivBytes[i] = byte(iv >> (8 * i))
		}
		var want []byte
		var wantTag [TagLen]byte
		for _, impl := range Available() {
			k := NewWith(impl, &k0, &k1)
			got := bytes.Clone(msg)
			var tag [TagLen]byte
			k.Seal(got, &ivBytes, &tag)
			if impl == Generic {
				want, wantTag = got, tag
			}
			if !bytes.Equal(got, want) || tag != wantTag {
				t.Errorf("%v seals differently", impl)
			}
			if got = bytes.Clone(want); !k.Open(got, &tag) || !bytes.Equal(got, msg) {
				t.Errorf("%v does not open", impl)
			}
		}
	})
}
