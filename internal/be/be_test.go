package be

import (
	"encoding/binary"
	"testing"
)

func TestAgainstEncodingBinary(t *testing.T) {
	var a, b [8]byte
	for v := uint64(0x0123456789abcdef); v != 0; v <<= 7 {
		PutUint64(a[:], v)
		binary.BigEndian.PutUint64(b[:], v)
		if a != b || Uint64(a[:]) != v {
			t.Errorf("64-bit %#x: stored %x, want %x", v, a, b)
		}
		PutUint32(a[:], uint32(v))
		binary.BigEndian.PutUint32(b[:], uint32(v))
		if a != b || Uint32(a[:]) != uint32(v) {
			t.Errorf("32-bit %#x: stored %x, want %x", uint32(v), a, b)
		}
		PutUint16(a[:], uint16(v))
		binary.BigEndian.PutUint16(b[:], uint16(v))
		if a != b || Uint16(a[:]) != uint16(v) {
			t.Errorf("16-bit %#x: stored %x, want %x", uint16(v), a, b)
		}
	}
}
