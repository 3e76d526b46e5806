package ethernet

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"pgregory.net/rapid"
)

var headerVectors = []struct {
	name, hex string
	want      Header
}{
	{
		"untagged IPv4", "020000000002020000000001" + "0800",
		Header{Dst: Addr{2, 0, 0, 0, 0, 2}, Src: Addr{2, 0, 0, 0, 0, 1}, Type: TypeIPv4},
	},
	{
		"broadcast ARP", "ffffffffffff020000000001" + "0806",
		Header{Dst: Broadcast, Src: Addr{2, 0, 0, 0, 0, 1}, Type: TypeARP},
	},
	{
		"tagged IPv6, priority 5, VLAN 100", "333300000001020000000001" + "8100" + "a064" + "86dd",
		Header{Dst: Addr{0x33, 0x33, 0, 0, 0, 1}, Src: Addr{2, 0, 0, 0, 0, 1}, Type: TypeIPv6, VLAN: 0xa064, Tagged: true},
	},
	{
		"two tags: the inner one remains", "333300000001020000000001" + "8100" + "0064" + "8100",
		Header{Dst: Addr{0x33, 0x33, 0, 0, 0, 1}, Src: Addr{2, 0, 0, 0, 0, 1}, Type: TypeVLAN, VLAN: 0x64, Tagged: true},
	},
	{
		"IEEE 802.3 length", "0180c2000000020000000001" + "0026",
		Header{Dst: Addr{1, 0x80, 0xc2, 0, 0, 0}, Src: Addr{2, 0, 0, 0, 0, 1}, Type: 0x26},
	},
}

func TestHeaderVectors(t *testing.T) {
	for _, test := range headerVectors {
		b, err := hex.DecodeString(test.hex)
		if err != nil {
			t.Fatal(err)
		}
		var h Header
		if n := h.Parse(append(b, 1, 2, 3)); n != len(b) || h != test.want {
			t.Errorf("%s: Parse = %d, %+v, want %d, %+v", test.name, n, h, len(b), test.want)
		}
		got := make([]byte, TaggedHeaderLen)
		if n := test.want.Put(got); !bytes.Equal(got[:n], b) {
			t.Errorf("%s: Put = %x, want %x", test.name, got[:n], b)
		}
		for i := range b {
			if n := h.Parse(b[:i]); n != -1 {
				t.Errorf("%s: Parse of the first %d bytes = %d, want -1", test.name, i, n)
			}
		}
	}
	if h := headerVectors[2].want; h.VLANID() != 100 {
		t.Errorf("VLANID() = %d, want 100", h.VLANID())
	}
}

func TestEtherTypeString(t *testing.T) {
	for typ, want := range map[EtherType]string{
		TypeIPv4: "IPv4", TypeARP: "ARP", TypeVLAN: "VLAN", TypeIPv6: "IPv6", 0x88cc: "0x88cc",
	} {
		if got := typ.String(); got != want {
			t.Errorf("EtherType(%#x).String() = %q, want %q", uint16(typ), got, want)
		}
	}
}

func TestPutPanicsWithoutRoom(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("Put into 13 bytes does not panic")
		}
	}()
	new(Header).Put(make([]byte, HeaderLen-1))
}

func drawAddr(t *rapid.T, label string) Addr {
	return Addr(rapid.SliceOfN(rapid.Byte(), 6, 6).Draw(t, label))
}

func drawHeader(t *rapid.T) Header {
	h := Header{
		Dst:    drawAddr(t, "dst"),
		Src:    drawAddr(t, "src"),
		Type:   EtherType(rapid.Uint16Range(uint16(MinType), 0xffff).Draw(t, "type")),
		Tagged: rapid.Bool().Draw(t, "tagged"),
	}
	if h.Type == TypeVLAN {
		h.Type = TypeIPv4
	}
	if h.Tagged {
		h.VLAN = rapid.Uint16().Draw(t, "tci")
	}
	return h
}

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := drawHeader(t)
		var b [TaggedHeaderLen]byte
		n := h.Put(b[:])
		var got Header
		if m := got.Parse(b[:n]); m != n || n != h.Len() || got != h {
			t.Fatalf("Parse(Put(%+v)) = %d, %+v, want %d", h, m, got, n)
		}
	})
}

// TestGopacket compares with an independent codec in both directions.
func TestGopacket(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := drawHeader(t)
		var b [TaggedHeaderLen]byte
		n := h.Put(b[:])

		outer := layers.Ethernet{DstMAC: h.Dst[:], SrcMAC: h.Src[:], EthernetType: layers.EthernetType(h.Type)}
		stack := []gopacket.SerializableLayer{&outer}
		if h.Tagged {
			outer.EthernetType = layers.EthernetTypeDot1Q
			stack = append(stack, &layers.Dot1Q{
				Priority: uint8(h.VLAN >> 13), DropEligible: h.VLAN&0x1000 != 0, VLANIdentifier: h.VLANID(), Type: layers.EthernetType(h.Type),
			})
		}
		buf := gopacket.NewSerializeBuffer()
		if err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{}, stack...); err != nil {
			t.Fatal(err)
		}
		// gopacket pads to a full frame.
		if want := buf.Bytes()[:n]; !bytes.Equal(b[:n], want) {
			t.Fatalf("Put(%+v) = %x, gopacket has %x", h, b[:n], want)
		}

		var eth layers.Ethernet
		if err := eth.DecodeFromBytes(b[:n], gopacket.NilDecodeFeedback); err != nil {
			t.Fatal(err)
		}
		if Addr(eth.DstMAC) != h.Dst || Addr(eth.SrcMAC) != h.Src {
			t.Fatalf("gopacket reads %+v, want %+v", eth, h)
		}
		typ := eth.EthernetType
		if h.Tagged {
			var tag layers.Dot1Q
			if err := tag.DecodeFromBytes(eth.Payload, gopacket.NilDecodeFeedback); err != nil {
				t.Fatal(err)
			}
			typ = tag.Type
			if tag.VLANIdentifier != h.VLANID() || tag.Priority != uint8(h.VLAN>>13) {
				t.Fatalf("gopacket reads tag %+v, want %+v", tag, h)
			}
		}
		if typ != layers.EthernetType(h.Type) {
			t.Fatalf("gopacket reads type %v, want %v", typ, h.Type)
		}
	})
}

func TestNoAllocs(t *testing.T) {
	h := headerVectors[0].want
	var b [TaggedHeaderLen]byte
	if n := testing.AllocsPerRun(100, func() { h.Put(b[:]); h.Parse(b[:]) }); n != 0 {
		t.Errorf("Put and Parse allocate %v times", n)
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
		b, _ := hex.DecodeString(v.hex)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var h Header
		n := h.Parse(b)
		if n < 0 {
			return
		}
		var out [TaggedHeaderLen]byte
		if m := h.Put(out[:]); m != n || !bytes.Equal(out[:m], b[:n]) {
			t.Errorf("Put(Parse(%x)) = %x", b[:n], out[:m])
		}
	})
}
