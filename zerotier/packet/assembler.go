package packet

const ringLen = 32

// An Assembler puts fragmented packets together (PROTOCOL 8): a ring of 32, keyed by packet ID, in
// which the oldest gives way. Pieces come in any order, a second copy of a piece is ignored, and a packet
// that turns out too long is given up. The zero Assembler is ready; its memory is bounded by 33 packets.
type Assembler struct {
	ring [ringLen]assembly
	next int // entry that gives way
	out  []byte
}

// assembly is a packet in the making. Pieces are stored one after the other as they come.
type assembly struct {
	id     uint64
	used   bool
	have   uint8 // bit n: piece n is there
	total  uint8 // 0 until a piece other than the head has told
	pieces [MaxFragments]struct{ at, n uint16 }
	buf    []byte
}

// Head takes the head of a fragmented packet and returns the whole packet when it was the last piece
// missing. The packet is valid until the next call.
func (a *Assembler) Head(p []byte) (packet []byte, ok bool) {
	if len(p) < HeaderLen || len(p) > MaxLen || IsFragment(p) || !IsHead(p) {
		return nil, false
	}
	return a.add(a.find(ID(p)), 0, p)
}

// Fragment is Head for any other piece.
func (a *Assembler) Fragment(f *Fragment) (packet []byte, ok bool) {
	if len(f.Data) > MaxLen || f.Total > MaxFragments || f.No < 1 || f.No >= f.Total {
		return nil, false
	}
	e := a.find(f.ID)
	if e.total == 0 {
		e.total = uint8(f.Total)
	}
	if int(e.total) != f.Total {
		return nil, false
	}
	return a.add(e, f.No, f.Data)
}

// find returns the entry for a packet ID, which may be new.
func (a *Assembler) find(id uint64) *assembly {
	for i := range a.ring {
		if e := &a.ring[i]; e.used && e.id == id {
			return e
		}
	}
	e := &a.ring[a.next]
	a.next = (a.next + 1) % ringLen
	*e = assembly{id: id, used: true, buf: e.buf[:0]}
	return e
}

func (a *Assembler) add(e *assembly, no int, data []byte) (packet []byte, ok bool) {
	if e.have&(1<<no) != 0 {
		return nil, false
	}
	if len(e.buf)+len(data) > MaxLen {
		e.used = false
		return nil, false
	}
	if e.buf == nil {
		e.buf = make([]byte, 0, MaxLen)
	}
	e.have |= 1 << no
	e.pieces[no].at, e.pieces[no].n = uint16(len(e.buf)), uint16(len(data))
	e.buf = append(e.buf, data...)
	if e.total == 0 || e.have != 1<<e.total-1 {
		return nil, false
	}
	if a.out == nil {
		a.out = make([]byte, 0, MaxLen)
	}
	a.out = a.out[:0]
	for _, p := range e.pieces[:e.total] {
		a.out = append(a.out, e.buf[p.at:][:p.n]...)
	}
	e.used = false
	return a.out, true
}
