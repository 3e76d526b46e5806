package pcap

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"

	"github.com/ztstack/ztstack/clock"
)

// wantPackets reads r to its end.
func wantPackets(t *testing.T, r *Reader, want []Packet) {
	t.Helper()
	for i, w := range want {
		p, err := r.Next()
		if err != nil {
			t.Fatalf("packet %d: %v", i, err)
		}
		if !reflect.DeepEqual(p, w) {
			t.Errorf("packet %d is %+v, want %+v", i, p, w)
		}
	}
	for range 2 {
		if p, err := r.Next(); err != io.EOF {
			t.Errorf("at the end: %+v, %v, want io.EOF", p, err)
		}
	}
}

// A builder puts together captures that the Writer does not write.
type builder struct {
	order binary.AppendByteOrder
	b     []byte
}

func (c *builder) u16(v ...uint16) *builder {
	for _, v := range v {
		c.b = c.order.AppendUint16(c.b, v)
	}
	return c
}

func (c *builder) u32(v ...uint32) *builder {
	for _, v := range v {
		c.b = c.order.AppendUint32(c.b, v)
	}
	return c
}

func (c *builder) data(b []byte) *builder {
	c.b = append(c.b, b...)
	for len(c.b)%4 != 0 {
		c.b = append(c.b, 0)
	}
	return c
}

// block appends a block with the body that f builds.
func (c *builder) block(kind uint32, f func(c *builder)) *builder {
	start := len(c.b)
	c.u32(kind, 0)
	f(c)
	n := uint32(len(c.b) - start + 4)
	c.u32(n)
	copy(c.b[start+4:], c.order.AppendUint32(nil, n))
	return c
}

func (c *builder) section() *builder {
	return c.block(blockSection, func(c *builder) { c.u32(byteOrderMagic).u16(1, 0).u32(math.MaxUint32, math.MaxUint32) })
}

func (c *builder) iface(link LinkType, snap uint32, options ...func(c *builder)) *builder {
	return c.block(blockInterface, func(c *builder) {
		c.u16(uint16(link), 0).u32(snap)
		for _, f := range options {
			f(c)
		}
	})
}

func (c *builder) enhanced(id uint32, stamp uint64, data []byte, original int) *builder {
	return c.block(blockEnhanced, func(c *builder) {
		c.u32(id, uint32(stamp>>32), uint32(stamp), uint32(len(data)), uint32(original)).data(data)
	})
}

func orders() map[string]binary.AppendByteOrder {
	return map[string]binary.AppendByteOrder{"big": binary.BigEndian, "little": binary.LittleEndian}
}

func TestReadEveryBlockInBothByteOrders(t *testing.T) {
	for name, order := range orders() {
		t.Run(name, func(t *testing.T) {
			c := &builder{order: order}
			c.section().iface(Ethernet, 40).iface(Raw, 0)
			c.enhanced(1, 1_000_000, udp4, 2000)
			c.block(5, func(c *builder) { c.u32(1, 2, 3) }) // interface statistics
			c.block(blockSimple, func(c *builder) { c.u32(uint32(len(frame))).data(frame[:40]) })
			c.block(blockPacket, func(c *builder) { c.u16(1, 7).u32(0, 5, 31, 31).data(udp4) })
			c.block(0x80000bad, func(c *builder) {})
			r, err := NewReader(iotest.OneByteReader(bytes.NewReader(c.b)))
			if err != nil {
				t.Fatal(err)
			}
			wantPackets(t, r, []Packet{
				{Interface: 1, Time: 1e9, Data: udp4, Len: 2000},
				{Interface: 0, Data: frame[:40], Len: len(frame)},
				{Interface: 1, Time: 5000, Data: udp4, Len: 31},
			})
		})
	}
}

func TestReadSectionsOfDifferentByteOrder(t *testing.T) {
	big := &builder{order: binary.BigEndian}
	big.section().iface(Ethernet, 0).enhanced(0, 1, frame, len(frame))
	little := &builder{order: binary.LittleEndian}
	little.section().iface(Raw, 0).enhanced(0, 2, udp4, len(udp4))
	r, err := NewReader(bytes.NewReader(append(big.b, little.b...)))
	if err != nil {
		t.Fatal(err)
	}
	wantPackets(t, r, []Packet{
		{Interface: 0, Time: 1000, Data: frame, Len: len(frame)},
		{Interface: 1, Time: 2000, Data: udp4, Len: len(udp4)},
	})
	if got := r.Interfaces(); len(got) != 2 || got[0].LinkType != Ethernet || got[1].LinkType != Raw {
		t.Errorf("interfaces %+v", got)
	}
}

