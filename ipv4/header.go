package ipv4

import "github.com/ztstack/ztstack/internal/be"

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
func (h *Header) Parse(b []byte) (n int) {
	n = h.parseFields(b)
	if n < 0 || h.TotalLen > len(b) || headerSum(b[:n]) != 0xffff {
		return -1
	}
	return n
}

// ParseQuote reads the header of a packet quoted in an ICMP error, which may be cut short and whose
// checksum the routers on its way may have left stale: only the header itself must be whole.
func (h *Header) ParseQuote(b []byte) (n int) { return h.parseFields(b) }

func (h *Header) parseFields(b []byte) (n int) {
	if len(b) < HeaderLen {
		return -1
	}
	w := be.Uint64(b)
	n = int(w>>56&15) * 4
	total := int(w >> 32 & 0xffff)
	if w>>60 != 4 || n < HeaderLen || n > total || n > len(b) {
		return -1
	}
	h.TOS = uint8(w >> 48)
	h.TotalLen = total
	h.ID = uint16(w >> 16)
	h.DF = w&flagDF != 0
	h.MF = w&flagMF != 0
	h.FragOff = int(w&offsetMask) * 8
	h.TTL = b[8]
	h.Proto = b[9]
	h.Src = [4]byte(b[12:16])
	h.Dst = [4]byte(b[16:20])
	h.Options = nil
	if n > HeaderLen {
		h.Options = b[HeaderLen:n:n]
	}
	return n
}

// Put writes the header, checksum included, into b and returns its length. It panics if b is too
// short, if there are more than 40 bytes of options, or if TotalLen or FragOff do not fit the header.
func (h *Header) Put(b []byte) (n int) {
	n = HeaderLen
	if len(h.Options) != 0 {
		n = h.Len()
	}
	if len(b) < n || uint(h.TotalLen) > MaxLen || n > MaxHeaderLen || uint(h.FragOff) > offsetMask*8 {
		panic("BUG: ipv4: header does not fit")
	}
	_ = b[HeaderLen-1]
	frag := uint64(h.FragOff) / 8
	if h.DF {
		frag |= flagDF
	}
	if h.MF {
		frag |= flagMF
	}
	w0 := 0x4000_0000_0000_0000 | uint64(n/4)<<56 | uint64(h.TOS)<<48 | uint64(h.TotalLen)<<32 | uint64(h.ID)<<16 | frag
	w1 := uint64(h.TTL)<<56 | uint64(h.Proto)<<48 | uint64(be.Uint32(h.Src[:]))
	dst := be.Uint32(h.Dst[:])
	be.PutUint64(b, w0)
	be.PutUint32(b[16:], dst)
	sum := w0>>32 + w0&0xffffffff + w1>>32 + w1&0xffffffff + uint64(dst)
	if n > HeaderLen {
		opts := b[HeaderLen:n]
		clear(opts[copy(opts, h.Options):])
		for i := 0; i < len(opts); i += 4 {
			sum += uint64(be.Uint32(opts[i:]))
		}
	}
	be.PutUint64(b[8:], w1|uint64(^fold(sum))<<32)
	return n
}

// headerSum returns the folded sum of a header whose length is a multiple of 4, at least 20. It is
// 0xffff when the checksum in the header is right.
func headerSum(b []byte) uint16 {
	_ = b[HeaderLen-1]
	w0, w1 := be.Uint64(b), be.Uint64(b[8:])
	sum := w0>>32 + w0&0xffffffff + w1>>32 + w1&0xffffffff + uint64(be.Uint32(b[16:]))
	for i := HeaderLen; i < len(b); i += 4 {
		sum += uint64(be.Uint32(b[i:]))
	}
	return fold(sum)
}

// fold reduces a sum of 32-bit words to 16 bits with end-around carries.
func fold(sum uint64) uint16 {
	sum = sum>>32 + sum&0xffffffff
	sum = sum>>16 + sum&0xffff
	sum = sum>>16 + sum&0xffff
	sum = sum>>16 + sum&0xffff
	return uint16(sum)
}
