package vl1

import (
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/packet"
)

func TestNewRefuses(t *testing.T) {
	ids := testIdentities()
	r := rand.New(rand.NewPCG(1, 2))
	moon := NewMoon(1, 2, &ids[1], nil)
	planet := NewPlanet(1, 2, &ids[1], nil)
	for _, c := range []struct {
		cfg  Config
		want error
	}{
		{Config{Identity: ids[0].WithoutSecret(), Rand: r}, ErrNoSecret},
		{Config{Identity: ids[0]}, ErrNoRand},
		{Config{Identity: ids[0], Rand: r, PhysicalMTU: 1279}, ErrMTU},
		{Config{Identity: ids[0], Rand: r, Planet: moon}, ErrWorldType},
		{Config{Identity: ids[0], Rand: r, Moons: []*World{planet}}, ErrWorldType},
		{Config{Identity: ids[0], Rand: r, Planet: planet, Moons: []*World{moon}}, nil},
	} {
		if _, err := New(c.cfg, 1); err != c.want {
			t.Errorf("New(%+v) = %v, want %v", c.cfg, err, c.want)
		}
	}
}

func TestWorldsThatReplace(t *testing.T) {
	ids := testIdentities()
	old := NewPlanet(7, 100, &ids[0], nil)
	newer := NewPlanet(7, 101, &ids[0], nil)
	otherKey := NewPlanet(7, 101, &ids[1], nil)
	handedOver := newWorld(Planet, 7, 102, &ids[1], nil)
	handedOver.Sign(&ids[0]) // the next one is to be signed by ids[1]
	for _, c := range []struct {
		w    *World
		want error
	}{
		{old, ErrWorldOld}, {otherKey, ErrWorldSign}, {newer, nil}, {newer, ErrWorldOld}, {handedOver, nil},
		{NewPlanet(7, 103, &ids[0], nil), ErrWorldSign}, {NewPlanet(7, 103, &ids[1], nil), nil},
	} {
		if got := c.w.Updates(old); got != (c.want == nil) {
			t.Errorf("Updates = %v for a world of %d, want error %v", got, c.w.Timestamp, c.want)
		}
		s, err := New(Config{Identity: ids[2], Rand: rand.New(rand.NewPCG(1, 2)), Planet: old}, 1)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.SetWorld(1, c.w); err != c.want {
			t.Errorf("SetWorld(%d) = %v, want %v", c.w.Timestamp, err, c.want)
		}
		if c.want == nil {
			old = c.w
		}
	}
}

func TestHelloChecks(t *testing.T) {
	n := newNetwork(t, 1)
	n.talkToRoot()
	root := n.node("root")
	id := testIdentities()[20]
	old := helloPayload(id)
	old[0] = 3
	n.inject(root, attacker, sealed(&id, &root.id, packet.VerbHello, packet.CipherPoly1305, old))
	if root.Stats().Drops[DropVersion] != 1 {
		t.Errorf("version 3: %s", root.drops())
	}
	n.inject(root, attacker, sealed(&id, &root.id, packet.VerbHello, packet.CipherPoly1305, helloPayload(testIdentities()[21])))
	if root.Stats().Drops[DropHelloAddress] != 1 {
		t.Errorf("another's identity: %s", root.drops())
	}
	bad := sealed(&id, &root.id, packet.VerbHello, packet.CipherPoly1305, helloPayload(id))
	bad[len(bad)-1] ^= 1
	n.inject(root, attacker, bad)
	if root.Stats().Drops[DropMAC] != 1 || root.Stats().Validations != 1 {
		t.Errorf("wrong MAC: %s, %d validations", root.drops(), root.Stats().Validations)
	}
	if _, ok := root.Peer(n.now, id.Address); ok {
		t.Error("believed after all")
	}
	// An old protocol gets Salsa20/12, and HELLO in place of ECHO.
	four := helloPayload(id)
	four[0] = 4
	var out []Datagram
	n.tap = func(from *node, d Datagram) { out = append(out, d) }
	n.inject(root, netip.MustParseAddrPort("10.0.9.9:9993"), sealed(&id, &root.id, packet.VerbHello, packet.CipherPoly1305, four))
	if s := root.Session(id.Address); s == nil || s.Cipher() != packet.CipherSalsa2012 {
		t.Errorf("version 4: session %+v", s)
	}
	if len(out) != 2 {
		t.Errorf("version 4: %d datagrams, want OK and HELLO", len(out))
	}
}

func TestPeerLimit(t *testing.T) {
	n := newNetwork(t, 0)
	n.start(n.nodes[0], func(c *Config) { c.MaxPeers = 2 })
	ids := testIdentities()
	for i := range 3 {
		n.add("leaf", ids[i+1], netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 2, byte(i)}), 9993), nil)
	}
	n.run(2 * time.Second)
	root := n.nodes[0]
	if got := len(root.Peers(n.now)); got != 2 || root.Stats().Drops[DropPeerLimit] == 0 {
		t.Errorf("%d peers; %s", got, root.drops())
	}
}

