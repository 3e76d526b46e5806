package packet

import (
	"github.com/ztstack/ztstack/ethernet"
	"github.com/ztstack/ztstack/zerotier/identity"
)

// Frame is the payload of FRAME (PROTOCOL 10.6).
type Frame struct {
	Network   uint64
	EtherType uint16
	Payload   []byte
}

// Append appends the payload.
func (f *Frame) Append(dst []byte) []byte { panic("TODO") }

// Parse parses the payload.
func (f *Frame) Parse(b []byte) bool { panic("TODO") }

// PutFrame writes the 10 bytes between the header of a FRAME and the Ethernet payload, at p[28:38].
func PutFrame(p []byte, network uint64, etherType uint16) { panic("TODO") }

// PutExtFrame writes the 23 bytes between the header of an EXT_FRAME without certificate and the Ethernet payload, at
// p[28:51].
func PutExtFrame(p []byte, network uint64, flags uint8, dst, src ethernet.Addr, etherType uint16) {
	panic("TODO")
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
func (f *ExtFrame) Append(dst []byte) []byte { panic("TODO") }

// Parse parses the payload.
func (f *ExtFrame) Parse(b []byte) bool { panic("TODO") }

// A Group is a multicast group of a network (PROTOCOL 21.2).
type Group struct {
	Network uint64
	MAC     ethernet.Addr
	ADI     uint32
}

// MulticastLike is the payload of MULTICAST_LIKE (PROTOCOL 10.9).
type MulticastLike struct {
	Groups []Group
}

// Append appends the payload.
func (m *MulticastLike) Append(dst []byte) []byte { panic("TODO") }

// Parse parses the payload. Less than 18 bytes at the end are ignored, as the reference does.
func (m *MulticastLike) Parse(b []byte) bool { panic("TODO") }

// MulticastGather is the payload of MULTICAST_GATHER (PROTOCOL 10.12).
type MulticastGather struct {
	Group Group
	Limit uint32 // most members wanted
	COM   []byte // certificate of membership in coded form, or nil
}

// Append appends the payload.
func (m *MulticastGather) Append(dst []byte) []byte { panic("TODO") }

// Parse parses the payload.
func (m *MulticastGather) Parse(b []byte) bool { panic("TODO") }

// OKMulticastGather is the body of an OK to MULTICAST_GATHER.
type OKMulticastGather struct {
	Group   Group
	Total   uint32 // members known to the responder
	Members []identity.Address
}

// Append appends the body.
func (o *OKMulticastGather) Append(dst []byte) []byte { panic("TODO") }

// Parse parses the body.
func (o *OKMulticastGather) Parse(b []byte) bool { panic("TODO") }

// MulticastFrame is the payload of MULTICAST_FRAME (PROTOCOL 10.13).
type MulticastFrame struct {
	Network     uint64
	COM         []byte // certificate of membership in coded form, or nil
	Gather      bool   // GatherLimit is present
	GatherLimit uint32
	HasSrc      bool // Src is present; else it is derived from the sender
	Src         ethernet.Addr
	Replicate   bool
	Dst         ethernet.Addr
	ADI         uint32
	EtherType   uint16
	Payload     []byte
}

// Append appends the payload.
func (m *MulticastFrame) Append(dst []byte) []byte { panic("TODO") }

// Parse parses the payload.
func (m *MulticastFrame) Parse(b []byte) bool { panic("TODO") }

// OKMulticastFrame is the body of an OK to MULTICAST_FRAME.
type OKMulticastFrame struct {
	Group   Group
	COM     []byte // certificate of membership in coded form, or nil
	Gather  bool   // Total and Members are present
	Total   uint32
	Members []identity.Address
}

// Append appends the body.
func (o *OKMulticastFrame) Append(dst []byte) []byte { panic("TODO") }

// Parse parses the body.
func (o *OKMulticastFrame) Parse(b []byte) bool { panic("TODO") }

// Credentials is the payload of NETWORK_CREDENTIALS (PROTOCOL 10.10): each credential in coded form. Sections
// may be missing at the end, from the capabilities on.
type Credentials struct {
	COMs, Capabilities, Tags, Revocations, Ownerships [][]byte
}

// Append appends the payload.
func (c *Credentials) Append(dst []byte) []byte { panic("TODO") }

// Parse parses the payload: it finds where each credential ends but does not look further into it.
func (c *Credentials) Parse(b []byte) bool { panic("TODO") }

// ConfigRequest is the payload of NETWORK_CONFIG_REQUEST (PROTOCOL 17.1). Revision and Timestamp may be missing.
type ConfigRequest struct {
	Network   uint64
	Dict      Dict
	Revision  uint64 // of the configuration held; 0 when none
	Timestamp uint64
}

// Append appends the payload.
func (r *ConfigRequest) Append(dst []byte) []byte { panic("TODO") }

// Parse parses the payload.
func (r *ConfigRequest) Parse(b []byte) bool { panic("TODO") }

// MaxConfigChunk is the most bytes of dictionary that one ConfigChunk carries.
const MaxConfigChunk = 9740

// ConfigFastPropagate is the flag that asks members to pass a chunk on to others.
const ConfigFastPropagate = 0x01

// ConfigChunk is the payload of NETWORK_CONFIG and the body of the OK to NETWORK_CONFIG_REQUEST
// (PROTOCOL 17.2, 17.3). Everything after Data may be missing, together: Legacy is then true.
type ConfigChunk struct {
	Network   uint64
	Data      []byte // part of the dictionary
	Legacy    bool
	Flags     uint8
	UpdateID  uint64
	Total     uint32 // length of the dictionary
	Offset    uint32 // of Data in it
	Signature []byte // 96 bytes by the controller over Signed

	// Signed is the part of the input that the signature covers. Parse sets it; for the sender, AppendSigned makes it.
	Signed []byte
}

// AppendSigned appends the part of the payload that is to be signed.
func (c *ConfigChunk) AppendSigned(dst []byte) []byte { panic("TODO") }

// Append appends the payload.
func (c *ConfigChunk) Append(dst []byte) []byte { panic("TODO") }

// Parse parses the payload.
func (c *ConfigChunk) Parse(b []byte) bool { panic("TODO") }

// OKConfig is what a member answers to NETWORK_CONFIG, as an OK in reply to ECHO (PROTOCOL 10.3).
type OKConfig struct {
	Network, UpdateID uint64
}

// Append appends the body.
func (o *OKConfig) Append(dst []byte) []byte { panic("TODO") }

// Parse parses the body.
func (o *OKConfig) Parse(b []byte) bool { panic("TODO") }
