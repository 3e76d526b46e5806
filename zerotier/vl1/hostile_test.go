package vl1

import (
	"bytes"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/packet"
)

var attacker = netip.MustParseAddrPort("203.0.113.66:6666")

// sealed makes a packet as its sender would.
func sealed(from, to *identity.Identity, v packet.Verb, c packet.Cipher, payload []byte) []byte {
	agreed, _ := from.Agree(to)
	b := make([]byte, packet.HeaderLen, packet.HeaderLen+len(payload))
	packet.PutHeader(b, 0, to.Address, from.Address, v)
	b = append(b, payload...)
	packet.NewKeys(&agreed).Seal(b, c, rand.Uint64())
	return b
}

// helloPayload is a HELLO's payload with an empty tail in the clear.
func helloPayload(id identity.Identity) []byte {
	h := packet.Hello{Protocol: 12, Major: 1, Minor: 14, Timestamp: 5, Identity: id, SentTo: attacker}
	b := h.Append(nil)
	return b[:h.Tail]
}

// okPayload answers a packet that s is made to have sent.
func okPayload(s *Switch, v packet.Verb, body []byte) []byte {
	s.expect.add(0x1234567800000000)
	ok := packet.OK{InRe: v, InReID: 0x1234567800000000, Body: body}
	return ok.Append(nil)
}

func TestGarbage(t *testing.T) {
	n := newNetwork(t, 1)
	n.online()
	n.run(time.Second)
	for _, x := range n.nodes {
		in, out, peers := 0, x.out, len(x.order)
		before := x.Stats()
		for range 5000 {
			b := make([]byte, n.rand.IntN(200))
			for i := range b {
				b[i] = byte(n.rand.Uint32())
			}
			if len(b) > 28 && n.rand.IntN(2) == 0 {
				x.id.Address.Put(b[8:]) // addressed to us, and otherwise garbage
			}
			if len(b) > 18 {
				b[18] &^= 0x40 // a head waits for the rest, and is not counted
			}
			in += len(b)
			n.inject(x, attacker, b)
		}
		if sent := x.out - out; sent > in {
			t.Errorf("%s answered %d bytes of garbage with %d", x.name, in, sent)
		}
		after := x.Stats()
		if after.Packets != before.Packets || len(x.order) != peers || len(x.got) != 0 {
			t.Errorf("%s took garbage for packets", x.name)
		}
		if drops := sum(after) - sum(before); drops < 4900 { // fragments may wait for their head
			t.Errorf("%s counted %d of 5000: %v", x.name, drops, x.drops())
		}
	}
}

func sum(s Stats) (n int) {
	for _, c := range s.Drops {
		n += int(c)
	}
	return n
}

