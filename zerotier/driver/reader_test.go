package driver

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/ztstack/ztstack/link"
	"github.com/ztstack/ztstack/zerotier/packet"
)

// A readerTest is the reading end of station b under a test's control, and packets from station a as they are on the wire.
type readerTest struct {
	t   *testing.T
	rig *rig
	r   *reader
	got [][]byte
	iv  uint64
}

func newReaderTest(t *testing.T) *readerTest {
	rt := &readerTest{t: t, rig: newRig(t, rigConfig{mtu: 9000})}
	rt.rig.meet()
	rt.rig.b.rec.hook = func(frames []link.Buf) {
		for i := range frames {
			rt.got = append(rt.got, bytes.Clone(frames[i].Frame()))
		}
	}
	rt.r = newReader(rt.rig.b.d, rt.rig.b.d.socks[0])
	rt.r.from = rt.rig.a.d.LocalAddrs()[0]
	return rt
}

// packet seals a frame as Device.Send does and returns its datagrams and their size.
func (rt *readerTest) packet(frame []byte) (datagrams [][]byte, size int) {
	a, b := rt.rig.a.d, rt.rig.b.d
	p := make([]byte, frameOff+len(frame), packet.MaxLen)
	copy(p[frameOff:], frame)
	packet.PutHeader(p, 0, b.Address(), a.Address(), packet.VerbFrame)
	packet.PutFrame(p, uint64(rt.rig.nwid), 0x0800)
	pieces, size := packet.SplitEqual(len(p), packet.DefaultMTU)
	packet.SetHead(p, pieces > 1)
	rt.iv++
	a.flows.get(b.Address()).session.Seal(p, rt.iv)
	if pieces > 1 {
		p = p[:packet.SplitInPlace(p[:cap(p)], len(p), pieces, size)]
	}
	for off := 0; off < len(p); off += size {
		datagrams = append(datagrams, bytes.Clone(p[off:min(off+size, len(p))]))
	}
	return datagrams, size
}

// read gives datagrams to the reader as one read with GRO would: all of one size but the last.
func (rt *readerTest) read(datagrams ...[]byte) {
	rt.r.now = rt.r.d.now()
	b := bytes.Join(datagrams, nil)
	rt.r.datagrams(b, len(datagrams[0]))
	rt.r.finish()
}

func (rt *readerTest) want(frames ...[]byte) {
	rt.t.Helper()
	if len(rt.got) != len(frames) {
		rt.t.Fatalf("%d frames arrived, want %d", len(rt.got), len(frames))
	}
	for i := range frames {
		if !bytes.Equal(rt.got[i], frames[i]) {
			rt.t.Fatalf("frame %d arrived damaged: %d bytes for %d", i, len(rt.got[i]), len(frames[i]))
		}
	}
	rt.got = nil
}

// TestReassembly gives the pieces of packets to the reader in every arrangement in which they may be read.
func TestReassembly(t *testing.T) {
	rt := newReaderTest(t)
	a, b := rt.rig.a, rt.rig.b
	one, two, many := a.frame(b, 100, 1), a.frame(b, 2800, 2), a.frame(b, 8996, 3)

	d1, _ := rt.packet(one)
	rt.read(d1...)
	rt.want(one)

	d2, _ := rt.packet(two)
	if len(d2) != 2 || len(d2[0]) != len(d2[1]) {
		t.Fatalf("a frame of 2800 bytes went into %d datagrams, want 2 alike", len(d2))
	}
	rt.read(d2...) // side by side
	rt.want(two)
	x, _ := rt.packet(two)
	y, _ := rt.packet(a.frame(b, 2800, 4))
	rt.read(append(x, y...)...)
	rt.want(two, a.frame(b, 2800, 4))

	d2, _ = rt.packet(two)
	rt.read(d2[1], d2[0]) // the wrong way round
	rt.want(two)

	d2, _ = rt.packet(two)
	rt.read(d2[0]) // in two reads
	rt.want()
	rt.read(d2[1])
	rt.want(two)

	x, _ = rt.packet(two)
	y, _ = rt.packet(two)
	rt.read(x[0], y[0], x[1], y[1]) // interleaved
	rt.want(two, two)

	x, _ = rt.packet(two)
	y, _ = rt.packet(a.frame(b, 2800, 5))
	rt.read(x[1], y[0], y[1], x[0]) // one around the other, both held in the Assembler and beside it
	rt.want(a.frame(b, 2800, 5), two)

	dm, _ := rt.packet(many)
	rt.read(dm...)
	rt.want(many)
	for range 10 {
		dm, _ = rt.packet(many)
		rand.Shuffle(len(dm), func(i, j int) { dm[i], dm[j] = dm[j], dm[i] })
		for _, d := range dm {
			rt.read(d)
		}
		rt.want(many)
	}
}

// TestReaderRefuses checks what must not come through: damage, repetition of pieces, pieces that were cut.
func TestReaderRefuses(t *testing.T) {
	rt := newReaderTest(t)
	a, b := rt.rig.a, rt.rig.b
	two := a.frame(b, 2800, 2)
	d, size := rt.packet(two)
	whole := bytes.Join(d, nil)
	for cut := 1; cut < len(whole); cut += 97 {
		p := bytes.Clone(whole[:len(whole)-cut])
		rt.r.now = rt.r.d.now()
		rt.r.datagrams(p, size)
		rt.r.finish()
		rt.want()
	}
	for range 200 {
		p := bytes.Clone(whole)
		i := rand.IntN(len(p))
		if i == 18 || (i >= size && i < size+packet.FragmentHeaderLen) {
			continue // hops may change; a fragment's header is not authenticated
		}
		p[i] ^= 1 << rand.IntN(8)
		rt.r.now = rt.r.d.now()
		rt.r.datagrams(p, size)
		rt.r.finish()
		rt.want()
	}
	if rt.r.badMAC.Load() == 0 {
		t.Error("no wrong MAC was counted")
	}
}
