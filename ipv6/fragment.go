package ipv6

import "github.com/ztstack/ztstack/internal/be"

// A FragmentHeader is the Fragment extension header (RFC 8200 Section 4.5).
type FragmentHeader struct {
	Next uint8
	More bool
	Off  int // in bytes, a multiple of 8
	ID   uint32
}

// Parse reads the header at the beginning of b and returns its length, or -1 when b is too short.
func (f *FragmentHeader) Parse(b []byte) (n int) {
	if len(b) < FragmentHeaderLen {
		return -1
	}
	f.Next = b[0]
	w := be.Uint16(b[2:])
	f.Off, f.More = int(w&^7), w&1 != 0
	f.ID = be.Uint32(b[4:])
	return FragmentHeaderLen
}

// Put writes the header into b and returns its length. It panics if b is too short.
func (f *FragmentHeader) Put(b []byte) (n int) {
	if len(b) < FragmentHeaderLen || uint(f.Off) > MaxPayload {
		panic("BUG: ipv6: fragment header does not fit")
	}
	b[0], b[1] = f.Next, 0
	w := uint16(f.Off) &^ 7
	if f.More {
		w |= 1
	}
	be.PutUint16(b[2:], w)
	be.PutUint32(b[4:], f.ID)
	return FragmentHeaderLen
}

// Fragment writes one fragment of a packet, headers included, into dst: the one whose part of payload
// begins at off. It returns the fragment's length and where the next one begins, which is len(payload)
// when there are no more. It returns 0 when mtu is below MinMTU and nothing can be sent.
//
// h.Next names what payload begins with; h.PayloadLen is ignored. A packet that fits mtu is written
// whole and without a Fragment header. Call it with off = 0 first, then with nextOff, as ipv4.Fragment.
func Fragment(h *Header, id uint32, payload []byte, mtu int, off int, dst []byte) (n, nextOff int) {
	if mtu < MinMTU {
		return 0, off
	}
	f := *h
	data := payload[off:]
	if off == 0 && len(data) <= mtu-HeaderLen {
		f.PayloadLen = len(data)
		n = f.Put(dst)
		return n + copy(dst[n:n+len(data)], data), len(data)
	}
	x := FragmentHeader{Next: h.Next, Off: off, ID: id}
	room := mtu - HeaderLen - FragmentHeaderLen
	if len(data) > room {
		data = data[:room&^7]
		x.More = true
	}
	f.Next = ProtoFragment
	f.PayloadLen = FragmentHeaderLen + len(data)
	n = f.Put(dst)
	n += x.Put(dst[n:])
	return n + copy(dst[n:n+len(data)], data), off + len(data)
}
