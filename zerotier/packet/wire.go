package packet

import (
	"net/netip"

	"github.com/ztstack/ztstack/ethernet"
	"github.com/ztstack/ztstack/internal/be"
	"github.com/ztstack/ztstack/zerotier/identity"
)

// A reader takes fields off the front of a payload. Once one was missing or malformed, bad stays true and all that
// follow are zero.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) fail() {
	r.b, r.bad = nil, true
}

// bytes takes n bytes, which alias the payload.
func (r *reader) bytes(n int) []byte {
	if n < 0 || len(r.b) < n {
		r.fail()
		return nil
	}
	b := r.b[:n:n]
	r.b = r.b[n:]
	return b
}

func (r *reader) u8() uint8 {
	if b := r.bytes(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) u16() uint16 {
	if b := r.bytes(2); b != nil {
		return be.Uint16(b)
	}
	return 0
}

func (r *reader) u32() uint32 {
	if b := r.bytes(4); b != nil {
		return be.Uint32(b)
	}
	return 0
}

func (r *reader) u64() uint64 {
	if b := r.bytes(8); b != nil {
		return be.Uint64(b)
	}
	return 0
}

func (r *reader) address() identity.Address {
	if b := r.bytes(identity.AddressLen); b != nil {
		return identity.AddressFrom(b)
	}
	return 0
}

func (r *reader) mac() (a ethernet.Addr) {
	copy(a[:], r.bytes(len(a)))
	return a
}

func (r *reader) group() Group {
	return Group{Network: r.u64(), MAC: r.mac(), ADI: r.u32()}
}

// identity takes an identity without its secret: one with a secret has no place on the wire.
func (r *reader) identity() identity.Identity {
	if len(r.b) < identity.BinaryLen || r.b[identity.BinaryLen-1] != 0 {
		r.fail()
		return identity.Identity{}
	}
	id, n := identity.ParseBinary(r.b[:identity.BinaryLen])
	if n < 0 {
		r.fail()
		return identity.Identity{}
	}
	r.bytes(n)
	return id
}

func (r *reader) inetAddress() netip.AddrPort {
	a, n := ParseInetAddress(r.b)
	r.bytes(n)
	return a
}

// addresses takes n addresses into dst.
func (r *reader) addresses(dst []identity.Address, n int) []identity.Address {
	b := r.bytes(n * identity.AddressLen)
	for ; len(b) > 0; b = b[identity.AddressLen:] {
		dst = append(dst, identity.AddressFrom(b))
	}
	return dst
}

// rest takes all that is left.
func (r *reader) rest() []byte {
	return r.bytes(len(r.b))
}

func append16(dst []byte, v uint16) []byte {
	return append(dst, byte(v>>8), byte(v))
}

func append32(dst []byte, v uint32) []byte {
	return append(dst, byte(v>>24), byte(v>>16), byte(v>>8), byte(v))
}

func append64(dst []byte, v uint64) []byte {
	return append32(append32(dst, uint32(v>>32)), uint32(v))
}

func appendGroup(dst []byte, g Group) []byte {
	dst = append(append64(dst, g.Network), g.MAC[:]...)
	return append32(dst, g.ADI)
}

func appendAddresses(dst []byte, list []identity.Address) []byte {
	for _, a := range list {
		dst = a.Append(dst)
	}
	return dst
}