func TestReadClassic(t *testing.T) {
	for name, order := range orders() {
		for _, magic := range []uint32{0xa1b2c3d4, 0xa1b23c4d} {
			t.Run(name, func(t *testing.T) {
				c := &builder{order: order}
				c.u32(magic).u16(2, 4).u32(0, 0, 65535, 0x1000_0001)
				c.u32(1, 999_999, uint32(len(frame)), 100)
				c.b = append(c.b, frame...)
				c.u32(2, 0, 0, 0)
				r, err := NewReader(bytes.NewReader(c.b))
				if err != nil {
					t.Fatal(err)
				}
				at := clock.Time(1_999_999_000)
				if magic == 0xa1b23c4d {
					at = 1_000_999_999
				}
				wantPackets(t, r, []Packet{{Time: at, Data: frame, Len: 100}, {Time: 2e9, Data: []byte{}}})
				if got := r.Interfaces(); len(got) != 1 || got[0].LinkType != Ethernet || got[0].SnapLen != 65535 {
					t.Errorf("interfaces %+v", got)
				}
			})
		}
	}
}

func TestReadWhatGopacketWrites(t *testing.T) {
	info := gopacket.CaptureInfo{CaptureLength: len(frame), Length: 77}
	want := []Packet{{Data: frame, Len: 77}}

	var ng bytes.Buffer
	nw, err := pcapgo.NewNgWriter(&ng, layers.LinkTypeEthernet)
	if err != nil {
		t.Fatal(err)
	}
	var classic bytes.Buffer
	cw := pcapgo.NewWriterNanos(&classic)
	if err := cw.WriteFileHeader(65536, layers.LinkTypeEthernet); err != nil {
		t.Fatal(err)
	}
	for _, ns := range []int64{epoch + 123456789} {
		info.Timestamp = time.Unix(0, ns)
		want[0].Time = clock.Time(ns)
		if err := errors.Join(nw.WritePacket(info, frame), nw.Flush(), cw.WritePacket(info, frame)); err != nil {
			t.Fatal(err)
		}
	}
	for name, buf := range map[string]*bytes.Buffer{"pcapng": &ng, "pcap": &classic} {
		r, err := NewReader(buf)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		wantPackets(t, r, want)
	}
}

func TestTimescale(t *testing.T) {
	for _, tt := range []struct {
		resolution byte
		offset     int64
		stamp      uint64
		want       clock.Time
	}{
		{6, 0, 1, 1000},
		{9, 0, 1, 1},
		{0, 0, 3, 3e9},
		{12, 0, 1234, 1},
		{28, 0, math.MaxUint64, 1},
		{29, 0, math.MaxUint64, 0},
		{127, 0, math.MaxUint64, 0},
		{0x80, 0, 7, 7e9},
		{0x80 | 10, 0, 1024 + 512, 1_500_000_000},
		{0x80 | 32, 0, 5<<32 | 1<<31, 5_500_000_000},
		{0x80 | 64, 0, 1 << 63, 500_000_000},
		{0x80 | 127, 0, math.MaxUint64, 0},
		{6, 10, 1, 10_000_001_000},
		{6, -10, 11_000_000, 1e9},
		{6, math.MaxInt64, 1, 9223372036_000001000},
		{6, math.MinInt64, 0, -9223372036_000000000},
		{0, 0, math.MaxUint64, math.MaxInt64},
		{9, 1, math.MaxInt64, math.MaxInt64},
		{9, 0, math.MaxUint64, math.MaxInt64},
	} {
		if got := (timescale{tt.resolution, tt.offset}).time(tt.stamp); got != tt.want {
			t.Errorf("stamp %d with resolution %#x and offset %d = %d, want %d", tt.stamp, tt.resolution, tt.offset, got, tt.want)
		}
	}
}

