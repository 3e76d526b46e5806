package ethernet

import "testing"

func TestParseAddr(t *testing.T) {
	want := Addr{0x02, 0xab, 0x5e, 0x10, 0x00, 0xff}
	for _, s := range []string{"02:ab:5e:10:00:ff", "02-AB-5E-10-00-FF"} {
		if a, err := ParseAddr(s); err != nil || a != want {
			t.Errorf("ParseAddr(%q) = %v, %v, want %v", s, a, err, want)
		}
	}
	for _, s := range []string{
		"", "02:ab:5e:10:00", "02:ab:5e:10:00:ff:", "02:ab:5e:10:00:f", "02ab5e1000ff", "02:ab:5e:10:00:fg", "02.ab.5e.10.00.ff", "g2:ab:5e:10:00:ff",
	} {
		if a, err := ParseAddr(s); err != ErrAddr {
			t.Errorf("ParseAddr(%q) = %v, %v, want ErrAddr", s, a, err)
		}
	}
	if got := want.String(); got != "02:ab:5e:10:00:ff" {
		t.Errorf("String() = %q", got)
	}
}

func TestAddrKinds(t *testing.T) {
	for _, test := range []struct {
		addr                          Addr
		unicast, multicast, broadcast bool
	}{
		{Addr{}, false, false, false},
		{Addr{0x02, 0, 0, 0, 0, 1}, true, false, false},
		{Addr{0x01, 0, 0x5e, 0, 0, 1}, false, true, false},
		{Addr{0x33, 0x33, 0, 0, 0, 1}, false, true, false},
		{Broadcast, false, true, true},
	} {
		if got := test.addr.IsUnicast(); got != test.unicast {
			t.Errorf("%v.IsUnicast() = %v", test.addr, got)
		}
		if got := test.addr.IsMulticast(); got != test.multicast {
			t.Errorf("%v.IsMulticast() = %v", test.addr, got)
		}
		if got := test.addr.IsBroadcast(); got != test.broadcast {
			t.Errorf("%v.IsBroadcast() = %v", test.addr, got)
		}
	}
}

// "[...] the Interface Identifier for an Ethernet interface whose built-in address is, in hexadecimal,
// 34-56-78-9A-BC-DE would be 36-56-78-FF-FE-9A-BC-DE." RFC 2464, Section 4.
func TestEUI64(t *testing.T) {
	a := Addr{0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde}
	want := [8]byte{0x36, 0x56, 0x78, 0xff, 0xfe, 0x9a, 0xbc, 0xde}
	if got := a.EUI64(); got != want {
		t.Errorf("EUI64() = %x, want %x", got, want)
	}
	if got, ok := FromEUI64(want); !ok || got != a {
		t.Errorf("FromEUI64(%x) = %v, %v, want %v", want, got, ok, a)
	}
	if _, ok := FromEUI64([8]byte{0x36, 0x56, 0x78, 0xff, 0xff, 0x9a, 0xbc, 0xde}); ok {
		t.Error("FromEUI64 takes an identifier without ff fe")
	}
}

func TestMulticastMapping(t *testing.T) {
	// 224.128.0.1 and 224.0.0.1 share an address: 23 bits are mapped. RFC 1112, Section 6.4.
	for _, test := range []struct {
		ip   [4]byte
		want string
	}{
		{[4]byte{224, 0, 0, 1}, "01:00:5e:00:00:01"},
		{[4]byte{224, 128, 0, 1}, "01:00:5e:00:00:01"},
		{[4]byte{239, 255, 255, 250}, "01:00:5e:7f:ff:fa"},
	} {
		if got := Multicast4(test.ip).String(); got != test.want {
			t.Errorf("Multicast4(%v) = %v, want %v", test.ip, got, test.want)
		}
	}
	ip := [16]byte{0: 0xff, 1: 0x02, 11: 1, 12: 0xff, 13: 0x9a, 14: 0xbc, 15: 0xde}
	if got := Multicast6(ip).String(); got != "33:33:ff:9a:bc:de" {
		t.Errorf("Multicast6 = %v", got)
	}
}
