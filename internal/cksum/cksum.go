// Package cksum computes the Internet checksum of RFC 1071.
//
// A sum here is the one's complement sum of the data's big-endian 16-bit words, folded to 16 bits
// and not complemented; an odd last byte is padded with zero. What goes into a packet's checksum
// field is ^sum, for UDP with 0 replaced by 0xffff. A received segment is intact if and only if
//
//	cksum.Add(cksum.Sum(segment), pseudo) == 0xffff
//
// where segment includes its checksum field.
//
// On amd64 with AVX2, long data is summed by assembly; everywhere else, and with the build tag
// purego, by a loop in Go that a test compares the assembly with.
package cksum

// Sum returns the sum of b.
func Sum(b []byte) uint16 { return sum(b) }

// CopySum copies src to dst and returns the sum of src. It panics if dst is shorter than src.
//
// The sum is a second pass over src: a fused loop in Go costs half as much again as memmove and
// a pass over what memmove has just brought into the first-level cache.
func CopySum(dst, src []byte) uint16 {
	copy(dst[:len(src)], src)
	return sum(src)
}

// Add returns the one's complement sum of a and b.
func Add(a, b uint16) uint16 {
	s := uint32(a) + uint32(b)
	return uint16(s + s>>16)
}

// Update returns the value of a checksum field after a 16-bit word that it covers has changed from
// old to new. check and the result are fields as they stand in a packet, that is complemented.
//
// "HC' = ~(~HC + ~m + m')" RFC 1624, Section 3 (Eqn. 3).
func Update(check, old, new uint16) uint16 {
	return ^Add(Add(^check, ^old), new)
}

// Pseudo4 returns the sum of the pseudo-header that TCP and UDP put before a segment of length bytes
// over IPv4: RFC 9293, Section 3.1.
func Pseudo4(src, dst [4]byte, proto uint8, length int) uint16 {
	s := word(src[0], src[1]) + word(src[2], src[3]) + word(dst[0], dst[1]) + word(dst[2], dst[3])
	return fold(s + uint64(proto) + uint64(uint32(length)))
}

// Pseudo6 returns the sum of the pseudo-header that precedes an upper-layer packet of length bytes
// over IPv6: RFC 8200, Section 8.1.
func Pseudo6(src, dst [16]byte, proto uint8, length int) uint16 {
	var s uint64
	for i := 0; i < 16; i += 2 {
		s += word(src[i], src[i+1]) + word(dst[i], dst[i+1])
	}
	return fold(s + uint64(proto) + uint64(uint32(length)))
}

func word(hi, lo byte) uint64 { return uint64(hi)<<8 | uint64(lo) }

// fold reduces s to 16 bits by adding carries back in.
func fold(s uint64) uint16 {
	s = s>>32 + s&0xffffffff
	s = s>>32 + s&0xffffffff
	s = s>>16 + s&0xffff
	s = s>>16 + s&0xffff
	return uint16(s>>16 + s)
}
