package vl1

// An expectTable remembers the IDs of packets that may be answered by an OK (PROTOCOL 9.1): an OK to
// anything else was not asked for. It holds the upper half of each ID, which suffices, in 256 rings
// of 32.
type expectTable struct {
	ids  [256][32]uint32
	next [256]uint8
}

// add notes a packet ID as it went on the wire.
func (t *expectTable) add(id uint64) {
	high := uint32(id >> 32)
	b := high & 0xff
	t.ids[b][t.next[b]&31] = high
	t.next[b]++
}

// has reports whether id was sent. It stays in the table: several peers may answer one packet.
func (t *expectTable) has(id uint64) bool {
	high := uint32(id >> 32)
	for _, v := range &t.ids[high&0xff] {
		if v == high {
			return high != 0
		}
	}
	return false
}
