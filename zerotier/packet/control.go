package packet

import (
	"net/netip"

	"github.com/ztstack/ztstack/zerotier/identity"
)

// A Moon names a moon and the timestamp of the copy that the sender of a HELLO has.
type Moon struct {
	Type      uint8 // 127
	ID        uint64
	Timestamp uint64 // milliseconds; 0 asks for it
}

// Hello is the payload of HELLO (PROTOCOL 10.1). Fields after Identity may be missing at the end.
type Hello struct {
	Protocol, Major, Minor uint8
	Revision               uint16
	Timestamp              uint64 // sender's clock, milliseconds
	Identity               identity.Identity
	SentTo                 netip.AddrPort // physical address the packet is sent to; may be zero
	PlanetID               uint64         // 0 when missing
	PlanetTimestamp        uint64
	Moons                  []Moon

	// Tail is the offset in the payload of the encrypted tail, the number of moons and the moons; Append and
	// Parse set it. It is the payload's length when there is no tail.
	Tail int
}

// Append appends the payload with its tail in the clear: Keys.HelloTail(p, HeaderLen+h.Tail) encrypts it.
func (h *Hello) Append(dst []byte) []byte { panic("TODO") }

// Parse parses the payload but for the tail, so that the sender's key can be found.
func (h *Hello) Parse(b []byte) bool { panic("TODO") }

// ParseTail parses the tail, once it has been decrypted. b is the whole payload.
func (h *Hello) ParseTail(b []byte) bool { panic("TODO") }

// OK is the payload of OK (PROTOCOL 10.3).
type OK struct {
	InRe   Verb
	InReID uint64 // packet ID of the request, as it was on the wire
	Body   []byte // by InRe: OKHello, OKWhois, ...
}

// Append appends the payload.
func (o *OK) Append(dst []byte) []byte { panic("TODO") }

// Parse parses the payload.
func (o *OK) Parse(b []byte) bool { panic("TODO") }

// OKHello is the body of an OK to HELLO. Fields after Revision may be missing at the end.
type OKHello struct {
	Timestamp              uint64 // as in the HELLO
	Protocol, Major, Minor uint8
	Revision               uint16
	SentFrom               netip.AddrPort // physical address that the HELLO came from; may be zero
	Worlds                 []byte         // serialized worlds, one after the other
}

// Append appends the body.
func (o *OKHello) Append(dst []byte) []byte { panic("TODO") }

// Parse parses the body.
func (o *OKHello) Parse(b []byte) bool { panic("TODO") }

// Error is the payload of ERROR (PROTOCOL 10.2).
type Error struct {
	InRe   Verb
	InReID uint64
	Code   ErrorCode
	Body   []byte // by Code: ErrorNetwork, UnwantedMulticast, AuthenticationRequired or nothing
}

// Append appends the payload.
func (e *Error) Append(dst []byte) []byte { panic("TODO") }

// Parse parses the payload.
func (e *Error) Parse(b []byte) bool { panic("TODO") }

// Network returns the network ID that the bodies of codes 3 and 5 to 9 begin with.
func (e *Error) Network() (id uint64, ok bool) { panic("TODO") }

// UnwantedMulticast is the body of ErrorUnwantedMulticast.
type UnwantedMulticast struct {
	Group Group
}

// Append appends the body.
func (u *UnwantedMulticast) Append(dst []byte) []byte { panic("TODO") }

// Parse parses the body.
func (u *UnwantedMulticast) Parse(b []byte) bool { panic("TODO") }

// AuthenticationRequired is the body of ErrorAuthenticationRequired. Dict may be missing.
type AuthenticationRequired struct {
	Network uint64
	Dict    Dict
}

// Append appends the body.
func (a *AuthenticationRequired) Append(dst []byte) []byte { panic("TODO") }

// Parse parses the body.
func (a *AuthenticationRequired) Parse(b []byte) bool { panic("TODO") }

