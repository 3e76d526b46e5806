package vl1

import (
	"bytes"
	"testing"
	"time"

	"github.com/ztstack/ztstack/zerotier/packet"
)

func TestOnline(t *testing.T) {
	n := newNetwork(t, 2)
	n.online()
	a, root := n.node("a"), n.node("root")
	if d := n.now.Milliseconds() - 1000; d > 50 {
		t.Errorf("online after %d ms, want at most 50", d)
	}
	n.run(time.Second)
	if !a.direct(n, root) || !root.direct(n, a) {
		t.Error("leaf and root have no path to each other")
	}
	if a.has(EventOnline, 0) != 1 || a.has(EventOffline, 0) != 0 {
		t.Errorf("events: %v", a.events)
	}
	if p, _ := root.Peer(n.now, a.id.Address); p.Protocol != packet.ProtocolVersion || p.Cipher != packet.CipherAES || p.Role != RoleLeaf {
		t.Errorf("root knows the leaf as %+v", p)
	}
	p, _ := a.Peer(n.now, root.id.Address)
	if p.Role != RolePlanet || p.Latency != 2*n.delay {
		t.Errorf("leaf knows the root as %+v", p)
	}
	for _, x := range n.nodes {
		if d := x.drops(); d != "" {
			t.Errorf("%s dropped: %s", x.name, d)
		}
	}
}

// A conversation begins relayed, with a WHOIS on each side, and turns direct after the root's
// RENDEZVOUS.
func TestRelayedTurnsDirect(t *testing.T) {
	n := newNetwork(t, 2)
	n.online()
	a, b, root := n.node("a"), n.node("b"), n.node("root")
	payload := bytes.Repeat([]byte("ping"), 20)
	a.Send(n.now, b.id.Address, packet.VerbFrame, payload)
	n.drain(a)
	if !n.until(time.Second, func() bool { return len(b.got) == 1 }) {
		t.Fatalf("first message did not arrive; a dropped %q, root %q, b %q", a.drops(), root.drops(), b.drops())
	}
	m := b.got[0]
	if m.From != a.id.Address || m.Verb != packet.VerbFrame || m.Hops != 1 || !bytes.Equal(m.Payload, payload) {
		t.Errorf("message %+v", m)
	}
	if !n.until(2*time.Second, func() bool { return a.direct(n, b) && b.direct(n, a) }) {
		t.Fatal("the conversation did not turn direct")
	}
	relayed := root.Stats().Relayed
	if id := b.Send(n.now, a.id.Address, packet.VerbFrame, payload); id == 0 {
		t.Error("Send queued a message although there is a path")
	}
	n.drain(b)
	n.run(time.Second)
	if len(a.got) != 1 || a.got[0].Hops != 0 {
		t.Fatalf("answer: %+v", a.got)
	}
	if r := root.Stats(); r.Relayed != relayed || r.Introduced != 1 {
		t.Errorf("root relayed %d more and introduced %d pairs, want 0 and 1", r.Relayed-relayed, r.Introduced)
	}
	if a.has(EventDirect, b.id.Address) == 0 || a.has(EventRelayed, b.id.Address) == 0 {
		t.Errorf("events: %v", a.events)
	}
}

// Messages that do not fit one datagram arrive whole, in datagrams of equal length.
func TestFragments(t *testing.T) {
	for _, size := range []int{1404, 1405, 2810, 5000, packet.MaxPayload - 200} {
		n := newNetwork(t, 2)
		n.online()
		a, b := n.node("a"), n.node("b")
		a.Send(n.now, b.id.Address, packet.VerbFrame, []byte("hello"))
		n.drain(a)
		n.until(3*time.Second, func() bool { return a.direct(n, b) })
		var lengths []int
		n.tap = func(from *node, d Datagram) {
			if from == a && len(d.Data) > 200 {
				lengths = append(lengths, len(d.Data))
			}
		}
		payload := make([]byte, size)
		for i := range payload {
			payload[i] = byte(n.rand.Uint32())
		}
		a.Send(n.now, b.id.Address, packet.VerbFrame, payload)
		n.drain(a)
		n.run(100 * time.Millisecond)
		if len(b.got) != 2 || !bytes.Equal(b.got[1].Payload, payload) {
			t.Errorf("%d bytes: %d messages arrived", size, len(b.got))
		}
		for i, l := range lengths {
			if l > packet.DefaultMTU || (i < len(lengths)-1 && l != lengths[0]) || lengths[0]-l >= len(lengths) {
				t.Errorf("%d bytes were cut into %v", size, lengths)
				break
			}
		}
	}
}

