package zerotier

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/packet"
	"github.com/ztstack/ztstack/zerotier/vl2"
)

// TestConversation lets two members join, find each other by ARP, talk through the root and then directly.
func TestConversation(t *testing.T) {
	w := newWorld(t)
	start := w.now
	w.ready()
	if took := w.now.Sub(start); took > 500*time.Millisecond {
		t.Errorf("from start to configuration it took %v of virtual time, want at most 500ms", took)
	}
	a, b := w.a(), w.b()
	request := a.send(a.arpRequest(b))
	w.until("arrival of the ARP request", time.Second, func() bool { return b.got(request) })
	reply := b.send(b.frameTo(a, 28))
	w.until("arrival of the ARP reply", time.Second, func() bool { return a.got(reply) })
	w.until("direct path", time.Second, func() bool { return a.direct(b) && b.direct(a) })

	for _, n := range []int{1, 100, 1394, 1395, 2800} {
		f := a.send(a.frameTo(b, n))
		w.until("arrival of a frame", time.Second, func() bool { return b.got(f) })
		g := b.send(b.frameTo(a, n))
		w.until("arrival of a frame", time.Second, func() bool { return a.got(g) })
	}
	p, ok := a.n.Peer(w.now, b.n.Address())
	if !ok || !p.Direct || p.Cipher != "AES-GMAC-SIV" {
		t.Errorf("a sees b as %+v, want it direct and on AES", p)
	}
	if relayed := w.hosts[0].n.Stats().VL1.Relayed; relayed == 0 {
		t.Error("the root relayed nothing")
	}
	if s := b.n.Stats(); s.FramesRelayed == 0 || s.FramesRelayed >= s.FramesIn {
		t.Errorf("%d of %d frames to b came through the root, want the first and not all", s.FramesRelayed, s.FramesIn)
	}
}

// TestFirstFrame sends a frame before anything is known about the peer: it must not be lost.
func TestFirstFrame(t *testing.T) {
	w := newWorld(t)
	w.ready()
	f := w.a().send(w.a().frameTo(w.b(), 100))
	w.until("arrival of the first frame", 2*time.Second, func() bool { return w.b().got(f) })
}

// TestFlow uses a published flow as a driver does and checks that the other side cannot tell.
func TestFlow(t *testing.T) {
	w := newWorld(t)
	w.ready()
	a, b := w.a(), w.b()
	w.until("flows both ways", 5*time.Second, func() bool {
		a.send(a.frameTo(b, 10))
		b.send(b.frameTo(a, 10))
		fa, fb := a.flows[b.n.Address()], b.flows[a.n.Address()]
		if fa == nil || fb == nil {
			return false
		}
		_, _, _, direct, ok := fa.Session.Route()
		return ok && direct && fa.Gate.Out(w.now, 0x800, nil) == vl2.GateAccept && fb.Gate.In(w.now, 0x800, nil) == vl2.GateAccept
	})
	fa, fb := a.flows[b.n.Address()], b.flows[a.n.Address()]

	// The sender's fast path, the receiver's slow one.
	frame := numbered(a.frameTo(b, 200), 1)
	seal := func() []byte {
		p := make([]byte, packet.FrameHeader, 300)
		packet.PutHeader(p, 0, b.n.Address(), a.n.Address(), packet.VerbFrame)
		packet.PutFrame(p, uint64(w.nwid), 0x800)
		p = append(p, frame[ethernetHeaderLen:]...)
		fa.Session.Seal(p, 12345)
		return p
	}
	f, ok := b.n.Receive(w.now, 0, a.at, seal())
	if !ok || !bytes.Equal(f.Buf.Frame(), frame) || f.From != a.n.Address() || f.Network != w.nwid {
		t.Fatalf("the slow path made %x of %x", f.Buf.Frame(), frame)
	}
	// Both fast.
	p := seal()
	if !fb.Session.Open(p) || !bytes.Equal(p[packet.FrameHeader:], frame[ethernetHeaderLen:]) {
		t.Fatal("the session does not open what the other end's sealed")
	}
	if !fb.Session.Heard(w.now, 0, a.at, 0) {
		t.Error("the session wants the Switch to see a packet over the best path")
	}
	// Opened beside, then the slow path: what a driver does with everything but plain frames.
	p = seal()
	fb.Session.Open(p)
	if f, ok = b.n.ReceiveOpened(w.now, 0, a.at, p); !ok || !bytes.Equal(f.Buf.Frame(), frame) {
		t.Errorf("ReceiveOpened made %x of %x", f.Buf.Frame(), frame)
	}
	b.pull()

	// Leaving the network takes the flow away.
	b.n.Leave(w.now, w.nwid)
	b.pull()
	if b.flows[a.n.Address()] != nil {
		t.Error("after Leave the flow is still published")
	}
	if _, ok := b.n.Receive(w.now, 0, a.at, seal()); ok {
		t.Error("after Leave a frame still arrives")
	}
}

