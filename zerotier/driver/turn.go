package driver

import (
	"net/netip"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/link"
	"github.com/ztstack/ztstack/zerotier"
	"github.com/ztstack/ztstack/zerotier/packet"
	"github.com/ztstack/ztstack/zerotier/vl1"
)

// A turn is one hold of the Node's lock and what came of it: datagrams to send and frames to deliver once the lock is
// free again. Turns are pooled; their buffers grow to what is needed and stay.
type turn struct {
	d   *Driver
	now clock.Time

	out    []byte // datagrams one after another, with room for one more
	grams  []gram
	in     []byte // frames one after another
	frames []turnFrame
	bufs   []link.Buf
	downs  []*Device // devices whose link changed
	w      writer
}

// A gram is a datagram in turn.out.
type gram struct {
	off, len int
	local    int
	ttl      int
	to       netip.AddrPort
}

// A turnFrame is a frame in turn.in, with an Ethernet header, for a device.
type turnFrame struct {
	dev      *Device
	off, len int
}

const (
	// turnBytes is how many bytes of datagrams a turn collects before it gives the lock back to send them.
	turnBytes = 64 << 10
	// turnFrames is how many bytes of frames a turn collects before it gives the lock back to deliver them.
	turnFrameBytes = 64 << 10
)

func newTurn(d *Driver) *turn {
	return &turn{d: d, out: make([]byte, turnBytes+packet.MaxLen)}
}

// begin takes the lock. Every begin is followed by an end.
func (d *Driver) begin() *turn {
	t := d.turns.Get().(*turn)
	d.mu.Lock()
	t.now = d.now()
	return t
}

// end lets the Node finish, gives the lock back, sends and delivers.
func (d *Driver) end(t *turn) {
	for more := true; more; {
		more = t.collect()
		d.mu.Unlock()
		t.carryOut()
		if more {
			d.mu.Lock()
			t.now = d.now()
		}
	}
	d.turns.Put(t)
}

// collect takes what the Node has to say, as much as fits, and reports whether there may be more.
func (t *turn) collect() (more bool) {
	d := t.d
	if d.closed {
		return false
	}
	next := d.node.Poll(t.now)
	for {
		f, ok := d.node.Frame(t.now)
		if !ok {
			break
		}
		t.keepFrame(&f)
		next = d.node.Poll(t.now)
		if len(t.in) >= turnFrameBytes {
			more = true
			break
		}
	}
	for {
		c, ok := d.node.FlowChanged()
		if !ok {
			break
		}
		d.flows.change(&c, d.devices[c.Network])
	}
	for {
		e, ok := d.node.Event()
		if !ok {
			break
		}
		t.event(&e)
	}
	off := 0
	for {
		if off >= turnBytes {
			more = true
			break
		}
		g, ok := d.node.Output(t.now, t.out[off:])
		if !ok {
			break
		}
		t.grams = append(t.grams, gram{off: off, len: len(g.Data), local: g.Local, ttl: g.TTL, to: g.To})
		off += len(g.Data)
	}
	d.setDeadline(next)
	return more
}

// keepFrame copies a frame whose bytes belong to the Node.
func (t *turn) keepFrame(f *zerotier.Frame) {
	dev := t.d.devices[f.Network]
	if dev == nil {
		return
	}
	t.frames = append(t.frames, turnFrame{dev: dev, off: len(t.in), len: f.Buf.Len})
	t.in = append(t.in, f.Buf.Frame()...)
}

// event passes an event on to the device, the store and the user.
func (t *turn) event(e *zerotier.Event) {
	d := t.d
	if dev := d.devices[e.Network]; dev != nil && dev.event(e, d.self) {
		t.downs = append(t.downs, dev)
	}
	if d.store != nil && d.store.event(e) {
		return
	}
	d.log.Debug("node event", "node", d.self, "event", e.Kind, "network", e.Network, "peer", e.Peer, "path", e.Path)
	select {
	case d.events <- *e:
	default:
		d.dropped++
	}
}

// carryOut sends and delivers, without the lock.
func (t *turn) carryOut() {
	for i := 0; i < len(t.grams); {
		i += t.sendRun(i)
	}
	t.grams = t.grams[:0]
	for i := 0; i < len(t.frames); {
		dev := t.frames[i].dev
		t.bufs = t.bufs[:0]
		for ; i < len(t.frames) && t.frames[i].dev == dev; i++ {
			f := t.frames[i]
			t.bufs = append(t.bufs, link.Buf{B: t.in[f.off : f.off+f.len : f.off+f.len], Len: f.len})
		}
		dev.deliver(t.bufs)
	}
	clear(t.frames)
	t.frames, t.in = t.frames[:0], t.in[:0]
	for _, dev := range t.downs {
		dev.linkChanged()
	}
	clear(t.downs)
	t.downs = t.downs[:0]
}

// sendRun sends datagram i and those after it that go the same way and are as long, and returns how many these are. They lie one
// after another already.
func (t *turn) sendRun(i int) int {
	g := t.grams[i]
	n := 1
	for i+n < len(t.grams) && n < maxSegments {
		h := t.grams[i+n]
		if h.local != g.local || h.to != g.to || h.ttl != g.ttl || h.len != g.len || (n+1)*g.len > maxRun {
			break
		}
		n++
	}
	data := t.out[g.off : g.off+n*g.len]
	for _, s := range t.d.socks {
		if s.index == g.local || (g.local == vl1.AllSockets && s.is4 == g.to.Addr().Is4()) {
			t.d.transmit(s, &t.w, data, g.len, g.to, g.ttl)
		}
	}
	return n
}

// setDeadline notes when the Node wants to be polled next, and wakes the timer goroutine when it would oversleep.
func (d *Driver) setDeadline(next clock.Time) {
	d.next = next
	if next != clock.Never && (d.wakeAt == clock.Never || next < d.wakeAt) {
		d.wakeAt = next
		select {
		case d.wake <- struct{}{}:
		default:
		}
	}
}
