package udp

import (
	"github.com/ztstack/ztstack/internal/be"
	"github.com/ztstack/ztstack/internal/cksum"
)

// HeaderLen is the length of a header in bytes.
const HeaderLen = 8

// A Header is a UDP header (RFC 768).
type Header struct {
	SrcPort, DstPort uint16
	Length           int    // bytes of the datagram, header included
	Sum              uint16 // the checksum field; zero means that the sender computed none
}

// Parse reads the header of the datagram at the beginning of b, which is a whole IP payload, and
// returns HeaderLen: the payload is b[n:h.Length], and what follows belongs to nobody. It returns -1
// when Length is less than HeaderLen or more than len(b). The checksum is not examined: see Verify.
func (h *Header) Parse(b []byte) (n int) {
	if len(b) < HeaderLen {
		return -1
	}
	w := be.Uint64(b)
	h.SrcPort, h.DstPort = uint16(w>>48), uint16(w>>32)
	h.Length, h.Sum = int(w>>16&0xffff), uint16(w)
	if h.Length < HeaderLen || h.Length > len(b) {
		return -1
	}
	return HeaderLen
}

// Put writes the header into b and returns HeaderLen. It panics if b is too short.
func (h *Header) Put(b []byte) (n int) {
	if len(b) < HeaderLen || uint(h.Length) > 0xffff {
		panic("BUG: udp: header does not fit")
	}
	be.PutUint64(b, uint64(h.SrcPort)<<48|uint64(h.DstPort)<<32|uint64(h.Length)<<16|uint64(h.Sum))
	return HeaderLen
}

// Verify reports whether the checksum of a datagram is right: b is the datagram, exactly Length bytes,
// and pseudo the sum of its pseudo-header. A zero checksum passes if zeroOK, which IPv4 says and IPv6
// does not (RFC 768; RFC 8200 Section 8.1).
func Verify(b []byte, pseudo uint16, zeroOK bool) bool {
	if be.Uint16(b[6:]) == 0 {
		return zeroOK
	}
	return cksum.Add(cksum.Sum(b), pseudo) == 0xffff
}

// Checksum returns what to store in the checksum field of a datagram whose folded sum, pseudo-header
// included and the field itself zero, is sum.
//
// "If the computed checksum is zero, it is transmitted as all ones". RFC 768.
func Checksum(sum uint16) uint16 {
	if sum == 0xffff {
		return 0xffff
	}
	return ^sum
}

// PutDatagram writes a whole datagram, header and payload, with its checksum into dst and returns its
// length. pseudo is the sum of its pseudo-header, made for a length of HeaderLen+len(payload).
func PutDatagram(dst []byte, srcPort, dstPort uint16, payload []byte, pseudo uint16) (n int) {
	n = HeaderLen + len(payload)
	if len(dst) < n || n > 0xffff {
		panic("BUG: udp: datagram does not fit")
	}
	be.PutUint64(dst, uint64(srcPort)<<48|uint64(dstPort)<<32|uint64(n)<<16)
	sum := cksum.Add(cksum.CopySum(dst[HeaderLen:], payload), pseudo)
	be.PutUint16(dst[6:], Checksum(cksum.Add(sum, cksum.Sum(dst[:HeaderLen]))))
	return n
}