// TestOutsider checks that a node without authorisation is told so, gets no frame, and that its frames go nowhere.
func TestOutsider(t *testing.T) {
	w := newWorld(t)
	id := testIdentities(t)[4]
	c := w.add(id, nil)
	c.n.Join(w.now, w.nwid, "")
	w.ready()
	w.until("refusal", 10*time.Second, func() bool { return c.has(EventNetworkDenied) })
	if info, _ := c.n.Network(w.nwid); info.Status != vl2.StatusDenied {
		t.Errorf("status %v, want ACCESS_DENIED", info.Status)
	}
	// It sends all the same, with the right keys, to a member.
	p := packet.Frame{Network: uint64(w.nwid), EtherType: 0x800, Payload: []byte("secret?")}
	c.n.vl1.Send(w.now, w.b().n.Address(), packet.VerbFrame, p.Append(nil))
	before := len(w.b().frames)
	done := w.now.Add(7 * time.Second)
	w.until("end", 10*time.Second, func() bool { return w.now >= done })
	if len(w.b().frames) != before {
		t.Error("a frame of an outsider reached a member's host")
	}
	if w.b().n.Stats().VL2.Drops[vl2.DropNotMember] == 0 {
		t.Errorf("nothing was counted as not from a member: %+v", w.b().n.Stats().VL2)
	}
}

// TestOwnController checks that a controller can be on its own network.
func TestOwnController(t *testing.T) {
	w := newWorld(t)
	c := w.hosts[1]
	if err := w.ctl.Authorize(w.now, w.nwid, c.n.Address(), true); err != nil {
		t.Fatal(err)
	}
	c.n.Join(w.now, w.nwid, "")
	w.until("configuration of the controller itself", 10*time.Second, func() bool { return c.has(EventNetworkOK) })
	w.ready()
	f := w.a().send(w.a().frameTo(c, 100))
	w.until("arrival of a frame at the controller", 5*time.Second, func() bool { return c.got(f) })
}

// TestNotAController checks that a node without a controller says so, on its own network and to others.
func TestNotAController(t *testing.T) {
	w := newWorld(t)
	a, b := w.a(), w.b()
	foreign := vl2.NetworkID(uint64(b.n.Address())<<24 | 1)
	own := vl2.NetworkID(uint64(a.n.Address())<<24 | 1)
	a.n.Join(w.now, foreign, "")
	a.n.Join(w.now, own, "")
	w.until("refusal", 10*time.Second, func() bool {
		x, _ := a.n.Network(foreign)
		y, _ := a.n.Network(own)
		return x.Status == vl2.StatusNotFound && y.Status == vl2.StatusNotFound
	})
	if b.n.Stats().NoController == 0 {
		t.Error("the request was not counted")
	}
}

// TestPeersAreRemembered gives a new node what an old one asked to be kept.
func TestPeersAreRemembered(t *testing.T) {
	w := newWorld(t)
	w.ready()
	a, b := w.a(), w.b()
	a.send(a.arpRequest(b))
	w.until("direct path", 5*time.Second, func() bool { return a.direct(b) })
	var kept [][]byte
	for _, e := range a.events {
		if e.Kind == EventStorePeer {
			kept = append(kept, e.Data)
		}
	}
	n, err := New(Config{Identity: testIdentities(t)[2], Seed: [32]byte{9}, ClockBase: clockBase, Peers: kept}, w.now)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := n.Peer(w.now, b.n.Address()); !ok {
		t.Errorf("of %d remembered peers none is b", len(kept))
	}
	for i := range kept {
		for cut := range kept[i] {
			if n, err := New(Config{Identity: testIdentities(t)[2], Seed: [32]byte{9}, Peers: [][]byte{kept[i][:cut]}}, 1); err != nil {
				t.Fatalf("a peer cut to %d bytes: %v", cut, err)
			} else if n.Stats().BadPeers == 0 {
				t.Errorf("a peer cut to %d of %d bytes was taken", cut, len(kept[i]))
			}
		}
	}
}

