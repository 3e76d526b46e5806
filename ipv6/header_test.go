package ipv6

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

var (
	src = [16]byte{0: 0x20, 1: 0x01, 2: 0x0d, 3: 0xb8, 15: 1}
	dst = [16]byte{0: 0x20, 1: 0x01, 2: 0x0d, 3: 0xb8, 15: 2}
)

const (
	srcHex = "20010db8000000000000000000000001"
	dstHex = "20010db8000000000000000000000002"
)

var headerVectors = []struct {
	name, hex string
	want      Header
}{
	{"empty", "6000000000003b40" + srcHex + dstHex, Header{Next: ProtoNoNext, HopLimit: 64, Src: src, Dst: dst}},
	{
		"all fields", "6b9abcde0003113f" + srcHex + dstHex + "010203",
		Header{Traffic: 0xb9, Flow: 0xabcde, PayloadLen: 3, Next: ProtoUDP, HopLimit: 63, Src: src, Dst: dst},
	},
}

func TestHeaderVectors(t *testing.T) {
	for _, test := range headerVectors {
		b := unhex(t, test.hex)
		var h Header
		if n := h.Parse(append(b, 0xff, 0xff)); n != HeaderLen || h != test.want {
			t.Errorf("%s: Parse = %d, %+v, want %+v", test.name, n, h, test.want)
		}
		got := make([]byte, HeaderLen)
		if n := test.want.Put(got); n != HeaderLen || !bytes.Equal(got, b[:HeaderLen]) {
			t.Errorf("%s: Put = %x, want %x", test.name, got, b)
		}
		for i := range b {
			if n := h.Parse(b[:i]); n != -1 {
				t.Errorf("%s: Parse of the first %d bytes = %d, want -1", test.name, i, n)
			}
			want := -1
			if i >= HeaderLen {
				want = HeaderLen
			}
			if n := h.ParseQuote(b[:i]); n != want {
				t.Errorf("%s: ParseQuote of the first %d bytes = %d, want %d", test.name, i, n, want)
			}
		}
		for _, version := range []byte{0, 4, 5, 7, 15} {
			b := bytes.Clone(b)
			b[0] = b[0]&15 | version<<4
			if n := h.Parse(b); n != -1 {
				t.Errorf("%s: Parse of version %d = %d, want -1", test.name, version, n)
			}
		}
	}
}

func TestPutPanics(t *testing.T) {
	for name, f := range map[string]func(){
		"no room":                  func() { (&Header{}).Put(make([]byte, 39)) },
		"payload":                  func() { (&Header{PayloadLen: 65536}).Put(make([]byte, 40)) },
		"no room for a fragment":   func() { (&FragmentHeader{}).Put(make([]byte, 7)) },
		"fragment offset":          func() { (&FragmentHeader{Off: 65536}).Put(make([]byte, 8)) },
		"no room for router alert": func() { PutRouterAlert(make([]byte, 7), 0) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
}

func bytesOf(t *rapid.T, n int, label string) []byte {
	return rapid.SliceOfN(rapid.Byte(), n, n).Draw(t, label)
}

func drawHeader(t *rapid.T) Header {
	return Header{
		Traffic:  rapid.Byte().Draw(t, "traffic"),
		Flow:     rapid.Uint32Range(0, 0xfffff).Draw(t, "flow"),
		Next:     rapid.SampledFrom([]uint8{ProtoTCP, ProtoUDP, ProtoICMPv6, 253}).Draw(t, "next"),
		HopLimit: rapid.Byte().Draw(t, "hop limit"),
		Src:      [16]byte(bytesOf(t, 16, "src")),
		Dst:      [16]byte(bytesOf(t, 16, "dst")),
	}
}

// TestGopacket compares with an independent codec in both directions.
func TestGopacket(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := drawHeader(t)
		data := rapid.SliceOfN(rapid.Byte(), 1, 30).Draw(t, "payload") // gopacket refuses empty packets
		h.PayloadLen = len(data)
		b := make([]byte, HeaderLen+len(data))
		copy(b[h.Put(b):], data)
		theirs := layers.IPv6{
			Version: 6, TrafficClass: h.Traffic, FlowLabel: h.Flow, NextHeader: layers.IPProtocol(h.Next), HopLimit: h.HopLimit,
			SrcIP: h.Src[:], DstIP: h.Dst[:],
		}
		buf := gopacket.NewSerializeBuffer()
		err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true}, &theirs, gopacket.Payload(data))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(b, buf.Bytes()) {
			t.Fatalf("Put(%+v) = %x, gopacket has %x", h, b, buf.Bytes())
		}
		var got Header
		if n := got.Parse(buf.Bytes()); n != HeaderLen || got != h {
			t.Fatalf("Parse of gopacket's packet = %d, %+v, want %+v", n, got, h)
		}
		var decoded layers.IPv6
		if err := decoded.DecodeFromBytes(b, gopacket.NilDecodeFeedback); err != nil {
			t.Fatal(err)
		}
		if decoded.FlowLabel != h.Flow || decoded.TrafficClass != h.Traffic || !decoded.DstIP.Equal(h.Dst[:]) || !bytes.Equal(decoded.Payload, data) {
			t.Fatalf("gopacket reads %+v, want %+v", decoded, h)
		}
	})
}

func TestNoAllocs(t *testing.T) {
	h := headerVectors[0].want
	var b [HeaderLen + 100]byte
	options := unhex(t, "1100010400000000")
	if n := testing.AllocsPerRun(100, func() {
		h.Put(b[:])
		h.Parse(b[:])
		Walk(ProtoTCP, b[:])
		Walk(ProtoDestOptions, options)
	}); n != 0 {
		t.Errorf("Put, Parse and Walk allocate %v times", n)
	}
}

func BenchmarkHeader(b *testing.B) {
	h := headerVectors[0].want
	var buf [HeaderLen]byte
	h.Put(buf[:])
	b.Run("parse", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			h.Parse(buf[:])
		}
	})
	b.Run("put", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			h.Put(buf[:])
		}
	})
}

func FuzzHeader(f *testing.F) {
	for _, v := range headerVectors {
		f.Add(unhex(f, v.hex))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var h Header
		if h.Parse(b) < 0 {
			return
		}
		var out [HeaderLen]byte
		if h.Put(out[:]); !bytes.Equal(out[:], b[:HeaderLen]) || h.PayloadLen > len(b)-HeaderLen {
			t.Errorf("Put(Parse(%x)) = %x", b[:HeaderLen], out)
		}
	})
}