// Whois is the payload of WHOIS (PROTOCOL 10.4): at least one address.
type Whois struct {
	Addresses []identity.Address
}

// Append appends the payload.
func (w *Whois) Append(dst []byte) []byte { panic("TODO") }

// Parse parses the payload. Less than five bytes at the end are ignored, as the reference does.
func (w *Whois) Parse(b []byte) bool { panic("TODO") }

// OKWhois is the body of an OK to WHOIS: at least one identity.
type OKWhois struct {
	Identities []identity.Identity
}

// Append appends the body.
func (o *OKWhois) Append(dst []byte) []byte { panic("TODO") }

// Parse parses the body.
func (o *OKWhois) Parse(b []byte) bool { panic("TODO") }

// Rendezvous is the payload of RENDEZVOUS (PROTOCOL 10.5).
type Rendezvous struct {
	Flags    uint8
	Peer     identity.Address
	Endpoint netip.AddrPort
}

// Append appends the payload.
func (r *Rendezvous) Append(dst []byte) []byte { panic("TODO") }

// Parse parses the payload.
func (r *Rendezvous) Parse(b []byte) bool { panic("TODO") }

// Echo is the payload of ECHO and the body of the OK to it (PROTOCOL 10.8).
type Echo struct {
	Data []byte
}

// Append appends the payload.
func (e *Echo) Append(dst []byte) []byte { panic("TODO") }

// Parse parses the payload. Any will do.
func (e *Echo) Parse(b []byte) bool { panic("TODO") }

// DirectPath flags.
const (
	PathForget          = 0x01 // ignored by receivers
	PathClusterRedirect = 0x02
)

// A DirectPath is one address in PUSH_DIRECT_PATHS.
type DirectPath struct {
	Flags uint8
	Addr  netip.AddrPort
}

// PushDirectPaths is the payload of PUSH_DIRECT_PATHS (PROTOCOL 10.14). Parse skips addresses of
// unknown types.
type PushDirectPaths struct {
	Paths []DirectPath
}

// Append appends the payload.
func (d *PushDirectPaths) Append(dst []byte) []byte { panic("TODO") }

// Parse parses the payload.
func (d *PushDirectPaths) Parse(b []byte) bool { panic("TODO") }

// UserMessage is the payload of USER_MESSAGE (PROTOCOL 10.15).
type UserMessage struct {
	Type uint64 // values up to 65535 are reserved
	Data []byte
}

// Append appends the payload.
func (u *UserMessage) Append(dst []byte) []byte { panic("TODO") }

// Parse parses the payload.
func (u *UserMessage) Parse(b []byte) bool { panic("TODO") }

// RemoteTrace is the payload of REMOTE_TRACE (PROTOCOL 10.16).
type RemoteTrace struct {
	Events []Dict
}

// Append appends the payload.
func (r *RemoteTrace) Append(dst []byte) []byte { panic("TODO") }

// Parse parses the payload. The NUL after the last dictionary may be missing.
func (r *RemoteTrace) Parse(b []byte) bool { panic("TODO") }

// A QoSRecord tells how long the receiver held a packet before it reported it.
type QoSRecord struct {
	ID   uint64 // of the packet
	Held uint16 // milliseconds
}

// QoSMeasurement is the payload of QOS_MEASUREMENT (PROTOCOL 10.17).
type QoSMeasurement struct {
	Records []QoSRecord
}

// Append appends the payload.
func (q *QoSMeasurement) Append(dst []byte) []byte { panic("TODO") }

// Parse parses the payload.
func (q *QoSMeasurement) Parse(b []byte) bool { panic("TODO") }

// PathNegotiationRequest is the payload of PATH_NEGOTIATION_REQUEST (PROTOCOL 10.17).
type PathNegotiationRequest struct {
	Utility int16
}

// Append appends the payload.
func (r *PathNegotiationRequest) Append(dst []byte) []byte { panic("TODO") }

// Parse parses the payload.
func (r *PathNegotiationRequest) Parse(b []byte) bool { panic("TODO") }