func TestNewErrors(t *testing.T) {
	id := testIdentities(t)[0]
	for _, test := range []struct {
		name string
		cfg  Config
		want error
	}{
		{"no identity", Config{}, ErrIdentity},
		{"no secret", Config{Identity: id.WithoutSecret()}, ErrIdentity},
		{"bad planet", Config{Identity: id, Planet: []byte{1}}, ErrPlanet},
		{"bad moon", Config{Identity: id, Moons: [][]byte{{127}}}, ErrMoon},
	} {
		if _, err := New(test.cfg, 1); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
	}
}

// TestGarbage throws random datagrams, and every truncation of good ones, at each kind of node.
func TestGarbage(t *testing.T) {
	w := newWorld(t)
	rng := rand.New(rand.NewPCG(1, 2))
	w.lose = func(from, to *host, b []byte) bool {
		for _, cut := range []int{rng.IntN(len(b)), len(b) - 1} {
			to.n.Receive(w.now, 0, from.at, bytes.Clone(b[:cut]))
		}
		bad := bytes.Clone(b)
		bad[rng.IntN(len(bad))] ^= 1 << rng.IntN(8)
		to.n.Receive(w.now, 0, from.at, bad)
		return false
	}
	w.ready()
	a, b := w.a(), w.b()
	a.send(a.arpRequest(b))
	f := a.send(a.frameTo(b, 1000)) // one datagram: fragments carry no MAC, so a damaged copy spoils a packet
	w.until("arrival of a frame", 5*time.Second, func() bool { return b.got(f) })
	for _, h := range w.hosts {
		s := h.n.Stats().VL1
		total := uint64(0)
		for _, n := range s.Drops {
			total += n
		}
		if total == 0 {
			t.Errorf("node %v counted no drop", h.n.Address())
		}
	}
}

// TestQueue checks order, bound and reuse.
func TestQueue(t *testing.T) {
	q := queue[int]{limit: 3}
	next, want := 0, 0
	for range 100 {
		for q.push(next) {
			next++
		}
		if next-want != 3 {
			t.Fatalf("a queue of 3 took %d items", next-want)
		}
		for range 2 {
			if v, ok := q.pop(); !ok || v != want {
				t.Fatalf("pop() = %d, %v, want %d", v, ok, want)
			}
			want++
		}
	}
	if cap(q.items) > 64 {
		t.Errorf("a queue of 3 grew to %d", cap(q.items))
	}
}

// FuzzReceive gives datagrams to a node that knows nobody, and checks that it never answers with more than came.
func FuzzReceive(f *testing.F) {
	f.Add([]byte("nothing in particular"))
	f.Add(make([]byte, 137))
	var id identity.Identity
	b, err := readIdentity()
	if err != nil {
		f.Fatal(err)
	}
	id = b
	f.Fuzz(func(t *testing.T, pkt []byte) {
		n, err := New(Config{Identity: id, Seed: [32]byte{1}, ClockBase: clockBase}, 1)
		if err != nil {
			t.Fatal(err)
		}
		in := len(pkt)
		if in >= 13 {
			id.Address.Put(pkt[8:])
		}
		if _, ok := n.Receive(1, 0, addrOf(5), pkt); ok {
			t.Error("a frame from nowhere")
		}
		out := 0
		for buf := make([]byte, packet.MaxLen); ; {
			d, ok := n.Output(1, buf)
			if !ok {
				break
			}
			out += len(d.Data)
		}
		if out > in {
			t.Errorf("%d bytes in, %d bytes out", in, out)
		}
	})
}
