package ipv4

import (
	"math/bits"

	"github.com/ztstack/ztstack/internal/be"
)

// Lengths in bytes.
const (
	HeaderLen    = 20    // of a header without options
	MaxHeaderLen = 60    // of the longest header
	MaxLen       = 65535 // of the longest packet, header included
	MinMTU       = 68    // every link carries packets of this size whole (RFC 791 Section 3.2)
)

// Protocol numbers.
const (
	ProtoICMP uint8 = 1
	ProtoIGMP uint8 = 2
	ProtoTCP  uint8 = 6
	ProtoUDP  uint8 = 17
)

// The fragment word of a header: three flags and an offset in units of 8 bytes.
const (
	flagDF     = 0x4000
	flagMF     = 0x2000
	offsetMask = 0x1fff
)

// A Header is an IPv4 header (RFC 791 Section 3.1).
type Header struct {
	TOS      uint8 // DSCP in the upper 6 bits, ECN in the lower 2
	Proto    uint8
	TTL      uint8
	DF, MF   bool
	ID       uint16
	TotalLen int // bytes of the packet, header included
	FragOff  int // in bytes, a multiple of 8
	Src, Dst [4]byte

	// Options are the bytes between the fixed header and the payload. After Parse they alias the
	// packet; Put pads them with zeros to a multiple of 4 bytes.
	Options []byte
}

// Len returns the length of the header in bytes, options included.
func (h *Header) Len() int { return HeaderLen + (len(h.Options)+3)&^3 }

// IsFragment reports whether the packet is a part of a datagram.
func (h *Header) IsFragment() bool { return h.MF || h.FragOff != 0 }

// Parse reads the header of the packet at the beginning of b and returns the header's length: the
// payload is b[n:h.TotalLen], whatever follows is the link's padding. It returns -1 when the version
// is not 4, when the header or the packet is longer than b or the header longer than the packet, or
// when the header's checksum is wrong. The contents of options are not examined: see CheckOptions.
func (h *Header) Parse(b []byte) (n int) { return h.parse(b, true) }

// ParseQuote reads the header of a packet quoted in an ICMP error, which may be cut short and whose
// checksum the routers on its way may have left stale: only the header itself must be whole.
func (h *Header) ParseQuote(b []byte) (n int) { return h.parse(b, false) }

// parse is Parse and ParseQuote in one; verify tells them apart.
func (h *Header) parse(b []byte, verify bool) (n int) {
	if len(b) < HeaderLen {
		return -1
	}
	w0, w1, w2 := be.Uint64(b), be.Uint64(b[8:]), uint64(be.Uint32(b[16:]))
	n = int(w0>>56&15) * 4
	total := int(w0 >> 32 & 0xffff)
	if w0>>60 != 4 || n < HeaderLen || n > total || n > len(b) {
		return -1
	}
	var opts []byte
	if n > HeaderLen {
		opts = b[HeaderLen:n:n]
	}
	if verify && (total > len(b) || sumHeader(w0, w1, w2+sumWords(opts)) != 0xffff) {
		return -1
	}
	h.TOS = uint8(w0 >> 48)
	h.TotalLen = total
	h.ID = uint16(w0 >> 16)
	h.DF = w0&flagDF != 0
	h.MF = w0&flagMF != 0
	h.FragOff = int(w0&offsetMask) * 8
	h.TTL = uint8(w1 >> 56)
	h.Proto = uint8(w1 >> 48)
	h.Src = [4]byte(b[12:16])
	h.Dst = [4]byte(b[16:20])
	h.Options = opts
	return n
}

// Put writes the header, checksum included, into b and returns its length. It panics if b is too
// short, if there are more than 40 bytes of options, or if TotalLen or FragOff do not fit the header.
func (h *Header) Put(b []byte) (n int) {
	if len(h.Options) != 0 {
		return h.putLong(b)
	}
	if len(b) < HeaderLen || uint(h.TotalLen) > MaxLen || uint(h.FragOff) > offsetMask*8 {
		panic("BUG: ipv4: header does not fit")
	}
	w0 := 0x45<<56 | uint64(h.TOS)<<48 | uint64(h.TotalLen)<<32 | uint64(h.ID)<<16 | uint64(h.FragOff)>>3
	if h.DF {
		w0 |= flagDF
	}
	if h.MF {
		w0 |= flagMF
	}
	w1 := uint64(h.TTL)<<56 | uint64(h.Proto)<<48 | uint64(be.Uint32(h.Src[:]))
	w2 := be.Uint32(h.Dst[:])
	be.PutUint64(b, w0)
	be.PutUint64(b[8:], w1|uint64(^sumHeader(w0, w1, uint64(w2)))<<32)
	be.PutUint32(b[16:], w2)
	return HeaderLen
}

// putLong is Put for a header with options: the header without them, corrected.
func (h *Header) putLong(b []byte) (n int) {
	n = h.Len()
	if len(b) < n || n > MaxHeaderLen {
		panic("BUG: ipv4: no room for a header, or more than 40 bytes of options")
	}
	short := *h
	short.Options = nil
	short.Put(b)
	opts := b[HeaderLen:n]
	clear(opts[copy(opts, h.Options):])
	b[0] = 4<<4 | byte(n/4)
	b[10], b[11] = 0, 0
	sum := sumHeader(be.Uint64(b), be.Uint64(b[8:]), uint64(be.Uint32(b[16:]))+sumWords(opts))
	be.PutUint16(b[10:], ^sum)
	return n
}

// sumWords adds up the 32-bit words of b, whose length is a multiple of 4.
func sumWords(b []byte) (sum uint64) {
	for ; len(b) >= 4; b = b[4:] {
		sum += uint64(be.Uint32(b))
	}
	return sum
}

// sumHeader returns the folded sum of three 64-bit words.
func sumHeader(w0, w1, w2 uint64) uint16 {
	s, c := bits.Add64(w0, w1, 0)
	s, c = bits.Add64(s, w2, c)
	x, d := bits.Add32(uint32(s>>32), uint32(s), uint32(c))
	y := x>>16 + x&0xffff + d
	return uint16(y>>16 + y)
}