func TestTimeOptions(t *testing.T) {
	for name, order := range orders() {
		c := &builder{order: order}
		c.section().iface(Ethernet, 0, func(c *builder) {
			c.u16(optResolution, 1).data([]byte{3}).u16(optOffset, 8)
			c.b = order.AppendUint64(c.b, 1000)
			c.u16(optEnd, 0)
		})
		c.enhanced(0, 5, frame, len(frame))
		r, err := NewReader(bytes.NewReader(c.b))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		wantPackets(t, r, []Packet{{Time: 1000_005_000_000, Data: frame, Len: len(frame)}})
	}
}

// readAll reads b to its end or the first error.
func readAll(r io.Reader) (packets int, err error) {
	pr, err := NewReader(r)
	for err == nil {
		if _, err = pr.Next(); err == nil {
			packets++
		}
	}
	return packets, err
}

func TestEveryTruncationIsAnError(t *testing.T) {
	whole, _, _ := sample(t)
	ends := map[int]bool{} // where blocks end
	for off := 0; off < len(whole); off += int(binary.BigEndian.Uint32(whole[off+4:])) {
		ends[off] = true
	}
	delete(ends, 0)
	for n := range whole {
		_, err := readAll(bytes.NewReader(whole[:n]))
		var format *FormatError
		switch {
		case ends[n] && err != io.EOF:
			t.Errorf("cut between blocks at %d: %v, want io.EOF", n, err)
		case !ends[n] && (!errors.As(err, &format) || !errors.Is(err, io.ErrUnexpectedEOF)):
			t.Errorf("cut inside a block at %d: %v, want a FormatError", n, err)
		}
	}
}

func TestMalformed(t *testing.T) {
	start := func() *builder { return (&builder{order: binary.BigEndian}).section() }
	for name, tt := range map[string]struct {
		c    *builder
		want string
	}{
		"not a capture":        {(&builder{order: binary.BigEndian}).u32(1, 2, 3, 4), "magic number"},
		"byte order":           {(&builder{order: binary.BigEndian}).block(blockSection, func(c *builder) { c.u32(1, 1<<16, 0, 0) }), "byte-order"},
		"section version":      {(&builder{order: binary.BigEndian}).block(blockSection, func(c *builder) { c.u32(byteOrderMagic, 2<<16, 0, 0) }), "version"},
		"short section":        {(&builder{order: binary.BigEndian}).block(blockSection, func(c *builder) { c.u32(byteOrderMagic, 1<<16) }), "too short"},
		"classic version":      {(&builder{order: binary.BigEndian}).u32(0xa1b2c3d4, 3<<16, 0, 0, 0, 0), "version"},
		"classic length":       {(&builder{order: binary.BigEndian}).u32(0xa1b2c3d4, 2<<16, 0, 0, 0, 0, 1, 1, maxBlock+1, 1), "16 MiB"},
		"odd length":           {start().u32(9, 13, 0, 13), "multiple of four"},
		"length below header":  {start().u32(9, 8, 8), "too small"},
		"length zero":          {start().u32(9, 0, 0), "too small"},
		"length huge":          {start().u32(9, 0xffff_fffc, 0), "16 MiB"},
		"lengths differ":       {start().u32(9, 16, 0, 12), "different lengths"},
		"short interface":      {start().block(blockInterface, func(c *builder) { c.u32(1) }), "too short"},
		"unknown interface":    {start().enhanced(0, 0, frame, 45), "not described"},
		"interface of another": {start().iface(Ethernet, 0).section().enhanced(0, 0, frame, 45), "not described"},
		"huge interface":       {start().iface(Ethernet, 0).enhanced(math.MaxUint32, 0, frame, 45), "not described"},
		"simple w/o interface": {start().block(blockSimple, func(c *builder) { c.u32(0) }), "not described"},
		"simple too long":      {start().iface(Ethernet, 0).block(blockSimple, func(c *builder) { c.u32(8, 0) }), "longer than its block"},
		"short simple":         {start().iface(Ethernet, 0).block(blockSimple, func(c *builder) {}), "too short"},
		"short packet":         {start().iface(Ethernet, 0).block(blockEnhanced, func(c *builder) { c.u32(0, 0, 0, 0) }), "too short"},
		"short obsolete":       {start().iface(Ethernet, 0).block(blockPacket, func(c *builder) { c.u32(0, 0, 0, 0) }), "too short"},
		"packet too long":      {start().iface(Ethernet, 0).block(blockEnhanced, func(c *builder) { c.u32(0, 0, 0, 5, 5, 0) }), "longer than its block"},
		"packet huge":          {start().iface(Ethernet, 0).block(blockEnhanced, func(c *builder) { c.u32(0, 0, 0, math.MaxUint32, 5, 0) }), "longer than its block"},
		"option too long":      {start().iface(Ethernet, 0, func(c *builder) { c.u16(optName, 9).u32(0, 0) }), "malformed option"},
		"resolution length":    {start().iface(Ethernet, 0, func(c *builder) { c.u16(optResolution, 2).u32(0) }), "malformed option"},
		"offset length":        {start().iface(Ethernet, 0, func(c *builder) { c.u16(optOffset, 4).u32(0) }), "malformed option"},
		"flags length":         {start().iface(Ethernet, 0).block(blockEnhanced, func(c *builder) { c.u32(0, 0, 0, 0, 0).u16(optFlags, 3).u32(0) }), "malformed option"},
	} {
		_, err := readAll(bytes.NewReader(tt.c.b))
		var format *FormatError
		if !errors.As(err, &format) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want a FormatError about %q", name, err, tt.want)
		}
	}
}

