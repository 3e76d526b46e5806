package packet

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/ztstack/ztstack/internal/be"
	"github.com/ztstack/ztstack/zerotier/internal/aesgmac"
)

// implementationsOf returns keys for the agreed key, one for each way to compute AES-GMAC-SIV.
func implementationsOf(agreed *[48]byte) map[string]*Keys {
	m := make(map[string]*Keys)
	for _, impl := range aesgmac.Available() {
		k := NewKeys(agreed)
		k0, k1 := derive(agreed, '0'), derive(agreed, '1')
		k.aes = aesgmac.NewWith(impl, &k0, &k1)
		m[impl.String()] = k
	}
	return m
}

func TestArmorVectors(t *testing.T) {
	for i, v := range armorVectors(t) {
		for name, k := range implementationsOf((*[48]byte)(v.Key48)) {
			where := fmt.Sprintf("vector %d, cipher %v, %d bytes, %s", i, v.Cipher, len(v.Wire), name)
			p := bytes.Clone(v.PlaintextPacket)
			SetHead(p, v.Fragmented)
			k.Seal(p, v.Cipher, be.Uint64(v.IV))
			if !bytes.Equal(p, v.Wire) {
				t.Errorf("%s: sealed %x, want %x", where, clip(p), clip(v.Wire))
				continue
			}
			p[18] |= 2 // hops
			if !k.Open(p) {
				t.Errorf("%s: does not open", where)
			}
			if !bytes.Equal(p[27:], v.PlaintextPacket[27:]) || !bytes.Equal(p[8:18], v.Wire[8:18]) {
				t.Errorf("%s: opens to %x", where, clip(p))
			}
			if Hops(p) != 2 || IsHead(p) != v.Fragmented || CipherOf(p) != v.Cipher {
				t.Errorf("%s: flags %02x", where, p[18])
			}
			if !bytes.Equal(p[:27], append(append(bytes.Clone(v.Wire[:18]), v.Wire[18]|2), v.Wire[19:27]...)) {
				t.Errorf("%s: Open changes the header to %x", where, p[:27])
			}
			bad := bytes.Clone(v.Wire)
			bad[len(bad)-1] ^= 1
			if k.Open(bad) {
				t.Errorf("%s: opens with its last bit changed", where)
			}
		}
	}
}

func clip(b []byte) []byte { return b[:min(len(b), 64)] }

func TestCapturedPackets(t *testing.T) {
	for i, v := range capturedPackets(t) {
		if v.Cipher == CipherTrusted {
			if k := v.keys(); k.Open(bytes.Clone(v.Wire)) || TrustedPath(v.Wire) != 101 {
				t.Errorf("packet %d: trusted path %d", i, TrustedPath(v.Wire))
			}
			continue
		}
		for name, k := range implementationsOf((*[48]byte)(v.Key48)) {
			p := bytes.Clone(v.Wire)
			if !k.Open(p) {
				t.Errorf("packet %d, %s with %s: does not open", i, v.Verb, name)
				continue
			}
			if !bytes.Equal(p, v.Plaintext) {
				t.Errorf("packet %d, %s with %s: opens to\n%x, want\n%x", i, v.Verb, name, p, v.Plaintext)
			}
			if VerbOf(p).String() != v.Verb || IsCompressed(p) != v.Compressed || Hops(p) != v.Hops {
				t.Errorf("packet %d: %v, compressed %v, want %s, %v", i, VerbOf(p), IsCompressed(p), v.Verb, v.Compressed)
			}
			iv := ID(p)
			if v.Cipher == CipherAES {
				iv = be.Uint64(v.AESInnerIV)
			}
			k.Seal(p, v.Cipher, iv)
			p[18] |= byte(v.Hops)
			if !bytes.Equal(p, v.Wire) {
				t.Errorf("packet %d, %s with %s: sealed again differs", i, v.Verb, name)
			}
		}
	}
}

