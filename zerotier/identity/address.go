package identity

// AddressLen is the length of an Address on the wire, in bytes.
const AddressLen = 5

// An Address is a 40-bit ZeroTier address. Zero is no address.
type Address uint64

// AddressFrom loads an address from the first 5 bytes of b.
func AddressFrom(b []byte) Address {
	_ = b[4]
	return Address(b[0])<<32 | Address(b[1])<<24 | Address(b[2])<<16 | Address(b[3])<<8 | Address(b[4])
}

// Put stores a into the first 5 bytes of b.
func (a Address) Put(b []byte) {
	_ = b[4]
	b[0], b[1], b[2], b[3], b[4] = byte(a>>32), byte(a>>24), byte(a>>16), byte(a>>8), byte(a)
}

// Append appends the 5 bytes of a to dst.
func (a Address) Append(dst []byte) []byte {
	return append(dst, byte(a>>32), byte(a>>24), byte(a>>16), byte(a>>8), byte(a))
}

// IsReserved reports whether no identity can have the address a: zero, or first byte 0xff, which
// tells a fragment from the head of a packet (PROTOCOL 2.2, 8).
func (a Address) IsReserved() bool { return a == 0 || a>>32 == 0xff }

// String returns ten lower-case hexadecimal digits.
func (a Address) String() string {
	var b [2 * AddressLen]byte
	for i := range b {
		b[i] = hexDigits[a>>(36-4*i)&15]
	}
	return string(b[:])
}

// ParseAddress parses ten hexadecimal digits of either case; any other text is ErrAddress.
func ParseAddress(s string) (Address, error) {
	var b [AddressLen]byte
	if !decodeHex(b[:], s) {
		return 0, ErrAddress
	}
	return AddressFrom(b[:]), nil
}
