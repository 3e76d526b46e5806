package tcp

import (
	"encoding/hex"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

// unhex returns the bytes that s spells; spaces are ignored.
func unhex(s string) []byte {
	var c []byte
	for _, r := range []byte(s) {
		if r != ' ' {
			c = append(c, r)
		}
	}
	b, err := hex.DecodeString(string(c))
	if err != nil {
		panic(err)
	}
	return b
}

// headerVectors are headers as other stacks send them.
var headerVectors = []struct {
	name string
	wire string
	want Header
}{
	{
		"a SYN of Linux",
		"c5d2 0050 12345678 00000000 a002 faf0 0000 0000 0204 05b4 0402 080a 01020304 00000000 0103 0307",
		Header{SrcPort: 0xc5d2, DstPort: 80, Seq: 0x12345678, Flags: SYN, Window: 64240, DataOff: 40, Options: Options{
			HasMSS: true, MSS: 1460, SACKPermitted: true, HasTimestamps: true, TSVal: 0x01020304, HasWindowScale: true, WindowScale: 7}},
	},
	{
		"an ACK with timestamps",
		"0050 c5d2 00000001 12345679 8010 01f6 0000 0000 0101 080a 0a0b0c0d 01020304",
		Header{SrcPort: 80, DstPort: 0xc5d2, Seq: 1, Ack: 0x12345679, Flags: ACK, Window: 502, DataOff: 32, Options: Options{
			HasTimestamps: true, TSVal: 0x0a0b0c0d, TSEcr: 0x01020304}},
	},
	{
		"an ACK with two SACK blocks",
		"0050 c5d2 00000001 12345679 a010 01f6 0000 0000 0101 0512 00000010 00000020 00000030 00000040",
		Header{SrcPort: 80, DstPort: 0xc5d2, Seq: 1, Ack: 0x12345679, Flags: ACK, Window: 502, DataOff: 40, Options: Options{
			NumSACK: 2, SACK: [4]SACKBlock{{0x10, 0x20}, {0x30, 0x40}}}},
	},
	{
		"an RST without options",
		"0050 c5d2 00000000 12345679 5014 0000 0000 0000",
		Header{SrcPort: 80, DstPort: 0xc5d2, Ack: 0x12345679, Flags: RST | ACK, DataOff: 20},
	},
}

func TestHeaderVectors(t *testing.T) {
	for _, v := range headerVectors {
		wire := unhex(v.wire)
		var h Header
		if n := h.Parse(wire); n != len(wire) || h != v.want {
			t.Errorf("%s: Parse = %d, %+v\nwant %+v", v.name, n, h, v.want)
		}
		b := make([]byte, MaxHeaderLen)
		out := v.want
		if n := out.Put(b); n != len(wire) || string(b[:n]) != string(wire) {
			t.Errorf("%s: Put = %x\nwant  %x", v.name, b[:n], wire)
		}
		for cut := range wire {
			if n := h.Parse(wire[:cut]); n != -1 {
				t.Errorf("%s: Parse of the first %d of %d bytes = %d", v.name, cut, len(wire), n)
			}
		}
	}
}

// TestParseDataOffset: "Data Offset" below five words or past the segment makes it no segment.
func TestParseDataOffset(t *testing.T) {
	b := make([]byte, 40)
	for words := range 16 {
		b[12] = byte(words) << 4
		want := words * 4
		if words < 5 || want > len(b) {
			want = -1
		}
		var h Header
		if n := h.Parse(b); n != want {
			t.Errorf("data offset %d: Parse = %d, want %d", words, n, want)
		}
	}
}

// TestParseOptions has one oddity per case. None makes the segment bad; what stands before it counts.
func TestParseOptions(t *testing.T) {
	mss := Options{HasMSS: true, MSS: 1460}
	for _, tt := range []struct {
		name, wire string
		want       Options
	}{
		{"length 0", "020405b4 0300 0000", mss},
		{"length 1", "020405b4 0301 0000", mss},
		{"length past the header", "020405b4 0103 0bff", mss},
		{"kind without length", "020405b4 0101 0103", mss},
		{"unknown kinds are stepped over", "1e04ffff fd04ffff 020405b4", mss},
		{"MSS of length 3", "0203 05 01 020405b4", mss},
		{"window scale of length 4", "0304 0707 020405b4", mss},
		{"SACK-permitted of length 3", "0403 00 01 020405b4", mss},
		{"timestamps of length 6", "0806 00000001 0101 020405b4", mss},
		{"garbage after the end", "020405b4 00 030307", mss},
		{"SACK of 9 bytes", "0509 00000001 000000 01 0101 020405b4", mss},
		{"window scale 15", "03030f 01", Options{HasWindowScale: true, WindowScale: 14}},
		{"window scale 255", "0303ff 01", Options{HasWindowScale: true, WindowScale: 14}},
		{"an empty SACK", "0502 0101", Options{}},
		{"all NOPs", "01010101 01010101", Options{}},
		{"the last of two", "02040001 020405b4", mss},
	} {
		opts := unhex(tt.wire)
		for len(opts)%4 != 0 {
			opts = append(opts, 0)
		}
		b := append(make([]byte, 20), opts...)
		b[12] = byte(len(b)/4) << 4
		var h Header
		h.Options = Options{HasMSS: true, NumSACK: 3, TSVal: 7} // must not survive
		if n := h.Parse(b); n != len(b) {
			t.Errorf("%s: Parse = %d, want %d", tt.name, n, len(b))
		}
		h.Options.SACK = [4]SACKBlock{}
		if h.Options != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.name, h.Options, tt.want)
		}
	}
}

