package packet

import (
	"bytes"
	"net/netip"
	"testing"

	"pgregory.net/rapid"
)

func dictionaryVector(t testing.TB) Dict {
	var v []struct{ Hex hexBytes }
	readVectors(t, "dictionary.json", &v)
	return Dict(v[0].Hex)
}

func all256() []byte {
	b := make([]byte, 256)
	for i := range b {
		b[i] = byte(i)
	}
	return b
}

func TestDictionaryVector(t *testing.T) {
	want := dictionaryVector(t)
	var d Dict
	d.PutUint("n", 0x123456789abcdef)
	d.PutInt("neg", -5) // the reference loses the sign, which its reader would understand
	d.PutBool("bt", true)
	d.PutBool("bf", false)
	d.PutText("s", "a=b\\c\nd")
	d.Put("blob", all256())
	d.PutAddress("ad", 0x08c349852a)
	// The address is written with 16 digits by the function that the vector uses.
	d = bytes.Replace(d, []byte("ad="), []byte("ad=000000"), 1)
	if !bytes.Equal(bytes.Replace(d, []byte("=-"), []byte("="), 1), want) {
		t.Errorf("written\n%q, want\n%q", d, want)
	}
	for _, d := range []Dict{want, append(bytes.Clone(want), "\x00n=5"...)} {
		blob, ok := d.Get(nil, "blob")
		if d.Uint("n", 0) != 0x123456789abcdef || d.Int("neg", 0) != 5 || !d.Bool("bt", false) || d.Bool("bf", true) ||
			d.Text("s") != "a=b\\c\nd" || !ok || !bytes.Equal(blob, all256()) || d.Uint("ad", 0) != 0x08c349852a {
			t.Errorf("read wrongly from %q", d)
		}
	}
}

func TestDictionaryReading(t *testing.T) {
	d := Dict("a=1\nempty=\nbare\na=2\r\nx=fffffffffffffffff\nbad=zz\nodd=12zz\nneg=-\nmin=-8000000000000000\nesc=\\q\\")
	for key, want := range map[string]uint64{"a": 1, "x": ^uint64(0), "bad": 99, "odd": 0x12, "none": 99, "empty": 99, "bare": 99, "": 99, "A": 99} {
		if got := d.Uint(key, 99); got != want {
			t.Errorf("Uint(%q) = %d, want %d", key, got, want)
		}
	}
	if d.Int("neg", 7) != 7 || d.Int("min", 7) != -1<<63 || d.Int("a", 7) != 1 || d.Int("none", 7) != 7 {
		t.Error("Int")
	}
	if !d.Has("empty") || d.Has("none") || d.Has("bare") || d.Text("esc") != "q" || d.Text("none") != "" || !d.Bool("none", true) || d.Bool("empty", false) {
		t.Error("Has, Text or Bool")
	}
	var keys []string
	for off := 0; ; {
		key, _, next, ok := d.At(off)
		if !ok {
			break
		}
		keys = append(keys, string(key))
		off = next
	}
	if got := len(keys); got != 11 {
		t.Errorf("%d entries: %q", got, keys)
	}
	if _, ok := Dict(nil).Get(nil, ""); ok {
		t.Error("an empty dictionary has an entry")
	}
}

func TestDictionaryRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.SliceOf(rapid.Byte()).Draw(t, "value")
		number := rapid.Int64().Draw(t, "number")
		var d Dict
		d.PutInt("i", number)
		d.Put("v", value)
		d.PutUint("u", uint64(number))
		d.PutText("t", string(value))
		v, ok := d.Get(nil, "v")
		if !ok || !bytes.Equal(v, value) || d.Int("i", 1) != number || d.Uint("u", 1) != uint64(number) || d.Text("t") != string(value) {
			t.Errorf("%q from %q", v, d)
		}
	})
}

func FuzzDictionary(f *testing.F) {
	f.Add([]byte(dictionaryVector(f)), "s")
	f.Add([]byte("a=\\\n=\\0\rb"), "")
	f.Fuzz(func(t *testing.T, b []byte, key string) {
		d := Dict(b)
		v, ok := d.Get(nil, key)
		d.Uint(key, 0)
		d.Int(key, 0)
		d.Bool(key, false)
		if ok != d.Has(key) || len(v) > len(b) {
			t.Errorf("Get(%q) = %q, %v", key, v, ok)
		}
		entries := 0
		for off := 0; ; entries++ {
			_, _, next, ok := d.At(off)
			if !ok {
				break
			}
			if next <= off {
				t.Fatalf("entry at %d ends at %d", off, next)
			}
			off = next
		}
		if ok && entries == 0 {
			t.Error("an entry that is not listed")
		}
	})
}

