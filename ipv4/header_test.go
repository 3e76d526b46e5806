package ipv4

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"pgregory.net/rapid"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Headers with their payload. Their checksums come from another program than this package.
var headerVectors = []struct {
	name, hex string
	want      Header
}{
	{
		// RFC 791, Appendix A, Example 1, with a checksum.
		"smallest", "45000015" + "006f0000" + "7b012f66" + "01020304" + "05060708" + "00",
		Header{TotalLen: 21, ID: 111, TTL: 123, Proto: ProtoICMP, Src: [4]byte{1, 2, 3, 4}, Dst: [4]byte{5, 6, 7, 8}},
	},
	{
		"do not fragment, DSCP and ECN", "45b90014" + "12344000" + "4006a5de" + "c0a80001" + "c0a800c7",
		Header{TOS: 0xb9, TotalLen: 20, ID: 0x1234, DF: true, TTL: 64, Proto: ProtoTCP, Src: [4]byte{192, 168, 0, 1}, Dst: [4]byte{192, 168, 0, 199}},
	},
	{
		"router alert, first fragment", "46000020" + "beef2000" + "01025bd1" + "0a000001" + "e0000016" + "94040000" + "0102030405060708",
		Header{
			TotalLen: 32, ID: 0xbeef, MF: true, TTL: 1, Proto: ProtoIGMP, Src: [4]byte{10, 0, 0, 1}, Dst: [4]byte{224, 0, 0, 22},
			Options: []byte{0x94, 4, 0, 0},
		},
	},
	{
		"last fragment", "45000018" + "beef00b9" + "4011a72a" + "0a000001" + "0a000002" + "01020304",
		Header{TotalLen: 24, ID: 0xbeef, FragOff: 1480, TTL: 64, Proto: ProtoUDP, Src: [4]byte{10, 0, 0, 1}, Dst: [4]byte{10, 0, 0, 2}},
	},
}

// wholeSum is the sum of a header by its definition, RFC 1071.
func wholeSum(b []byte) uint16 {
	sum := 0
	for i := 0; i < len(b); i += 2 {
		sum += int(b[i])<<8 | int(b[i+1])
	}
	return uint16(sum>>16 + sum)
}

func equal(a, b Header) bool {
	return bytes.Equal(a.Options, b.Options) && func() bool {
		a.Options, b.Options = nil, nil
		return a.TOS == b.TOS && a.TotalLen == b.TotalLen && a.ID == b.ID && a.DF == b.DF && a.MF == b.MF &&
			a.FragOff == b.FragOff && a.TTL == b.TTL && a.Proto == b.Proto && a.Src == b.Src && a.Dst == b.Dst
	}()
}

func TestHeaderVectors(t *testing.T) {
	for _, test := range headerVectors {
		b := unhex(t, test.hex)
		var h Header
		n := h.Parse(append(b, 0xff, 0xff)) // and padding
		if n != test.want.Len() || !equal(h, test.want) {
			t.Errorf("%s: Parse = %d, %+v, want %d, %+v", test.name, n, h, test.want.Len(), test.want)
			continue
		}
		got := make([]byte, MaxHeaderLen)
		if n := test.want.Put(got); !bytes.Equal(got[:n], b[:n]) {
			t.Errorf("%s: Put = %x, want %x", test.name, got[:n], b[:n])
		}
		for i := range b {
			if n := h.Parse(b[:i]); n != -1 {
				t.Errorf("%s: Parse of the first %d bytes = %d, want -1", test.name, i, n)
			}
			wantQuote := -1
			if i >= n {
				wantQuote = n
			}
			if got := h.ParseQuote(b[:i]); got != wantQuote {
				t.Errorf("%s: ParseQuote of the first %d bytes = %d, want %d", test.name, i, got, wantQuote)
			}
		}
		if h := test.want; h.IsFragment() != (h.MF || h.FragOff > 0) {
			t.Errorf("%s: IsFragment() = %v", test.name, h.IsFragment())
		}
	}
}

