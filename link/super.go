package link

// A Super is one buffer cut into slots of equal stride, one frame to a slot: what a host fills
// under its lock and a Device sends after. It is reused; nothing is allocated after NewSuper.
//
// Slot i is bytes [i*Stride, (i+1)*Stride) of B and its frame begins Headroom bytes into it.
// A Device that sets Info.MTUFrame chooses headroom and tailroom so that frames of the full MTU,
// once the Device has put its own headers around them, lie one after another without a gap: then
// a whole Super can be handed to the kernel in one call (see zerotier/driver).
type Super struct {
	B        []byte
	Stride   int
	Headroom int
	frames   []Buf
}

// SuperSize is the most bytes of a Super's buffer: what one UDP_SEGMENT call can carry.
const SuperSize = 65507

// NewSuper returns an empty Super for a device described by info.
func NewSuper(info Info) *Super {
	stride := info.Headroom + info.MTU + info.Tailroom
	if info.Medium == Ethernet {
		stride += 14
	}
	n := max(1, info.Batch)
	return &Super{B: make([]byte, n*stride), Stride: stride, Headroom: info.Headroom, frames: make([]Buf, 0, n)}
}

// Reset empties s.
func (s *Super) Reset() { s.frames = s.frames[:0] }

// Len returns the number of frames in s.
func (s *Super) Len() int { return len(s.frames) }

// Full reports whether no slot is free.
func (s *Super) Full() bool { return len(s.frames) == cap(s.frames) }

// Frames returns the frames in order. They alias B.
func (s *Super) Frames() []Buf { return s.frames }

// Next returns the next free slot as an empty Buf for a frame to be written into. Its Len is set by
// whoever writes the frame; Commit then keeps it. Next panics if s is full.
func (s *Super) Next() *Buf {
	i := len(s.frames)
	s.frames = s.frames[:i+1]
	b := &s.frames[i]
	*b = Buf{B: s.B[i*s.Stride : (i+1)*s.Stride : (i+1)*s.Stride], Off: s.Headroom}
	s.frames = s.frames[:i]
	return b
}

// Commit keeps the frame written into the Buf that Next returned.
func (s *Super) Commit() { s.frames = s.frames[:len(s.frames)+1] }
