package driver

import (
	"math/rand/v2"
	"net/netip"
	"sync/atomic"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/ethernet"
	"github.com/ztstack/ztstack/internal/be"
	"github.com/ztstack/ztstack/link"
	"github.com/ztstack/ztstack/zerotier/packet"
	"github.com/ztstack/ztstack/zerotier/vl1"
	"github.com/ztstack/ztstack/zerotier/vl2"
)

// A transmitter is the sending half of a Device. It belongs to the goroutine that is in Send, except for the counters.
type transmitter struct {
	w    writer
	iv   *rand.ChaCha8 // packet IDs, which are nonces
	run  run
	sent *vl1.Session // whose use was noted for this super

	frames, slow, filtered atomic.Uint64
	unsent                 atomic.Uint64 // frames too short to be any
}

// A run is a row of datagrams in a super that lie one after another and go the same way: what one UDP_SEGMENT call takes.
type run struct {
	start, end int // in the super's buffer
	seg        int // length of each datagram but the last
	count      int // datagrams
	open       bool
	local      int
	to         netip.AddrPort
}

// Send implements link.Device.
func (dev *Device) Send(s *link.Super) {
	tx := &dev.tx
	tx.sent = nil
	now := dev.d.now()
	frames := s.Frames()
	for i := 0; i < len(frames); {
		if dev.sendFast(s, i, now) {
			i++
			continue
		}
		n := 1
		for i+n < len(frames) && !dev.unicast(&frames[i+n]) {
			n++
		}
		dev.sendSlow(frames[i : i+n])
		i += n
	}
	dev.flushRun(s)
}

// unicast reports whether the destination of a frame is one station.
func (dev *Device) unicast(b *link.Buf) bool {
	return b.Len >= ethernetHeader && b.B[b.Off]&1 == 0
}

// sendSlow gives frames to the Node, in one turn.
func (dev *Device) sendSlow(frames []link.Buf) {
	dev.tx.slow.Add(uint64(len(frames)))
	t := dev.d.begin()
	if dev.d.devices[dev.id] == dev {
		for i := range frames {
			dev.d.node.SendFrame(t.now, dev.id, &frames[i])
		}
	}
	dev.d.end(t)
}

// sendFast seals frame i of s where it lies and adds it to the run, or returns false when the Node has to see it.
func (dev *Device) sendFast(s *link.Super, i int, now clock.Time) bool {
	b := &s.Frames()[i]
	if b.Len < ethernetHeader {
		dev.tx.unsent.Add(1)
		return true
	}
	frame := b.Frame()
	dst, src := ethernet.Addr(frame[:6]), ethernet.Addr(frame[6:12])
	if dst.IsMulticast() || b.Off < frameOff {
		return false
	}
	peer := vl2.AddressOf(dst, dev.id)
	if peer == 0 {
		return false
	}
	l := dev.d.flows.get(peer)
	if l == nil {
		return false
	}
	f := l.find(dev.id)
	if f == nil || src != f.gate.SelfMAC || dst != f.gate.PeerMAC {
		return false
	}
	local, to, mtu, _, ok := l.session.Route()
	if !ok || local < 0 || local >= len(dev.d.socks) {
		return false
	}
	size := b.Len + frameOff
	pieces, seg := packet.SplitEqual(size, mtu)
	at := b.Off - frameOff
	if pieces == 0 || size+packet.FragmentHeaderLen*(pieces-1) > len(b.B)-at {
		return false
	}
	switch f.gate.Out(now, be.Uint16(frame[12:]), frame[ethernetHeader:]) {
	case vl2.GateDrop:
		dev.tx.filtered.Add(1)
		return true
	case vl2.GateSlow:
		return false
	}
	p := b.B[at:]
	etherType := be.Uint16(frame[12:])
	packet.PutHeader(p, 0, peer, dev.d.self, packet.VerbFrame)
	packet.PutFrame(p, uint64(dev.id), etherType)
	packet.SetHead(p, pieces > 1)
	l.session.Seal(p[:size], dev.tx.iv.Uint64())
	if pieces > 1 {
		size = packet.SplitInPlace(p, size, pieces, seg)
	}
	if l.session != dev.tx.sent {
		dev.tx.sent = l.session
		l.session.Sent(now)
	}
	dev.tx.frames.Add(1)
	dev.addToRun(s, i*s.Stride+at, size, seg, pieces, local, to)
	return true
}

// addToRun adds the datagrams at s.B[at:at+size] to the run, moving them down to its end if they lie apart, or begins a
// new run.
func (dev *Device) addToRun(s *link.Super, at, size, seg, pieces, local int, to netip.AddrPort) {
	r := &dev.tx.run
	fits := r.count > 0 && r.open && r.local == local && r.to == to && r.count+pieces <= maxSegments &&
		r.end-r.start+size <= maxRun && (seg == r.seg || (pieces == 1 && seg < r.seg))
	if !fits {
		dev.flushRun(s)
		*r = run{start: at, end: at, seg: seg, local: local, to: to}
	}
	if r.end != at {
		copy(s.B[r.end:], s.B[at:at+size])
	}
	r.end += size
	r.count += pieces
	// A datagram shorter than the others ends the run.
	r.open = size == pieces*r.seg
}

// flushRun sends the run.
func (dev *Device) flushRun(s *link.Super) {
	r := &dev.tx.run
	if r.count > 0 {
		dev.d.transmit(dev.d.socks[r.local], &dev.tx.w, s.B[r.start:r.end], r.seg, r.to, 0)
		r.count = 0
	}
}
