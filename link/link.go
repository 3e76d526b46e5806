// Package link is where a host meets what carries its frames.
//
// A Buf is one frame in memory that somebody else owns; a Super is a batch of frames laid out
// at a fixed stride in one buffer, the unit in which a host hands its output to a Device. The
// core (package stack) knows Buf alone. Device is implemented above the core (link/pipe,
// link/tap, the ZeroTier driver) and consumed by package sockets.
//
// # Ownership
//
// Everything passed to Send and Deliver is borrowed for the length of the call: the callee may
// overwrite the bytes, headroom included, and keeps no reference once it has returned.
package link

import "github.com/ztstack/ztstack/ethernet"

// Medium says what a frame on a link begins with.
type Medium uint8

const (
	// Ethernet links carry Ethernet II frames: a 14-byte header, no FCS.
	Ethernet Medium = iota
	// IP links carry bare IPv4 or IPv6 packets, as a TUN device does.
	IP
)

// Info describes a Device. It does not change while the Device is open.
type Info struct {
	Medium   Medium
	MTU      int           // largest IP packet, in bytes
	Headroom int           // bytes the Device needs before a frame, in every Buf passed to Send
	Tailroom int           // bytes the Device needs after a frame
	Batch    int           // most frames per Super; 0 means 1
	MTUFrame bool          // frames of exactly MTU size should fill a Super's slots without gaps: see Super
	Addr     ethernet.Addr // the station address; zero on IP links
	MaxSegs  int           // segments per super-segment the Device can cut itself (TSO); 0 or 1 means none
	NoSum    bool          // the Device neither corrupts nor forwards frames: checksums may be left out
}

// A Buf is one frame in a slot of memory: bytes [Off, Off+Len) of B, with headroom before and
// tailroom after. The zero Buf holds nothing. A Buf is a value; whoever owns B owns the frame.
type Buf struct {
	B   []byte
	Off int // bytes of headroom
	Len int // bytes of frame

	// GSO, if not zero, marks a super-segment: the TCP payload length in bytes of each segment
	// but the last, to be cut by the Device or by Segment.
	GSO int
	// SumOK marks a received frame whose transport checksum need not be verified, and on a frame
	// to be sent that its transport checksum was left out. Only links with Info.NoSum see it.
	SumOK bool
}

// Frame returns the frame's bytes, which alias B.
func (b *Buf) Frame() []byte { return b.B[b.Off : b.Off+b.Len] }

// Room returns the slot's bytes from Off on: what a frame may fill.
func (b *Buf) Room() []byte { return b.B[b.Off:] }

// A Device sends and receives frames. Its methods but Send may be called concurrently.
type Device interface {
	// Info describes the device.
	Info() Info

	// Attach names the receiver of the device's frames, once, before the first Send. The device may
	// call Deliver from any goroutine, several at once, from then until Close has returned.
	Attach(r Receiver)

	// Send transmits the frames of s in order. One goroutine calls it at a time, never while it
	// holds a lock that Deliver takes. The device owns the bytes of s until Send returns; it may
	// overwrite them. What cannot be sent is dropped and counted by the device, as a NIC does.
	Send(s *Super)

	// Close stops the device and returns when no Deliver is running any more. It is idempotent.
	Close() error
}

// A Receiver takes the frames that a Device has received.
type Receiver interface {
	// Deliver hands over a batch of frames, borrowed for the call. It does not block on other
	// goroutines: a receiver that is busy copies the frames into a ring, or drops them.
	Deliver(frames []Buf)

	// LinkChanged tells that Info (MTU, address) or the link's state is no longer what it was.
	LinkChanged(up bool)
}
