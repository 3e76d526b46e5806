package ipv4

import (
	"bytes"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"pgregory.net/rapid"
)

// fragmentAll returns all fragments of a datagram, or nil when it cannot be sent.
func fragmentAll(t interface {
	Helper()
	Fatalf(string, ...any)
}, h *Header, payload []byte, mtu int) (packets [][]byte) {
	t.Helper()
	for off := 0; ; {
		dst := make([]byte, mtu)
		n, next := Fragment(h, payload, mtu, off, dst)
		if n == 0 {
			return nil
		}
		if n > mtu || next < off || next > len(payload) || next == off && len(payload) > 0 {
			t.Fatalf("Fragment at %d = %d, %d", off, n, next)
		}
		packets = append(packets, dst[:n])
		if off = next; off == len(payload) {
			return packets
		}
	}
}

// RFC 791, Appendix A, Example 2: 452 bytes of data over a link with an MTU of 280.
func TestFragmentExample(t *testing.T) {
	h := Header{ID: 111, TTL: 123, Proto: ProtoTCP, Src: [4]byte{1, 2, 3, 4}, Dst: [4]byte{5, 6, 7, 8}}
	data := bytes.Repeat([]byte{0xda}, 452)
	packets := fragmentAll(t, &h, data, 280)
	if len(packets) != 2 {
		t.Fatalf("%d fragments, want 2", len(packets))
	}
	for i, want := range []Header{
		{TotalLen: 276, MF: true}, {TotalLen: 216, FragOff: 256},
	} {
		var got Header
		if n := got.Parse(packets[i]); n != 20 || got.TotalLen != want.TotalLen || got.MF != want.MF || got.FragOff != want.FragOff || got.ID != 111 {
			t.Errorf("fragment %d: Parse = %d, %+v, want %+v", i, n, got, want)
		}
	}
}

func TestFragmentRefused(t *testing.T) {
	for _, test := range []struct {
		name string
		h    Header
		mtu  int
	}{
		{"do not fragment", Header{DF: true}, 1000},
		{"MTU 27", Header{}, 27},
		{"MTU 0", Header{}, 0},
		{"options and MTU 67", Header{Options: make([]byte, 40)}, 67},
	} {
		if n, next := Fragment(&test.h, make([]byte, 1000), test.mtu, 0, make([]byte, 2000)); n != 0 || next != 0 {
			t.Errorf("%s: Fragment = %d, %d, want nothing", test.name, n, next)
		}
	}
	h := Header{DF: true}
	if n, next := Fragment(&h, make([]byte, 980), 1000, 0, make([]byte, 1000)); n != 1000 || next != 980 {
		t.Errorf("datagram that fits: Fragment = %d, %d", n, next)
	}
}

// Only options with the copied flag go into all fragments. RFC 791, Section 3.1.
func TestFragmentOptions(t *testing.T) {
	h := Header{Options: unhex(t, "01"+"070704c0a80001"+"94040000"+"820400010000"[:8]+"0000000000")}
	packets := fragmentAll(t, &h, make([]byte, 200), 100)
	for i, p := range packets {
		var got Header
		if got.Parse(p) < 0 {
			t.Fatalf("fragment %d does not parse: %x", i, p)
		}
		want := h.Options
		if i > 0 {
			want = unhex(t, "94040000"+"82040001")
		}
		if padded := append(bytes.Clone(want), make([]byte, 3)...); !bytes.Equal(got.Options, padded[:(len(want)+3)&^3]) {
			t.Errorf("fragment %d has options %x, want %x", i, got.Options, want)
		}
	}
	if len(packets) < 3 {
		t.Errorf("%d fragments", len(packets))
	}
}

// TestFragmentProperties cuts a datagram and its fragments once more, as two routers would, and puts all
// together in any order.
func TestFragmentProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := drawHeader(t)
		h.DF, h.MF, h.FragOff = false, false, 0
		data := payload(rapid.IntRange(0, 3000).Draw(t, "length"))
		mtu := rapid.IntRange(68, 1500).Draw(t, "mtu")
		var fragments [][]byte
		for _, p := range fragmentAll(t, &h, data, rapid.IntRange(mtu, 2000).Draw(t, "first mtu")) {
			var f Header
			n := f.Parse(p)
			if n < 0 {
				t.Fatalf("fragment does not parse: %x", p)
			}
			fragments = append(fragments, fragmentAll(t, &f, p[n:f.TotalLen], mtu)...)
		}
		whole := drawWhole(t, h, data, fragments)
		if len(fragments) == 1 {
			return
		}
		want := make([]byte, MaxLen)
		h.TotalLen = h.Len() + len(data)
		n := h.Put(want)
		want = append(want[:n], data...)
		if !bytes.Equal(whole, want) {
			t.Fatalf("%d fragments reassemble to %x, want %x", len(fragments), whole, want)
		}
		var eth layers.IPv4
		if err := eth.DecodeFromBytes(whole, gopacket.NilDecodeFeedback); err != nil || !bytes.Equal(eth.Payload, data) {
			t.Fatalf("gopacket: %v", err)
		}
	})
}

// drawWhole feeds the fragments to a Reassembler in a drawn order and returns what comes out.
func drawWhole(t *rapid.T, h Header, data []byte, fragments [][]byte) (whole []byte) {
	var r Reassembler
	r.Init(ReassemblyConfig{MaxFragments: 1000})
	for i, p := range rapid.Permutation(fragments).Draw(t, "order") {
		var f Header
		n := f.Parse(p)
		if n < 0 || f.ID != h.ID || f.IsFragment() != (len(fragments) > 1) {
			t.Fatalf("fragment %x is no fragment of %+v", p, h)
		}
		d, ok := r.Receive(1, &f, p[n:f.TotalLen])
		if ok && i != len(fragments)-1 {
			t.Fatalf("complete after %d of %d", i+1, len(fragments))
		}
		whole = d
	}
	return whole
}

func payload(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7>>3) ^ byte(i>>8)
	}
	return b
}

func BenchmarkFragment(b *testing.B) {
	h := Header{ID: 1, TTL: 64, Proto: ProtoUDP}
	data := payload(8000)
	dst := make([]byte, 1500)
	b.SetBytes(8000)
	b.ReportAllocs()
	for b.Loop() {
		for off := 0; off < len(data); {
			_, off = Fragment(&h, data, 1500, off, dst)
		}
	}
}