// Every truncation of every verb, sealed properly by a peer, is counted and does no harm.
func TestTruncated(t *testing.T) {
	n := newNetwork(t, 1)
	n.talkToRoot()
	a, root := n.node("a"), n.node("root")
	ids := testIdentities()
	planet := n.world.Append(nil)
	okHello := packet.OKHello{Timestamp: 1, Protocol: 12, Major: 1, SentFrom: attacker, Worlds: planet}
	whois := packet.Whois{Addresses: []identity.Address{ids[0].Address}}
	okWhois := packet.OKWhois{Identities: []identity.Identity{ids[5]}}
	rendezvous := packet.Rendezvous{Peer: ids[5].Address, Endpoint: attacker}
	paths := packet.PushDirectPaths{Paths: []packet.DirectPath{{Addr: attacker}}}
	collision := packet.Error{InRe: packet.VerbHello, InReID: 1, Code: packet.ErrorIdentityCollision}
	for name, c := range map[string]struct {
		verb    packet.Verb
		payload []byte
		least   int // shorter ones are truncated; longer ones may lack optional fields
	}{
		"HELLO":       {packet.VerbHello, helloPayload(root.id), 84},
		"OK":          {packet.VerbOK, okPayload(a.Switch, packet.VerbMulticastGather, nil), 9},
		"OK(HELLO)":   {packet.VerbOK, okPayload(a.Switch, packet.VerbHello, okHello.Append(nil)), 9 + 13},
		"OK(WHOIS)":   {packet.VerbOK, okPayload(a.Switch, packet.VerbWhois, okWhois.Append(nil)), 9 + 71},
		"ERROR":       {packet.VerbError, collision.Append(nil), 10},
		"WHOIS":       {packet.VerbWhois, whois.Append(nil), 5},
		"RENDEZVOUS":  {packet.VerbRendezvous, rendezvous.Append(nil), 13},
		"PUSH_DIRECT": {packet.VerbPushDirectPaths, paths.Append(nil), 12},
	} {
		for cut := range len(c.payload) {
			a.peers[root.id.Address].whois = 0
			a.peers[root.id.Address].pushesIn = 0
			before := a.Stats()
			b := sealed(&root.id, &a.id, c.verb, packet.CipherAES, c.payload[:cut])
			n.inject(a, root.addr, b)
			after := a.Stats()
			if after.Packets != before.Packets+1 {
				t.Fatalf("%s cut to %d was not opened", name, cut)
			}
			counted := after.Drops[DropTruncated] - before.Drops[DropTruncated]
			if cut < c.least && counted != 1 {
				t.Errorf("%s cut to %d of %d: counted %d times as truncated; %s", name, cut, len(c.payload), counted, a.drops())
			}
			n.now = n.now.Add(200 * time.Millisecond)
		}
	}
	// Verbs of the layer above are passed on at any length.
	for v := packet.Verb(0); v < packet.MaxVerb; v++ {
		for size := range 40 {
			n.inject(a, root.addr, sealed(&root.id, &a.id, v, packet.CipherAES, make([]byte, size)))
		}
	}
}

// talkToRoot brings all nodes online and lets things settle.
func (n *network) talkToRoot() {
	n.t.Helper()
	n.online()
	n.run(time.Second)
}

func TestWrongMAC(t *testing.T) {
	n := newNetwork(t, 1)
	n.talkToRoot()
	a, root := n.node("a"), n.node("root")
	for _, c := range []packet.Cipher{packet.CipherPoly1305, packet.CipherSalsa2012, packet.CipherAES} {
		good := sealed(&root.id, &a.id, packet.VerbUserMessage, c, []byte("payload of some length"))
		for bit := range 8 * len(good) {
			b := bytes.Clone(good)
			b[bit/8] ^= 1 << (bit % 8)
			before := a.Stats()
			got, out := len(a.got), a.out
			n.inject(a, root.addr, b)
			if len(a.got) != got {
				// The hop count is not authenticated.
				if bit/8 != 18 || bit%8 > 2 {
					t.Errorf("cipher %d: taken with bit %d changed", c, bit)
				}
				continue
			}
			if after := a.Stats(); sum(after) != sum(before)+1 {
				// Changed into a head or a fragment it waits for the rest; from another
				// sender, for an answer to WHOIS.
				if bit != 8*18+6 && (bit/8 < 13 || bit/8 > 17) {
					t.Errorf("cipher %d: bit %d changed, and not counted", c, bit)
				}
			}
			if a.out-out > len(b)+whoisLen {
				t.Errorf("cipher %d: bit %d changed, answered with %d bytes", c, bit, a.out-out)
			}
		}
	}
	if a.Stats().Drops[DropMAC] == 0 {
		t.Error("wrong MACs are not counted as such")
	}
}