// TestHeaderDefects has one defect in each packet; the checksum is right but where it is the defect.
func TestHeaderDefects(t *testing.T) {
	for _, test := range []struct {
		name   string
		defect func(b []byte)
	}{
		{"version 0", func(b []byte) { b[0] = 0x05 }},
		{"version 5", func(b []byte) { b[0] = 0x55 }},
		{"version 6", func(b []byte) { b[0] = 0x65 }},
		{"version 15", func(b []byte) { b[0] = 0xf5 }},
		{"IHL 0", func(b []byte) { b[0] = 0x40 }},
		{"IHL 4", func(b []byte) { b[0] = 0x44 }},
		{"IHL beyond the total length", func(b []byte) { b[0] = 0x47 }},
		{"IHL beyond the packet", func(b []byte) { b[0] = 0x4f }},
		{"total length 0", func(b []byte) { b[2], b[3] = 0, 0 }},
		{"total length 19", func(b []byte) { b[2], b[3] = 0, 19 }},
		{"total length more than was received", func(b []byte) { b[3]++ }},
		{"total length 65535", func(b []byte) { b[2], b[3] = 0xff, 0xff }},
	} {
		b := unhex(t, headerVectors[0].hex)
		b = append(b, 1, 2, 3)
		b[3] = byte(len(b))
		test.defect(b)
		b[10], b[11] = 0, 0
		sum := wholeSum(b[:20])
		b[10], b[11] = byte(^sum>>8), byte(^sum)
		if n := new(Header).Parse(b); n != -1 {
			t.Errorf("%s: Parse = %d, want -1", test.name, n)
		}
	}
	for bit := range 20 * 8 {
		b := unhex(t, headerVectors[1].hex)
		b[bit/8] ^= 1 << (bit % 8)
		if n := new(Header).Parse(b); n != -1 {
			t.Errorf("bit %d flipped: Parse = %d, want -1", bit, n)
		}
	}
}

func TestPutPanics(t *testing.T) {
	for name, f := range map[string]func(){
		"no room":        func() { (&Header{}).Put(make([]byte, 19)) },
		"total length":   func() { (&Header{TotalLen: 65536}).Put(make([]byte, 60)) },
		"offset":         func() { (&Header{FragOff: 65536}).Put(make([]byte, 60)) },
		"many options":   func() { (&Header{Options: make([]byte, 41)}).Put(make([]byte, 80)) },
		"negative":       func() { (&Header{TotalLen: -1}).Put(make([]byte, 60)) },
		"negative start": func() { (&Header{FragOff: -8}).Put(make([]byte, 60)) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: Put does not panic", name)
				}
			}()
			f()
		}()
	}
}

func TestOptionsArePadded(t *testing.T) {
	h := Header{TotalLen: 24, Options: []byte{1}}
	b := bytes.Repeat([]byte{0xff}, 24)
	if n := h.Put(b); n != 24 || !bytes.Equal(b[20:], []byte{1, 0, 0, 0}) {
		t.Errorf("Put = %d, options %x", n, b[20:])
	}
	if n := new(Header).Parse(b); n != 24 {
		t.Errorf("Parse = %d, want 24", n)
	}
}

func bytesOf(t *rapid.T, n int, label string) []byte {
	return rapid.SliceOfN(rapid.Byte(), n, n).Draw(t, label)
}

func drawHeader(t *rapid.T) Header {
	h := Header{
		TOS:     rapid.Byte().Draw(t, "tos"),
		ID:      rapid.Uint16().Draw(t, "id"),
		DF:      rapid.Bool().Draw(t, "df"),
		MF:      rapid.Bool().Draw(t, "mf"),
		FragOff: rapid.IntRange(0, 0x1fff).Draw(t, "offset") * 8,
		TTL:     rapid.Byte().Draw(t, "ttl"),
		Proto:   rapid.Byte().Draw(t, "proto"),
		Src:     [4]byte(bytesOf(t, 4, "src")),
		Dst:     [4]byte(bytesOf(t, 4, "dst")),
	}
	// NOPs, which gopacket reads and writes one by one.
	h.Options = bytes.Repeat([]byte{1}, 4*rapid.IntRange(0, 10).Draw(t, "options"))
	return h
}

