package vl1

import (
	"net/netip"
	"testing"
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/packet"
)

// talk makes two leaves know each other directly.
func (n *network) talk(a, b *node) {
	n.t.Helper()
	n.online()
	a.Send(n.now, b.id.Address, packet.VerbFrame, []byte("hello"))
	n.drain(a)
	if !n.until(5*time.Second, func() bool { return a.direct(n, b) && b.direct(n, a) }) {
		n.t.Fatalf("%s and %s do not meet; %q, %q", a.name, b.name, a.drops(), b.drops())
	}
}

// "validation costs some 14 ms": 64 new nodes behind one address come online within a second.
func TestManyBehindOneAddress(t *testing.T) {
	n := newNetwork(t, 0)
	ids := testIdentities()
	count := 64
	if raceEnabled {
		count = 8
	}
	for i := range count {
		addr := netip.AddrPortFrom(netip.MustParseAddr("10.0.1.1"), uint16(10000+i))
		n.add("leaf", ids[i+1], addr, nil)
	}
	n.until(time.Second, func() bool { return false })
	for i, x := range n.nodes {
		if !x.Online(n.now) {
			t.Errorf("node %d is not online after a second; root dropped %q", i, n.nodes[0].drops())
		}
	}
	if v := n.nodes[0].Stats().Validations; v != uint64(count) {
		t.Errorf("root validated %d identities, want %d", v, count)
	}
}

// A path that stops answering is left for the relay within seconds, and taken again when it answers.
func TestPathFailsOver(t *testing.T) {
	n := newNetwork(t, 2)
	a, b, root := n.node("a"), n.node("b"), n.node("root")
	n.talk(a, b)
	blocked := n.now
	n.cut = func(from, to *node) bool { return from != root && to != root }
	sent := 0
	last := time.Duration(0)
	for range 60 {
		before := b.received(packet.VerbFrame)
		a.Send(n.now, b.id.Address, packet.VerbFrame, []byte("x"))
		n.drain(a)
		sent++
		n.run(500 * time.Millisecond)
		if b.received(packet.VerbFrame) == before {
			last = n.now.Sub(blocked)
		}
	}
	if last > 12*time.Second || last == 0 {
		t.Errorf("messages were lost for %v, want some but for less than 12 s", last)
	}
	if a.direct(n, b) {
		t.Error("a still calls the path direct")
	}
	n.cut = nil
	if !n.until(15*time.Second, func() bool { return a.direct(n, b) }) {
		t.Error("the path is not taken again when it answers")
	}
}

// A path expires when it has not been heard for 243 s, and a peer is forgotten after 500 s.
func TestExpiry(t *testing.T) {
	n := newNetwork(t, 2)
	a, b, root := n.node("a"), n.node("b"), n.node("root")
	n.talk(a, b)
	s := a.Session(b.id.Address)
	b.down = true
	n.run(20 * time.Second)
	if _, _, _, direct, ok := s.Route(); !ok || direct {
		t.Errorf("after 20 s of silence the route is direct=%v ok=%v, want relayed", direct, ok)
	}
	if p, _ := a.Peer(n.now, b.id.Address); len(p.Paths) == 0 {
		t.Error("the path was dropped after 20 s")
	}
	n.run(pathExpiry)
	if p, _ := a.Peer(n.now, b.id.Address); len(p.Paths) != 0 || a.has(EventPathDown, b.id.Address) != 1 {
		t.Errorf("paths after expiry: %+v", p.Paths)
	}
	n.run(peerExpiry * 2)
	if _, ok := a.Peer(n.now, b.id.Address); ok || a.has(EventLost, b.id.Address) != 1 {
		t.Error("a still knows b")
	}
	if _, _, _, _, ok := s.Route(); ok {
		t.Error("the forgotten peer's session still has a route")
	}
	if _, ok := a.Peer(n.now, root.id.Address); !ok || !a.Online(n.now) {
		t.Error("a lost its root")
	}
	if _, ok := root.Peer(n.now, b.id.Address); ok {
		t.Error("the root still knows b")
	}
}

