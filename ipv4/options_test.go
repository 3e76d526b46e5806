package ipv4

import "testing"

func TestCheckOptions(t *testing.T) {
	const ok = -1
	for _, test := range []struct {
		name, hex string
		want      Options
		pointer   int // of the octet at fault
	}{
		{"none", "", Options{}, ok},
		{"40 bytes of NOP", "0101010101010101010101010101010101010101010101010101010101010101010101010101010a"[:78] + "01", Options{}, ok},
		{"end, then garbage", "00830100", Options{}, ok},
		{"router alert", "94040000", Options{RouterAlert: true}, ok},
		{"router alert of the wrong length", "9403000094020000"[:6] + "00", Options{}, ok},
		{"loose source route", "830704c0a80001" + "00", Options{SourceRoute: true}, ok},
		{"strict source route after a NOP", "01890704c0a80001", Options{SourceRoute: true}, ok},
		{"source route with a bad pointer", "830703c0a80001" + "00", Options{SourceRoute: true}, ok},
		{"record route", "070704c0a80001" + "00", Options{}, ok},
		{"unknown", "5e0400005e020101", Options{}, ok},
		{"length 0", "07000000", Options{}, 21},
		{"length 1", "01070100", Options{}, 22},
		{"length past the header", "01010705", Options{}, 23},
		{"no room for a length", "01010107", Options{}, 23},
		{"route first, then a bad one", "830704c0a80001" + "07", Options{SourceRoute: true}, 27},
	} {
		b := unhex(t, test.hex)
		got, pointer, valid := CheckOptions(b)
		if got != test.want || valid != (test.pointer == ok) || !valid && pointer != test.pointer {
			t.Errorf("%s: CheckOptions(%x) = %+v, %d, %v, want %+v, %d", test.name, b, got, pointer, valid, test.want, test.pointer)
		}
	}
}
