package vl1

import (
	"bytes"
	"math/rand/v2"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/zerotier/packet"
)

// meeting returns two nodes that know each other directly, and their sessions.
func meeting(t *testing.T) (n *network, a, b *node, ab, ba *Session) {
	n = newNetwork(t, 2)
	a, b = n.node("a"), n.node("b")
	n.talk(a, b)
	n.run(time.Second)
	return n, a, b, a.Session(b.id.Address), b.Session(a.id.Address)
}

func TestSession(t *testing.T) {
	n, a, b, ab, ba := meeting(t)
	if ab.Cipher() != packet.CipherAES || ab.Peer() != b.id.Address {
		t.Errorf("session seals with %d", ab.Cipher())
	}
	local, to, mtu, direct, ok := ab.Route()
	if !ok || !direct || to != b.addr || mtu != packet.DefaultMTU || local != 0 {
		t.Errorf("Route() = %v %v %v %v %v", local, to, mtu, direct, ok)
	}
	p := make([]byte, packet.HeaderLen, 100)
	packet.PutHeader(p, 0, b.id.Address, a.id.Address, packet.VerbFrame)
	p = append(p, "a frame"...)
	ab.Seal(p, 12345)
	if !ba.Open(p) || string(packet.Payload(p)) != "a frame" {
		t.Fatal("what one session sealed, the other does not open")
	}
	n.now = n.now.Add(time.Second)
	if !ba.Heard(n.now, 0, a.addr, 0) {
		t.Error("the direct path is not known to the session")
	}
	if i, _ := b.Peer(n.now, a.id.Address); i.LastHeard != n.now || i.Paths[0].LastHeard != n.now {
		t.Error("what the session heard does not count")
	}
	for _, at := range []struct {
		from netip.AddrPort
		hops int
	}{{attacker, 0}, {a.addr, 1}} {
		if ba.Heard(n.now, 0, at.from, at.hops) {
			t.Errorf("%v, %d hops: not for the Switch to see", at.from, at.hops)
		}
	}
	m, ok := b.ReceiveOpened(n.now, 0, attacker, p)
	if !ok || m.From != a.id.Address || string(m.Payload) != "a frame" {
		t.Errorf("ReceiveOpened: %+v", m)
	}
	out := outputs(b.Switch, n.now)
	if len(out) != 1 || out[0].To != attacker || len(out[0].Data) != packet.HeaderLen {
		t.Errorf("an unknown path is not probed with an ECHO: %v", out)
	}
}

// A conversation that only goes through sessions keeps its path, and is not forgotten.
func TestSessionKeepsPathAlive(t *testing.T) {
	n, a, b, ab, ba := meeting(t)
	end := n.now.Add(20 * time.Minute)
	for n.now < end {
		ab.Sent(n.now)
		ba.Heard(n.now, 0, a.addr, 0)
		ba.Sent(n.now)
		ab.Heard(n.now, 0, b.addr, 0)
		n.run(time.Second)
	}
	if !a.direct(n, b) || !b.direct(n, a) {
		t.Error("the path was lost")
	}
	if _, _, _, direct, ok := ab.Route(); !ok || !direct {
		t.Error("the session has no direct route")
	}
}

// Sessions may be used while the Switch goes on.
func TestSessionConcurrently(t *testing.T) {
	n, a, b, ab, ba := meeting(t)
	var wait sync.WaitGroup
	stop := make(chan struct{})
	for i := range 2 {
		wait.Go(func() {
			r := rand.New(rand.NewPCG(uint64(i), 1))
			for {
				select {
				case <-stop:
					return
				default:
				}
				p := make([]byte, 200)
				packet.PutHeader(p, 0, b.id.Address, a.id.Address, packet.VerbFrame)
				ab.Seal(p, r.Uint64())
				ab.Sent(clock.Time(time.Hour))
				if !ba.Open(p) {
					t.Error("does not open")
					return
				}
				ba.Heard(clock.Time(time.Hour), 0, a.addr, 0)
				ba.Trust(clock.Time(time.Hour))
				ab.Route()
			}
		})
	}
	for range 50 {
		a.Send(n.now, b.id.Address, packet.VerbFrame, []byte("x"))
		n.drain(a)
		n.run(time.Second)
	}
	close(stop)
	wait.Wait()
}

func TestNoAllocs(t *testing.T) {
	n, a, b, ab, ba := meeting(t)
	p := make([]byte, 1400)
	now := n.now
	iv := uint64(0)
	check := func(name string, f func()) {
		t.Helper()
		if got := testing.AllocsPerRun(100, f); got != 0 {
			t.Errorf("%s allocates %v times", name, got)
		}
	}
	check("Seal, Open, Route, Heard, Sent", func() {
		iv++
		packet.PutHeader(p, 0, b.id.Address, a.id.Address, packet.VerbFrame)
		ab.Seal(p, iv)
		if !ba.Open(p) {
			t.Fatal("does not open")
		}
		ba.Heard(now, 0, a.addr, 0)
		ab.Route()
		ab.Sent(now)
	})
	var buf [MaxDatagram]byte
	payload := make([]byte, 1000)
	check("Send, Output, Receive", func() {
		a.Send(now, b.id.Address, packet.VerbFrame, payload)
		d, _ := a.Output(now, buf[:])
		if _, ok := b.Receive(now, 0, a.addr, d.Data); !ok {
			t.Fatal("not received")
		}
	})
	check("Poll", func() { a.Poll(now) })
	root := n.node("root")
	relayed := sealed(&a.id, &b.id, packet.VerbFrame, packet.CipherAES, payload)
	q := make([]byte, len(relayed))
	root.Receive(now, 0, a.addr, append([]byte(nil), relayed...))
	outputs(root.Switch, now)
	check("relaying", func() {
		copy(q, relayed)
		root.Receive(now, 0, a.addr, q)
		if d, ok := root.Output(now, buf[:]); !ok || !bytes.Equal(d.Data[19:], relayed[19:]) {
			t.Fatal("not relayed")
		}
	})
}

// Poll twice at the same time does nothing the second time.
func TestPollTwice(t *testing.T) {
	n := newNetwork(t, 2)
	n.talk(n.node("a"), n.node("b"))
	for range 500 {
		n.run(100 * time.Millisecond)
		for _, x := range n.nodes {
			x.Poll(n.now)
			n.drain(x)
			x.Poll(n.now)
			if d := outputs(x.Switch, n.now); len(d) != 0 {
				t.Fatalf("%s: the second Poll sent %d datagrams", x.name, len(d))
			}
		}
	}
}

// The same seed gives the same datagrams.
func TestDeterministic(t *testing.T) {
	transcript := func() []byte {
		n := newNetwork(t, 3)
		n.loss = 0.1
		var all []byte
		n.tap = func(from *node, d Datagram) { all = append(append(all, from.name...), d.Data...) }
		n.talk(n.node("a"), n.node("b"))
		n.talk(n.node("c"), n.node("b"))
		n.run(2 * time.Minute)
		return all
	}
	if first := transcript(); !bytes.Equal(first, transcript()) {
		t.Error("two runs with one seed differ")
	} else if len(first) < 5000 {
		t.Errorf("only %d bytes were sent", len(first))
	}
}