// Idle nodes stay in touch with their root often enough for a NAT, and peers with each other.
func TestKeepalive(t *testing.T) {
	n := newNetwork(t, 2)
	a, b := n.node("a"), n.node("b")
	n.talk(a, b)
	quiet := map[netip.AddrPort]clock.Time{}
	longest := map[netip.AddrPort]time.Duration{}
	n.tap = func(from *node, d Datagram) {
		if from != a {
			return
		}
		if t0, ok := quiet[d.To]; ok {
			longest[d.To] = max(longest[d.To], n.now.Sub(t0))
		}
		quiet[d.To] = n.now
	}
	before := a.out
	n.run(5 * time.Minute)
	for to, gap := range longest {
		if gap > 20*time.Second {
			t.Errorf("a was silent towards %v for %v", to, gap)
		}
	}
	if !a.direct(n, b) || !a.Online(n.now) {
		t.Error("the idle conversation broke")
	}
	if rate := (a.out - before) / 300; rate > 60 {
		t.Errorf("keeping two paths costs %d bytes a second", rate)
	}
}

// A root that is started anew, knowing nobody, is found again by its leaves in seconds.
func TestRootRestart(t *testing.T) {
	n := newNetwork(t, 2)
	n.online()
	n.run(30 * time.Second)
	a, b, root := n.node("a"), n.node("b"), n.node("root")
	n.start(root, nil)
	n.drain(root)
	restarted := n.now
	if !n.until(time.Minute, func() bool {
		_, knowsA := root.Peer(n.now, a.id.Address)
		_, knowsB := root.Peer(n.now, b.id.Address)
		return knowsA && knowsB
	}) {
		t.Fatal("the leaves do not come back")
	}
	if d := n.now.Sub(restarted); d > 20*time.Second {
		t.Errorf("the leaves came back after %v", d)
	}
	n.talk(a, b)
	if a.has(EventOffline, 0) != 0 {
		t.Error("a went offline")
	}
}

// While a root is away its leaves go offline, and online again when it is back.
func TestOffline(t *testing.T) {
	n := newNetwork(t, 1)
	n.online()
	a, root := n.node("a"), n.node("root")
	root.down = true
	if !n.until(2*time.Minute, func() bool { return a.has(EventOffline, 0) == 1 }) {
		t.Fatal("a does not notice")
	}
	n.start(root, nil)
	if !n.until(10*time.Second, func() bool { return a.has(EventOnline, 0) == 2 }) {
		t.Error("a does not come back within 10 s")
	}
}

// A peer that comes back with another port, as after a restart or a new NAT mapping, is found again.
func TestNewPort(t *testing.T) {
	n := newNetwork(t, 2)
	a, b := n.node("a"), n.node("b")
	n.talk(a, b)
	n.run(10 * time.Second)
	delete(n.byAddr, b.addr)
	b.addr = netip.AddrPortFrom(b.addr.Addr(), 40000)
	n.byAddr[b.addr] = b
	if !n.until(30*time.Second, func() bool {
		p, _ := a.Peer(n.now, b.id.Address)
		return p.Direct && len(p.Paths) == 1 && p.Paths[0].Remote == b.addr
	}) {
		p, _ := a.Peer(n.now, b.id.Address)
		t.Errorf("a knows b as %+v", p)
	}
}

// Everything also works when a tenth of all datagrams is lost.
func TestLoss(t *testing.T) {
	n := newNetwork(t, 2)
	n.loss = 0.1
	a, b := n.node("a"), n.node("b")
	n.talk(a, b)
	got := 0
	for range 200 {
		a.Send(n.now, b.id.Address, packet.VerbFrame, []byte("x"))
		n.drain(a)
		n.run(100 * time.Millisecond)
	}
	if got = b.received(packet.VerbFrame); got < 160 {
		t.Errorf("%d of 200 messages arrived at 10%% loss", got)
	}
}

// A root that misses the OK to its first HELLO has no path to the leaf, which believes itself online. An
// early heartbeat makes it try again.
func TestRootMissesTheFirstOK(t *testing.T) {
	n := newNetwork(t, 1)
	a, root := n.node("a"), n.node("root")
	sent := 0
	n.cut = func(from, to *node) bool {
		if from == a && to == root {
			sent++
		}
		return from == a && sent == 2 // HELLO, then the OK to the root's HELLO
	}
	n.online()
	if p, ok := root.Peer(n.now, a.id.Address); !ok || p.Direct {
		t.Fatalf("the root knows the leaf as %+v", p)
	}
	if !n.until(2*time.Second, func() bool {
		p, _ := root.Peer(n.now, a.id.Address)
		return p.Direct
	}) {
		t.Error("the root has no path to a leaf that is online")
	}
}