func TestInetAddress(t *testing.T) {
	for _, tt := range []struct {
		addr string
		want []byte
	}{
		{"", []byte{0}},
		{"10.99.0.2:9993", []byte{4, 10, 99, 0, 2, 0x27, 0x09}},
		{"[::ffff:10.99.0.2]:9993", []byte{4, 10, 99, 0, 2, 0x27, 0x09}},
		{"[fd00::1]:24", []byte{6, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 24}},
		{"0.0.0.0:0", []byte{4, 0, 0, 0, 0, 0, 0}},
	} {
		var a netip.AddrPort
		if tt.addr != "" {
			a = netip.MustParseAddrPort(tt.addr)
		}
		b := AppendInetAddress(nil, a)
		if !bytes.Equal(b, tt.want) {
			t.Errorf("%s: %x, want %x", tt.addr, b, tt.want)
		}
		got, n := ParseInetAddress(append(bytes.Clone(b), 1, 2, 3))
		if want := netip.AddrPortFrom(a.Addr().Unmap(), a.Port()); n != len(b) || got != want {
			t.Errorf("%x: %v, %d, want %v", b, got, n, want)
		}
		for n := range b {
			if a, got := ParseInetAddress(b[:n]); got != -1 || a.IsValid() {
				t.Errorf("%x: %v, %d", b[:n], a, got)
			}
		}
	}
	for _, skip := range [][]byte{{1, 1, 2, 3, 4, 5, 6}, {2, 1, 2, 3, 4, 5, 6}, {3, 0, 2, 7, 7}, {3, 0, 0}} {
		if a, n := ParseInetAddress(append(bytes.Clone(skip), 9, 9)); n != len(skip) || a.IsValid() {
			t.Errorf("%x: %v, %d", skip, a, n)
		}
		for n := range skip {
			if _, got := ParseInetAddress(skip[:n]); got != -1 {
				t.Errorf("%x: %d", skip[:n], got)
			}
		}
	}
	for _, kind := range []byte{5, 7, 8, 255} {
		if _, n := ParseInetAddress(append([]byte{kind}, make([]byte, 64)...)); n != -1 {
			t.Errorf("type %d: %d", kind, n)
		}
	}
}

func FuzzInetAddress(f *testing.F) {
	f.Add([]byte{4, 10, 99, 0, 2, 0x27, 0x09})
	f.Add([]byte{6, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 24})
	f.Add([]byte{3, 0, 1, 9})
	f.Fuzz(func(t *testing.T, b []byte) {
		a, n := ParseInetAddress(b)
		if n > len(b) || n == 0 || n < -1 {
			t.Fatalf("length %d of %d", n, len(b))
		}
		if a.IsValid() {
			again, _ := ParseInetAddress(AppendInetAddress(nil, a))
			if again != a {
				t.Errorf("%v is written and read as %v", a, again)
			}
		}
	})
}

type compressVector struct {
	Plain, Out hexBytes
	Compressed bool
}

func compressVectors(t testing.TB) []compressVector {
	var v []compressVector
	readVectors(t, "compress.json", &v)
	if len(v) != 5 {
		t.Fatalf("%d compressed packets, want 5", len(v))
	}
	return v
}

func TestCompressVectors(t *testing.T) {
	dst := make([]byte, MaxLen)
	for i, v := range compressVectors(t) {
		if IsCompressed(v.Out) != v.Compressed {
			t.Fatalf("vector %d: compressed bit", i)
		}
		if v.Compressed {
			if n := Decompress(v.Out, dst); n < 0 || !bytes.Equal(dst[:n], v.Plain) {
				t.Errorf("vector %d: decompresses to %d bytes %x", i, n, clip(dst[:max(n, 0)]))
			}
		}
		// Ours need not be the same bytes, but has to compress when the reference does and come back.
		out := make([]byte, MaxLen)
		n := Compress(v.Plain, out)
		if (n > 0) != v.Compressed {
			t.Errorf("vector %d: compresses to %d bytes", i, n)
		}
		if n == 0 {
			continue
		}
		if n >= len(v.Plain) || !IsCompressed(out) || VerbOf(out) != VerbOf(v.Plain) {
			t.Errorf("vector %d: compresses %d bytes to %d", i, len(v.Plain), n)
		}
		if n := Decompress(out[:n], dst); n < 0 || !bytes.Equal(dst[:n], v.Plain) {
			t.Errorf("vector %d: no round trip", i)
		}
	}
}

