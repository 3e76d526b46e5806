package pcap

import (
	"io"

	"github.com/ztstack/ztstack/clock"
)

// nextBlock reads a block of pcapng. ok is false if it holds no packet.
func (r *Reader) nextBlock() (p Packet, ok bool, err error) {
	r.block = r.off
	if err := r.read(4); err != nil {
		if err == io.EOF {
			return Packet{}, false, err
		}
		return Packet{}, false, r.cut(err, "block type is cut short")
	}
	kind := r.uint32(0)
	if kind == blockSection { // It reads the same in either byte order.
		return Packet{}, false, r.readSection()
	}
	if err := r.readBody(4); err != nil {
		return Packet{}, false, err
	}
	body := r.buf[8 : len(r.buf)-4]
	switch kind {
	case blockInterface:
		return Packet{}, false, r.parseInterface(body)
	case blockEnhanced:
		p, err = r.parseEnhanced(body)
	case blockPacket:
		p, err = r.parseObsolete(body)
	case blockSimple:
		p, err = r.parseSimple(body)
	default:
		return Packet{}, false, nil
	}
	return p, err == nil, err
}

// readBody reads the rest of a block of which buf holds the first have bytes: its length, if have is 4,
// its body and the length again. Afterwards buf holds the block and its length is right.
func (r *Reader) readBody(have int) error {
	if have == 4 {
		if err := r.readMore(4); err != nil {
			return r.cut(err, "block length is cut short")
		}
		have = 8
	}
	n := r.uint32(4)
	switch {
	case n%4 != 0:
		return r.bad("block length is not a multiple of four")
	case n < uint32(have)+4:
		return r.bad("block length is too small")
	case n > maxBlock:
		return r.bad("block longer than 16 MiB")
	}
	if err := r.readMore(int(n) - have); err != nil {
		return r.cut(err, "block is cut short")
	}
	if r.uint32(int(n)-4) != n {
		return r.bad("block has different lengths before and behind it")
	}
	return nil
}

// readSection reads a section header block after its type: pcapng, Section 4.1.
func (r *Reader) readSection() error {
	if err := r.readMore(8); err != nil {
		return r.cut(err, "section header is cut short")
	}
	r.little = false
	switch r.uint32(8) {
	case byteOrderMagic:
	case 0x4d3c2b1a:
		r.little = true
	default:
		return r.bad("section header has no byte-order magic")
	}
	if err := r.readBody(12); err != nil {
		return err
	}
	if len(r.buf) < 28 {
		return r.bad("section header is too short")
	}
	if r.uint16(12) != 1 {
		return r.bad("section of another version than 1")
	}
	// "Interface Description Blocks [...] are valid only inside the section which they belong to"
	// pcapng, Section 4.2.
	r.section = len(r.interfaces)
	return nil
}

// parseInterface parses an interface description block: pcapng, Section 4.2.
func (r *Reader) parseInterface(b []byte) error {
	if len(b) < 8 {
		return r.bad("interface description is too short")
	}
	if len(r.interfaces) == maxInterfaces {
		return r.bad("more than 65536 interfaces")
	}
	i := Interface{LinkType: LinkType(load16(b, r.little))}
	if snap := load32(b[4:], r.little); snap <= maxBlock {
		i.SnapLen = int(snap)
	}
	scale := timescale{resolution: 6} // "If this option is not present, a resolution of 10^-6 is assumed"
	ok := r.options(b[8:], func(code uint16, v []byte) bool {
		switch code {
		case optName:
			i.Name = string(v)
		case optDescription:
			i.Description = string(v)
		case optResolution:
			if len(v) != 1 {
				return false
			}
			scale.resolution = v[0]
		case optOffset:
			if len(v) != 8 {
				return false
			}
			scale.offset = int64(r.load64(v))
		}
		return true
	})
	if !ok {
		return r.bad("interface description has a malformed option")
	}
	r.interfaces = append(r.interfaces, i)
	r.times = append(r.times, scale)
	return nil
}

// parseEnhanced parses an enhanced packet block: pcapng, Section 4.3.
func (r *Reader) parseEnhanced(b []byte) (Packet, error) {
	if len(b) < 20 {
		return Packet{}, r.bad("packet block is too short")
	}
	return r.parsePacket(load32(b, r.little), b)
}

// parseObsolete parses a packet block, which differs in how it names the interface: pcapng, Appendix A.
func (r *Reader) parseObsolete(b []byte) (Packet, error) {
	if len(b) < 20 {
		return Packet{}, r.bad("packet block is too short")
	}
	return r.parsePacket(uint32(load16(b, r.little)), b)
}

// parsePacket parses what enhanced and obsolete packet blocks have in common: from byte 4 on.
func (r *Reader) parsePacket(id uint32, b []byte) (Packet, error) {
	if uint64(id) >= uint64(len(r.interfaces)-r.section) {
		return Packet{}, r.bad("packet of an interface that is not described")
	}
	n := load32(b[12:], r.little)
	if int64(n) > int64(len(b)-20) {
		return Packet{}, r.bad("packet is longer than its block")
	}
	i := r.section + int(id)
	stamp := uint64(load32(b[4:], r.little))<<32 | uint64(load32(b[8:], r.little))
	p := Packet{Interface: i, Time: r.times[i].time(stamp), Data: b[20 : 20+int(n) : 20+int(n)]}
	p.Len = wireLen(load32(b[16:], r.little), len(p.Data))
	ok := r.options(b[20+pad(int(n)):], func(code uint16, v []byte) bool {
		switch code {
		case optComment:
			p.Comment = string(v)
		case optFlags:
			if len(v) != 4 {
				return false
			}
			if d := Direction(load32(v, r.little) & 3); d <= Outbound {
				p.Direction = d
			}
		}
		return true
	})
	if !ok {
		return Packet{}, r.bad("packet has a malformed option")
	}
	return p, nil
}

// parseSimple parses a simple packet block: pcapng, Section 4.4. It belongs to the first interface and
// has no time.
func (r *Reader) parseSimple(b []byte) (Packet, error) {
	if len(b) < 4 {
		return Packet{}, r.bad("packet block is too short")
	}
	if r.section == len(r.interfaces) {
		return Packet{}, r.bad("packet of an interface that is not described")
	}
	original := load32(b, r.little)
	n := int64(original)
	if snap := r.interfaces[r.section].SnapLen; snap > 0 {
		n = min(n, int64(snap))
	}
	if n > int64(len(b)-4) {
		return Packet{}, r.bad("packet is longer than its block")
	}
	data := b[4 : 4+n : 4+n]
	return Packet{Interface: r.section, Time: clock.Never, Data: data, Len: wireLen(original, len(data))}, nil
}

// options calls f for each option in b and reports whether b is well formed and f liked them all:
// pcapng, Section 3.5.
func (r *Reader) options(b []byte, f func(code uint16, value []byte) bool) bool {
	for len(b) >= 4 {
		code, n := load16(b, r.little), int(load16(b[2:], r.little))
		if code == optEnd {
			return true
		}
		if pad(n) > len(b)-4 || !f(code, b[4:4+n]) {
			return false
		}
		b = b[4+pad(n):]
	}
	return len(b) == 0
}

func (r *Reader) load64(b []byte) uint64 {
	hi, lo := uint64(load32(b, r.little)), uint64(load32(b[4:], r.little))
	if r.little {
		hi, lo = lo, hi
	}
	return hi<<32 | lo
}
