package packet

// Decompress writes the packet p, whose payload is compressed, into dst with its payload expanded and
// the compressed bit cleared, and returns the length, or -1 when p is malformed or does not fit dst. dst must
// not overlap p. MaxLen bytes are always enough.
func Decompress(p, dst []byte) int { panic("TODO") }

// Compress writes the packet p into dst with its payload compressed and the compressed bit set, and
// returns the length; or 0 when the packet is too short for that or would not shrink, and then p is to be sent as
// it is. dst must not overlap p and must be at least as long.
func Compress(p, dst []byte) int { panic("TODO") }
