package packet

import (
	"github.com/ztstack/ztstack/ethernet"
	"github.com/ztstack/ztstack/internal/be"
)

// Frame is the payload of FRAME (PROTOCOL 10.6).
type Frame struct {
	Network   uint64
	EtherType uint16
	Payload   []byte
}

// Append appends the payload.
func (f *Frame) Append(dst []byte) []byte {
	return append(append16(append64(dst, f.Network), f.EtherType), f.Payload...)
}

// Parse parses the payload.
func (f *Frame) Parse(b []byte) bool {
	if len(b) < FrameHeader-HeaderLen {
		return false
	}
	f.Network, f.EtherType, f.Payload = be.Uint64(b), be.Uint16(b[8:]), b[10:]
	return true
}

// PutFrame writes the 10 bytes between the header of a FRAME and the Ethernet payload, at p[28:38].
func PutFrame(p []byte, network uint64, etherType uint16) {
	_ = p[FrameHeader-1]
	be.PutUint64(p[HeaderLen:], network)
	be.PutUint16(p[HeaderLen+8:], etherType)
}

// PutExtFrame writes the 23 bytes between the header of an EXT_FRAME without certificate and the Ethernet payload, at
// p[28:51].
func PutExtFrame(p []byte, network uint64, flags uint8, dst, src ethernet.Addr, etherType uint16) {
	_ = p[ExtFrameHeader-1]
	be.PutUint64(p[HeaderLen:], network)
	p[HeaderLen+8] = flags
	copy(p[HeaderLen+9:], dst[:])
	copy(p[HeaderLen+15:], src[:])
	be.PutUint16(p[HeaderLen+21:], etherType)
}

// Flags of EXT_FRAME (PROTOCOL 10.7).
const (
	ExtFrameCOM             = 0x01 // a certificate follows the flags
	ExtFrameSubtype         = 0x0e // bits of the subtype
	ExtFrameAck             = 0x10 // an OK is wanted
	ExtFrameTeeOutbound     = 0x02
	ExtFrameRedirectOut     = 0x04
	ExtFrameWatchOutbound   = 0x16
	ExtFrameTeeInbound      = 0x08
	ExtFrameRedirectInbound = 0x0a
	ExtFrameWatchInbound    = 0x1c
)

// ExtFrame is the payload of EXT_FRAME (PROTOCOL 10.7).
type ExtFrame struct {
	Network   uint64
	Flags     uint8  // Append sets or clears ExtFrameCOM by COM
	COM       []byte // certificate of membership in coded form, or nil
	Dst, Src  ethernet.Addr
	EtherType uint16
	Payload   []byte
}

// Append appends the payload.
func (f *ExtFrame) Append(dst []byte) []byte {
	flags := f.Flags &^ ExtFrameCOM
	if len(f.COM) > 0 {
		flags |= ExtFrameCOM
	}
	dst = append(append64(dst, f.Network), flags)
	dst = append(dst, f.COM...)
	dst = append(append(dst, f.Dst[:]...), f.Src[:]...)
	return append(append16(dst, f.EtherType), f.Payload...)
}

// Parse parses the payload.
func (f *ExtFrame) Parse(b []byte) bool {
	r := reader{b: b}
	*f = ExtFrame{Network: r.u64(), Flags: r.u8()}
	if f.Flags&ExtFrameCOM != 0 {
		f.COM = r.com()
	}
	f.Dst, f.Src, f.EtherType = r.mac(), r.mac(), r.u16()
	f.Payload = r.rest()
	return !r.bad
}