// Request and reply: an OK is taken once asked for, and only then.
func TestReply(t *testing.T) {
	n := newNetwork(t, 1)
	n.online()
	n.run(time.Second)
	a, root := n.node("a"), n.node("root")
	id := a.Send(n.now, 0, packet.VerbMulticastGather, []byte("question"))
	n.drain(a)
	n.run(time.Second)
	if len(root.got) != 1 || root.got[0].ID != id {
		t.Fatalf("root got %+v, want packet %#x", root.got, id)
	}
	root.SendOK(n.now, a.id.Address, packet.VerbMulticastGather, id, []byte("answer"))
	root.SendError(n.now, a.id.Address, packet.VerbMulticastGather, id, packet.ErrorNotFound, []byte("nothing"))
	root.SendOK(n.now, a.id.Address, packet.VerbMulticastGather, id^1<<40, []byte("answer"))
	n.drain(root)
	n.run(time.Second)
	if len(a.got) != 2 {
		t.Fatalf("leaf got %+v", a.got)
	}
	ok, e := a.got[0], a.got[1]
	if ok.InRe != packet.VerbMulticastGather || ok.InReID != id || string(ok.Payload) != "answer" {
		t.Errorf("OK: %+v", ok)
	}
	if e.Code != packet.ErrorNotFound || e.InReID != id || string(e.Payload) != "nothing" {
		t.Errorf("ERROR: %+v", e)
	}
	if c := a.Stats().Drops[DropUnexpectedReply]; c != 1 {
		t.Errorf("%d unexpected replies counted, want 1", c)
	}
}

// The layer above may ask for a message again when it cannot use it yet.
func TestRetry(t *testing.T) {
	n := newNetwork(t, 1)
	n.online()
	n.run(time.Second)
	a, root := n.node("a"), n.node("root")
	credentials := 0
	var offers []time.Duration
	sent := n.now
	root.handle = func(m *Message) {
		switch {
		case m.Verb == packet.VerbNetworkCredentials:
			credentials++
		case m.Verb == packet.VerbFrame && credentials == 0:
			offers = append(offers, n.now.Sub(sent))
			root.Retry(n.now, m)
		case m.Verb == packet.VerbFrame:
			offers = append(offers, n.now.Sub(sent))
		}
	}
	a.Send(n.now, root.id.Address, packet.VerbFrame, []byte("early"))
	n.drain(a)
	n.run(1200 * time.Millisecond)
	if len(offers) != 3 {
		t.Fatalf("offered after %v, want at once and every half second", offers)
	}
	a.Send(n.now, root.id.Address, packet.VerbNetworkCredentials, []byte("credentials"))
	n.drain(a)
	n.run(50 * time.Millisecond)
	if len(offers) != 4 {
		t.Fatalf("not offered again when credentials came: %v", offers)
	}
	if m := root.got[len(root.got)-1]; string(m.Payload) != "early" || m.From != a.id.Address {
		t.Errorf("offered %+v", m)
	}
	n.run(10 * time.Second)
	if len(offers) != 4 {
		t.Errorf("offered after it was used: %v", offers)
	}

	credentials = 0
	offers = nil
	a.Send(n.now, root.id.Address, packet.VerbFrame, []byte("hopeless"))
	n.drain(a)
	n.run(10 * time.Second)
	if len(offers) != 10 || root.Stats().Drops[DropRetryExpired] != 1 {
		t.Errorf("a hopeless message was offered %d times and counted %d times", len(offers), root.Stats().Drops[DropRetryExpired])
	}
}

// Peers that can only be reached through the root learn each other's version, and so use AES.
func TestRelayedOnly(t *testing.T) {
	n := newNetwork(t, 2)
	a, b, root := n.node("a"), n.node("b"), n.node("root")
	n.cut = func(from, to *node) bool { return from != root && to != root }
	n.online()
	for range 100 {
		a.Send(n.now, b.id.Address, packet.VerbFrame, []byte("x"))
		b.Send(n.now, a.id.Address, packet.VerbFrame, []byte("x"))
		n.drain(a)
		n.drain(b)
		n.run(100 * time.Millisecond)
	}
	if len(a.got) < 98 || len(b.got) < 98 {
		t.Errorf("%d and %d of 100 messages arrived", len(a.got), len(b.got))
	}
	for _, s := range []*Session{a.Session(b.id.Address), b.Session(a.id.Address)} {
		if _, to, _, direct, ok := s.Route(); !ok || direct || to != root.addr {
			t.Errorf("route %v direct=%v ok=%v", to, direct, ok)
		}
		if s.Cipher() != packet.CipherAES {
			t.Errorf("still cipher %d", s.Cipher())
		}
	}
}