func TestPutRefusesWhatDoesNotFit(t *testing.T) {
	for _, size := range []int{0, 19, 20, 31} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("Put into %d bytes did not panic", size)
				}
			}()
			h := Header{Options: Options{HasTimestamps: true}}
			h.Put(make([]byte, size))
		}()
	}
}

// randomHeader returns a header whose options fit.
func randomHeader(rng *rand.Rand) (h Header) {
	h = Header{
		SrcPort: uint16(rng.Uint32()), DstPort: uint16(rng.Uint32()), Seq: Seq(rng.Uint32()), Ack: Seq(rng.Uint32()),
		Flags: Flags(rng.Uint32()), Window: uint16(rng.Uint32()), Urgent: uint16(rng.Uint32()),
	}
	o := &h.Options
	if h.Flags.Has(SYN) {
		o.HasMSS, o.SACKPermitted, o.HasWindowScale = rng.IntN(2) > 0, rng.IntN(2) > 0, rng.IntN(2) > 0
		if o.HasMSS {
			o.MSS = uint16(rng.Uint32())
		}
		if o.HasWindowScale {
			o.WindowScale = uint8(rng.IntN(15))
		}
	}
	if o.HasTimestamps = rng.IntN(2) > 0; o.HasTimestamps {
		o.TSVal, o.TSEcr = rng.Uint32(), rng.Uint32()
	}
	room := MaxHeaderLen - HeaderLen - o.len(h.Flags.Has(SYN))
	if room >= 12 {
		o.NumSACK = rng.IntN(min(4, (room-4)/8) + 1)
	}
	for i := range o.NumSACK {
		o.SACK[i] = SACKBlock{Seq(rng.Uint32()), Seq(rng.Uint32())}
	}
	return h
}

// TestHeaderAgainstGopacket has another decoder read what Put writes.
func TestHeaderAgainstGopacket(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 5000 {
		h := randomHeader(rng)
		b := make([]byte, MaxHeaderLen+8)
		n := h.Put(b)
		var back Header
		if m := back.Parse(b[:n+8]); m != n || back != h {
			t.Fatalf("round trip of %+v: %d, %+v", h, m, back)
		}
		var g layers.TCP
		if err := g.DecodeFromBytes(b[:n+8], gopacket.NilDecodeFeedback); err != nil {
			t.Fatalf("gopacket: %v on %x", err, b[:n])
		}
		flags := Flags(0)
		for i, on := range []bool{g.FIN, g.SYN, g.RST, g.PSH, g.ACK, g.URG, g.ECE, g.CWR} {
			if on {
				flags |= 1 << i
			}
		}
		got := Header{SrcPort: uint16(g.SrcPort), DstPort: uint16(g.DstPort), Seq: Seq(g.Seq), Ack: Seq(g.Ack), Flags: flags,
			Window: g.Window, Urgent: g.Urgent, DataOff: int(g.DataOffset) * 4}
		var opts []byte
		for _, o := range g.Options {
			opts = append(opts, byte(o.OptionType))
			if o.OptionType > 1 {
				opts = append(append(opts, o.OptionLength), o.OptionData...)
			}
		}
		got.Options.parse(opts)
		got.Options.SACK, back.Options.SACK = trimSACK(got.Options), trimSACK(back.Options)
		if !reflect.DeepEqual(got, back) {
			t.Fatalf("gopacket reads %+v, want %+v", got, back)
		}
		if len(g.Payload) != 8 {
			t.Fatalf("gopacket: payload of %d bytes, want 8", len(g.Payload))
		}
	}
}

