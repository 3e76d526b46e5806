package icmp

import (
	"bytes"
	"net/netip"
	"testing"
)

const (
	quoteTCP4 = "45000034" + "12344000" + "3f06abcd" + "0a000001" + "0a000002" + "c0010050" + "deadbeef"
	quoteUDP6 = "60012345" + "0010113f" + "20010db8000000000000000000000001" + "20010db8000000000000000000000002" + "c0010035" + "00100000"
)

func TestParseQuote4(t *testing.T) {
	q, ok := ParseQuote4(unhex(t, quoteTCP4))
	want := Quote{
		Src: netip.MustParseAddr("10.0.0.1"), Dst: netip.MustParseAddr("10.0.0.2"), Proto: 6, SrcPort: 0xc001, DstPort: 80,
		Seq: 0xdeadbeef, HasSeq: true, PacketLen: 52,
	}
	if transport := q.Transport; !ok || len(transport) != 8 || !sameQuote(q, want) {
		t.Errorf("ParseQuote4 = %+v, %v, want %+v", q, ok, want)
	}
	for i := range unhex(t, quoteTCP4) {
		if q, ok := ParseQuote4(unhex(t, quoteTCP4)[:i]); ok {
			t.Errorf("ParseQuote4 of %d bytes = %+v", i, q)
		}
	}
}

func sameQuote(a, b Quote) bool {
	return a.Src == b.Src && a.Dst == b.Dst && a.SrcPort == b.SrcPort && a.DstPort == b.DstPort && a.Proto == b.Proto &&
		a.HasSeq == b.HasSeq && a.Seq == b.Seq && a.EchoID == b.EchoID && a.EchoSeq == b.EchoSeq && a.PacketLen == b.PacketLen
}

func TestParseQuote6(t *testing.T) {
	q, ok := ParseQuote6(unhex(t, quoteUDP6))
	want := Quote{
		Src: netip.MustParseAddr("2001:db8::1"), Dst: netip.MustParseAddr("2001:db8::2"), Proto: 17, SrcPort: 0xc001, DstPort: 53, PacketLen: 56,
	}
	if !ok || !sameQuote(q, want) || len(q.Transport) != 8 {
		t.Errorf("ParseQuote6 = %+v, %v, want %+v", q, ok, want)
	}
	for i := range unhex(t, quoteUDP6) {
		if q, ok := ParseQuote6(unhex(t, quoteUDP6)[:i]); ok {
			t.Errorf("ParseQuote6 of %d bytes = %+v", i, q)
		}
	}
}

func TestQuoteDefects(t *testing.T) {
	set := func(s string, off int, data ...byte) []byte {
		b := unhex(t, s)
		copy(b[off:], data)
		return b
	}
	for _, test := range []struct {
		name string
		b    []byte
		ok   bool
	}{
		{"stale checksum", set(quoteTCP4, 10, 0, 0), true},
		{"version 6", set(quoteTCP4, 0, 0x65), false},
		{"IHL 4", set(quoteTCP4, 0, 0x44), false},
		{"IHL 6: the options are there, 8 bytes of transport are not", set(quoteTCP4, 0, 0x46), false},
		{"IHL 15", set(quoteTCP4, 0, 0x4f), false},
		{"total length 19", set(quoteTCP4, 2, 0, 19), false},
		{"first fragment", set(quoteTCP4, 6, 0x20, 0), true},
		{"other fragment", set(quoteTCP4, 6, 0, 1), false},
		{"another protocol", set(quoteTCP4, 9, 132), true},
		{"echo request", set(quoteTCP4, 9, 1, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 8), true},
		{"echo reply", set(quoteTCP4, 9, 1, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0), false},
		{"error about an error", set(quoteTCP4, 9, 1, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 3), false},
		{"ICMPv6 over IPv4", set(quoteTCP4, 9, 58, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 8), false},
	} {
		if q, ok := ParseQuote4(test.b); ok != test.ok {
			t.Errorf("IPv4, %s: %+v, %v", test.name, q, ok)
		}
	}
	ext := func(next byte, headers string) []byte {
		b := set(quoteUDP6, 6, next)
		return append(append(bytes.Clone(b[:40]), unhex(t, headers)...), b[40:]...)
	}
	for _, test := range []struct {
		name string
		b    []byte
		ok   bool
	}{
		{"version 4", set(quoteUDP6, 0, 0x45), false},
		{"hop-by-hop", ext(0, "1100010400000000"), true},
		{"three headers", ext(0, "3c00010400000000"+"2b00010400000000"+"1100000000000000"), true},
		{"first fragment", ext(44, "1100000100000001"), true},
		{"atomic fragment", ext(44, "1100000000000001"), true},
		{"other fragment", ext(44, "1100000900000001"), false},
		{"9 headers", ext(60, "3c000104000000003c000104000000003c000104000000003c000104000000003c000104000000003c000104000000003c000104000000003c000104000000001100010400000000"), false},
		{"header past the quote", ext(0, "110f010400000000"), false},
		{"echo request", set(quoteUDP6, 6, 58, 63), false}, // type 0xc0
		{"ICMPv4 over IPv6", set(quoteUDP6, 6, 1), false},
	} {
		if q, ok := ParseQuote6(test.b); ok != test.ok {
			t.Errorf("IPv6, %s: %+v, %v", test.name, q, ok)
		}
	}
	echo := set(quoteUDP6, 6, 58)
	copy(echo[40:], []byte{128, 0, 0, 0, 0xab, 0xcd, 0, 7})
	if q, ok := ParseQuote6(echo); !ok || q.EchoID != 0xabcd || q.EchoSeq != 7 {
		t.Errorf("echo request: %+v, %v", q, ok)
	}
}

func FuzzQuote(f *testing.F) {
	f.Add(unhex(f, quoteTCP4))
	f.Add(unhex(f, quoteUDP6))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, parse := range []func([]byte) (Quote, bool){ParseQuote4, ParseQuote6} {
			q, ok := parse(b)
			if ok && (len(q.Transport) < 8 || !q.Src.IsValid() || !q.Dst.IsValid() || !bytes.HasSuffix(b, q.Transport)) {
				t.Errorf("quote of %x is %+v", b, q)
			}
		}
	})
}