func TestDecompressCaptured(t *testing.T) {
	dst := make([]byte, MaxLen)
	found := 0
	for i, v := range capturedPackets(t) {
		if !v.Compressed {
			continue
		}
		found++
		n := Decompress(v.Plaintext, dst)
		if n < 0 || !bytes.Equal(dst[:n], append(bytes.Clone(v.Plaintext[:27]), v.PlaintextUncompressed[27:]...)) &&
			!bytes.Equal(dst[HeaderLen:n], v.PlaintextUncompressed[HeaderLen:]) {
			t.Errorf("packet %d, %s: %d bytes", i, v.Verb, n)
		}
		if dst[27] != v.Plaintext[27]&0x1f {
			t.Errorf("packet %d: verb byte %02x", i, dst[27])
		}
		if n := Decompress(v.Plaintext, dst[:n-1]); n != -1 {
			t.Errorf("packet %d: %d bytes into one byte less", i, n)
		}
	}
	if found == 0 {
		t.Error("no compressed packet")
	}
}

// A few bytes can stand for any number: the result never exceeds a packet.
func TestDecompressIsBounded(t *testing.T) {
	p := append(testPacket(HeaderLen), 0x1f, 'a', 1, 0)
	p = append(p, bytes.Repeat([]byte{255}, 200)...)
	p = append(p, 0, 0x50, 1, 2, 3, 4, 5)
	dst := make([]byte, 1<<20)
	if n := Decompress(p, dst); n != -1 {
		t.Errorf("decompresses to %d bytes", n)
	}
	for _, bad := range [][]byte{nil, make([]byte, 5), testPacket(HeaderLen), append(testPacket(HeaderLen), 0x10)} {
		if n := Decompress(bad, dst); n != -1 {
			t.Errorf("%x decompresses to %d bytes", bad, n)
		}
	}
}

func FuzzDecompress(f *testing.F) {
	for _, v := range compressVectors(f) {
		f.Add([]byte(v.Out[HeaderLen:]), uint16(MaxLen))
	}
	f.Add([]byte{0x1f, 'a', 1, 0, 255, 255, 0, 0x50, 1, 2, 3, 4, 5}, uint16(100))
	f.Fuzz(func(t *testing.T, b []byte, room uint16) {
		p := append(testPacket(HeaderLen), b...)
		buf := bytes.Repeat([]byte{0xa5}, int(room)+64)
		n := Decompress(p, buf[:room:room])
		if n > min(int(room), MaxLen) || n < -1 {
			t.Errorf("%d bytes into %d", n, room)
		}
		if bytes.Count(buf[room:], []byte{0xa5}) != 64 {
			t.Error("wrote behind the buffer")
		}
		if len(p) > MaxLen {
			return
		}
		out := make([]byte, len(p))
		if c := Compress(p, out); c > 0 {
			back := make([]byte, MaxLen)
			if n := Decompress(out[:c], back); n != len(p) || !bytes.Equal(back[:n], p) {
				t.Errorf("%x comes back as %d bytes", p, n)
			}
		}
	})
}

func TestPrimitives(t *testing.T) {
	// Salsa20 and AES-GMAC-SIV have their own tests; here the derivation of their keys.
	var agreement []struct{ Key48, AESK0, AESK1 hexBytes }
	readVectors(t, "agreement.json", &agreement)
	for i, v := range agreement {
		k0, k1 := derive((*[48]byte)(v.Key48), '0'), derive((*[48]byte)(v.Key48), '1')
		if !bytes.Equal(k0[:], v.AESK0) || !bytes.Equal(k1[:], v.AESK1) {
			t.Errorf("pair %d: keys %x, %x", i, k0, k1)
		}
	}
}