func TestReplayedHello(t *testing.T) {
	n := newNetwork(t, 1)
	n.talkToRoot()
	a, root := n.node("a"), n.node("root")
	var hello []byte
	n.tap = func(from *node, d Datagram) {
		if from == a && packet.VerbOf(d.Data) == packet.VerbHello && packet.CipherOf(d.Data) == 0 {
			hello = bytes.Clone(d.Data)
		}
	}
	a.sendHello(n.now, a.peers[root.id.Address], PathID{0, root.addr})
	n.drain(a)
	n.run(100 * time.Millisecond)
	out := root.out
	for range 100 {
		n.inject(root, a.addr, bytes.Clone(hello))
	}
	if c := root.Stats().Drops[DropReplay]; c != 100 {
		t.Errorf("%d replays counted, want 100", c)
	}
	if root.out != out {
		t.Errorf("the root answered replays with %d bytes", root.out-out)
	}
	// From many addresses: limited by rate, and the total stays below what came in.
	for i := range 1000 {
		from := netip.AddrPortFrom(attacker.Addr(), uint16(1000+i))
		n.inject(root, from, bytes.Clone(hello))
	}
	if sent := root.out - out; sent > 1000*len(hello)/10 {
		t.Errorf("1000 replays were answered with %d bytes", sent)
	}
	if root.Stats().Drops[DropRateLimited] == 0 {
		t.Error("not counted as rate limited")
	}
	if p, _ := root.Peer(n.now, a.id.Address); len(p.Paths) != 1 {
		t.Errorf("a replay made a path: %+v", p.Paths)
	}
}

func TestUnknownSender(t *testing.T) {
	n := newNetwork(t, 1)
	n.talkToRoot()
	a := n.node("a")
	stranger := testIdentities()[20]
	in, out := 0, a.out
	for i := range 200 {
		b := sealed(&stranger, &a.id, packet.VerbFrame, packet.CipherSalsa2012, make([]byte, 20))
		(stranger.Address + identity.Address(i)).Put(b[13:])
		in += len(b)
		n.inject(a, attacker, b)
		if len(a.strangers.entries) > maxWaiting || len(a.lookups) > maxLookups {
			t.Fatal("the queue grows without bound")
		}
	}
	n.run(10 * time.Second)
	s := a.Stats()
	if s.Drops[DropUnknownSender]+s.Drops[DropWaitFull]+s.Drops[DropRateLimited] != 200 {
		t.Errorf("not all of 200 packets are counted: %s", a.drops())
	}
	if sent := a.out - out; sent > in {
		t.Errorf("%d bytes from strangers made us send %d", in, sent)
	}
	if len(a.got) != 0 || len(a.strangers.entries) != 0 {
		t.Error("something of it was kept")
	}
}

func TestForgedIdentity(t *testing.T) {
	n := newNetwork(t, 1)
	n.talkToRoot()
	root := n.node("root")
	victim := testIdentities()[20]
	// The keys of one identity under the address of another.
	forged := testIdentities()[21]
	forged.Address = victim.Address
	hello := func() []byte {
		return sealed(&forged, &root.id, packet.VerbHello, packet.CipherPoly1305, helloPayload(forged))
	}
	out, validations := root.out, root.Stats().Validations
	for range 20 {
		n.inject(root, attacker, hello())
	}
	s := root.Stats()
	if s.Drops[DropInvalidIdentity] != 20 {
		t.Errorf("counted: %s", root.drops())
	}
	if s.Validations != validations+1 {
		t.Errorf("the same forgery was validated %d times", s.Validations-validations)
	}
	if root.out != out {
		t.Error("a forged identity was answered")
	}
	if _, ok := root.Peer(n.now, victim.Address); ok {
		t.Error("a forged identity was believed")
	}
	// The true one is taken all the same, and then a forged one collides.
	true1 := sealed(&victim, &root.id, packet.VerbHello, packet.CipherPoly1305, helloPayload(victim))
	n.inject(root, netip.MustParseAddrPort("10.0.3.3:9993"), true1)
	if _, ok := root.Peer(n.now, victim.Address); !ok {
		t.Fatalf("the true identity was not believed: %s", root.drops())
	}
	out = root.out
	b := hello()
	n.inject(root, attacker, b)
	if root.Stats().Drops[DropCollision] != 1 {
		t.Errorf("collision counted: %s", root.drops())
	}
	if sent := root.out - out; sent == 0 || sent > len(b) {
		t.Errorf("a collision was answered with %d bytes", sent)
	}
}