// The planet is updated through OK(HELLO) when a newer one is signed as the old one demands.
func TestWorldUpdate(t *testing.T) {
	n := newNetwork(t, 1)
	n.online()
	n.run(time.Second)
	a, root := n.node("a"), n.node("root")
	ids := testIdentities()
	newer := NewPlanet(77, 2000, &ids[0], []Root{n.world.Roots[0], {ids[9], []netip.AddrPort{netip.MustParseAddrPort("10.0.0.9:9993")}}})
	if err := root.SetWorld(n.now, newer); err != nil {
		t.Fatal(err)
	}
	if !n.until(5*time.Minute, func() bool { return a.has(EventWorld, 0) == 1 }) {
		t.Fatal("the leaf did not get the update")
	}
	if a.Planet().Timestamp != 2000 || len(a.Upstreams()) != 2 || !a.IsUpstream(ids[9].Address) {
		t.Errorf("planet %d with %d upstreams", a.Planet().Timestamp, len(a.Upstreams()))
	}

	for name, w := range map[string]*World{
		"older":        NewPlanet(77, 1999, &ids[0], newer.Roots),
		"same":         newer,
		"another ID":   NewPlanet(78, 3000, &ids[0], newer.Roots),
		"another key":  NewPlanet(77, 3000, &ids[5], newer.Roots),
		"a moon":       NewMoon(77, 3000, &ids[0], newer.Roots),
		"bad from net": func() *World { w := *newer; w.Timestamp = 4000; return &w }(),
	} {
		before := a.Planet()
		p := a.peers[root.id.Address]
		a.takeWorlds(n.now, p, w.Append(nil))
		if a.Planet() != before || len(a.Moons()) != 0 {
			t.Errorf("a planet that is %s was taken", name)
		}
	}
	if a.Stats().Drops[DropWorld] != 6 {
		t.Errorf("%d bad worlds counted, want 6", a.Stats().Drops[DropWorld])
	}
}

// A moon is asked for at its seed, and its roots become upstreams.
func TestOrbit(t *testing.T) {
	n := newNetwork(t, 1)
	ids := testIdentities()
	addr := netip.MustParseAddrPort("10.0.0.7:9993")
	moon := NewMoon(uint64(ids[7].Address), 500, &ids[8], []Root{{ids[7], []netip.AddrPort{addr}}})
	n.add("moon", ids[7], addr, func(c *Config) { c.Moons = []*World{moon} })
	n.online()
	n.run(time.Second)
	a := n.node("a")
	a.Orbit(n.now, moon.ID, ids[7].Address)
	n.drain(a)
	a.Send(n.now, ids[7].Address, packet.VerbFrame, []byte("to find a way"))
	n.drain(a)
	if !n.until(2*time.Minute, func() bool { return a.has(EventWorld, 0) > 0 }) {
		t.Fatalf("the moon does not come; a dropped %q", a.drops())
	}
	if p, _ := a.Peer(n.now, ids[7].Address); p.Role != RoleMoon {
		t.Errorf("the moon's root is a %v", p.Role)
	}
	a.Deorbit(n.now, moon.ID)
	if p, _ := a.Peer(n.now, ids[7].Address); p.Role != RoleLeaf || len(a.Upstreams()) != 1 {
		t.Errorf("after Deorbit the moon's root is a %v", p.Role)
	}
}

