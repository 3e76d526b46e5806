package pcap

import (
	"errors"
	"io"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/internal/be"
)

// A Reader reads a capture. It is not safe for concurrent use.
type Reader struct {
	r      io.Reader
	off    int64  // bytes read
	block  int64  // offset of the block being read
	buf    []byte // the block being read
	little bool   // byte order of the section or file
	nano   bool   // classic pcap: time stamps in nanoseconds

	ng         bool // pcapng
	section    int  // index of the section's first interface
	interfaces []Interface
	times      []timescale // of each interface
	err        error       // what Next returns for ever
}

// NewReader begins to read the capture r, which it asks for small pieces: a file wants buffering.
// A capture is recognised by its first bytes.
func NewReader(r io.Reader) (*Reader, error) {
	pr := &Reader{r: r}
	if err := pr.read(4); err != nil {
		return nil, pr.cut(err, "no capture: shorter than a file header")
	}
	var err error
	switch magic := be.Uint32(pr.buf); magic {
	case blockSection:
		pr.ng = true
		err = pr.readSection()
	case 0xa1b2c3d4, 0xa1b23c4d, 0xd4c3b2a1, 0x4d3cb2a1:
		pr.little = magic == 0xd4c3b2a1 || magic == 0x4d3cb2a1
		pr.nano = magic == 0xa1b23c4d || magic == 0x4d3cb2a1
		err = pr.readFileHeader()
	default:
		err = pr.bad("no capture: begins with neither pcapng's nor pcap's magic number")
	}
	if err != nil {
		return nil, err
	}
	return pr, nil
}

// Interfaces returns the interfaces seen so far, those of all sections. The slice is the Reader's.
func (r *Reader) Interfaces() []Interface { return r.interfaces }

// Next returns the next packet, io.EOF at the end, or a *FormatError or an error of the io.Reader, which
// are final. Its Time is in nanoseconds since 1970, 0 if none was recorded. Its Data is valid until the
// next call.
func (r *Reader) Next() (Packet, error) {
	for r.err == nil {
		var p Packet
		var ok bool
		if r.ng {
			p, ok, r.err = r.nextBlock()
		} else {
			p, r.err = r.nextRecord()
			ok = true
		}
		if ok && r.err == nil {
			return p, nil
		}
	}
	return Packet{}, r.err
}

// readFileHeader reads what follows the magic number of a classic capture: pcap, Section 4.
func (r *Reader) readFileHeader() error {
	if err := r.read(20); err != nil {
		return r.cut(err, "file header is cut short")
	}
	if major := r.uint16(0); major != 2 {
		return r.bad("classic capture of another version than 2")
	}
	snap := r.uint32(12)
	i := Interface{LinkType: LinkType(r.uint16(16))}
	if !r.little {
		i.LinkType = LinkType(r.uint16(18)) // The upper half says something about checksums.
	}
	if snap <= maxBlock {
		i.SnapLen = int(snap)
	}
	r.interfaces = append(r.interfaces, i)
	return nil
}

// nextRecord reads a packet of a classic capture: pcap, Section 5.
func (r *Reader) nextRecord() (Packet, error) {
	r.block = r.off
	if err := r.read(16); err != nil {
		if err == io.EOF {
			return Packet{}, err
		}
		return Packet{}, r.cut(err, "packet header is cut short")
	}
	seconds, fraction := r.uint32(0), r.uint32(4)
	length, original := r.uint32(8), r.uint32(12)
	if length > maxBlock {
		return Packet{}, r.bad("packet longer than 16 MiB")
	}
	unit := int64(1000)
	if r.nano {
		unit = 1
	}
	if err := r.read(int(length)); err != nil {
		return Packet{}, r.cut(err, "packet is cut short")
	}
	t := clock.Time(int64(seconds)*1e9 + int64(fraction)*unit)
	return Packet{Time: t, Data: r.buf, Len: wireLen(original, len(r.buf))}, nil
}

// wireLen returns the original length, which cannot be less than what was captured.
func wireLen(original uint32, captured int) int {
	if original > 1<<31-1 {
		return captured
	}
	return max(int(original), captured)
}

// read fills buf with the next n bytes. It returns io.EOF if there are none.
func (r *Reader) read(n int) error {
	r.buf = r.buf[:0]
	return r.readMore(n)
}

// readMore appends the next n bytes to buf. It does so in pieces: a length from the capture may ask for
// more than there is, and is worth memory only when the bytes have come.
func (r *Reader) readMore(n int) error {
	const piece = 64 << 10
	for n > 0 {
		have, m := len(r.buf), min(n, piece)
		if cap(r.buf) < have+m {
			r.buf = append(make([]byte, 0, max(2*cap(r.buf), have+m)), r.buf...)
		}
		got, err := io.ReadFull(r.r, r.buf[have:have+m])
		r.buf = r.buf[:have+got]
		r.off += int64(got)
		n -= got
		if err != nil {
			if err == io.EOF && have > 0 {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
	}
	return nil
}

// bad returns a FormatError for the block being read.
func (r *Reader) bad(reason string) error { return &FormatError{Offset: r.block, Reason: reason} }

// cut returns a FormatError if err says that the capture has ended, else err.
func (r *Reader) cut(err error, reason string) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return &FormatError{Offset: r.block, Reason: reason, Err: io.ErrUnexpectedEOF}
	}
	return err
}

// uint16 loads an integer at off of buf in the capture's byte order.
func (r *Reader) uint16(off int) uint16 { return load16(r.buf[off:], r.little) }

func (r *Reader) uint32(off int) uint32 { return load32(r.buf[off:], r.little) }

func load16(b []byte, little bool) uint16 {
	v := be.Uint16(b)
	if little {
		return v<<8 | v>>8
	}
	return v
}

func load32(b []byte, little bool) uint32 {
	if little {
		return uint32(load16(b[2:], true))<<16 | uint32(load16(b, true))
	}
	return be.Uint32(b)
}
