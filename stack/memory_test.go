package stack

import (
	"bytes"
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/ztstack/ztstack/tcp"
)

// BufferLimit has a least value, and the error says so.
func TestBufferLimitTooSmall(t *testing.T) {
	for limit, want := range map[int]error{1: ErrBufferLimit, minBufferLimit - 1: ErrBufferLimit, minBufferLimit: nil, 0: nil} {
		if _, err := New(Config{BufferLimit: limit}, 1); !errors.Is(err, want) {
			t.Errorf("BufferLimit %d: %v, want %v", limit, err, want)
		}
	}
}

// several returns n connections from a to b.
func (p *pair) several(n int) (conns, ends []*TCP) {
	p.tb.Helper()
	for i := range n {
		c, d := p.connect(netip.AddrPortFrom(b4, uint16(1000+i)), nil)
		c.SetOwner(c)
		d.SetOwner(d)
		conns, ends = append(conns, c), append(ends, d)
	}
	return conns, ends
}

// Writers that have met an exhausted pool are told when memory returns: by ACKs of other connections, by their end.
func TestWriterIsFed(t *testing.T) {
	for _, abort := range []bool{false, true} {
		p := newPairConfig(t, ethernetLink, Config{BufferLimit: 64 << 10}, Config{})
		conns, ends := p.several(3)
		big, other, third := conns[0], conns[1], conns[2]
		p.drop = func(bool, []byte) bool { return true }
		if n, _ := big.Write(p.now, pattern(200_000)); n == 0 || n > 64<<10 {
			t.Fatalf("Write = %d with a pool of 64 KiB", n)
		}
		for p.a.Ready() != nil {
		}
		for _, c := range conns {
			c.Events()
		}
		for _, c := range []*TCP{other, third} {
			if n, err := c.Write(p.now, pattern(10_000)); n != 0 || !errors.Is(err, tcp.ErrWouldBlock) {
				t.Fatalf("Write = %d, %v with no memory left", n, err)
			}
		}
		p.run()
		if o := p.a.Ready(); o != nil {
			t.Fatal("a connection is ready while there is no memory")
		}
		p.drop = nil
		if abort {
			big.Abort(p.now)
			p.run()
		}
		got := make([]byte, 1<<20)
		for range 100 {
			p.advance(100 * time.Millisecond)
			for _, d := range ends {
				d.Read(p.now, got)
			}
		}
		woken := map[any]bool{}
		for o := p.a.Ready(); o != nil; o = p.a.Ready() {
			woken[o] = o.(*TCP).Events()&tcp.Writable != 0
		}
		if !woken[other] || !woken[third] {
			t.Errorf("abort %v: told that they can write: %v and %v, want both", abort, woken[other], woken[third])
		}
		if n, err := other.Write(p.now, pattern(10_000)); n != 10_000 || err != nil {
			t.Errorf("Write = %d, %v once there is memory", n, err)
		}
	}
}

// A receiver that has no memory closes its windows: the senders ask ever more seldom. Once there is memory all goes on at
// once, and nothing is lost.
func TestReceiverIsFed(t *testing.T) {
	for _, cfg := range []tcp.Config{{}, {NoSACK: true, NoTimestamps: true}} {
		const streams, size = 4, 150_000
		p := newPairConfig(t, ethernetLink, Config{TCP: cfg}, Config{BufferLimit: 128 << 10})
		conns, ends := p.several(streams)
		data := pattern(size)
		for _, c := range conns {
			if n, err := c.Write(p.now, data); n != size || err != nil {
				t.Fatalf("Write = %d, %v", n, err)
			}
		}
		p.advance(5 * time.Second)
		if n := p.b.Stats().Buffered; n < 64<<10 || n > 128<<10 {
			t.Fatalf("%d bytes are buffered, limit 128 KiB", n)
		}
		before, answers := p.a.Stats().TCPSegmentsOut, p.b.Stats().TCPSegmentsOut
		p.advance(2 * time.Minute)
		if n := p.a.Stats().TCPSegmentsOut - before; n > streams*16 {
			t.Errorf("in two minutes %d segments are sent to %d receivers without memory", n, streams)
		}
		if n := p.b.Stats().TCPSegmentsOut - answers; n > streams*16 {
			t.Errorf("in two minutes they answer with %d segments", n)
		}
		got := make([]bytes.Buffer, streams)
		b := make([]byte, 64<<10)
		start := p.now
		for left := streams; left > 0; {
			moved := false
			for i, d := range ends {
				n, err := d.Read(p.now, b)
				if n == 0 {
					if !errors.Is(err, tcp.ErrWouldBlock) {
						t.Fatal(err)
					}
					continue
				}
				moved = true
				got[i].Write(b[:n])
				if got[i].Len() == size {
					left--
				}
			}
			p.run()
			if p.now.Sub(start) > 2*time.Second {
				t.Fatalf("2 s after reading began %d streams have not arrived", left)
			}
			if !moved {
				p.advance(time.Millisecond)
			}
		}
		for i := range got {
			wantBytes(t, got[i].Bytes(), data)
		}
	}
}
