package ethernet

import "errors"

// Addr is a 48-bit MAC address.
type Addr [6]byte

// Broadcast is ff:ff:ff:ff:ff:ff.
var Broadcast = Addr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

// ErrAddr is returned by ParseAddr for text that is not a MAC address.
var ErrAddr = errors.New("ethernet: not a MAC address of the form 02:00:5e:10:00:01")

// IsMulticast reports whether a is a group address; the broadcast address is one.
func (a Addr) IsMulticast() bool { return a[0]&1 != 0 }

// IsBroadcast reports whether a is ff:ff:ff:ff:ff:ff.
func (a Addr) IsBroadcast() bool { return a == Broadcast }

// IsUnicast reports whether a can belong to one station: neither zero nor a group.
func (a Addr) IsUnicast() bool { return a != Addr{} && !a.IsMulticast() }

// String returns the usual colon-separated lower-case form.
func (a Addr) String() string {
	const hex = "0123456789abcdef"
	var b [17]byte
	for i, v := range a {
		if i > 0 {
			b[3*i-1] = ':'
		}
		b[3*i], b[3*i+1] = hex[v>>4], hex[v&15]
	}
	return string(b[:])
}

// ParseAddr parses six pairs of hexadecimal digits separated by colons or hyphens.
func ParseAddr(s string) (Addr, error) {
	var a Addr
	if len(s) != 17 {
		return Addr{}, ErrAddr
	}
	for i := range a {
		if i > 0 && s[3*i-1] != ':' && s[3*i-1] != '-' {
			return Addr{}, ErrAddr
		}
		hi, ok1 := nibble(s[3*i])
		lo, ok2 := nibble(s[3*i+1])
		if !ok1 || !ok2 {
			return Addr{}, ErrAddr
		}
		a[i] = hi<<4 | lo
	}
	return a, nil
}

func nibble(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}
