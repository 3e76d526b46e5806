package ipv6

import "github.com/ztstack/ztstack/internal/be"

// Lengths in bytes.
const (
	HeaderLen         = 40
	FragmentHeaderLen = 8
	MaxPayload        = 65535
	MinMTU            = 1280 // every link carries packets of this size whole (RFC 8200 Section 5)
)

// Values of a Next Header field.
const (
	ProtoHopByHop    uint8 = 0
	ProtoTCP         uint8 = 6
	ProtoUDP         uint8 = 17
	ProtoRouting     uint8 = 43
	ProtoFragment    uint8 = 44
	ProtoICMPv6      uint8 = 58
	ProtoNoNext      uint8 = 59
	ProtoDestOptions uint8 = 60
)

// A Header is the fixed IPv6 header (RFC 8200 Section 3).
type Header struct {
	Traffic    uint8  // traffic class: DSCP in the upper 6 bits, ECN in the lower 2
	Next       uint8  // what follows the header
	HopLimit   uint8  //
	Flow       uint32 // flow label, 20 bits
	PayloadLen int    // bytes after this header
	Src, Dst   [16]byte
}

// Parse reads the header of the packet at the beginning of b and returns HeaderLen: the payload is
// b[n:n+h.PayloadLen], whatever follows is the link's padding. It returns -1 when the version is not
// 6 or the packet is longer than b.
func (h *Header) Parse(b []byte) (n int) {
	n = h.ParseQuote(b)
	if n < 0 || h.PayloadLen > len(b)-HeaderLen {
		return -1
	}
	return n
}

// ParseQuote reads the header of a packet quoted in an ICMPv6 error, which may be cut short.
func (h *Header) ParseQuote(b []byte) (n int) {
	if len(b) < HeaderLen {
		return -1
	}
	w := be.Uint64(b)
	if w>>60 != 6 {
		return -1
	}
	h.Traffic = uint8(w >> 52)
	h.Flow = uint32(w>>32) & 0xfffff
	h.PayloadLen = int(w >> 16 & 0xffff)
	h.Next = uint8(w >> 8)
	h.HopLimit = uint8(w)
	h.Src = [16]byte(b[8:24])
	h.Dst = [16]byte(b[24:40])
	return HeaderLen
}

// Put writes the header into b and returns HeaderLen. It panics if b is too short or PayloadLen does
// not fit the header. Bits of Flow above the 20 of a flow label are ignored.
func (h *Header) Put(b []byte) (n int) {
	if len(b) < HeaderLen || uint(h.PayloadLen) > MaxPayload {
		panic("BUG: ipv6: header does not fit")
	}
	_ = b[HeaderLen-1]
	be.PutUint64(b, 6<<60|uint64(h.Traffic)<<52|uint64(h.Flow&0xfffff)<<32|
		uint64(h.PayloadLen)<<16|uint64(h.Next)<<8|uint64(h.HopLimit))
	*(*[16]byte)(b[8:24]) = h.Src
	*(*[16]byte)(b[24:40]) = h.Dst
	return HeaderLen
}
