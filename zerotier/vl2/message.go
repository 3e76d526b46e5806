package vl2

import (
	"github.com/ztstack/ztstack/ethernet"
	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/packet"
)

// Message is one authenticated, decompressed VL1 message.
type Message struct {
	From    identity.Address
	Verb    packet.Verb
	ID      uint64 // as on the wire
	Hops    int
	Payload []byte // from offset 28 of the packet; for OK and ERROR what follows the prefix (offsets 37 and 38)

	// For OK and ERROR.
	InRe   packet.Verb
	InReID uint64
	Code   packet.ErrorCode
}

// Send is one message to be sent.
type Send struct {
	To      identity.Address // 0: the best upstream. May be the node itself, when it is the network's controller.
	Verb    packet.Verb
	Payload []byte // from offset 28; for OK and ERROR what follows the prefix. Valid until the next call to Output.

	// For OK and ERROR.
	InRe   packet.Verb
	InReID uint64
	Code   packet.ErrorCode
}

// Verdict says what Receive made of a message.
type Verdict uint8

const (
	Drop        Verdict = iota // refused; counted under a DropReason
	Done                       // processed
	DoneTrusted                // processed, and the sender proved to be trusted (PROTOCOL 14.4)
	HasFrame                   // a frame for the host; the sender is trusted
	Retry                      // not yet: offer it again for up to 5 s, at once when an identity was learned
)

// Frame is an Ethernet frame for the host. Payload aliases the message it came in; the 14 bytes before it belong to
// the packet's header, so the caller may write the Ethernet header there.
type Frame struct {
	Network  NetworkID
	From     identity.Address // the member that sent it, or this node
	Dst, Src ethernet.Addr
	Type     uint16 // EtherType
	Payload  []byte
}

// PutHeader writes f's 14-byte Ethernet header.
func (f *Frame) PutHeader(b []byte) {
	_ = b[13]
	copy(b, f.Dst[:])
	copy(b[6:], f.Src[:])
	b[12], b[13] = byte(f.Type>>8), byte(f.Type)
}

// Unicast says how a frame of the host has to be sent: as Verb to To, with a payload made of Prefix and the frame
// without its Ethernet header.
type Unicast struct {
	To     identity.Address
	Verb   packet.Verb // VerbFrame or VerbExtFrame
	Prefix [23]byte
	Len    int // bytes of Prefix that count: 10 for FRAME, 23 for EXT_FRAME
}
