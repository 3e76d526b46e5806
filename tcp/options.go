package tcp

import "github.com/ztstack/ztstack/internal/be"

// Option kinds (RFC 9293, Section 3.1; RFC 2018; RFC 7323).
const (
	kindEnd           = 0
	kindNOP           = 1
	kindMSS           = 2
	kindWindowScale   = 3
	kindSACKPermitted = 4
	kindSACK          = 5
	kindTimestamps    = 8
)

const (
	// timestampLen is the length of the timestamps option with the two NOPs before it.
	timestampLen = 12
	// timestampWord is what those two NOPs, the kind and the length read as (RFC 7323, Appendix A).
	timestampWord = kindNOP<<24 | kindNOP<<16 | kindTimestamps<<8 | 10
	// maxWindowScale is the largest shift there is.
	// "If a Window Scale option is received with a shift.cnt value larger than 14, the TCP SHOULD log
	// the error but MUST use 14" RFC 7323, Section 2.3.
	maxWindowScale = 14
)

// A SACKBlock is one range of data that the receiver holds (RFC 2018, Section 3), half-open.
type SACKBlock struct{ Start, End Seq }

// Options are the options this package knows. The zero Options has none.
type Options struct {
	HasMSS         bool
	HasWindowScale bool
	SACKPermitted  bool
	HasTimestamps  bool
	MSS            uint16
	WindowScale    uint8 // shift count; never above 14 after Parse
	NumSACK        int   // how many of SACK are valid
	TSVal, TSEcr   uint32
	SACK           [4]SACKBlock
}

// clear forgets all options. It leaves SACK alone, which NumSACK guards.
func (o *Options) clear() {
	o.HasMSS, o.HasWindowScale, o.SACKPermitted, o.HasTimestamps = false, false, false, false
	o.MSS, o.WindowScale, o.NumSACK = 0, 0, 0
	o.TSVal, o.TSEcr = 0, 0
}

// parse reads options from b until they end or make no sense. Of an option that occurs twice the
// last one counts.
func (o *Options) parse(b []byte) {
	o.clear()
	for len(b) > 0 {
		switch b[0] {
		case kindEnd:
			return
		case kindNOP:
			b = b[1:]
			continue
		}
		if len(b) < 2 {
			return
		}
		n := int(b[1])
		if n < 2 || n > len(b) {
			return
		}
		o.parseOne(b[0], b[2:n])
		b = b[n:]
	}
}

// parseOne reads one option. A known kind of a wrong length is ignored as an unknown one is:
// "A TCP implementation MUST (MUST-6) ignore without error any TCP Option it does not implement,
// assuming that the option has a length field." RFC 9293, Section 3.1.
func (o *Options) parseOne(kind byte, v []byte) {
	switch {
	case kind == kindMSS && len(v) == 2:
		o.HasMSS, o.MSS = true, be.Uint16(v)
	case kind == kindWindowScale && len(v) == 1:
		o.HasWindowScale, o.WindowScale = true, min(v[0], maxWindowScale)
	case kind == kindSACKPermitted && len(v) == 0:
		o.SACKPermitted = true
	case kind == kindTimestamps && len(v) == 8:
		o.HasTimestamps = true
		o.TSVal, o.TSEcr = be.Uint32(v), be.Uint32(v[4:])
	case kind == kindSACK && len(v)%8 == 0 && len(v) <= 32:
		o.NumSACK = len(v) / 8
		for i := range o.NumSACK {
			o.SACK[i] = SACKBlock{Seq(be.Uint32(v[8*i:])), Seq(be.Uint32(v[8*i+4:]))}
		}
	}
}

// len returns how many bytes put writes.
func (o *Options) len(syn bool) int {
	n := 0
	if syn {
		if o.HasMSS {
			n += 4
		}
		if o.SACKPermitted && !o.HasTimestamps {
			n += 4
		}
		if o.HasWindowScale {
			n += 4
		}
	}
	if o.HasTimestamps {
		n += timestampLen
	}
	if o.NumSACK > 0 {
		n += 4 + 8*o.NumSACK
	}
	return n
}

// put writes the options into b, padded to whole words, and returns their length. MSS, window scale
// and SACK-permitted exist on SYN segments alone and are left out elsewhere.
//
// A SYN's options come in the order MSS, SACK-permitted, timestamps, NOP, window scale: what Linux
// sends, and so what middleboxes have seen most.
func (o *Options) put(b []byte, syn bool) int {
	n := o.len(syn)
	if n > MaxHeaderLen-HeaderLen || n > len(b) {
		panic("BUG: tcp: options do not fit")
	}
	i := 0
	if syn && o.HasMSS {
		b[0], b[1] = kindMSS, 4
		be.PutUint16(b[2:], o.MSS)
		i = 4
	}
	switch {
	case syn && o.SACKPermitted && o.HasTimestamps:
		// The two bytes take the place of the timestamps' two NOPs.
		b[i], b[i+1], b[i+2], b[i+3] = kindSACKPermitted, 2, kindTimestamps, 10
	case o.HasTimestamps:
		be.PutUint32(b[i:], timestampWord)
	case syn && o.SACKPermitted:
		b[i], b[i+1], b[i+2], b[i+3] = kindNOP, kindNOP, kindSACKPermitted, 2
		i += 4
	}
	if o.HasTimestamps {
		be.PutUint32(b[i+4:], o.TSVal)
		be.PutUint32(b[i+8:], o.TSEcr)
		i += timestampLen
	}
	if syn && o.HasWindowScale {
		b[i], b[i+1], b[i+2], b[i+3] = kindNOP, kindWindowScale, 3, o.WindowScale
		i += 4
	}
	if o.NumSACK > 0 {
		b[i], b[i+1], b[i+2], b[i+3] = kindNOP, kindNOP, kindSACK, byte(2+8*o.NumSACK)
		i += 4
		for _, s := range o.SACK[:o.NumSACK] {
			be.PutUint32(b[i:], uint32(s.Start))
			be.PutUint32(b[i+4:], uint32(s.End))
			i += 8
		}
	}
	return i
}
