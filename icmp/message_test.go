package icmp

import (
	"bytes"
	"encoding/hex"
	"net/netip"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"pgregory.net/rapid"

	"github.com/ztstack/ztstack/internal/be"
	"github.com/ztstack/ztstack/internal/cksum"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func addr6(s string) [16]byte { return netip.MustParseAddr(s).As16() }

var (
	us   = addr6("fe80::1")
	them = addr6("fe80::2")
)

func equal(a, b Message) bool {
	return a.Type == b.Type && a.Code == b.Code && a.Rest == b.Rest && bytes.Equal(a.Body, b.Body)
}

func TestMessageVectors(t *testing.T) {
	for _, test := range []struct {
		name, hex string
		want      Message
	}{
		{"echo request", "0800" + "f6fa" + "0001" + "0002" + "0102", Echo4(false, 1, 2, []byte{1, 2})},
		{"echo reply of odd length", "0000" + "fcfc" + "0001" + "0002" + "03", Echo4(true, 1, 2, []byte{3})},
		{"port unreachable, quoting two bytes", "0303" + "b7fc" + "00000000" + "4500", Unreachable4(Code4Port, []byte{0x45, 0})},
	} {
		b := unhex(t, test.hex)
		var m Message
		if n := m.Parse4(b); n != HeaderLen || !equal(m, test.want) {
			t.Errorf("%s: Parse4(%x) = %d, %+v, want %+v", test.name, b, n, m, test.want)
		}
		got := make([]byte, 100)
		if n := test.want.Put4(got); !bytes.Equal(got[:n], b) || n != m.Len() {
			t.Errorf("%s: Put4 = %x, want %x", test.name, got[:n], b)
		}
		for bit := range 8 * len(b) {
			bad := bytes.Clone(b)
			bad[bit/8] ^= 1 << (bit % 8)
			if n := m.Parse4(bad); n != -1 {
				t.Errorf("%s: Parse4 with bit %d flipped = %d, want -1", test.name, bit, n)
			}
		}
	}
}

func TestTruncated(t *testing.T) {
	b := make([]byte, 64)
	for _, m := range []Message{
		Echo4(false, 0x1234, 7, []byte("0123456789abcdef")),
		Unreachable6(Code6Port, []byte("0123456789abcdef")),
	} {
		n := m.Put4(b)
		for i := range n {
			if got := new(Message).Parse4(b[:i]); got != -1 {
				t.Errorf("Parse4 of %d of %d bytes = %d", i, n, got)
			}
		}
		n = m.Put6(b, us, them)
		for i := range n {
			if got := new(Message).Parse6(b[:i], us, them); got != -1 {
				t.Errorf("Parse6 of %d of %d bytes = %d", i, n, got)
			}
		}
		if got := new(Message).Parse6(b[:n], us, us); got != -1 {
			t.Error("Parse6 does not care for the pseudo-header")
		}
	}
}

func TestPutPanicsWithoutRoom(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("Put4 into 9 bytes does not panic")
		}
	}()
	m := Echo4(false, 0, 0, []byte{1, 2})
	m.Put4(make([]byte, 9))
}

// A reply may be made in place: the body already lies where it belongs.
func TestPutInPlace(t *testing.T) {
	b := make([]byte, 100)
	m := Echo4(false, 5, 6, []byte("in place"))
	n := m.Put4(b)
	var got Message
	got.Parse4(b[:n])
	reply := Echo4(true, got.EchoID(), got.EchoSeq(), got.Body)
	reply.Put4(b)
	if got.Parse4(b[:n]) < 0 || got.Type != Type4EchoReply || got.EchoID() != 5 || got.EchoSeq() != 6 || string(got.Body) != "in place" {
		t.Errorf("reply is %+v", got)
	}
}

