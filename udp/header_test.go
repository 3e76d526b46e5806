package udp

import (
	"bytes"
	"encoding/hex"
	"net/netip"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"pgregory.net/rapid"

	"github.com/ztstack/ztstack/internal/cksum"
)

const proto = 17

var (
	src4 = [4]byte{10, 0, 0, 1}
	dst4 = [4]byte{10, 0, 0, 2}
	src6 = netip.MustParseAddr("2001:db8::1").As16()
	dst6 = netip.MustParseAddr("2001:db8::2").As16()
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A datagram from 10.0.0.1 port 49153 to 10.0.0.2 port 53 whose checksum was computed by hand: the
// pseudo-header sums to 0x141f, header and data to 0xc443.
const vector = "c0010035" + "000b" + "279d" + "010203"

func TestHeaderVector(t *testing.T) {
	b := unhex(t, vector)
	want := Header{SrcPort: 49153, DstPort: 53, Length: 11, Sum: 0x279d}
	var h Header
	if n := h.Parse(append(b, 0xff)); n != HeaderLen || h != want {
		t.Errorf("Parse = %d, %+v, want %+v", n, h, want)
	}
	var got [HeaderLen]byte
	if n := want.Put(got[:]); n != HeaderLen || !bytes.Equal(got[:], b[:8]) {
		t.Errorf("Put = %x, want %x", got, b[:8])
	}
	pseudo := cksum.Pseudo4(src4, dst4, proto, 11)
	if !Verify(b, pseudo, false) {
		t.Error("the checksum of the vector is refused")
	}
	datagram := make([]byte, 20)
	if n := PutDatagram(datagram, 49153, 53, b[8:], pseudo); !bytes.Equal(datagram[:n], b) {
		t.Errorf("PutDatagram = %x, want %x", datagram[:n], b)
	}
	for i := range b {
		if n := h.Parse(b[:i]); n != -1 {
			t.Errorf("Parse of the first %d bytes = %d, want -1", i, n)
		}
	}
	for bit := range 8 * len(b) {
		bad := bytes.Clone(b)
		bad[bit/8] ^= 1 << (bit % 8)
		if Verify(bad, pseudo, true) {
			t.Errorf("Verify with bit %d flipped", bit)
		}
	}
}

func TestLengths(t *testing.T) {
	for _, test := range []struct{ length, want int }{
		{0, -1}, {1, -1}, {7, -1}, {8, 8}, {9, 8}, {11, 8}, {12, -1}, {65535, -1},
	} {
		b := unhex(t, vector)
		b[4], b[5] = byte(test.length>>8), byte(test.length)
		if n := new(Header).Parse(b); n != test.want {
			t.Errorf("length %d: Parse = %d, want %d", test.length, n, test.want)
		}
	}
}

func TestZeroChecksum(t *testing.T) {
	b := unhex(t, vector)
	b[6], b[7] = 0, 0
	pseudo := cksum.Pseudo4(src4, dst4, proto, 11)
	if !Verify(b, pseudo, true) {
		t.Error("a zero checksum is refused over IPv4")
	}
	if Verify(b, pseudo, false) {
		t.Error("a zero checksum is taken over IPv6")
	}
	// One of these comes to zero and is sent as all ones.
	data := []byte{1, 2, 3, 0, 0, 0}
	pseudo = cksum.Pseudo4(src4, dst4, proto, 14)
	d := make([]byte, 14)
	ones := 0
	for i := range 0x10000 {
		data[4], data[5] = byte(i>>8), byte(i)
		PutDatagram(d, 49153, 53, data, pseudo)
		if d[6] == 0 && d[7] == 0 {
			t.Fatalf("a checksum of zero is sent with data %x", data)
		}
		if d[6] == 0xff && d[7] == 0xff {
			ones++
		}
		if !Verify(d, pseudo, false) {
			t.Fatalf("the checksum %x of data %x does not verify", d[6:8], data)
		}
	}
	if ones == 0 {
		t.Error("no checksum was all ones")
	}
	for sum, want := range map[uint16]uint16{0: 0xffff, 0xffff: 0xffff, 1: 0xfffe, 0xfffe: 1} {
		if got := Checksum(sum); got != want {
			t.Errorf("Checksum(%#x) = %#x, want %#x", sum, got, want)
		}
	}
}

func TestPutPanics(t *testing.T) {
	for name, f := range map[string]func(){
		"no room for a header":   func() { (&Header{}).Put(make([]byte, 7)) },
		"length":                 func() { (&Header{Length: 65536}).Put(make([]byte, 8)) },
		"no room for a datagram": func() { PutDatagram(make([]byte, 9), 1, 2, make([]byte, 2), 0) },
		"datagram too long":      func() { PutDatagram(make([]byte, 70000), 1, 2, make([]byte, 65528), 0) },
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

// TestGopacket compares with an independent codec in both directions and over both families.
func TestGopacket(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		data := rapid.SliceOfN(rapid.Byte(), 0, 100).Draw(t, "payload")
		srcPort, dstPort := rapid.Uint16().Draw(t, "src"), rapid.Uint16().Draw(t, "dst")
		theirs := layers.UDP{SrcPort: layers.UDPPort(srcPort), DstPort: layers.UDPPort(dstPort)}
		pseudo := cksum.Pseudo4(src4, dst4, proto, HeaderLen+len(data))
		var network gopacket.NetworkLayer = &layers.IPv4{SrcIP: src4[:], DstIP: dst4[:], Protocol: layers.IPProtocolUDP}
		if rapid.Bool().Draw(t, "v6") {
			pseudo = cksum.Pseudo6(src6, dst6, proto, HeaderLen+len(data))
			network = &layers.IPv6{SrcIP: src6[:], DstIP: dst6[:], NextHeader: layers.IPProtocolUDP}
		}
		if err := theirs.SetNetworkLayerForChecksum(network); err != nil {
			t.Fatal(err)
		}
		buf := gopacket.NewSerializeBuffer()
		if err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, &theirs, gopacket.Payload(data)); err != nil {
			t.Fatal(err)
		}
		d := make([]byte, HeaderLen+len(data))
		PutDatagram(d, srcPort, dstPort, data, pseudo)
		// gopacket sends a checksum that comes to zero as it is.
		if sum := buf.Bytes()[6:8]; sum[0] == 0 && sum[1] == 0 {
			sum[0], sum[1] = 0xff, 0xff
		}
		if !bytes.Equal(d, buf.Bytes()) {
			t.Fatalf("PutDatagram = %x, gopacket has %x", d, buf.Bytes())
		}
		var h Header
		if n := h.Parse(buf.Bytes()); n != HeaderLen || h.SrcPort != srcPort || h.DstPort != dstPort || h.Length != len(d) || !Verify(buf.Bytes(), pseudo, false) {
			t.Fatalf("Parse of gopacket's datagram = %+v", h)
		}
		var decoded layers.UDP
		if err := decoded.DecodeFromBytes(d, gopacket.NilDecodeFeedback); err != nil || !bytes.Equal(decoded.Payload, data) || uint16(decoded.SrcPort) != srcPort {
			t.Fatalf("gopacket reads %+v, %v", decoded, err)
		}
	})
}

