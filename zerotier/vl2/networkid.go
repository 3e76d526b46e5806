package vl2

import (
	"errors"

	"github.com/ztstack/ztstack/zerotier/identity"
)

// NetworkID names a network: the controller's address (40 bits), then a number that the controller chose (PROTOCOL 15).
type NetworkID uint64

// ErrNetworkID is returned by ParseNetworkID.
var ErrNetworkID = errors.New("vl2: not a network ID of 16 hexadecimal digits, such as 8056c2e21c000001")

// ParseNetworkID parses 16 hexadecimal digits.
func ParseNetworkID(s string) (NetworkID, error) {
	if len(s) != 16 {
		return 0, ErrNetworkID
	}
	v, ok := parseHex(s)
	if !ok {
		return 0, ErrNetworkID
	}
	return NetworkID(v), nil
}

// String returns 16 lower-case hexadecimal digits.
func (n NetworkID) String() string { return string(appendHex(nil, uint64(n), 16)) }

// Controller returns the address of the node that configures n. It means nothing for an ad-hoc network.
func (n NetworkID) Controller() identity.Address { return identity.Address(n >> 24) }

// IsAdHoc reports whether n has no controller (PROTOCOL 23).
func (n NetworkID) IsAdHoc() bool { return n>>56 == 0xff }

// appendHex appends v as that many lower-case hexadecimal digits.
func appendHex(b []byte, v uint64, digits int) []byte {
	const hex = "0123456789abcdef"
	for i := digits - 1; i >= 0; i-- {
		b = append(b, hex[v>>(4*i)&15])
	}
	return b
}

// parseHex parses up to 16 hexadecimal digits of either case.
func parseHex(s string) (v uint64, ok bool) {
	if len(s) == 0 || len(s) > 16 {
		return 0, false
	}
	for i := range len(s) {
		c := s[i]
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		v = v<<4 | uint64(c)
	}
	return v, true
}
