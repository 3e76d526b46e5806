package ipv6

import (
	"strings"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"pgregory.net/rapid"
)

// Extension headers, but for their first byte, which is the next header.
const (
	padded   = "00" + "010400000000" // options: PadN of 6 bytes
	alert    = "00" + "050200000100" // Router Alert, PadN of 2 bytes
	routing0 = "00" + "000000000000" // routing type 0, no segments left
	atomic   = "00" + "0000" + "deadbeef"
	fragment = "00" + "0001" + "deadbeef"
)

func TestWalk(t *testing.T) {
	param := func(r Reason, code uint8, pointer uint32) Verdict {
		return Verdict{Action: ParamProblem, Reason: r, Code: code, Pointer: pointer}
	}
	drop := func(r Reason) Verdict { return Verdict{Action: Drop, Reason: r} }
	deliver := Verdict{}
	any := func(v Verdict) Verdict { v.EvenMulticast = true; return v }
	for _, test := range []struct {
		name string
		next uint8
		hex  string
		want Verdict
		off  int   // where the walk ends
		to   uint8 // what it ends at
	}{
		{"TCP", ProtoTCP, "0102", deliver, 40, ProtoTCP},
		{"unknown protocol", 253, "0102", deliver, 40, 253},
		{"AH is unknown", 51, "06040000", deliver, 40, 51},
		{"no next header", ProtoNoNext, "0102", drop(NoNext), 40, ProtoNoNext},
		{"destination options", ProtoDestOptions, "11" + padded + "aa", deliver, 48, ProtoUDP},
		{"hop-by-hop", ProtoHopByHop, "06" + padded, deliver, 48, ProtoTCP},
		{"hop-by-hop, routing, destination", ProtoHopByHop, "2b" + padded + "3c" + routing0 + "3a" + padded, deliver, 64, ProtoICMPv6},
		{"hop-by-hop, then no next header", ProtoHopByHop, "3b" + padded, drop(NoNext), 48, ProtoNoNext},
		{"hop-by-hop behind another", ProtoHopByHop, "00" + padded + "06" + padded, param(HopByHopOrder, CodeNextHeader, 40), 48, 0},
		{"hop-by-hop behind destination options", ProtoDestOptions, "3c" + padded + "00" + padded + "06" + padded, param(HopByHopOrder, CodeNextHeader, 48), 56, 0},

		{"long header", ProtoDestOptions, "0601" + "1e0c000000000000000000000000", deliver, 56, ProtoTCP},
		{"no options at all: padding", ProtoDestOptions, "0600" + "000000000000", deliver, 48, ProtoTCP},
		{"chain ends mid-header", ProtoDestOptions, "060001", drop(Truncated), 40, ProtoDestOptions},
		{"chain ends before the next header", ProtoDestOptions, "3c" + padded, drop(Truncated), 48, ProtoDestOptions},
		{"header longer than the packet", ProtoDestOptions, "0601" + "010400000000", drop(Truncated), 40, ProtoDestOptions},
		{"nothing where a header should be", ProtoRouting, "", drop(Truncated), 40, ProtoRouting},
		{"8 headers", ProtoDestOptions, strings.Repeat("3c"+padded, 7) + "06" + padded, deliver, 104, ProtoTCP},
		{"9 headers", ProtoDestOptions, strings.Repeat("3c"+padded, 8) + "06" + padded, drop(TooManyHeaders), 104, ProtoDestOptions},

		{"option 00: skip", ProtoDestOptions, "0600" + "1e0400000000", deliver, 48, ProtoTCP},
		{"option 01: drop", ProtoDestOptions, "0600" + "5e0400000000", drop(UnknownOption), 40, ProtoDestOptions},
		{"option 10: tell", ProtoDestOptions, "0600" + "9e0400000000", any(param(UnknownOption, CodeOption, 42)), 40, ProtoDestOptions},
		{"option 11: tell but groups", ProtoDestOptions, "0600" + "de0400000000", param(UnknownOption, CodeOption, 42), 40, ProtoDestOptions},
		{"option 11 behind padding", ProtoHopByHop, "0600" + "000100" + "de0100", param(UnknownOption, CodeOption, 45), 40, 0},
		{"jumbo payload", ProtoHopByHop, "0600" + "c20400010000", param(UnknownOption, CodeOption, 42), 40, 0},
		{"home address", ProtoDestOptions, "0600" + "c90400010000", param(UnknownOption, CodeOption, 42), 40, ProtoDestOptions},
		{"option past its header", ProtoDestOptions, "0600" + "1e0500000000", drop(OptionOverrun), 40, ProtoDestOptions},
		{"PadN past its header", ProtoDestOptions, "0600" + "000000010200", drop(OptionOverrun), 40, ProtoDestOptions},
		{"option without length", ProtoDestOptions, "0600" + "01020000001e", drop(OptionOverrun), 40, ProtoDestOptions},
		{"8 bytes of padding", ProtoDestOptions, "0601" + "0106000000000000" + "1e0400000000", drop(Padding), 40, ProtoDestOptions},
		{"8 times Pad1", ProtoDestOptions, "0601" + "0000000000000000" + "1e0400000000", drop(Padding), 40, ProtoDestOptions},
		{"7 bytes of padding twice", ProtoDestOptions, "0602" + "01050000000000" + "1e0100" + "00000000000000" + "1e03000000", deliver, 64, ProtoTCP},
		{"8 options", ProtoDestOptions, "0602" + strings.Repeat("1e00", 8) + "010400000000", deliver, 64, ProtoTCP},
		{"9 options", ProtoDestOptions, "0602" + strings.Repeat("1e00", 9) + "01020000", drop(TooManyOptions), 40, ProtoDestOptions},
		{"255 octets of options", ProtoDestOptions, "06ff" + strings.Repeat("1e00", 1023), drop(TooManyOptions), 40, ProtoDestOptions},

		{"routing type 0, none left", ProtoRouting, "06" + routing0, deliver, 48, ProtoTCP},
		{"routing type 0, one left", ProtoRouting, "06000001" + "00000000", param(Routing, CodeField, 42), 40, ProtoRouting},
		{"routing type 2, one left", ProtoRouting, "06020201" + strings.Repeat("00", 20), param(Routing, CodeField, 42), 40, ProtoRouting},
		{"routing type 4, behind options", ProtoDestOptions, "2b" + padded + "06000405" + "00000000", param(Routing, CodeField, 50), 48, ProtoRouting},
		{"routing type 200, none left", ProtoRouting, "0600c800" + "00000000", deliver, 48, ProtoTCP},

		{"fragment", ProtoFragment, "06" + fragment, Verdict{Action: Reassemble}, 40, ProtoFragment},
		{"last fragment", ProtoFragment, "06000008" + "00000001", Verdict{Action: Reassemble}, 40, ProtoFragment},
		{"fragment behind hop-by-hop", ProtoHopByHop, "2c" + padded + "06" + fragment, Verdict{Action: Reassemble}, 48, ProtoFragment},
		{"atomic fragment", ProtoFragment, "11" + atomic, deliver, 48, ProtoUDP},
		{"atomic fragment with reserved bits", ProtoFragment, "11ff0006" + "00000001", deliver, 48, ProtoUDP},
		{"two atomic fragments", ProtoFragment, "2c" + atomic + "11" + atomic, drop(FragmentTwice), 48, ProtoFragment},
		{"fragment header cut short", ProtoFragment, "11000000", drop(Truncated), 40, ProtoFragment},
	} {
		c, v := Walk(test.next, unhex(t, test.hex))
		if v != test.want {
			t.Errorf("%s: verdict %+v (%v), want %+v (%v)", test.name, v, v.Reason, test.want, test.want.Reason)
		}
		if c.Off != test.off || c.Next != test.to {
			t.Errorf("%s: ends at %d with %d, want %d with %d", test.name, c.Off, c.Next, test.off, test.to)
		}
		if v.Action == Deliver && IsExtension(c.Next) {
			t.Errorf("%s: delivers the extension header %d", test.name, c.Next)
		}
		if v.Action == Deliver {
			named := append(make([]byte, HeaderLen), unhex(t, test.hex)...)
			if named[6] = test.next; named[c.NextAt] != c.Next {
				t.Errorf("%s: NextAt is %d, where %d stands", test.name, c.NextAt, named[c.NextAt])
			}
		}
	}
}

