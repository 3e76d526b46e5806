package ipv6

import (
	"bytes"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"pgregory.net/rapid"
)

func payload(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7>>3) ^ byte(i>>8)
	}
	return b
}

func TestFragmentHeader(t *testing.T) {
	b := unhex(t, "3a000d99"+"12345678")
	want := FragmentHeader{Next: ProtoICMPv6, Off: 3480, More: true, ID: 0x12345678}
	var f FragmentHeader
	if n := f.Parse(b); n != 8 || f != want {
		t.Errorf("Parse = %d, %+v, want %+v", n, f, want)
	}
	var got [8]byte
	if n := want.Put(got[:]); n != 8 || !bytes.Equal(got[:], b) {
		t.Errorf("Put = %x, want %x", got, b)
	}
	for i := range b {
		if n := f.Parse(b[:i]); n != -1 {
			t.Errorf("Parse of the first %d bytes = %d", i, n)
		}
	}
	// Reserved bits are ignored.
	b[1], b[3] = 0xff, b[3]|6
	if n := f.Parse(b); n != 8 || f != want {
		t.Errorf("Parse with reserved bits = %d, %+v, want %+v", n, f, want)
	}
}

func TestFragmentRefused(t *testing.T) {
	h := Header{Next: ProtoUDP}
	if n, next := Fragment(&h, 1, payload(10), MinMTU-1, 0, make([]byte, 2000)); n != 0 || next != 0 {
		t.Errorf("Fragment for an MTU of 1279 = %d, %d", n, next)
	}
}

// TestFragmentProperties cuts packets, lets gopacket look at the pieces, and puts them together in any order.
func TestFragmentProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := drawHeader(t)
		h.Next = ProtoUDP
		data := payload(rapid.IntRange(0, 6000).Draw(t, "length"))
		mtu := rapid.IntRange(MinMTU, 2800).Draw(t, "mtu")
		id := rapid.Uint32().Draw(t, "id")
		var packets [][]byte
		for off := 0; ; {
			p := make([]byte, mtu)
			n, next := Fragment(&h, id, data, mtu, off, p)
			if n == 0 || n > mtu || next <= off && len(data) > 0 {
				t.Fatalf("Fragment at %d = %d, %d", off, n, next)
			}
			packets = append(packets, p[:n])
			if off = next; off == len(data) {
				break
			}
		}
		want := make([]byte, HeaderLen)
		h.PayloadLen = len(data)
		h.Put(want)
		want = append(want, data...)
		if len(packets) == 1 {
			if !bytes.Equal(packets[0], want) || len(want) > mtu {
				t.Fatalf("one packet of %d bytes for an MTU of %d", len(packets[0]), mtu)
			}
			return
		}
		var r Reassembler
		r.Init(ReassemblyConfig{})
		for i, p := range rapid.Permutation(packets).Draw(t, "order") {
			var ip layers.IPv6
			var x layers.IPv6Fragment
			if err := ip.DecodeFromBytes(p, gopacket.NilDecodeFeedback); err != nil {
				t.Fatal(err)
			}
			pkt := gopacket.NewPacket(ip.Payload, layers.LayerTypeIPv6Fragment, gopacket.NoCopy)
			if l, ok := pkt.Layer(layers.LayerTypeIPv6Fragment).(*layers.IPv6Fragment); ok {
				x = *l
			}
			if x.Identification != id || x.NextHeader != layers.IPProtocolUDP {
				t.Fatalf("gopacket reads %+v", x)
			}
			c, v := Walk(p[6], p[HeaderLen:])
			if v.Action != Reassemble || !c.Fragmented {
				t.Fatalf("Walk of a fragment: %+v", v)
			}
			whole, v := r.Receive(1, p, &c)
			if done := i == len(packets)-1; (whole != nil) != done || (v.Action == Deliver) != done {
				t.Fatalf("after %d of %d fragments: %v, %+v", i+1, len(packets), whole != nil, v)
			}
			if whole != nil && !bytes.Equal(whole, want) {
				t.Fatalf("reassembled %x, want %x", whole, want)
			}
		}
	})
}

func BenchmarkFragment(b *testing.B) {
	h := headerVectors[0].want
	data := payload(8000)
	dst := make([]byte, 1500)
	b.SetBytes(8000)
	b.ReportAllocs()
	for b.Loop() {
		for off := 0; off < len(data); {
			_, off = Fragment(&h, 1, data, 1500, off, dst)
		}
	}
}