func trimSACK(o Options) (s [4]SACKBlock) {
	copy(s[:], o.SACK[:o.NumSACK])
	return s
}

func TestSeq(t *testing.T) {
	for _, tt := range []struct {
		a, b Seq
		less bool
	}{
		{0, 1, true}, {1, 0, false}, {5, 5, false}, {0xffffffff, 0, true}, {0, 0xffffffff, false},
		{0x7fffffff, 0x80000000, true}, {0xfffffff0, 0x10, true},
	} {
		if got := tt.a.LessThan(tt.b); got != tt.less {
			t.Errorf("%d.LessThan(%d) = %v", tt.a, tt.b, got)
		}
		if got := tt.a.LessEq(tt.b); got != (tt.less || tt.a == tt.b) {
			t.Errorf("%d.LessEq(%d) = %v", tt.a, tt.b, got)
		}
	}
	if d := Seq(3).Sub(0xfffffffe); d != 5 {
		t.Errorf("3 - (2^32-2) = %d, want 5", d)
	}
	if s := Seq(0xfffffffe).Add(5); s != 3 {
		t.Errorf("(2^32-2) + 5 = %d, want 3", s)
	}
	if !Seq(1).InWindow(0xffffffff, 3) || Seq(2).InWindow(0xffffffff, 3) || Seq(7).InWindow(7, 0) {
		t.Error("InWindow across the wrap")
	}
}

func TestFlagsString(t *testing.T) {
	for f, want := range map[Flags]string{SYN: "S", SYN | ACK: "S.", FIN | ACK | PSH: "FP.", RST: "R", 0: "none", ACK: "."} {
		if got := f.String(); got != want {
			t.Errorf("Flags(%#x) = %q, want %q", uint8(f), got, want)
		}
	}
}

// FuzzParse checks that no bytes make Parse read beyond them or give what Put cannot write again.
func FuzzParse(f *testing.F) {
	for _, v := range headerVectors {
		f.Add(unhex(v.wire))
	}
	f.Add(unhex("0050c5d2 00000000 12345679 6014 0000 0000 0000 020405b4"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var h Header
		n := h.Parse(b)
		if n == -1 {
			return
		}
		if n < HeaderLen || n > MaxHeaderLen || n > len(b) || h.DataOff != n {
			t.Fatalf("Parse = %d of %d bytes, data offset %d", n, len(b), h.DataOff)
		}
		if h.Options.WindowScale > maxWindowScale || h.Options.NumSACK > 4 {
			t.Fatalf("options %+v", h.Options)
		}
		if h.Options.len(h.Flags.Has(SYN)) > MaxHeaderLen-HeaderLen {
			return // known options packed tighter than Put aligns them
		}
		if !h.Flags.Has(SYN) {
			h.Options.HasMSS, h.Options.SACKPermitted, h.Options.HasWindowScale = false, false, false
			h.Options.MSS, h.Options.WindowScale = 0, 0
		}
		var out [MaxHeaderLen]byte
		m := h.Put(out[:])
		var back Header
		if back.Parse(out[:m]) != m {
			t.Fatalf("Put wrote %x", out[:m])
		}
		h.Options.SACK, back.Options.SACK = trimSACK(h.Options), trimSACK(back.Options)
		if back != h {
			t.Fatalf("round trip: %+v, want %+v", back, h)
		}
	})
}