// Whatever is changed in a sealed packet, but for the hops, is noticed.
func TestOpenRefusesEveryChange(t *testing.T) {
	agreed := [48]byte{1, 2, 3}
	for name, k := range implementationsOf(&agreed) {
		for _, c := range []Cipher{CipherPoly1305, CipherSalsa2012, CipherAES} {
			p := testPacket(HeaderLen + 40)
			k.Seal(p, c, 0x0123456789abcdef)
			for bit := range 8 * len(p) {
				bad := bytes.Clone(p)
				bad[bit/8] ^= 1 << (bit % 8)
				hops := bit/8 == 18 && bit%8 < 3
				if got := k.Open(bad); got != hops {
					// Bit 7 of the flags tells of encryption what the cipher tells already; the mangled key holds it.
					t.Errorf("%s, %v: opens with bit %d of byte %d changed: %v", name, c, bit%8, bit/8, got)
				}
			}
			for n := range p {
				if k.Open(bytes.Clone(p[:n])) {
					t.Errorf("%s, %v: opens cut to %d bytes", name, c, n)
				}
			}
		}
	}
}

func TestOpenRefusesUnknownCiphers(t *testing.T) {
	k := NewKeys(new([48]byte))
	for c := range Cipher(8) {
		p := testPacket(64)
		if c == CipherTrusted {
			SetTrusted(p, 7)
		} else {
			k.Seal(p, CipherPoly1305, 1)
			p[18] = p[18]&^0x38 | byte(c)<<3
		}
		if got := k.Open(p); got != (c == CipherPoly1305) {
			t.Errorf("cipher %d: Open = %v", c, got)
		}
	}
	if k.Open(make([]byte, MaxLen+1)) {
		t.Error("a packet beyond MaxLen opens")
	}
}

// testPacket returns a packet of n bytes with a pattern in it.
func testPacket(n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(7 * i)
	}
	PutHeader(p, 0, 0xa56960b9e2, 0x08c349852a, VerbFrame)
	return p
}

func TestRoundTrip(t *testing.T) {
	rand := rand.New(rand.NewPCG(3, 4))
	var agreed [48]byte
	for i := range agreed {
		agreed[i] = byte(rand.Uint32())
	}
	all := implementationsOf(&agreed)
	for n := HeaderLen; n <= 2200; n++ {
		if n > 600 {
			n += rand.IntN(40)
		}
		plain := testPacket(n)
		iv := rand.Uint64()
		for _, c := range []Cipher{CipherPoly1305, CipherSalsa2012, CipherAES} {
			var first []byte
			for name, k := range all {
				// A guard on both sides: nothing outside the packet may change.
				buf := bytes.Repeat([]byte{0xa5}, n+128)
				p := buf[64 : 64+n]
				copy(p, plain)
				k.Seal(p, c, iv)
				if first == nil {
					first = bytes.Clone(p)
				}
				if !bytes.Equal(p, first) {
					t.Fatalf("%d bytes, %v: %s differs", n, c, name)
				}
				if !k.Open(p) || !bytes.Equal(p[27:], plain[27:]) || !bytes.Equal(p[8:18], plain[8:18]) {
					t.Fatalf("%d bytes, %v, %s: no round trip", n, c, name)
				}
				if bytes.Count(buf[:64], []byte{0xa5}) != 64 || bytes.Count(buf[64+n:], []byte{0xa5}) != 64 {
					t.Fatalf("%d bytes, %v, %s: wrote outside the packet", n, c, name)
				}
			}
		}
	}
}

