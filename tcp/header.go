package tcp

import "github.com/ztstack/ztstack/internal/be"

// Flags are the control bits of a segment (RFC 9293, Section 3.1).
type Flags uint8

// The control bits, from the lowest.
const (
	FIN Flags = 1 << iota
	SYN
	RST
	PSH
	ACK
	URG
	ECE
	CWR
)

// Has reports whether all bits of o are set in f.
func (f Flags) Has(o Flags) bool { return f&o == o }

// String returns the flags as transcripts write them: F S R P, "." for ACK, U E W.
func (f Flags) String() string {
	const letters = "FSRP.UEW"
	var b [8]byte
	n := 0
	// SYN and the like come first and the dot last, as people are used to reading them.
	for _, i := range [8]int{1, 0, 2, 3, 5, 6, 7, 4} {
		if f&(1<<i) != 0 {
			b[n] = letters[i]
			n++
		}
	}
	if n == 0 {
		return "none"
	}
	return string(b[:n])
}

const (
	// HeaderLen is the length of a header without options.
	HeaderLen = 20
	// MaxHeaderLen is the length of a header with the most options that fit.
	MaxHeaderLen = 60
)

// A Header is the header of one segment (RFC 9293, Section 3.1). The checksum is not in it: it
// covers a pseudo-header that this package does not see, so whoever has the addresses verifies it.
type Header struct {
	SrcPort, DstPort uint16
	Seq, Ack         Seq
	Flags            Flags
	Window           uint16 // as on the wire, not scaled
	Urgent           uint16
	DataOff          int  // bytes, options included; set by Parse and by Put
	CE               bool // the packet came with Congestion Experienced (RFC 3168); not on TCP's wire, Parse leaves it alone
	Options          Options
}

// Parse reads the header of segment b into h, which keeps no reference to b. It returns the length of
// the header, where the payload begins, or -1 if b is no segment: shorter than its header claims, or
// with a data offset below five words.
//
// Malformed options do not make a segment bad: "A TCP implementation MUST be able to receive a TCP
// Option in any segment" and "MUST be prepared to handle an illegal option length (e.g., zero)" RFC 9293,
// Section 3.1 (MUST-5, MUST-7). Parse stops at the first option that cannot be stepped over.
func (h *Header) Parse(b []byte) int {
	if len(b) < HeaderLen {
		return -1
	}
	off := int(b[12]>>4) * 4
	if off < HeaderLen || off > len(b) {
		return -1
	}
	h.SrcPort = be.Uint16(b[0:])
	h.DstPort = be.Uint16(b[2:])
	h.Seq = Seq(be.Uint32(b[4:]))
	h.Ack = Seq(be.Uint32(b[8:]))
	h.Flags = Flags(b[13])
	h.Window = be.Uint16(b[14:])
	h.Urgent = be.Uint16(b[18:])
	h.DataOff = off
	o := &h.Options
	if off == HeaderLen+timestampLen && be.Uint32(b[20:]) == timestampWord {
		// The layout that nearly every segment of an established connection has
		// (RFC 7323, Appendix A).
		o.clear()
		o.HasTimestamps = true
		o.TSVal, o.TSEcr = be.Uint32(b[24:]), be.Uint32(b[28:])
		return off
	}
	o.parse(b[HeaderLen:off])
	return off
}

// Put writes the header with its options into b and returns its length, which it also stores in
// h.DataOff. The checksum field is written as zero.
func (h *Header) Put(b []byte) int {
	if len(b) < HeaderLen {
		panic("BUG: tcp: no room for a header")
	}
	n := HeaderLen + h.Options.put(b[HeaderLen:], h.Flags.Has(SYN))
	h.DataOff = n
	be.PutUint16(b[0:], h.SrcPort)
	be.PutUint16(b[2:], h.DstPort)
	be.PutUint32(b[4:], uint32(h.Seq))
	be.PutUint32(b[8:], uint32(h.Ack))
	b[12] = byte(n/4) << 4
	b[13] = byte(h.Flags)
	be.PutUint16(b[14:], h.Window)
	be.PutUint16(b[16:], 0)
	be.PutUint16(b[18:], h.Urgent)
	return n
}

// seqLen returns the sequence space that a segment with these flags and this much payload occupies.
func (f Flags) seqLen(payload int) int {
	if f&SYN != 0 {
		payload++
	}
	if f&FIN != 0 {
		payload++
	}
	return payload
}
