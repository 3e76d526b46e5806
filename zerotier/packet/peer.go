package packet

import (
	"net/netip"

	"github.com/ztstack/ztstack/zerotier/identity"
)

// Whois is the payload of WHOIS (PROTOCOL 10.4): at least one address.
type Whois struct {
	Addresses []identity.Address
}

// Append appends the payload.
func (w *Whois) Append(dst []byte) []byte { return appendAddresses(dst, w.Addresses) }

// Parse parses the payload. Less than five bytes at the end are ignored, as the reference does.
func (w *Whois) Parse(b []byte) bool {
	r := reader{b: b}
	w.Addresses = r.addresses(w.Addresses[:0], len(b)/identity.AddressLen)
	return len(w.Addresses) > 0
}

// OKWhois is the body of an OK to WHOIS: at least one identity.
type OKWhois struct {
	Identities []identity.Identity
}

// Append appends the body.
func (o *OKWhois) Append(dst []byte) []byte {
	for i := range o.Identities {
		dst = o.Identities[i].AppendBinary(dst)
	}
	return dst
}

// Parse parses the body.
func (o *OKWhois) Parse(b []byte) bool {
	r := reader{b: b}
	o.Identities = append(o.Identities[:0], r.identity())
	for len(r.b) > 0 {
		o.Identities = append(o.Identities, r.identity())
	}
	return !r.bad
}

// Rendezvous is the payload of RENDEZVOUS (PROTOCOL 10.5).
type Rendezvous struct {
	Flags    uint8
	Peer     identity.Address
	Endpoint netip.AddrPort
}

// Append appends the payload.
func (v *Rendezvous) Append(dst []byte) []byte {
	dst = v.Peer.Append(append(dst, v.Flags))
	dst = append16(dst, v.Endpoint.Port())
	ip := v.Endpoint.Addr().Unmap()
	if ip.Is4() {
		b := ip.As4()
		return append(append(dst, 4), b[:]...)
	}
	b := ip.As16()
	return append(append(dst, 16), b[:]...)
}

// Parse parses the payload. An address that is neither 4 nor 16 bytes long is malformed.
func (v *Rendezvous) Parse(b []byte) bool {
	r := reader{b: b}
	*v = Rendezvous{Flags: r.u8(), Peer: r.address()}
	port, n := r.u16(), r.u8()
	ip, ok := netip.AddrFromSlice(r.bytes(int(n)))
	if r.bad || !ok {
		return false
	}
	v.Endpoint = netip.AddrPortFrom(ip.Unmap(), port)
	return true
}

// Echo is the payload of ECHO and the body of the OK to it (PROTOCOL 10.8).
type Echo struct {
	Data []byte
}

// Append appends the payload.
func (e *Echo) Append(dst []byte) []byte { return append(dst, e.Data...) }

// Parse parses the payload. Any will do.
func (e *Echo) Parse(b []byte) bool {
	e.Data = b
	return true
}

// Flags of a DirectPath.
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
// unknown types, Append those that are neither IPv4 nor IPv6.
type PushDirectPaths struct {
	Paths []DirectPath
}

// Append appends the payload.
func (d *PushDirectPaths) Append(dst []byte) []byte {
	at, count := len(dst), uint16(0)
	dst = append16(dst, 0)
	for _, p := range d.Paths {
		ip := p.Addr.Addr().Unmap()
		switch {
		case ip.Is4():
			b := ip.As4()
			dst = append(append(dst, p.Flags, 0, 0, inetIPv4, 6), b[:]...)
		case ip.Is6():
			b := ip.As16()
			dst = append(append(dst, p.Flags, 0, 0, inetIPv6, 18), b[:]...)
		default:
			continue
		}
		dst = append16(dst, p.Addr.Port())
		count++
	}
	dst[at], dst[at+1] = byte(count>>8), byte(count)
	return dst
}

// Parse parses the payload.
func (d *PushDirectPaths) Parse(b []byte) bool {
	r := reader{b: b}
	d.Paths = d.Paths[:0]
	for range r.u16() {
		flags := r.u8()
		r.bytes(int(r.u16()))
		kind := r.u8()
		a := reader{b: r.bytes(int(r.u8()))}
		if r.bad {
			return false
		}
		var ip netip.Addr
		switch {
		case kind == inetIPv4 && len(a.b) == 6:
			ip = netip.AddrFrom4([4]byte(a.bytes(4)))
		case kind == inetIPv6 && len(a.b) == 18:
			ip = netip.AddrFrom16([16]byte(a.bytes(16))).Unmap()
		default:
			continue
		}
		d.Paths = append(d.Paths, DirectPath{Flags: flags, Addr: netip.AddrPortFrom(ip, a.u16())})
	}
	return !r.bad
}

// UserMessage is the payload of USER_MESSAGE (PROTOCOL 10.15).
type UserMessage struct {
	Type uint64 // values up to 65535 are reserved
	Data []byte
}

// Append appends the payload.
func (u *UserMessage) Append(dst []byte) []byte { return append(append64(dst, u.Type), u.Data...) }

// Parse parses the payload.
func (u *UserMessage) Parse(b []byte) bool {
	r := reader{b: b}
	*u = UserMessage{Type: r.u64(), Data: r.rest()}
	return !r.bad
}