func TestFields(t *testing.T) {
	long := make([]byte, 3000)
	for _, test := range []struct {
		name string
		m    Message
		want Message
	}{
		{"unreachable", Unreachable4(Code4Port, long), Message{3, 3, 0, long[:548]}},
		{"fragmentation needed", FragNeeded4(1400, long[:28]), Message{3, 4, 1400, long[:28]}},
		{"fragmentation needed, huge", FragNeeded4(1<<20, nil), Message{3, 4, 0xffff, nil}},
		{"time exceeded", TimeExceeded4(Code4Reassembly, long[:28]), Message{11, 1, 0, long[:28]}},
		{"parameter problem", ParamProblem4(20, long[:28]), Message{12, 0, 20 << 24, long[:28]}},
		{"redirect", Redirect4([4]byte{10, 0, 0, 254}, long[:28]), Message{5, 1, 0x0a0000fe, long[:28]}},
		{"echo", Echo6(false, 0xaabb, 0xccdd, nil), Message{128, 0, 0xaabbccdd, nil}},
		{"echo reply", Echo6(true, 0xaabb, 0xccdd, nil), Message{129, 0, 0xaabbccdd, nil}},
		{"unreachable", Unreachable6(Code6Port, long), Message{1, 4, 0, long[:1232]}},
		{"packet too big", PacketTooBig6(1280, long[:48]), Message{2, 0, 1280, long[:48]}},
		{"time exceeded", TimeExceeded6(Code6Reassembly, long[:48]), Message{3, 1, 0, long[:48]}},
		{"parameter problem", ParamProblem6(Code6Option, 42, long[:48]), Message{4, 2, 42, long[:48]}},
	} {
		if !equal(test.m, test.want) {
			t.Errorf("%s: %+v, want %+v", test.name, test.m, test.want)
		}
	}
	if m := FragNeeded4(1400, nil); m.MTU4() != 1400 {
		t.Errorf("MTU4() = %d", m.MTU4())
	}
	if m := PacketTooBig6(1400, nil); m.MTU6() != 1400 {
		t.Errorf("MTU6() = %d", m.MTU6())
	}
	if m := ParamProblem4(21, nil); m.Pointer4() != 21 {
		t.Errorf("Pointer4() = %d", m.Pointer4())
	}
	if m := ParamProblem6(0, 42, nil); m.Pointer6() != 42 {
		t.Errorf("Pointer6() = %d", m.Pointer6())
	}
	if m := Redirect4([4]byte{10, 0, 0, 254}, nil); m.Gateway4() != [4]byte{10, 0, 0, 254} {
		t.Errorf("Gateway4() = %v", m.Gateway4())
	}
}

// TestGopacket4 compares with an independent codec in both directions.
func TestGopacket4(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := Message{
			Type: rapid.Byte().Draw(t, "type"), Code: rapid.Byte().Draw(t, "code"), Rest: rapid.Uint32().Draw(t, "rest"),
			Body: rapid.SliceOfN(rapid.Byte(), 0, 50).Draw(t, "body"),
		}
		b := make([]byte, m.Len())
		m.Put4(b)
		theirs := layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(m.Type, m.Code), Id: m.EchoID(), Seq: m.EchoSeq()}
		buf := gopacket.NewSerializeBuffer()
		if err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{ComputeChecksums: true}, &theirs, gopacket.Payload(m.Body)); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(b, buf.Bytes()) {
			t.Fatalf("Put4(%+v) = %x, gopacket has %x", m, b, buf.Bytes())
		}
		var got Message
		if n := got.Parse4(buf.Bytes()); n != HeaderLen || !equal(got, m) {
			t.Fatalf("Parse4 of gopacket's message = %d, %+v, want %+v", n, got, m)
		}
	})
}

