package arp

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"pgregory.net/rapid"

	"github.com/ztstack/ztstack/ethernet"
)

const requestHex = "0001080006040001" + "020000000001" + "0a000001" + "000000000000" + "0a000002"

var request = Packet{
	Op:       Request,
	SenderHW: ethernet.Addr{2, 0, 0, 0, 0, 1},
	SenderIP: [4]byte{10, 0, 0, 1},
	TargetIP: [4]byte{10, 0, 0, 2},
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestVector(t *testing.T) {
	b := unhex(t, requestHex)
	var p Packet
	// Ethernet pads a packet to 46 bytes.
	if n := p.Parse(append(b, make([]byte, 18)...)); n != Len || p != request {
		t.Errorf("Parse = %d, %+v, want %+v", n, p, request)
	}
	got := make([]byte, Len)
	if n := request.Put(got); n != Len || !bytes.Equal(got, b) {
		t.Errorf("Put = %x, want %x", got[:n], b)
	}
	for i := range b {
		if n := p.Parse(b[:i]); n != -1 {
			t.Errorf("Parse of the first %d bytes = %d, want -1", i, n)
		}
	}
}

// TestRefused has one defect in each packet.
func TestRefused(t *testing.T) {
	for _, test := range []struct {
		name string
		off  int
		data string
	}{
		{"hardware type 6", 0, "0006"},
		{"hardware type 0x100", 0, "0100"},
		{"protocol type IPv6", 2, "86dd"},
		{"hardware length 0", 4, "00"},
		{"hardware length 255", 4, "ff"},
		{"protocol length 0", 5, "00"},
		{"protocol length 16", 5, "10"},
		{"operation 0", 6, "0000"},
		{"operation 3", 6, "0003"},
		{"operation 65535", 6, "ffff"},
		{"broadcast sender", 8, "ffffffffffff"},
		{"group sender", 8, "01005e000001"},
		{"zero sender", 8, "000000000000"},
		{"broadcast sender IP", 14, "ffffffff"},
		{"group sender IP", 14, "e0000001"},
		{"loopback sender IP", 14, "7f000001"},
	} {
		b := unhex(t, requestHex)
		copy(b[test.off:], unhex(t, test.data))
		if n := new(Packet).Parse(b); n != -1 {
			t.Errorf("%s: Parse = %d, want -1", test.name, n)
		}
	}
}

func TestProbeAndAnnouncement(t *testing.T) {
	for _, test := range []struct {
		name                string
		op                  uint16
		sender, target      [4]byte
		probe, announcement bool
	}{
		{"request", Request, [4]byte{10, 0, 0, 1}, [4]byte{10, 0, 0, 2}, false, false},
		{"probe", Request, [4]byte{}, [4]byte{10, 0, 0, 2}, true, false},
		{"announcement by request", Request, [4]byte{10, 0, 0, 1}, [4]byte{10, 0, 0, 1}, false, true},
		{"announcement by reply", Reply, [4]byte{10, 0, 0, 1}, [4]byte{10, 0, 0, 1}, false, true},
		{"reply with no address at all", Reply, [4]byte{}, [4]byte{}, false, false},
	} {
		p := Packet{Op: test.op, SenderHW: request.SenderHW, SenderIP: test.sender, TargetIP: test.target}
		var b [Len]byte
		p.Put(b[:])
		var got Packet
		if n := got.Parse(b[:]); n != Len {
			t.Errorf("%s: Parse = %d", test.name, n)
		}
		if got.IsProbe() != test.probe || got.IsAnnouncement() != test.announcement {
			t.Errorf("%s: IsProbe %v, IsAnnouncement %v", test.name, got.IsProbe(), got.IsAnnouncement())
		}
	}
}

func drawPacket(t *rapid.T) Packet {
	bytesOf := func(n int, label string) []byte { return rapid.SliceOfN(rapid.Byte(), n, n).Draw(t, label) }
	p := Packet{
		Op:       rapid.Uint16Range(Request, Reply).Draw(t, "op"),
		SenderHW: ethernet.Addr(bytesOf(6, "sender hw")),
		SenderIP: [4]byte(bytesOf(4, "sender ip")),
		TargetHW: ethernet.Addr(bytesOf(6, "target hw")),
		TargetIP: [4]byte(bytesOf(4, "target ip")),
	}
	p.SenderHW[0] = p.SenderHW[0]&^1 | 2
	p.SenderIP[0] %= 127
	return p
}

// TestGopacket compares with an independent codec in both directions.
func TestGopacket(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawPacket(t)
		b := make([]byte, Len)
		p.Put(b)

		theirs := layers.ARP{
			AddrType: layers.LinkTypeEthernet, Protocol: layers.EthernetTypeIPv4, HwAddressSize: 6, ProtAddressSize: 4,
			Operation: p.Op, SourceHwAddress: p.SenderHW[:], SourceProtAddress: p.SenderIP[:],
			DstHwAddress: p.TargetHW[:], DstProtAddress: p.TargetIP[:],
		}
		buf := gopacket.NewSerializeBuffer()
		if err := theirs.SerializeTo(buf, gopacket.SerializeOptions{}); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(b, buf.Bytes()) {
			t.Fatalf("Put(%+v) = %x, gopacket has %x", p, b, buf.Bytes())
		}
		var got Packet
		if n := got.Parse(buf.Bytes()); n != Len || got != p {
			t.Fatalf("Parse of gopacket's packet = %d, %+v, want %+v", n, got, p)
		}
		var decoded layers.ARP
		if err := decoded.DecodeFromBytes(b, gopacket.NilDecodeFeedback); err != nil {
			t.Fatal(err)
		}
		if decoded.Operation != p.Op || !bytes.Equal(decoded.SourceHwAddress, p.SenderHW[:]) || !bytes.Equal(decoded.DstProtAddress, p.TargetIP[:]) {
			t.Fatalf("gopacket reads %+v, want %+v", decoded, p)
		}
	})
}

func TestNoAllocs(t *testing.T) {
	p := request
	var b [Len]byte
	if n := testing.AllocsPerRun(100, func() { p.Put(b[:]); p.Parse(b[:]) }); n != 0 {
		t.Errorf("Put and Parse allocate %v times", n)
	}
}

func BenchmarkPacket(b *testing.B) {
	p := request
	var buf [Len]byte
	b.ReportAllocs()
	for b.Loop() {
		p.Put(buf[:])
		p.Parse(buf[:])
	}
}

func FuzzPacket(f *testing.F) {
	b := unhex(f, requestHex)
	f.Add(b)
	f.Add(append(bytes.Clone(b), 0xff, 0xff))
	f.Fuzz(func(t *testing.T, b []byte) {
		var p Packet
		if p.Parse(b) < 0 {
			return
		}
		var out [Len]byte
		if p.Put(out[:]); !bytes.Equal(out[:], b[:Len]) {
			t.Errorf("Put(Parse(%x)) = %x", b[:Len], out)
		}
	})
}