// With two roots, losing one costs a WHOIS no more than a few attempts.
func TestSecondRoot(t *testing.T) {
	n := newNetwork(t, 0)
	ids := testIdentities()
	addr2 := netip.MustParseAddrPort("10.0.0.2:9993")
	n.world = NewPlanet(77, 1000, &ids[0], []Root{n.world.Roots[0], {ids[1], []netip.AddrPort{addr2}}})
	n.start(n.nodes[0], nil)
	n.add("root2", ids[1], addr2, nil)
	for i, name := range []string{"a", "b"} {
		n.add(name, ids[2+i], netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 1, byte(i)}), 9993), nil)
	}
	n.online()
	n.run(10 * time.Second)
	a, b := n.node("a"), n.node("b")
	n.nodes[0].down = true
	for i := 0; len(b.got) == 0; i++ {
		if i == 10 {
			t.Fatal("messages are lost with one of two roots")
		}
		a.Send(n.now, b.id.Address, packet.VerbFrame, []byte("hello"))
		n.drain(a)
		n.run(500 * time.Millisecond)
	}
	if !n.until(20*time.Second, func() bool { return a.direct(n, b) }) {
		t.Error("no direct path through the second root")
	}
}

// IdentityOf asks, and tells by an event.
func TestIdentityOf(t *testing.T) {
	n := newNetwork(t, 2)
	n.online()
	n.run(time.Second)
	a, b := n.node("a"), n.node("b")
	if _, ok := a.IdentityOf(n.now, b.id.Address); ok {
		t.Fatal("a knows b already")
	}
	n.drain(a)
	n.run(time.Second)
	if a.has(EventIdentity, b.id.Address) != 1 {
		t.Errorf("events %v", a.events)
	}
	if id, ok := a.IdentityOf(n.now, b.id.Address); !ok || id.Public != b.id.Public || id.HasSecret() {
		t.Error("wrong identity")
	}
	n.run(10 * time.Second) // the early heartbeats are over
	asked := n.node("root").Stats().Packets
	a.IdentityOf(n.now, identity.Address(0x1234567890))
	n.drain(a)
	n.run(10 * time.Second)
	if got := n.node("root").Stats().Packets - asked; got < 9 || got > 16 {
		t.Errorf("an unknown address made the root see %d packets, want about 10", got)
	}
	if len(a.lookups) != 0 {
		t.Error("the hopeless question is still being asked")
	}
}

// Each trusted peer is told our addresses, and tries them.
func TestPushDirectPaths(t *testing.T) {
	n := newNetwork(t, 2)
	a, b, root := n.node("a"), n.node("b"), n.node("root")
	n.online()
	// Without introductions by the root, only pushed addresses can help.
	root.introduced.slots = make([]introduction, introductionSlots)
	for i := range root.introduced.slots {
		lo, hi := min(a.id.Address, b.id.Address), max(a.id.Address, b.id.Address)
		root.introduced.slots[i] = introduction{lo, hi, n.now.Add(time.Hour)}
	}
	b.handle = func(m *Message) { b.Trust(n.now, m.From) }
	a.handle = func(m *Message) { a.Trust(n.now, m.From) }
	a.Send(n.now, b.id.Address, packet.VerbFrame, []byte("hello"))
	n.drain(a)
	if !n.until(3*time.Second, func() bool { return b.direct(n, a) && a.direct(n, b) }) {
		t.Fatalf("no direct path; a dropped %q, b dropped %q", a.drops(), b.drops())
	}
	if root.Stats().Introduced != 0 {
		t.Error("the root introduced them after all")
	}
}

// When a root reports another address of ours than before, paths are in doubt until they answer.
func TestAddressChange(t *testing.T) {
	n := newNetwork(t, 2)
	a, b := n.node("a"), n.node("b")
	n.talk(a, b)
	n.run(2 * time.Second)
	delete(n.byAddr, a.addr)
	a.addr = netip.MustParseAddrPort("10.0.5.5:9993")
	n.byAddr[a.addr] = a
	if !n.until(20*time.Second, func() bool {
		p, _ := b.Peer(n.now, a.id.Address)
		return p.Direct && p.Paths[len(p.Paths)-1].Remote == a.addr && b.direct(n, a) && a.direct(n, b)
	}) {
		t.Error("the conversation did not survive the change of address")
	}
	found := false
	for _, s := range a.Surfaces() {
		found = found || s == a.addr
	}
	if !found {
		t.Errorf("a sees itself as %v", a.Surfaces())
	}
}