func TestHelloTail(t *testing.T) {
	found := 0
	for i, v := range capturedPackets(t) {
		if v.Verb != "HELLO" {
			continue
		}
		found++
		var h Hello
		p := bytes.Clone(v.Wire)
		if !h.Parse(Payload(p)) {
			t.Fatalf("packet %d: not a HELLO", i)
		}
		if want := 135; HeaderLen+h.Tail != want {
			t.Errorf("packet %d: tail at %d, want %d", i, HeaderLen+h.Tail, want)
		}
		k := v.keys()
		if !k.Open(p) {
			t.Fatalf("packet %d: does not open", i)
		}
		k.HelloTail(p, HeaderLen+h.Tail)
		if got := hex.EncodeToString(p[HeaderLen+h.Tail:]); got != "0000" {
			t.Errorf("packet %d: tail %s", i, got)
		}
		if !h.ParseTail(Payload(p)) || len(h.Moons) != 0 {
			t.Errorf("packet %d: moons %v", i, h.Moons)
		}
		// And back: the same packet is made from its fields.
		q := make([]byte, HeaderLen, MaxLen)
		PutHeader(q, ID(v.Wire), Dst(v.Wire), Src(v.Wire), VerbHello)
		q = h.Append(q)
		k.HelloTail(q, HeaderLen+h.Tail)
		k.Seal(q, CipherPoly1305, ID(q))
		if !bytes.Equal(q, v.Wire) {
			t.Errorf("packet %d: made again\n%x, want\n%x", i, q, v.Wire)
		}
	}
	if found == 0 {
		t.Error("no HELLO among the packets")
	}
}

func TestNoAllocs(t *testing.T) {
	var agreed [48]byte
	for name, k := range implementationsOf(&agreed) {
		for _, c := range []Cipher{CipherPoly1305, CipherSalsa2012, CipherAES} {
			if c == CipherAES && name == aesgmac.Generic.String() {
				continue
			}
			for _, n := range []int{HeaderLen, 92, 2838} {
				p := testPacket(n)
				allocs := testing.AllocsPerRun(20, func() {
					k.Seal(p, c, 42)
					if !k.Open(p) {
						t.Error("does not open")
					}
				})
				if allocs != 0 {
					t.Errorf("%s, %v, %d bytes: %v allocations", name, c, n, allocs)
				}
			}
		}
	}
}

func FuzzSealOpen(f *testing.F) {
	f.Add([]byte("agreed"), []byte("payload"), uint64(1), byte(0))
	f.Add([]byte{}, []byte{}, uint64(0), byte(1))
	f.Add(bytes.Repeat([]byte{0xff}, 48), make([]byte, 600), ^uint64(0), byte(0x43))
	f.Fuzz(func(t *testing.T, key, body []byte, iv uint64, flags byte) {
		var agreed [48]byte
		copy(agreed[:], key)
		c := []Cipher{CipherPoly1305, CipherSalsa2012, CipherAES}[flags%3]
		n := min(27+max(len(body), 1), MaxLen)
		plain := testPacket(n)
		copy(plain[27:], body)
		SetHead(plain, flags&0x40 != 0)
		var first []byte
		for name, k := range implementationsOf(&agreed) {
			p := bytes.Clone(plain)
			k.Seal(p, c, iv)
			if first == nil {
				first = bytes.Clone(p)
			}
			if !bytes.Equal(p, first) {
				t.Errorf("%s differs", name)
			}
			if !k.Open(p) || !bytes.Equal(p[27:], plain[27:]) {
				t.Errorf("%s: no round trip", name)
			}
		}
		// The body as a packet from the network: anything but a panic.
		NewKeys(&agreed).Open(bytes.Clone(body))
	})
}

func BenchmarkSeal(b *testing.B) { benchmark(b, true) }

func BenchmarkOpen(b *testing.B) { benchmark(b, false) }

func benchmark(b *testing.B, seal bool) {
	agreed := [48]byte{9}
	run := func(name string, k *Keys, c Cipher, n int) {
		b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
			sealed := testPacket(n)
			k.Seal(sealed, c, 42)
			p := bytes.Clone(sealed)
			b.SetBytes(int64(n))
			b.ReportAllocs()
			for b.Loop() {
				if seal {
					k.Seal(p, c, 42)
					continue
				}
				// A packet is opened once: the copy, 50 ns at most, is included.
				copy(p, sealed)
				if !k.Open(p) {
					b.Fatal("does not open")
				}
			}
		})
	}
	for _, n := range []int{2838, 1318, 92} {
		for _, impl := range aesgmac.Available() {
			run("aes-"+impl.String(), implementationsOf(&agreed)[impl.String()], CipherAES, n)
		}
		run("salsa", NewKeys(&agreed), CipherSalsa2012, n)
		run("poly1305", NewKeys(&agreed), CipherPoly1305, n)
	}
}