// With ValidateWhois even an upstream cannot pass off an identity.
func TestValidateWhois(t *testing.T) {
	n := newNetwork(t, 2)
	a, b, root := n.node("a"), n.node("b"), n.node("root")
	n.start(a, func(c *Config) { c.ValidateWhois = true })
	n.talkToRoot()
	forged := b.id
	forged.Public = testIdentities()[20].Public
	a.IdentityOf(n.now, b.id.Address)
	ok := packet.OKWhois{Identities: []identity.Identity{forged}}
	n.inject(a, root.addr, sealed(&root.id, &a.id, packet.VerbOK, packet.CipherAES, okPayload(a.Switch, packet.VerbWhois, ok.Append(nil))))
	if _, known := a.Peer(n.now, b.id.Address); known || a.Stats().Drops[DropInvalidIdentity] != 1 {
		t.Errorf("a forged identity was taken: %s", a.drops())
	}
	n.run(time.Second)
	if id, known := a.IdentityOf(n.now, b.id.Address); !known || id.Public != b.id.Public {
		t.Error("the true identity was not taken")
	}
}

func TestBounds(t *testing.T) {
	n := newNetwork(t, 1)
	n.talkToRoot()
	a, root := n.node("a"), n.node("root")
	payload := make([]byte, 9000)
	for range 1000 {
		a.Send(n.now, identity.Address(0x1234567890), packet.VerbFrame, payload)
	}
	if a.Stats().Drops[DropSendFull] == 0 || len(a.waitSend)*len(payload) > maxWaitSendSize {
		t.Errorf("%d messages of 9000 bytes wait", len(a.waitSend))
	}
	n.run(6 * time.Second)
	if len(a.waitSend) != 0 || a.Stats().Drops[DropSendExpired] == 0 {
		t.Error("they still wait after 6 s")
	}
	for range 4000 {
		a.Send(n.now, root.id.Address, packet.VerbFrame, payload)
	}
	if a.Stats().Drops[DropOutputFull] == 0 || len(a.Switch.out.bytes) > maxOutBytes {
		t.Errorf("%d bytes wait for Output", len(a.Switch.out.bytes))
	}
	outputs(a.Switch, n.now)
	for range maxEvents + 10 {
		a.event(Event{Kind: EventSurface})
	}
	if a.Stats().Drops[DropEventFull] != 10 {
		t.Errorf("%d events dropped", a.Stats().Drops[DropEventFull])
	}
	if id := a.Send(n.now, root.id.Address, packet.VerbFrame, make([]byte, packet.MaxLen)); id != 0 || a.Stats().Drops[DropSendTooLong] != 1 {
		t.Errorf("an overlong message: %s", a.drops())
	}
	if id := a.Send(n.now, a.id.Address, packet.VerbFrame, nil); id != 0 {
		t.Error("sent to itself")
	}
}

// Addresses from a file, and addresses that change while running.
func TestTryPathAndLocalAddrs(t *testing.T) {
	n := newNetwork(t, 2)
	a, b, root := n.node("a"), n.node("b"), n.node("root")
	root.down = true
	a.Learn(n.now, b.id)
	b.Learn(n.now, a.id)
	a.TryPath(n.now, b.id.Address, AllSockets, b.addr)
	n.drain(a)
	if !n.until(time.Second, func() bool { return a.direct(n, b) && b.direct(n, a) }) {
		t.Fatalf("not reached without a root: %s; %s", a.drops(), b.drops())
	}
	for _, x := range []*node{a, b} {
		x.handle = func(m *Message) { x.Trust(n.now, m.From) }
	}
	pushed := 0
	n.tap = func(from *node, d Datagram) {
		if from == a && d.To == b.addr && len(d.Data) > packet.HeaderLen+2 {
			pushed++
		}
	}
	say := func() {
		b.Send(n.now, a.id.Address, packet.VerbFrame, []byte("a"))
		n.drain(b)
		n.run(time.Second)
	}
	say()
	before := pushed
	say()
	if pushed != before {
		t.Error("addresses are pushed again at once")
	}
	a.SetLocalAddrs([]netip.AddrPort{netip.MustParseAddrPort("10.0.7.7:1")})
	say()
	if pushed == before {
		t.Error("changed addresses are not pushed")
	}
}

func TestReceiveWhole(t *testing.T) {
	n, a, b, _, _ := meeting(t)
	p := sealed(&a.id, &b.id, packet.VerbFrame, packet.CipherAES, make([]byte, 5000))
	if m, ok := b.ReceiveWhole(n.now, 0, a.addr, p); !ok || len(m.Payload) != 5000 {
		t.Errorf("ReceiveWhole = %+v, %v", m, ok)
	}
	for _, bad := range [][]byte{nil, p[:20], sealed(&b.id, &a.id, packet.VerbFrame, packet.CipherAES, nil)} {
		if _, ok := b.ReceiveWhole(n.now, 0, a.addr, bad); ok {
			t.Error("took what is not for it")
		}
	}
}
