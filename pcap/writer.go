package pcap

import (
	"errors"
	"io"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/internal/be"
)

var (
	errInterface = errors.New("pcap: write packet: no such interface; add it with AddInterface first")
	errTooMany   = errors.New("pcap: add interface: a capture holds at most 65536 interfaces")
	errTooLong   = errors.New("pcap: write packet: longer than 16 MiB")
)

// Config describes a capture to be written.
type Config struct {
	// Application names the program that captures; it may be empty.
	Application string
	// Epoch is added to the time of every packet: where the clock's zero lies, in nanoseconds since
	// 1970. With 0, a virtual clock that begins near zero shows January 1970.
	Epoch int64
}

// A Writer writes a capture. It is not safe for concurrent use.
type Writer struct {
	w     io.Writer
	epoch int64
	snap  []int // SnapLen of each interface
	buf   []byte
	err   error // the first error of w; nothing is written after it
}

// NewWriter begins a capture on w. Every block is one call of w.Write; a file wants buffering.
func NewWriter(w io.Writer, cfg Config) (*Writer, error) {
	pw := &Writer{w: w, epoch: cfg.Epoch}
	pw.begin(blockSection)
	pw.uint32(byteOrderMagic)
	pw.uint32(1 << 16)     // version 1.0
	pw.uint32(0xffff_ffff) // section length: not known
	pw.uint32(0xffff_ffff)
	if cfg.Application != "" {
		pw.option(optApplication, cfg.Application)
		pw.endOptions()
	}
	return pw, pw.flush()
}

// AddInterface describes another interface and returns its index. Interfaces may be added at any time.
func (w *Writer) AddInterface(i Interface) (int, error) {
	if len(w.snap) == maxInterfaces {
		return 0, errTooMany
	}
	w.begin(blockInterface)
	w.uint32(uint32(i.LinkType) << 16)
	w.uint32(uint32(i.SnapLen))
	if i.Name != "" {
		w.option(optName, i.Name)
	}
	if i.Description != "" {
		w.option(optDescription, i.Description)
	}
	w.option(optResolution, "\x09") // time stamps in units of 10^-9 s
	w.endOptions()
	if err := w.flush(); err != nil {
		return 0, err
	}
	w.snap = append(w.snap, i.SnapLen)
	return len(w.snap) - 1, nil
}

// WritePacket appends p. It keeps no reference to p.Data. After an error of the io.Writer the capture has
// ended, and every call returns that error.
func (w *Writer) WritePacket(p *Packet) error {
	if p.Interface < 0 || p.Interface >= len(w.snap) {
		return errInterface
	}
	data, length := p.Data, max(p.Len, len(p.Data))
	if snap := w.snap[p.Interface]; snap > 0 && len(data) > snap {
		data = data[:snap]
	}
	if len(data)+len(p.Comment)+64 > maxBlock {
		return errTooLong
	}
	t := uint64(w.epoch + int64(p.Time))
	w.begin(blockEnhanced)
	w.uint32(uint32(p.Interface))
	w.uint32(uint32(t >> 32))
	w.uint32(uint32(t))
	w.uint32(uint32(len(data)))
	w.uint32(uint32(length))
	w.buf = append(w.buf, data...)
	w.align()
	if p.Direction != Unknown {
		w.option(optFlags, string([]byte{0, 0, 0, byte(p.Direction)}))
	}
	if p.Comment != "" {
		w.option(optComment, p.Comment[:min(len(p.Comment), 0xffff)])
	}
	if p.Direction != Unknown || p.Comment != "" {
		w.endOptions()
	}
	return w.flush()
}

// Capture appends a packet of which all is known that a tap is told.
func (w *Writer) Capture(now clock.Time, iface int, out bool, frame []byte) error {
	p := Packet{Interface: iface, Time: now, Direction: Inbound, Data: frame}
	if out {
		p.Direction = Outbound
	}
	return w.WritePacket(&p)
}

// begin starts a block in buf, with room for its length.
func (w *Writer) begin(kind uint32) {
	w.buf = w.buf[:0]
	w.uint32(kind)
	w.uint32(0)
}

// flush puts the length before and behind the block in buf and writes it.
func (w *Writer) flush() error {
	if w.err != nil {
		return w.err
	}
	n := uint32(len(w.buf) + 4)
	be.PutUint32(w.buf[4:], n)
	w.uint32(n)
	_, w.err = w.w.Write(w.buf)
	return w.err
}

func (w *Writer) uint32(v uint32) {
	w.buf = append(w.buf, byte(v>>24), byte(v>>16), byte(v>>8), byte(v))
}

// option appends an option of at most 65535 bytes.
func (w *Writer) option(code uint16, value string) {
	value = value[:min(len(value), 0xffff)]
	w.uint32(uint32(code)<<16 | uint32(len(value)))
	w.buf = append(w.buf, value...)
	w.align()
}

func (w *Writer) endOptions() { w.uint32(optEnd) }

// align pads the block to a multiple of four bytes.
func (w *Writer) align() {
	for len(w.buf)%4 != 0 {
		w.buf = append(w.buf, 0)
	}
}
