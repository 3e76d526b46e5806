package packet

// OK is the payload of OK (PROTOCOL 10.3).
type OK struct {
	InRe   Verb
	InReID uint64 // packet ID of the request, as it was on the wire
	Body   []byte // by InRe: OKHello, OKWhois, Echo or OKConfig, ConfigChunk, OKMulticastGather, OKMulticastFrame, OKExtFrame
}

// OKHeader is the length of an OK in front of its body, with the packet's header.
const OKHeader = HeaderLen + 9

// Append appends the payload.
func (o *OK) Append(dst []byte) []byte {
	return append(append64(append(dst, byte(o.InRe)), o.InReID), o.Body...)
}

// Parse parses the payload.
func (o *OK) Parse(b []byte) bool {
	r := reader{b: b}
	*o = OK{InRe: Verb(r.u8()), InReID: r.u64(), Body: r.rest()}
	return !r.bad
}

// OKExtFrame is the body of an OK to EXT_FRAME, when one was wanted.
type OKExtFrame struct {
	Network uint64
}

// Append appends the body.
func (o *OKExtFrame) Append(dst []byte) []byte { return append64(dst, o.Network) }

// Parse parses the body.
func (o *OKExtFrame) Parse(b []byte) bool {
	r := reader{b: b}
	o.Network = r.u64()
	return !r.bad
}

// Error is the payload of ERROR (PROTOCOL 10.2).
type Error struct {
	InRe   Verb
	InReID uint64
	Code   ErrorCode
	Body   []byte // by Code: see Network, UnwantedMulticast and AuthenticationRequired
}

// Append appends the payload.
func (e *Error) Append(dst []byte) []byte {
	dst = append64(append(dst, byte(e.InRe)), e.InReID)
	return append(append(dst, byte(e.Code)), e.Body...)
}

// Parse parses the payload.
func (e *Error) Parse(b []byte) bool {
	r := reader{b: b}
	*e = Error{InRe: Verb(r.u8()), InReID: r.u64(), Code: ErrorCode(r.u8()), Body: r.rest()}
	return !r.bad
}

// Network returns the network ID that the bodies of codes 3 and 5 to 9 begin with.
func (e *Error) Network() (id uint64, ok bool) {
	r := reader{b: e.Body}
	id = r.u64()
	return id, !r.bad
}

// UnwantedMulticast is the body of ErrorUnwantedMulticast.
type UnwantedMulticast struct {
	Group Group
}

// Append appends the body.
func (u *UnwantedMulticast) Append(dst []byte) []byte { return appendGroup(dst, u.Group) }

// Parse parses the body.
func (u *UnwantedMulticast) Parse(b []byte) bool {
	r := reader{b: b}
	u.Group = r.group()
	return !r.bad
}

// AuthenticationRequired is the body of ErrorAuthenticationRequired. Dict may be missing.
type AuthenticationRequired struct {
	Network uint64
	Dict    Dict
}

// Append appends the body.
func (a *AuthenticationRequired) Append(dst []byte) []byte {
	dst = append16(append64(dst, a.Network), uint16(len(a.Dict)))
	return append(dst, a.Dict...)
}

// Parse parses the body.
func (a *AuthenticationRequired) Parse(b []byte) bool {
	r := reader{b: b}
	*a = AuthenticationRequired{Network: r.u64()}
	if len(r.b) > 0 {
		a.Dict = r.bytes(int(r.u16()))
	}
	return !r.bad
}