// TestGopacket compares with an independent codec in both directions.
func TestGopacket(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := drawHeader(t)
		data := rapid.SliceOfN(rapid.Byte(), 0, 30).Draw(t, "payload")
		h.TotalLen = h.Len() + len(data)
		b := make([]byte, h.TotalLen)
		copy(b[h.Put(b):], data)

		theirs := layers.IPv4{
			Version: 4, TOS: h.TOS, Id: h.ID, FragOffset: uint16(h.FragOff / 8), TTL: h.TTL, Protocol: layers.IPProtocol(h.Proto),
			SrcIP: h.Src[:], DstIP: h.Dst[:],
		}
		if h.DF {
			theirs.Flags |= layers.IPv4DontFragment
		}
		if h.MF {
			theirs.Flags |= layers.IPv4MoreFragments
		}
		for range h.Options {
			theirs.Options = append(theirs.Options, layers.IPv4Option{OptionType: 1, OptionLength: 1})
		}
		buf := gopacket.NewSerializeBuffer()
		err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, &theirs, gopacket.Payload(data))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(b, buf.Bytes()) {
			t.Fatalf("Put(%+v) = %x, gopacket has %x", h, b, buf.Bytes())
		}

		var got Header
		if n := got.Parse(buf.Bytes()); n != h.Len() || !equal(got, h) {
			t.Fatalf("Parse of gopacket's packet = %d, %+v, want %+v", n, got, h)
		}
		var decoded layers.IPv4
		if err := decoded.DecodeFromBytes(b, gopacket.NilDecodeFeedback); err != nil {
			t.Fatal(err)
		}
		if decoded.Id != h.ID || decoded.TTL != h.TTL || !decoded.SrcIP.Equal(h.Src[:]) || !bytes.Equal(decoded.Payload, data) {
			t.Fatalf("gopacket reads %+v, want %+v", decoded, h)
		}
	})
}

func TestNoAllocs(t *testing.T) {
	h := headerVectors[2].want
	var b [100]byte
	if n := testing.AllocsPerRun(100, func() { h.Put(b[:]); h.Parse(b[:]) }); n != 0 {
		t.Errorf("Put and Parse allocate %v times", n)
	}
}

func BenchmarkHeader(b *testing.B) {
	for _, v := range []int{1, 2} {
		h := headerVectors[v].want
		var buf [MaxHeaderLen]byte
		n := h.Put(buf[:])
		name := map[int]string{1: "plain", 2: "options"}[v]
		b.Run("parse/"+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				h.Parse(buf[:])
			}
		})
		b.Run("put/"+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				h.Put(buf[:n])
			}
		})
	}
}

func FuzzHeader(f *testing.F) {
	for _, v := range headerVectors {
		f.Add(unhex(f, v.hex))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var h Header
		n := h.Parse(b)
		if n < 0 {
			// A mutation rarely has the right checksum.
			b = bytes.Clone(b)
			if n = h.ParseQuote(b); n >= 0 {
				b[10], b[11] = 0, 0
				sum := ^wholeSum(b[:n])
				b[10], b[11] = byte(sum>>8), byte(sum)
				n = h.Parse(b)
			}
		}
		if n < 0 {
			return
		}
		if n != h.Len() || h.TotalLen < n || h.TotalLen > len(b) {
			t.Fatalf("Parse(%x) = %d, %+v", b, n, h)
		}
		if _, pointer, ok := CheckOptions(h.Options); !ok && (pointer < HeaderLen || pointer >= n) {
			t.Errorf("CheckOptions(%x) points at %d", h.Options, pointer)
		}
		// The reserved flag is not kept, and a checksum of zero can be written as all ones.
		want := bytes.Clone(b[:n])
		want[6] &^= 0x80
		want[10], want[11] = 0, 0
		var out [MaxHeaderLen]byte
		h.Put(out[:])
		if wholeSum(out[:n]) != 0xffff {
			t.Errorf("Put writes a wrong checksum: %x", out[:n])
		}
		out[10], out[11] = 0, 0
		if !bytes.Equal(out[:n], want) {
			t.Errorf("Put(Parse(%x)) = %x", b[:n], out[:n])
		}
	})
}