// A length is not worth memory before the bytes have come.
func TestLengthAloneAllocatesLittle(t *testing.T) {
	c := (&builder{order: binary.BigEndian}).section().u32(9, maxBlock, 0)
	r, err := NewReader(bytes.NewReader(c.b))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Next(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("Next = %v", err)
	}
	if cap(r.buf) > 256<<10 {
		t.Errorf("a block of 12 bytes that claims %d made the reader hold %d", maxBlock, cap(r.buf))
	}
}

func TestReadErrorPassesThrough(t *testing.T) {
	whole, _, _ := sample(t)
	r := io.MultiReader(bytes.NewReader(whole[:150]), iotest.ErrReader(errDisk))
	if _, err := readAll(r); err != errDisk {
		t.Errorf("error %v, want %v", err, errDisk)
	}
}

// FuzzReader checks that nothing makes a Reader panic, loop, or hand out more than it read, and that what
// it reads survives a Writer.
func FuzzReader(f *testing.F) {
	whole, _, _ := sample(f)
	f.Add(whole)
	c := &builder{order: binary.LittleEndian}
	c.section().iface(Ethernet, 40).enhanced(0, 1, frame[:40], len(frame))
	c.block(blockSimple, func(c *builder) { c.u32(uint32(len(frame))).data(frame[:40]) })
	c.block(blockPacket, func(c *builder) { c.u16(0, 7).u32(0, 5, 31, 31).data(udp4) })
	f.Add(c.b)
	d := &builder{order: binary.LittleEndian}
	f.Add(d.u32(0xa1b2c3d4).u16(2, 4).u32(0, 0, 65535, 1, 1, 2, 4, 4, 0).b)
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := NewReader(bytes.NewReader(b))
		if err != nil {
			return
		}
		var buf bytes.Buffer
		w, err := NewWriter(&buf, Config{})
		if err != nil {
			t.Fatal(err)
		}
		var packets []Packet
		added, total := 0, 0
		for {
			p, err := r.Next()
			if err != nil {
				break
			}
			if total += len(p.Data); total > len(b) || p.Len < len(p.Data) || p.Interface >= len(r.Interfaces()) {
				t.Fatalf("read %+v, %d bytes of data from a capture of %d", p, total, len(b))
			}
			for ; added < len(r.Interfaces()); added++ {
				i := r.Interfaces()[added]
				i.SnapLen = 0 // A capture may break its own rule.
				if _, err := w.AddInterface(i); err != nil {
					t.Fatal(err)
				}
			}
			p.Data = bytes.Clone(p.Data)
			packets = append(packets, p)
			if err := w.WritePacket(&p); err != nil {
				t.Fatal(err)
			}
		}
		again, err := NewReader(&buf)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range packets {
			p, err := again.Next()
			if want.Time < 0 { // Time stamps are not signed; only an offset makes a time negative.
				p.Time = want.Time
			}
			if err != nil || p.Interface != want.Interface || p.Time != want.Time || p.Len != want.Len || p.Comment != want.Comment ||
				!bytes.Equal(p.Data, want.Data) || p.Direction != want.Direction {
				t.Fatalf("read back %+v, %v, want %+v", p, err, want)
			}
		}
	})
}
