package packet

import "github.com/pierrec/lz4/v4"

// flagCompressed is the bit of the verb byte that says that the payload is compressed.
const flagCompressed = 0x80

// compressMin is the packet length up to which the reference does not try to compress.
const compressMin = 92

// Decompress writes the opened packet p, whose payload is compressed (PROTOCOL 7), into dst with its payload expanded
// and the compressed bit cleared, and returns the length, or -1 when p is malformed or does not fit dst or MaxLen. dst
// must not overlap p.
func Decompress(p, dst []byte) int {
	if len(p) < HeaderLen || len(dst) < HeaderLen {
		return -1
	}
	room := dst[HeaderLen:min(len(dst), MaxLen)]
	copy(dst[:HeaderLen], p)
	dst[27] &^= flagCompressed
	if len(p) == HeaderLen {
		return -1
	}
	n, err := lz4.UncompressBlock(p[HeaderLen:], room)
	if err != nil || n < 0 {
		return -1
	}
	return HeaderLen + n
}

// Compress writes the packet p, before it is sealed, into dst with its payload compressed and the compressed bit set, and
// returns the length; or 0 when the packet is too short for that or would not shrink, and then p is to be sent as
// it is. dst must not overlap p and must be at least as long.
func Compress(p, dst []byte) int {
	if len(p) <= compressMin {
		return 0
	}
	// A result of the payload's length does not fit, so what fits has shrunk.
	n, err := lz4.CompressBlock(p[HeaderLen:], dst[HeaderLen:len(p)-1], nil)
	if err != nil || n == 0 {
		return 0
	}
	copy(dst, p[:HeaderLen])
	dst[27] |= flagCompressed
	return HeaderLen + n
}
