package driver

import (
	"errors"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/ethernet"
	"github.com/ztstack/ztstack/internal/be"
	"github.com/ztstack/ztstack/link"
	"github.com/ztstack/ztstack/zerotier/packet"
	"github.com/ztstack/ztstack/zerotier/vl1"
	"github.com/ztstack/ztstack/zerotier/vl2"
)

// A reader reads one socket. Its fields belong to its goroutine, except for the counters.
type reader struct {
	d    *Driver
	sock *socket
	buf  []byte
	oob  [oobLen]byte
	now  clock.Time
	from netip.AddrPort

	asm   packet.Assembler // for what does not lie side by side
	held  bool             // what asm returned last lies in batch or slow
	slow  []slowPacket     // for the Node
	dev   *Device          // whose frames are in batch
	batch []link.Buf
	trust *vl1.Session // whose trust was noted for this batch

	reads, grams             atomic.Uint64
	frames, slowGrams        atomic.Uint64
	badMAC, filtered, runted atomic.Uint64
}

// A slowPacket is a datagram, or a packet put together, that the Node has to see.
type slowPacket struct {
	b     []byte
	state packetState
}

type packetState uint8

const (
	asReceived packetState = iota // a datagram
	whole                         // a packet whose fragments have been put together
	opened                        // a packet that was opened too
)

// readSize is the size of a read buffer: more than the most that one read returns.
const readSize = 64 << 10

func newReader(d *Driver, s *socket) *reader {
	return &reader{d: d, sock: s, buf: make([]byte, readSize)}
}

// run reads until the socket is closed.
func (r *reader) run() {
	for failures := 0; ; {
		n, seg, from, err := r.sock.read(r.buf, &r.oob)
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			// An ICMP error for something sent earlier, or a lack of memory: neither is a reason to stop.
			if failures++; failures > 16 {
				time.Sleep(10 * time.Millisecond)
			}
			continue
		}
		failures = 0
		r.reads.Add(1)
		r.now = r.d.now()
		r.from = netip.AddrPortFrom(from.Addr().Unmap().WithZone(""), from.Port())
		r.datagrams(r.buf[:n], seg)
		r.finish()
	}
}

// datagrams processes datagrams of seg bytes, the last one perhaps shorter, that lie one after another in b.
func (r *reader) datagrams(b []byte, seg int) {
	for len(b) > 0 {
		r.grams.Add(1)
		p := b[:min(seg, len(b))]
		taken := len(p)
		switch {
		case len(p) < packet.FragmentHeaderLen+1:
			r.runted.Add(1)
		case packet.Dst(p) != r.d.self:
			r.slowly(p, asReceived)
		case packet.IsFragment(p):
			r.fragment(p)
		case len(p) < packet.HeaderLen:
			r.runted.Add(1)
		case packet.IsHead(p):
			if n, k := packet.JoinInPlace(b, seg); k > 0 {
				r.grams.Add(uint64((k+seg-1)/seg - 1))
				r.packet(b[:n:n], whole)
				taken = k
				break
			}
			r.release()
			if q, ok := r.asm.Head(p); ok {
				r.held = true
				r.packet(q, whole)
			}
		default:
			r.packet(p[:len(p):len(p)], asReceived)
		}
		b = b[taken:]
	}
}

// fragment puts a fragment beside what it belongs to.
func (r *reader) fragment(p []byte) {
	f, ok := packet.ParseFragment(p)
	if !ok {
		r.slowly(p, asReceived) // to be counted
		return
	}
	r.release()
	if q, ok := r.asm.Fragment(&f); ok {
		r.held = true
		r.packet(q, whole)
	}
}

// release finishes the batch if it refers to memory of the Assembler, which is about to be used again.
func (r *reader) release() {
	if r.held {
		r.finish()
	}
}

// packet opens a whole packet to this node and turns a FRAME that may pass into an Ethernet frame; everything
// else is left to the Node.
func (r *reader) packet(p []byte, state packetState) {
	c := packet.CipherOf(p)
	if c != packet.CipherAES && c != packet.CipherSalsa2012 {
		r.slowly(p, state)
		return
	}
	l := r.d.flows.get(packet.Src(p))
	if l == nil {
		r.slowly(p, state)
		return
	}
	hops := packet.Hops(p)
	if !l.session.Open(p) {
		r.badMAC.Add(1)
		return
	}
	if packet.VerbOf(p) != packet.VerbFrame || packet.IsCompressed(p) || len(p) < packet.FrameHeader {
		r.slowly(p, opened)
		return
	}
	f := l.find(vl2.NetworkID(be.Uint64(p[packet.HeaderLen:])))
	if f == nil {
		r.slowly(p, opened)
		return
	}
	switch f.gate.In(r.now, be.Uint16(p[packet.FrameHeader-2:]), p[packet.FrameHeader:]) {
	case vl2.GateAccept:
		if !l.session.Heard(r.now, r.sock.index, r.from, hops) {
			r.slowly(p, opened)
			return
		}
		if l.session != r.trust {
			r.trust = l.session
			l.session.Trust(r.now)
		}
		r.frame(p, f)
	case vl2.GateDrop:
		r.filtered.Add(1)
	default:
		r.slowly(p, opened)
	}
}

// frame makes an Ethernet frame of an opened FRAME: its EtherType is already the last field of an Ethernet header
// that ends where the header of the FRAME ends.
func (r *reader) frame(p []byte, f *flow) {
	if r.dev != f.dev {
		r.flush()
		r.dev = f.dev
	}
	copy(p[frameOff:], f.gate.SelfMAC[:])
	copy(p[frameOff+len(ethernet.Addr{}):], f.gate.PeerMAC[:])
	r.batch = append(r.batch, link.Buf{B: p, Off: frameOff, Len: len(p) - frameOff})
}

// frameOff is where the Ethernet frame begins in a FRAME packet, and the headroom that it needs.
const frameOff = packet.FrameHeader - ethernetHeader

const ethernetHeader = 14

func (r *reader) slowly(p []byte, state packetState) {
	r.slow = append(r.slow, slowPacket{p, state})
}

// flush delivers the frames collected so far.
func (r *reader) flush() {
	if len(r.batch) > 0 {
		r.frames.Add(uint64(len(r.batch)))
		r.dev.deliver(r.batch)
		r.batch = r.batch[:0]
	}
}

// finish ends a batch: the frames are delivered, then the Node sees the rest in one turn.
func (r *reader) finish() {
	r.flush()
	r.held, r.trust = false, nil
	if len(r.slow) == 0 {
		return
	}
	r.slowGrams.Add(uint64(len(r.slow)))
	t := r.d.begin()
	for i := range r.slow {
		t.receive(r, &r.slow[i])
	}
	r.d.end(t)
	clear(r.slow)
	r.slow = r.slow[:0]
}

// receive gives one packet to the Node.
func (t *turn) receive(r *reader, p *slowPacket) {
	n := t.d.node
	switch p.state {
	case asReceived:
		if f, ok := n.Receive(t.now, r.sock.index, r.from, p.b); ok {
			t.keepFrame(&f)
		}
	case whole:
		if f, ok := n.ReceiveWhole(t.now, r.sock.index, r.from, p.b); ok {
			t.keepFrame(&f)
		}
	case opened:
		if f, ok := n.ReceiveOpened(t.now, r.sock.index, r.from, p.b); ok {
			t.keepFrame(&f)
		}
	}
}
