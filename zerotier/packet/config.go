package packet

import "github.com/ztstack/ztstack/zerotier/identity"

// ConfigRequest is the payload of NETWORK_CONFIG_REQUEST (PROTOCOL 17.1). Revision and Timestamp may be missing.
type ConfigRequest struct {
	Network   uint64
	Dict      Dict
	Revision  uint64 // of the configuration held; 0 when none
	Timestamp uint64
}

// Append appends the payload.
func (c *ConfigRequest) Append(dst []byte) []byte {
	dst = append16(append64(dst, c.Network), uint16(len(c.Dict)))
	dst = append(dst, c.Dict...)
	return append64(append64(dst, c.Revision), c.Timestamp)
}

// Parse parses the payload.
func (c *ConfigRequest) Parse(b []byte) bool {
	r := reader{b: b}
	*c = ConfigRequest{Network: r.u64()}
	c.Dict = r.bytes(int(r.u16()))
	if len(r.b) > 0 {
		c.Revision, c.Timestamp = r.u64(), r.u64()
	}
	return !r.bad
}

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
func (c *ConfigChunk) AppendSigned(dst []byte) []byte {
	dst = append16(append64(dst, c.Network), uint16(len(c.Data)))
	dst = append(append(dst, c.Data...), c.Flags)
	dst = append64(dst, c.UpdateID)
	return append32(append32(dst, c.Total), c.Offset)
}

// Append appends the payload.
func (c *ConfigChunk) Append(dst []byte) []byte {
	dst = append(c.AppendSigned(dst), 1, 0, identity.SignatureLen)
	return append(dst, c.Signature...)
}

// Parse parses the payload. A chunk that goes beyond the dictionary's length is malformed.
func (c *ConfigChunk) Parse(b []byte) bool {
	r := reader{b: b}
	*c = ConfigChunk{Network: r.u64()}
	c.Data = r.bytes(int(r.u16()))
	if len(r.b) == 0 {
		c.Legacy = true
		return !r.bad
	}
	c.Flags = r.u8()
	c.UpdateID = r.u64()
	c.Total, c.Offset = r.u32(), r.u32()
	c.Signed = b[:len(b)-len(r.b)]
	kind, n := r.u8(), r.u16()
	c.Signature = r.bytes(int(n))
	return !r.bad && kind == 1 && n == identity.SignatureLen &&
		uint64(c.Offset)+uint64(len(c.Data)) <= uint64(c.Total)
}

// OKConfig is what a member answers to NETWORK_CONFIG, as an OK in reply to ECHO (PROTOCOL 10.3).
type OKConfig struct {
	Network, UpdateID uint64
}

// Append appends the body.
func (o *OKConfig) Append(dst []byte) []byte { return append64(append64(dst, o.Network), o.UpdateID) }

// Parse parses the body.
func (o *OKConfig) Parse(b []byte) bool {
	r := reader{b: b}
	o.Network, o.UpdateID = r.u64(), r.u64()
	return !r.bad
}