// An identity that differs from ours under our address is told by the root, and reported.
func TestCollision(t *testing.T) {
	n := newNetwork(t, 1)
	n.talkToRoot()
	a, root := n.node("a"), n.node("root")
	twin := testIdentities()[30]
	twin.Address = a.id.Address // as if it had been found after long search
	x := n.add("twin", twin, netip.MustParseAddrPort("10.0.4.4:9993"), nil)
	n.run(2 * time.Second)
	if x.has(EventCollision, root.id.Address) == 0 {
		t.Errorf("the twin is not told; root: %s; twin: %s", root.drops(), x.drops())
	}
	if a.has(EventCollision, 0) != 0 {
		t.Error("the rightful owner is told, too")
	}
	// Nobody but an upstream is believed in this.
	e := packet.Error{InRe: packet.VerbHello, InReID: 1, Code: packet.ErrorIdentityCollision}
	mallory := testIdentities()[31]
	a.Learn(n.now, mallory)
	n.inject(a, attacker, sealed(&mallory, &a.id, packet.VerbError, packet.CipherAES, e.Append(nil)))
	if a.has(EventCollision, 0) != 0 || a.Stats().Drops[DropNotUpstream] != 1 {
		t.Error("a leaf is believed about a collision")
	}
}

// A leaf cannot pretend to be an upstream.
func TestNotUpstream(t *testing.T) {
	n := newNetwork(t, 2)
	a, b := n.node("a"), n.node("b")
	n.talk(a, b)
	mallory := b.id
	rendezvous := packet.Rendezvous{Peer: n.node("root").id.Address, Endpoint: attacker}
	okWhois := packet.OKWhois{Identities: []identity.Identity{testIdentities()[40]}}
	a.IdentityOf(n.now, testIdentities()[40].Address)
	newer := NewPlanet(77, 9999, &testIdentities()[0], n.world.Roots)
	okHello := packet.OKHello{Timestamp: 1, Protocol: 12, Worlds: newer.Append(nil)}
	for _, p := range [][]byte{
		sealed(&mallory, &a.id, packet.VerbRendezvous, packet.CipherAES, rendezvous.Append(nil)),
		sealed(&mallory, &a.id, packet.VerbOK, packet.CipherAES, okPayload(a.Switch, packet.VerbWhois, okWhois.Append(nil))),
		sealed(&mallory, &a.id, packet.VerbOK, packet.CipherAES, okPayload(a.Switch, packet.VerbHello, okHello.Append(nil))),
	} {
		n.inject(a, b.addr, p)
	}
	if c := a.Stats().Drops[DropNotUpstream]; c != 3 {
		t.Errorf("%d counted, want 3: %s", c, a.drops())
	}
	if a.Planet().Timestamp == 9999 || a.peers[testIdentities()[40].Address] != nil {
		t.Error("a leaf was believed")
	}
}

func TestRelayLimits(t *testing.T) {
	n := newNetwork(t, 3)
	a, b, c, root := n.node("a"), n.node("b"), n.node("c"), n.node("root")
	n.talkToRoot()
	p := sealed(&a.id, &b.id, packet.VerbFrame, packet.CipherAES, make([]byte, 20))
	n.inject(c, a.addr, bytes.Clone(p))
	if c.Stats().Drops[DropRelayRefused] != 1 {
		t.Errorf("a leaf relays for strangers: %s", c.drops())
	}
	tired := bytes.Clone(p)
	tired[18] |= 3
	n.inject(root, a.addr, tired)
	if root.Stats().Drops[DropRelayHops] != 1 {
		t.Errorf("relayed a fourth time: %s", root.drops())
	}
	nowhere := bytes.Clone(p)
	identity.Address(0x1122334455).Put(nowhere[8:])
	n.inject(root, a.addr, nowhere)
	n.inject(root, b.addr, bytes.Clone(p)) // would go back to where it came from
	if root.Stats().Drops[DropRelayNoPath] != 2 {
		t.Errorf("relayed without a way: %s", root.drops())
	}
	relayed := root.Stats().Relayed
	out := root.out
	n.inject(root, a.addr, bytes.Clone(p))
	if root.Stats().Relayed != relayed+1 || root.Stats().Introduced != 1 {
		t.Errorf("not relayed: %s", root.drops())
	}
	for range 50 {
		n.inject(root, a.addr, bytes.Clone(p))
	}
	if root.Stats().Introduced != 1 {
		t.Errorf("introduced %d times within 30 s", root.Stats().Introduced)
	}
	_ = out
	// A leaf relays for those whose traffic its networks let through.
	n.talk(c, a)
	c.Trust(n.now, a.id.Address)
	c.Send(n.now, b.id.Address, packet.VerbFrame, []byte("x"))
	n.drain(c)
	n.run(3 * time.Second)
	relayed = c.Stats().Relayed
	n.inject(c, a.addr, bytes.Clone(p))
	if c.Stats().Relayed != relayed+1 {
		t.Errorf("a leaf does not relay for a trusted path: %s", c.drops())
	}
}