func TestWalkTells(t *testing.T) {
	c, _ := Walk(ProtoHopByHop, unhex(t, "3a"+alert))
	if !c.RouterAlert || c.AlertValue != 0 || c.Fragmented {
		t.Errorf("router alert: %+v", c)
	}
	c, _ = Walk(ProtoHopByHop, unhex(t, "3a00"+"0502abcd0100"))
	if !c.RouterAlert || c.AlertValue != 0xabcd {
		t.Errorf("router alert with a value: %+v", c)
	}
	c, _ = Walk(ProtoDestOptions, unhex(t, "3a"+alert))
	if c.RouterAlert {
		t.Error("a router alert counts in destination options")
	}
	c, _ = Walk(ProtoHopByHop, unhex(t, "3a00"+"050100010100"))
	if c.RouterAlert {
		t.Error("a router alert of 1 byte counts")
	}
	c, _ = Walk(ProtoFragment, unhex(t, "3a"+atomic))
	if !c.Fragmented {
		t.Error("an atomic fragment is not told of")
	}
	var b [RouterAlertLen]byte
	PutRouterAlert(b[:], ProtoICMPv6)
	if c, v := Walk(ProtoHopByHop, b[:]); !c.RouterAlert || v.Action != Deliver || c.Off != 48 || c.Next != ProtoICMPv6 {
		t.Errorf("PutRouterAlert writes %x", b)
	}
}