func TestGopacket6(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := Message{
			Type: rapid.Byte().Draw(t, "type"), Code: rapid.Byte().Draw(t, "code"), Rest: rapid.Uint32().Draw(t, "rest"),
			Body: rapid.SliceOfN(rapid.Byte(), 0, 50).Draw(t, "body"),
		}
		b := make([]byte, m.Len())
		m.Put6(b, us, them)
		ip := layers.IPv6{Version: 6, NextHeader: layers.IPProtocolICMPv6, SrcIP: us[:], DstIP: them[:]}
		theirs := layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(m.Type, m.Code)}
		if err := theirs.SetNetworkLayerForChecksum(&ip); err != nil {
			t.Fatal(err)
		}
		buf := gopacket.NewSerializeBuffer()
		err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{ComputeChecksums: true}, &theirs, gopacket.Payload(b[4:]))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(b, buf.Bytes()) {
			t.Fatalf("Put6(%+v) = %x, gopacket has %x", m, b, buf.Bytes())
		}
		var got Message
		if n := got.Parse6(buf.Bytes(), us, them); n != HeaderLen || !equal(got, m) {
			t.Fatalf("Parse6 of gopacket's message = %d, %+v, want %+v", n, got, m)
		}
	})
}

func TestIsError(t *testing.T) {
	errors4 := map[uint8]bool{3: true, 4: true, 5: true, 11: true, 12: true}
	for typ := range 256 {
		if got := IsError4(uint8(typ)); got != errors4[uint8(typ)] {
			t.Errorf("IsError4(%d) = %v", typ, got)
		}
		if got := IsError6(uint8(typ)); got != (typ < 128) {
			t.Errorf("IsError6(%d) = %v", typ, got)
		}
	}
}

func TestNoAllocs(t *testing.T) {
	b := make([]byte, 1500)
	data := make([]byte, 1000)
	ns := NeighborSolicitation{Target: them, Options: NDPOptions{HasSourceLink: true, Nonce: data[:6]}}
	na := NeighborAdvertisement{Target: them, Options: NDPOptions{HasTargetLink: true}}
	envelope := Envelope{Src: us, Dst: them, HopLimit: 255}
	var body [128]byte
	quote := append([]byte{0x45, 0, 4, 0, 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2}, data...)
	if n := testing.AllocsPerRun(100, func() {
		m := Echo4(false, 1, 2, data)
		m.Parse4(b[:m.Put4(b)])
		m = Echo6(false, 1, 2, data)
		m.Parse6(b[:m.Put6(b, us, them)], us, them)
		m = ns.Message(body[:])
		ns.Parse(&m, &envelope)
		m = na.Message(body[:])
		na.Parse(&m, &envelope)
		ParseQuote4(quote)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkMessage(b *testing.B) {
	buf := make([]byte, 100)
	data := make([]byte, 56)
	b.Run("echo4", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			m := Echo4(false, 1, 2, data)
			m.Parse4(buf[:m.Put4(buf)])
		}
	})
	b.Run("echo6", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			m := Echo6(false, 1, 2, data)
			m.Parse6(buf[:m.Put6(buf, us, them)], us, them)
		}
	})
}

func FuzzMessage(f *testing.F) {
	b := make([]byte, 64)
	m := Echo4(false, 1, 2, []byte("data"))
	f.Add(bytes.Clone(b[:m.Put4(b)]))
	f.Add(bytes.Clone(b[:m.Put6(b, us, them)]))
	f.Fuzz(func(t *testing.T, b []byte) {
		var m Message
		out := make([]byte, len(b))
		if len(b) >= HeaderLen && m.Parse4(b) < 0 && m.Parse6(b, us, them) < 0 {
			// A mutation rarely has the right checksum.
			b = bytes.Clone(b)
			if b[2], b[3] = 0, 0; b[0] < 64 {
				be.PutUint16(b[2:], ^cksum.Sum(b))
			} else {
				be.PutUint16(b[2:], ^cksum.Add(cksum.Sum(b), cksum.Pseudo6(us, them, proto6, len(b))))
			}
		}
		if n := m.Parse4(b); n >= 0 {
			if n = m.Put4(out); n != len(b) || !bytes.Equal(out[4:], b[4:]) || m.Parse4(out) < 0 {
				t.Errorf("Put4(Parse4(%x)) = %x", b, out)
			}
		}
		if n := m.Parse6(b, us, them); n >= 0 {
			if n = m.Put6(out, us, them); n != len(b) || !bytes.Equal(out[4:], b[4:]) || m.Parse6(out, us, them) < 0 {
				t.Errorf("Put6(Parse6(%x)) = %x", b, out)
			}
		}
	})
}
