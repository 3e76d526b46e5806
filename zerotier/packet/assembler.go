package packet

// An Assembler puts fragmented packets together (PROTOCOL 8): a ring of 32, keyed by packet ID, in
// which the oldest gives way. The zero Assembler is ready; its memory is bounded by 33 packets.
type Assembler struct{}

// Head takes the head of a fragmented packet and returns the whole packet when it was the last piece
// missing. The packet is valid until the next call.
func (a *Assembler) Head(p []byte) (packet []byte, ok bool) { panic("TODO") }

// Fragment is Head for any other piece.
func (a *Assembler) Fragment(f *Fragment) (packet []byte, ok bool) { panic("TODO") }
