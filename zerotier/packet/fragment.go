package packet

import (
	"github.com/ztstack/ztstack/zerotier/identity"
)

// Fragment sizes (PROTOCOL 8).
const (
	FragmentHeaderLen = 16
	MaxFragments      = 7 // the head included
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
func ParseFragment(b []byte) (f Fragment, ok bool) { panic("TODO") }

// PutFragmentHeader writes the 16-byte header of piece no of total.
func PutFragmentHeader(b []byte, id uint64, dst identity.Address, total, no int) { panic("TODO") }

// SplitEqual says into how many datagrams of what size a packet is cut so that none is larger than
// mtu and all are alike: size is the length of each datagram, head or header included, but the last, which is
// shorter by less than pieces when the packet does not divide. pieces is 1 when the packet fits, 0 when it needs
// more than MaxFragments.
func SplitEqual(packetLen, mtu int) (pieces, size int) { panic("TODO") }

// SplitInPlace cuts the sealed packet b[:packetLen] into datagrams of size bytes that lie side by side in b, as
// one UDP_SEGMENT call wants them, and returns their length in all: packetLen + 16*(pieces-1), which b must have room for.
func SplitInPlace(b []byte, packetLen, pieces, size int) int { panic("TODO") }

// JoinInPlace is the reverse of SplitInPlace for a GRO read: b begins with a head of size bytes,
// and datagrams of size bytes follow, the last one perhaps shorter. If they begin with all the other pieces in order,
// it moves these together and returns the packet, b[:n], and the number of bytes of b that it took; else it changes nothing
// and returns zeros.
func JoinInPlace(b []byte, size int) (n, taken int) { panic("TODO") }
