package packet

import (
	"github.com/ztstack/ztstack/internal/be"
	"github.com/ztstack/ztstack/zerotier/identity"
)

// Fragment sizes (PROTOCOL 8).
const (
	FragmentHeaderLen = 16
	MaxFragments      = 7  // the head included
	minFragmentMTU    = 64 // below this, cutting makes no sense
)

// A Fragment is one piece of a packet, other than its head.
type Fragment struct {
	ID    uint64 // packet ID of the head, as on the wire
	Dst   identity.Address
	Total int // number of pieces, the head included
	No    int // 1 for the piece after the head
	Hops  int
	Data  []byte // aliases the datagram
}

// ParseFragment parses a datagram for which IsFragment is true.
func ParseFragment(b []byte) (f Fragment, ok bool) {
	if len(b) <= FragmentHeaderLen || b[13] != 0xff {
		return Fragment{}, false
	}
	f = Fragment{
		ID:    be.Uint64(b),
		Dst:   identity.AddressFrom(b[8:]),
		Total: int(b[14] >> 4),
		No:    int(b[14] & 15),
		Hops:  int(b[15] & maskHops),
		Data:  b[FragmentHeaderLen:],
	}
	if f.Total > MaxFragments || f.No < 1 || f.No >= f.Total {
		return Fragment{}, false
	}
	return f, true
}

// PutFragmentHeader writes the 16-byte header of piece no of total.
func PutFragmentHeader(b []byte, id uint64, dst identity.Address, total, no int) {
	_ = b[15]
	be.PutUint64(b, id)
	dst.Put(b[8:])
	b[13] = 0xff
	b[14] = byte(total<<4 | no)
	b[15] = 0
}

// SplitEqual says into how many datagrams of what size a packet is cut so that none is larger than
// mtu and all are alike: size is the length of each datagram, head or header included, but the last, which is
// shorter by less than pieces when the packet does not divide. pieces is 1 when the packet fits, 0 when it needs
// more than MaxFragments or is longer than MaxLen, which Seal would not take.
//
// Deviation: the reference fills every datagram but the last. Receivers take any cut, and one system call can
// send any number of datagrams of equal length.
func SplitEqual(packetLen, mtu int) (pieces, size int) {
	if packetLen > MaxLen {
		return 0, 0
	}
	if packetLen <= mtu {
		return 1, packetLen
	}
	if mtu < minFragmentMTU {
		return 0, 0
	}
	for n := 2; n <= MaxFragments; n++ {
		size := (packetLen + FragmentHeaderLen*(n-1) + n - 1) / n
		if size <= mtu {
			return n, size
		}
	}
	return 0, 0
}

// SplitInPlace cuts the sealed packet b[:packetLen] into datagrams of size bytes that lie side by side in b, as
// one UDP_SEGMENT call wants them, and returns their length in all: packetLen + 16*(pieces-1), which b must have room for.
// pieces and size come from SplitEqual, and the packet was sealed with the fragmented flag when pieces is not 1.
func SplitInPlace(b []byte, packetLen, pieces, size int) int {
	total := packetLen + FragmentHeaderLen*(pieces-1)
	id, dst := ID(b), Dst(b)
	for no := pieces - 1; no > 0; no-- {
		from := size + (no-1)*(size-FragmentHeaderLen)
		end := min(from+size-FragmentHeaderLen, packetLen)
		at := no * size
		copy(b[at+FragmentHeaderLen:total], b[from:end])
		PutFragmentHeader(b[at:], id, dst, pieces, no)
	}
	return total
}

// JoinInPlace is the reverse of SplitInPlace for a GRO read: b begins with a head of size bytes,
// and datagrams of size bytes follow, the last one perhaps shorter. If they begin with all the other pieces in order,
// it moves these together and returns the packet, b[:n], and the number of bytes of b that it took; else it changes nothing
// and returns zeros.
func JoinInPlace(b []byte, size int) (n, taken int) {
	if size < HeaderLen || len(b) <= size+FragmentHeaderLen || b[13] == 0xff || !IsHead(b) {
		return 0, 0
	}
	total := int(b[size+14] >> 4)
	if total < 2 || total > MaxFragments || len(b) <= (total-1)*size+FragmentHeaderLen {
		return 0, 0
	}
	id := be.Uint64(b)
	for no := 1; no < total; no++ {
		h := b[no*size:][:FragmentHeaderLen]
		if be.Uint64(h) != id || h[13] != 0xff || h[14] != byte(total<<4|no) {
			return 0, 0
		}
	}
	taken = min(total*size, len(b))
	if taken-FragmentHeaderLen*(total-1) > MaxLen {
		return 0, 0
	}
	n = size
	for no := 1; no < total; no++ {
		n += copy(b[n:], b[no*size+FragmentHeaderLen:min((no+1)*size, taken)])
	}
	return n, taken
}