func BenchmarkHeader(b *testing.B) {
	datagram := make([]byte, 1408)
	data := make([]byte, 1400)
	pseudo := cksum.Pseudo4(src4, dst4, proto, 1408)
	b.Run("parse", func(b *testing.B) {
		var h Header
		PutDatagram(datagram, 1, 2, data, pseudo)
		b.ReportAllocs()
		for b.Loop() {
			h.Parse(datagram)
		}
	})
	b.Run("put+copy+sum/1400", func(b *testing.B) {
		b.SetBytes(1400)
		b.ReportAllocs()
		for b.Loop() {
			PutDatagram(datagram, 1, 2, data, pseudo)
		}
	})
	b.Run("verify/1400", func(b *testing.B) {
		b.SetBytes(1400)
		b.ReportAllocs()
		for b.Loop() {
			Verify(datagram, pseudo, true)
		}
	})
}

func FuzzHeader(f *testing.F) {
	f.Add(unhex(f, vector))
	f.Add(unhex(f, "0000000000080000"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var h Header
		if h.Parse(b) < 0 {
			return
		}
		var out [HeaderLen]byte
		if h.Put(out[:]); !bytes.Equal(out[:], b[:HeaderLen]) || h.Length > len(b) || h.Length < HeaderLen {
			t.Errorf("Put(Parse(%x)) = %x", b, out)
		}
		Verify(b[:h.Length], 0, true)
	})
}