// A root's path must be among its listed endpoints' addresses.
func TestRootElsewhere(t *testing.T) {
	n := newNetwork(t, 1)
	n.nat = func(from *node, to netip.AddrPort) netip.AddrPort {
		if from.name == "root" {
			return netip.MustParseAddrPort("10.66.66.66:9993")
		}
		return from.addr
	}
	n.run(5 * time.Second)
	a := n.node("a")
	if p, _ := a.Peer(n.now, n.node("root").id.Address); len(p.Paths) != 0 {
		t.Errorf("took %v for the root's address", p.Paths)
	}
	if a.Stats().Drops[DropBadAddress] == 0 {
		t.Error("not counted")
	}
}

// Stock nodes never use loopback paths; here they are a choice.
func TestLoopbackIsAChoice(t *testing.T) {
	for _, allow := range []bool{false, true} {
		n := newNetwork(t, 0)
		ids := testIdentities()
		n.nodes = nil
		addr := netip.MustParseAddrPort("127.0.0.1:9993")
		n.world = NewPlanet(77, 1000, &ids[0], []Root{{ids[0], []netip.AddrPort{addr}}})
		set := func(c *Config) { c.AllowLoopback = allow }
		n.add("root", ids[0], addr, set)
		a := n.add("a", ids[1], netip.MustParseAddrPort("127.0.0.1:9994"), set)
		n.run(2 * time.Second)
		if a.Online(n.now) != allow {
			t.Errorf("AllowLoopback=%v: online=%v", allow, a.Online(n.now))
		}
	}
}

// Two leaves behind NATs that let in only what was sent to meet after RENDEZVOUS.
func TestHolePunching(t *testing.T) {
	n := newNetwork(t, 2)
	a, b, root := n.node("a"), n.node("b"), n.node("root")
	public := map[*node]netip.AddrPort{
		a: netip.MustParseAddrPort("198.51.100.1:1001"), b: netip.MustParseAddrPort("198.51.100.2:1002"),
	}
	type pair struct{ inside, outside netip.AddrPort }
	open := map[pair]bool{}
	blocked := 0
	for x, addr := range public {
		delete(n.byAddr, x.addr)
		n.byAddr[addr] = x
	}
	n.nat = func(from *node, to netip.AddrPort) netip.AddrPort {
		if addr, ok := public[from]; ok {
			open[pair{addr, to}] = true
			return addr
		}
		return from.addr
	}
	n.filter = func(from, to netip.AddrPort) bool {
		if to == root.addr || open[pair{to, from}] {
			return true
		}
		blocked++
		return false
	}
	n.talk(a, b)
	p, _ := a.Peer(n.now, b.id.Address)
	if len(p.Paths) != 1 || p.Paths[0].Remote != public[b] {
		t.Errorf("a reaches b at %+v", p.Paths)
	}
	if s := a.Surfaces(); len(s) == 0 || s[0] != public[a] {
		t.Errorf("a sees itself as %v", s)
	}
	before := b.received(packet.VerbFrame)
	for range 50 {
		a.Send(n.now, b.id.Address, packet.VerbFrame, []byte("x"))
		n.drain(a)
		n.run(time.Second)
	}
	if got := b.received(packet.VerbFrame) - before; got != 50 {
		t.Errorf("%d of 50 messages arrived", got)
	}
}

// A peer that has died is reported, whether anything is sent to it or not, and so is its return.
func TestUnreachable(t *testing.T) {
	for _, sending := range []bool{false, true} {
		n := newNetwork(t, 2)
		a, b := n.node("a"), n.node("b")
		n.talk(a, b)
		b.down = true
		died := n.now
		for a.has(EventUnreachable, b.id.Address) == 0 && n.now.Sub(died) < time.Minute {
			if sending {
				a.Send(n.now, b.id.Address, packet.VerbFrame, []byte("x"))
				n.drain(a)
			}
			n.run(500 * time.Millisecond)
		}
		if d := n.now.Sub(died); d < 5*time.Second || d > 20*time.Second {
			t.Errorf("sending=%v: reported after %v", sending, d)
		}
		direct := a.has(EventDirect, b.id.Address)
		n.start(b, nil)
		n.until(30*time.Second, func() bool { return a.has(EventDirect, b.id.Address) > direct })
		if a.has(EventUnreachable, b.id.Address) != 1 || a.has(EventDirect, b.id.Address) <= direct {
			t.Errorf("sending=%v: events %v", sending, a.events)
		}
	}
}
