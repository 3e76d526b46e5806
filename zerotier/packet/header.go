package packet

import (
	"github.com/ztstack/ztstack/internal/be"
	"github.com/ztstack/ztstack/zerotier/identity"
)

// Sizes in bytes (PROTOCOL 1, 4, 10.6, 10.7, 28).
const (
	HeaderLen       = 28    // header with the verb, and the least valid packet
	MaxLen          = 10024 // largest packet, as assembled
	MaxPayload      = MaxLen - HeaderLen
	DefaultMTU      = 1432           // UDP payload that a path carries unless it is known better
	FrameHeader     = HeaderLen + 10 // bytes of a FRAME before the Ethernet payload
	ExtFrameHeader  = HeaderLen + 23 // bytes of an EXT_FRAME without certificate before the Ethernet payload
	ProtocolVersion = 12             // the version that this package speaks
	MinProtocol     = 4              // the least version that is accepted
	AESProtocol     = 12             // the least version of a peer that understands AES-GMAC-SIV
	MaxHops         = 7              // largest hop count that the header holds
	RelayMaxHops    = 3              // a relay forwards while the count is below this
)

// Cipher says how a packet is armoured.
type Cipher uint8

// Ciphers (PROTOCOL 4).
const (
	CipherPoly1305  Cipher = 0 // authenticated, not encrypted: HELLO
	CipherSalsa2012 Cipher = 1 // Salsa20/12 and Poly1305
	CipherTrusted   Cipher = 2 // trusted path: neither
	CipherAES       Cipher = 3 // AES-GMAC-SIV
)

// ID returns the packet ID as it is on the wire.
func ID(p []byte) uint64 { return be.Uint64(p) }

// Dst returns the destination.
func Dst(p []byte) identity.Address { return identity.AddressFrom(p[8:]) }

// Src returns the source. In a fragment there is none: see IsFragment.
func Src(p []byte) identity.Address { return identity.AddressFrom(p[13:]) }

// IsFragment reports whether datagram p is a fragment other than a head (PROTOCOL 8). p has at
// least FragmentHeaderLen bytes.
func IsFragment(p []byte) bool { return p[13] == 0xff }

// IsHead reports whether p is the head of a fragmented packet: more bytes follow in fragments.
func IsHead(p []byte) bool { return p[18]&0x40 != 0 }

// SetHead sets or clears the fragmented flag. It is authenticated, so it is set before Seal.
func SetHead(p []byte, fragmented bool) {
	p[18] &^= 0x40
	if fragmented {
		p[18] |= 0x40
	}
}

// CipherOf returns the cipher that the header names; values above 3 are refused by Open.
func CipherOf(p []byte) Cipher { return Cipher(p[18] >> 3 & 7) }

// Hops returns the number of relays that p has passed.
func Hops(p []byte) int { return int(p[18] & 7) }

// AddHop counts one more relay, in a head or whole packet or in a fragment, and reports whether a
// relay may forward it.
func AddHop(p []byte) bool {
	at := 18
	if IsFragment(p) {
		at = 15
	}
	hops := p[at] & 7
	if hops >= RelayMaxHops {
		return false
	}
	p[at] = p[at]&^7 | (hops + 1)
	return true
}

// VerbOf returns the verb of an opened packet, without the compressed bit.
func VerbOf(p []byte) Verb { return Verb(p[27] & 0x1f) }

// IsCompressed reports whether the payload of an opened packet is compressed.
func IsCompressed(p []byte) bool { return p[27]&0x80 != 0 }

// Payload returns the bytes after the header.
func Payload(p []byte) []byte { return p[HeaderLen:] }

// TrustedPath returns the trusted path ID of a packet with CipherTrusted.
func TrustedPath(p []byte) uint64 { return be.Uint64(p[19:]) }

// SetTrusted armours p for a trusted path, which means not at all: its MAC field is the path's ID.
func SetTrusted(p []byte, path uint64) {
	p[18] = p[18]&0x40 | byte(CipherTrusted)<<3
	be.PutUint64(p[19:], path)
}

// PutHeader writes the 28 bytes of header: flags and MAC are zero until the packet is sealed.
func PutHeader(p []byte, id uint64, dst, src identity.Address, v Verb) {
	_ = p[27]
	be.PutUint64(p, id)
	dst.Put(p[8:])
	src.Put(p[13:])
	p[18] = 0
	be.PutUint64(p[19:], 0)
	p[27] = byte(v)
}