// A flood of new identities costs no more than the limits say.
func TestNewcomerLimits(t *testing.T) {
	var l newcomers
	cfg := Config{Rand: rand.New(rand.NewPCG(1, 2))}
	cfg.setDefaults()
	l.init(&cfg)
	now := clock.Time(time.Second)
	count := func(from netip.Addr, tries int) (n int) {
		for range tries {
			if l.allowSource(now, from) {
				n++
			}
		}
		return n
	}
	one := netip.MustParseAddr("198.51.100.1")
	if got := count(one, 1000); got != 64 {
		t.Errorf("burst of one source: %d, want 64", got)
	}
	now = now.Add(10 * time.Second)
	if got := count(one, 1000); got != 20 {
		t.Errorf("after 10 s: %d, want 20", got)
	}
	// An IPv6 /64 is one source.
	got := 0
	for i := range 200 {
		a := netip.MustParseAddr("2001:db8::").As16()
		a[15] = byte(i)
		got += count(netip.AddrFrom16(a), 1)
	}
	if got != 64 {
		t.Errorf("burst of a /64: %d, want 64", got)
	}
	got = 0
	for range 1000 {
		if l.allowValidation(now) {
			got++
		}
	}
	if got != 128 {
		t.Errorf("burst of all sources: %d, want 128", got)
	}
}

func TestScopes(t *testing.T) {
	for s, want := range map[string]Scope{
		"0.0.0.0": ScopeNone, "255.255.255.255": ScopeNone, "224.0.0.1": ScopeMulticast, "127.0.0.1": ScopeLoopback,
		"11.1.2.3": ScopePseudoPrivate, "8.8.8.8": ScopeGlobal, "169.254.1.1": ScopeLinkLocal, "10.1.1.1": ScopePrivate,
		"172.16.0.1": ScopePrivate, "172.32.0.1": ScopeGlobal, "192.168.1.1": ScopePrivate, "100.64.0.1": ScopePrivate,
		"100.128.0.1": ScopeGlobal, "192.0.2.1": ScopePrivate, "198.18.0.1": ScopePrivate, "203.0.113.1": ScopePrivate,
		"::": ScopeNone, "::1": ScopeLoopback, "fe80::1": ScopeLinkLocal, "fd00::1": ScopePrivate, "ff02::1": ScopeMulticast,
		"2a00::1": ScopeGlobal, "::ffff:10.0.0.1": ScopePrivate,
	} {
		if got := ScopeOf(netip.MustParseAddr(s)); got != want {
			t.Errorf("ScopeOf(%s) = %d, want %d", s, got, want)
		}
	}
	for a, want := range map[string]bool{
		"8.8.8.8:1": true, "8.8.8.8:0": false, "[2001:470::1]:9": false, "[2001:471::1]:9": true,
		"169.254.1.1:9": false, "127.0.0.1:9": false, "224.0.0.1:9": false,
	} {
		if got := pathAllowed(netip.MustParseAddrPort(a), false); got != want {
			t.Errorf("pathAllowed(%s) = %v, want %v", a, got, want)
		}
	}
}

func TestDropNames(t *testing.T) {
	seen := map[string]bool{}
	for d := range NumDrops {
		name := Drop(d).String()
		if name == "" || name == "unknown" || seen[name] {
			t.Errorf("reason %d is called %q", d, name)
		}
		seen[name] = true
	}
}