func TestReasonNames(t *testing.T) {
	seen := map[string]bool{}
	for r := range NumReasons + 1 {
		s := r.String()
		if s == "" || seen[s] {
			t.Errorf("reason %d has the name %q", r, s)
		}
		seen[s] = true
	}
}

// TestWalkGopacket lets gopacket write chains of options headers and checks that the walk finds their end.
func TestWalkGopacket(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 4).Draw(t, "headers")
		hop := rapid.Bool().Draw(t, "hop-by-hop")
		var stack []gopacket.SerializableLayer
		ip := &layers.IPv6{Version: 6, NextHeader: layers.IPProtocolUDP, SrcIP: src[:], DstIP: dst[:]}
		stack = append(stack, ip)
		if hop {
			// gopacket writes this header together with the fixed one.
			ip.HopByHop = &layers.IPv6HopByHop{Options: []*layers.IPv6HopByHopOption{{OptionType: 0x1e, OptionData: bytesOf(t, 4+8*rapid.IntRange(0, 3).Draw(t, "hop length"), "hop data")}}}
			ip.HopByHop.NextHeader = layers.IPProtocolUDP
		}
		for i := range n {
			dest := &layers.IPv6Destination{}
			dest.NextHeader = layers.IPProtocolUDP
			dest.Options = append(dest.Options, &layers.IPv6DestinationOption{OptionType: 0x3e, OptionData: bytesOf(t, 4+8*rapid.IntRange(0, 3).Draw(t, "length"), "data")})
			if i < n-1 {
				dest.NextHeader = layers.IPProtocolIPv6Destination
			}
			stack = append(stack, dest)
		}
		if n > 0 {
			if hop {
				ip.HopByHop.NextHeader = layers.IPProtocolIPv6Destination
			} else {
				ip.NextHeader = layers.IPProtocolIPv6Destination
			}
		}
		payload := []byte{0xde, 0xad}
		buf := gopacket.NewSerializeBuffer()
		stack = append(stack, gopacket.Payload(payload))
		if err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true}, stack...); err != nil {
			t.Fatal(err)
		}
		p := buf.Bytes()
		var h Header
		if h.Parse(p) < 0 {
			t.Fatalf("%x does not parse", p)
		}
		c, v := Walk(h.Next, p[HeaderLen:])
		if v.Action != Deliver || c.Next != ProtoUDP || c.Off != len(p)-len(payload) {
			t.Fatalf("Walk(%x) = %+v, %+v (%v), want the last two bytes", p, c, v, v.Reason)
		}
	})
}

func BenchmarkWalk(b *testing.B) {
	options := unhex(b, "2b"+padded+"3c"+routing0+"3a"+padded)
	b.Run("none", func(b *testing.B) {
		for b.Loop() {
			Walk(ProtoTCP, options)
		}
	})
	b.Run("3headers", func(b *testing.B) {
		for b.Loop() {
			Walk(ProtoHopByHop, options)
		}
	})
}

func FuzzWalk(f *testing.F) {
	f.Add(ProtoHopByHop, unhex(f, "2b"+alert+"3c"+routing0+"3a"+padded))
	f.Add(ProtoFragment, unhex(f, "2c"+atomic+"11"+atomic))
	f.Add(ProtoDestOptions, unhex(f, "0600"+"de0400000000"))
	f.Fuzz(func(t *testing.T, next uint8, b []byte) {
		c, v := Walk(next, b)
		if c.Off < HeaderLen || c.Off > HeaderLen+len(b) || c.Headers > MaxHeaders {
			t.Fatalf("Walk = %+v", c)
		}
		if v.Action == ParamProblem && int(v.Pointer) >= HeaderLen+len(b) {
			t.Fatalf("pointer %d in %d bytes", v.Pointer, HeaderLen+len(b))
		}
		if (v.Action == Drop || v.Action == ParamProblem) != (v.Reason != None) {
			t.Fatalf("verdict %+v", v)
		}
		named := append(make([]byte, HeaderLen), b...)
		if named[6] = next; named[c.NextAt] != c.Next {
			t.Fatalf("NextAt is %d, where %d stands, not %d", c.NextAt, named[c.NextAt], c.Next)
		}
		if v.Action == Reassemble {
			var r Reassembler
			r.Init(ReassemblyConfig{})
			if p, v := r.Receive(1, named, &c); p != nil || v.Action == Deliver {
				t.Fatalf("one fragment alone makes %x", p)
			}
		}
	})
}
