package vl2_test

import (
	"slices"
	"testing"
	"time"

	"github.com/ztstack/ztstack/zerotier/controller"
	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/packet"
	"github.com/ztstack/ztstack/zerotier/vl2"
)

// frame returns the payload of a FRAME.
func frame(w *world, text string) []byte {
	f := packet.Frame{Network: uint64(w.network), EtherType: 0x0800, Payload: []byte(text)}
	return f.Append(nil)
}

func TestStrangersFramesAreRefused(t *testing.T) {
	w := newWorld(t, nil)
	w.join("a", "b")
	a, g := w.nodes["a"], w.nodes["g"]
	w.log = nil
	ext := packet.ExtFrame{Network: uint64(w.network), Dst: a.mac(), Src: g.mac(), EtherType: 0x0800, Payload: []byte("x")}
	multi := packet.MulticastFrame{Network: uint64(w.network), Gather: true, GatherLimit: 32, Dst: [6]byte{255, 255, 255, 255, 255, 255}, EtherType: 0x0806, Payload: []byte("x")}
	gather := packet.MulticastGather{Group: packet.Group{Network: uint64(w.network), MAC: [6]byte{255, 255, 255, 255, 255, 255}}, Limit: 10}
	w.send(g, vl2.Send{To: a.id.Address, Verb: packet.VerbFrame, Payload: frame(w, "x")})
	w.send(g, vl2.Send{To: a.id.Address, Verb: packet.VerbExtFrame, Payload: ext.Append(nil)})
	w.send(g, vl2.Send{To: a.id.Address, Verb: packet.VerbMulticastFrame, Payload: multi.Append(nil)})
	w.send(g, vl2.Send{To: a.id.Address, Verb: packet.VerbMulticastGather, Payload: gather.Append(nil)})
	w.run(10 * time.Second)
	if got := a.take(); len(got) != 0 {
		t.Errorf("frames of a stranger came through: %+v", got)
	}
	if n := w.sent("a", "g", packet.VerbError); n == 0 || n > 100 {
		t.Errorf("%d requests for a certificate in 10 s", n)
	}
	if n := w.sent("a", "g", packet.VerbOK) + w.sent("a", "g", packet.VerbNetworkCredentials); n != 0 {
		t.Errorf("%d answers to a stranger", n)
	}
	// Asking for our certificate when we never spoke to somebody gets nothing.
	w.send(g, vl2.Send{To: a.id.Address, Verb: packet.VerbError, InRe: packet.VerbFrame, Code: packet.ErrorNeedCertificate, Payload: u64(uint64(w.network))})
	w.run(time.Second)
	if n := w.sent("a", "g", packet.VerbNetworkCredentials); n != 0 {
		t.Errorf("credentials were pushed to a stranger")
	}
}

// TestForgedCertificate has a stranger sign its own certificate, and present somebody else's.
func TestForgedCertificate(t *testing.T) {
	w := newWorld(t, nil)
	w.join("a", "b")
	a, b, g := w.nodes["a"], w.nodes["b"], w.nodes["g"]
	present := func(c vl2.COM) {
		p := packet.Credentials{COMs: [][]byte{c.Append(nil)}}
		w.send(g, vl2.Send{To: a.id.Address, Verb: packet.VerbNetworkCredentials, Payload: p.Append(nil)})
		w.send(g, vl2.Send{To: a.id.Address, Verb: packet.VerbFrame, Payload: frame(w, "x")})
		w.run(6 * time.Second)
		if got := a.take(); len(got) != 0 {
			t.Errorf("a frame came through: %+v", got)
		}
	}
	own := vl2.NewCOM(a.config().Timestamp, 1800000, w.network, g.id)
	own.Sign(g.id)
	present(own)
	own.SignedBy = w.nodes["root"].id.Address
	present(own)
	if s := a.nets.Stats(); s.Drops[vl2.DropForgedCredential] != 2 {
		t.Errorf("%d forgeries counted, want 2", s.Drops[vl2.DropForgedCredential])
	}
	present(b.config().COM)
}

// TestForgedConfig has somebody other than the controller send configurations.
func TestForgedConfig(t *testing.T) {
	w := newWorld(t, nil)
	w.join("a", "b")
	a, b, root := w.nodes["a"], w.nodes["b"], w.nodes["root"]
	before := a.config()
	forged := *before
	forged.Timestamp++
	forged.Name = "forged"
	chunk := func(c *vl2.NetworkConfig, by *identity.Identity) []byte {
		dict := c.AppendDict(nil)
		p := packet.ConfigChunk{Network: uint64(w.network), Data: dict, UpdateID: 5, Total: uint32(len(dict))}
		sig := by.Sign(p.AppendSigned(nil))
		p.Signature = sig[:]
		return p.Append(nil)
	}
	b.sendFrame(a.mac(), b.mac(), 0x0800, []byte("x")) // b is a member in a's eyes
	w.run(10 * time.Millisecond)
	for _, s := range []vl2.Send{
		{To: a.id.Address, Verb: packet.VerbNetworkConfig, Payload: chunk(&forged, b.id)},
		{To: a.id.Address, Verb: packet.VerbOK, InRe: packet.VerbNetworkConfigRequest, Payload: chunk(&forged, b.id)},
	} {
		w.send(b, s)
		w.send(root, s)
		w.send(w.nodes["g"], s)
	}
	foreign := *b.config()
	w.send(root, vl2.Send{To: a.id.Address, Verb: packet.VerbNetworkConfig, Payload: chunk(&foreign, root.id)})
	w.send(b, vl2.Send{To: a.id.Address, Verb: packet.VerbError, InRe: packet.VerbNetworkConfigRequest, Code: packet.ErrorAccessDenied, Payload: u64(uint64(w.network))})
	w.run(10 * time.Millisecond)
	if a.config() != before {
		t.Errorf("a took a forged configuration: %+v", a.config())
	}
	s := a.nets.Stats()
	if s.Drops[vl2.DropForgedConfig] != 4 || s.Drops[vl2.DropForeignConfig] != 1 || s.Drops[vl2.DropNotController] != 3 {
		t.Errorf("drops: forged %d, foreign %d, not controller %d", s.Drops[vl2.DropForgedConfig], s.Drops[vl2.DropForeignConfig], s.Drops[vl2.DropNotController])
	}
	// A member may pass on what the controller signed.
	forged.Name = "genuine"
	w.send(b, vl2.Send{To: a.id.Address, Verb: packet.VerbNetworkConfig, Payload: chunk(&forged, root.id)})
	w.run(10 * time.Millisecond)
	if a.config().Name != "genuine" {
		t.Error("a configuration passed on by a member was not taken")
	}
}

// TestRevoked has the controller deauthorise a member that is in the middle of a conversation.
func TestRevoked(t *testing.T) {
	w := newWorld(t, nil)
	w.join("a", "b")
	a, b, root := w.nodes["a"], w.nodes["b"], w.nodes["root"]
	a.sendFrame(b.mac(), a.mac(), 0x0800, []byte("x"))
	b.sendFrame(a.mac(), b.mac(), 0x0800, []byte("x"))
	w.run(10 * time.Millisecond)
	if len(a.take()) != 1 || len(b.take()) != 1 {
		t.Fatal("no conversation")
	}
	gate := a.nets.Gate(b.id.Address, w.network)
	if gate == nil || gate.In(w.now, 0x0800, nil) != vl2.GateAccept {
		t.Fatal("no open gate")
	}
	for _, _, ok := a.nets.GateChanged(); ok; _, _, ok = a.nets.GateChanged() {
	}
	if err := root.ctrl.Authorize(w.now, w.network, b.id.Address, false); err != nil {
		t.Fatal(err)
	}
	w.run(10 * time.Millisecond)
	if peer, id, ok := a.nets.GateChanged(); !ok || peer != b.id.Address || id != w.network {
		t.Error("the change of the gate was not reported")
	}
	if gate := a.nets.Gate(b.id.Address, w.network); gate != nil && gate.In(w.now, 0x0800, nil) == vl2.GateAccept {
		t.Error("the gate is still open")
	}
	if !b.hasEvent(vl2.EventDenied) {
		t.Error("b does not know")
	}
	// b, if it does not obey, gets nothing through, nor does it get anything.
	w.send(b, vl2.Send{To: a.id.Address, Verb: packet.VerbFrame, Payload: frame(w, "x")})
	if a.sendFrame(b.mac(), a.mac(), 0x0800, []byte("x")) {
		t.Error("a sends to the revoked member")
	}
	w.run(10 * time.Second)
	if len(a.take()) != 0 {
		t.Error("a frame of the revoked member came through")
	}
	// Authorised again, it is a member again.
	w.authorize("b")
	w.run(10 * time.Millisecond)
	b.sendFrame(a.mac(), b.mac(), 0x0800, []byte("back"))
	w.run(10 * time.Millisecond)
	if len(a.take()) != 1 {
		t.Error("authorised again, but its frame did not come through")
	}
}

// TestRevocationReachesTheOffline: f did not hear of the revocation when it was issued.
func TestRevocationReachesTheOffline(t *testing.T) {
	w := newWorld(t, nil)
	w.join("a", "b")
	a, b, root := w.nodes["a"], w.nodes["b"], w.nodes["root"]
	b.sendFrame(a.mac(), b.mac(), 0x0800, []byte("x"))
	w.run(10 * time.Millisecond)
	a.take()
	w.lose = func(from, to *node, s *vl2.Send) bool { return to == a || from == a }
	w.run(5 * time.Minute)
	root.ctrl.Authorize(w.now, w.network, b.id.Address, false)
	w.run(time.Minute)
	w.lose = nil
	w.run(61 * time.Second)
	w.send(b, vl2.Send{To: a.id.Address, Verb: packet.VerbFrame, Payload: frame(w, "x")})
	w.run(10 * time.Millisecond)
	if len(a.take()) != 0 {
		t.Error("the revoked member's frame came through")
	}
}

// TestRevocationSpreads: the controller reaches only one member, which tells the others.
func TestRevocationSpreads(t *testing.T) {
	w := newWorld(t, nil)
	w.join("a", "b", "f")
	a, b, f, root := w.nodes["a"], w.nodes["b"], w.nodes["f"], w.nodes["root"]
	for _, nd := range []*node{a, b, f} {
		for _, to := range []*node{a, b, f} {
			if to != nd {
				nd.sendFrame(to.mac(), nd.mac(), 0x0800, []byte("x"))
			}
		}
	}
	w.run(10 * time.Millisecond)
	w.lose = func(from, to *node, s *vl2.Send) bool { return from == root && to == f }
	root.ctrl.Authorize(w.now, w.network, b.id.Address, false)
	w.run(10 * time.Millisecond)
	f.take()
	w.send(b, vl2.Send{To: f.id.Address, Verb: packet.VerbFrame, Payload: frame(w, "x")})
	w.run(10 * time.Millisecond)
	if len(f.take()) != 0 {
		t.Error("the revocation was not passed on")
	}
	if n := w.sent("", "", packet.VerbNetworkCredentials); n > 30 {
		t.Errorf("%d messages of credentials: the revocation goes in circles", n)
	}
}

// TestExpiredCertificate cuts a member off from the controller until its certificate is too old for the others.
func TestExpiredCertificate(t *testing.T) {
	w := newWorld(t, func(n *controller.Network) { n.MaxDelta = 5 * 60 * 1000 })
	w.join("a", "b")
	a, b, root := w.nodes["a"], w.nodes["b"], w.nodes["root"]
	b.sendFrame(a.mac(), b.mac(), 0x0800, []byte("x"))
	w.run(10 * time.Millisecond)
	if len(a.take()) != 1 {
		t.Fatal("no conversation")
	}
	w.lose = func(from, to *node, s *vl2.Send) bool { return from == root && to == b }
	for range 7 {
		w.run(time.Minute)
		b.sendFrame(a.mac(), b.mac(), 0x0800, []byte("x"))
	}
	w.run(10 * time.Millisecond)
	if n := len(a.take()); n < 4 || n > 6 {
		t.Errorf("%d frames came through in 7 minutes, want those of the first 5", n)
	}
	if gate := a.nets.Gate(b.id.Address, w.network); gate != nil && gate.In(w.now, 0x0800, nil) != vl2.GateSlow {
		t.Error("the gate is still open")
	}
	w.lose = nil
	w.run(61 * time.Second)
	b.sendFrame(a.mac(), b.mac(), 0x0800, []byte("x"))
	w.run(10 * time.Millisecond)
	if len(a.take()) == 0 {
		t.Error("with a new certificate nothing comes through")
	}
}

// TestLostCredentials: the frame waits until the certificate was sent again.
func TestLostCredentials(t *testing.T) {
	w := newWorld(t, nil)
	w.join("a", "b")
	a, b := w.nodes["a"], w.nodes["b"]
	lost := 0
	w.lose = func(from, to *node, s *vl2.Send) bool {
		if s.Verb == packet.VerbNetworkCredentials && lost == 0 {
			lost++
			return true
		}
		return false
	}
	a.sendFrame(b.mac(), a.mac(), 0x0800, []byte("first"))
	w.run(3 * time.Second)
	if got := b.take(); len(got) != 1 || string(got[0].Payload) != "first" {
		t.Errorf("b got %+v, want the first frame", got)
	}
}

// TestIdentityMismatch: the controller remembers who first came with an address.
func TestIdentityMismatch(t *testing.T) {
	w := newWorld(t, nil)
	w.join("a")
	root, a := w.nodes["root"], w.nodes["a"]
	imposter := *a.id
	imposter.Public[3] ^= 1
	w.run(2 * time.Second)
	r := packet.ConfigRequest{Network: uint64(w.network), Dict: packet.Dict("v=7\nrevr=1")}
	root.ctrl.Receive(w.now, &vl2.Message{From: a.id.Address, Verb: packet.VerbNetworkConfigRequest, Payload: r.Append(nil)}, &imposter)
	s, ok := root.ctrl.Output()
	if !ok || s.Verb != packet.VerbError || s.Code != packet.ErrorAccessDenied {
		t.Errorf("answer %+v, want access denied", s)
	}
	if e, ok := root.ctrl.Event(); !ok || e.Kind != controller.EventIdentityMismatch {
		t.Errorf("event %v", e)
	}
}

func TestPublicNetwork(t *testing.T) {
	w := newWorld(t, func(n *controller.Network) { n.Public = true })
	a, b := w.nodes["a"], w.nodes["b"]
	a.nets.Join(w.now, w.network, "")
	b.nets.Join(w.now, w.network, "")
	w.run(100 * time.Millisecond)
	w.log = nil
	w.send(b, vl2.Send{To: a.id.Address, Verb: packet.VerbFrame, Payload: frame(w, "x")})
	w.run(10 * time.Millisecond)
	if len(a.take()) != 1 {
		t.Error("on a public network everybody may send")
	}
	if n := w.sent("a", "b", packet.VerbError); n != 0 {
		t.Errorf("%d errors", n)
	}
}

// TestCredentialsArePushedAgain: with the next frame after a new configuration, so once a minute.
func TestCredentialsArePushedAgain(t *testing.T) {
	w := newWorld(t, nil)
	w.join("a", "b")
	a, b := w.nodes["a"], w.nodes["b"]
	for range 300 {
		a.sendFrame(b.mac(), a.mac(), 0x0800, []byte("x"))
		w.run(time.Second)
	}
	if n := w.sent("a", "b", packet.VerbNetworkCredentials); n < 5 || n > 7 {
		t.Errorf("%d pushes in five minutes", n)
	}
	if n := len(b.take()); n != 300 {
		t.Errorf("%d frames of 300 arrived", n)
	}
}

// TestGateLetsFramesPass follows a Gate through its life.
func TestGateLetsFramesPass(t *testing.T) {
	w := newWorld(t, nil)
	w.join("a", "b")
	a, b := w.nodes["a"], w.nodes["b"]
	if a.nets.Gate(b.id.Address, w.network) != nil {
		t.Error("a gate before any frame")
	}
	a.sendFrame(b.mac(), a.mac(), 0x0800, []byte("x"))
	g := a.nets.Gate(b.id.Address, w.network)
	if g == nil || !g.AllOut || g.Out(w.now, 0x0800, nil) != vl2.GateAccept || g.PeerMAC != b.mac() || g.SelfMAC != a.mac() || g.MTU != 2800 {
		t.Fatalf("after a frame was sent: %+v", g)
	}
	if g.In(w.now, 0x0800, nil) != vl2.GateSlow {
		t.Error("open inbound before the peer showed a certificate")
	}
	w.run(10 * time.Millisecond)
	if g := b.nets.Gate(a.id.Address, w.network); g == nil || g.In(w.now, 0x0800, nil) != vl2.GateAccept || g.Out(w.now, 0x0800, nil) != vl2.GateAccept {
		t.Fatalf("b after a frame came and it announced its groups with its credentials: %+v", g)
	}
	w.run(70 * time.Second)
	if g := a.nets.Gate(b.id.Address, w.network); g.Out(w.now, 0x0800, nil) != vl2.GateSlow {
		t.Error("open outbound although the certificate has to be pushed again")
	}
	a.sendFrame(b.mac(), a.mac(), 0x0800, []byte("x"))
	if g := a.nets.Gate(b.id.Address, w.network); g.Out(w.now, 0x0800, nil) != vl2.GateAccept {
		t.Error("not open again")
	}
	if !slices.ContainsFunc(w.log, func(f flight) bool { return f.m.Verb == packet.VerbFrame }) {
		t.Error("no frame in the log")
	}
}

// TestRevocationsToTheDenied: the reference's controller tells revocations to everybody who has asked lately, members or not.
func TestRevocationsToTheDenied(t *testing.T) {
	for _, member := range []bool{false, true} { // whether it was one before
		w := newWorld(t, nil)
		w.join("a", "b", "f")
		g, root := w.nodes["g"], w.nodes["root"]
		if member {
			w.join("g")
			for _, name := range []string{"a", "b", "f"} {
				w.nodes[name].sendFrame(g.mac(), w.nodes[name].mac(), 0x0800, []byte("x"))
			}
			w.run(10 * time.Millisecond)
			root.ctrl.Authorize(w.now, w.network, g.id.Address, false)
		} else {
			g.nets.Join(w.now, w.network, "")
		}
		w.run(100 * time.Millisecond)
		if info, _ := g.nets.Info(w.network); info.Status != vl2.StatusDenied {
			t.Fatalf("g is %v", info.Status)
		}
		w.log = nil
		for _, name := range []string{"a", "b", "f"} {
			v := vl2.Revocation{
				Network: w.network, Threshold: clockBase + w.now.Milliseconds(), Flags: vl2.RevocationFastPropagate,
				Target: w.nodes[name].id.Address, Type: vl2.CredentialCOM,
			}
			v.Sign(root.id)
			p := packet.Credentials{Revocations: [][]byte{v.Append(nil)}}
			w.send(root, vl2.Send{To: g.id.Address, Verb: packet.VerbNetworkCredentials, Payload: p.Append(nil)})
			w.run(2 * time.Second)
		}
		if n := w.sent("g", "", packet.VerbNetworkCredentials); n != 0 {
			t.Errorf("member before: %v: it passed %d revocations on, to members of a network that it is not on", member, n)
		}
		// What it was told counts once it is a member.
		w.authorize("g")
		w.run(100 * time.Millisecond)
		for _, info := range g.nets.Members(w.network) {
			if !info.Revoked {
				t.Errorf("member before: %v: %v is not revoked for g", member, info.Address)
			}
		}
		if n := len(g.nets.Members(w.network)); n < 3 {
			t.Errorf("member before: %v: g knows %d members, want 3", member, n)
		}
	}
}

// TestEveryMessageWithoutConfiguration gives what was said in a busy network, by whoever it was, to a node in every state but that of
// a member.
func TestEveryMessageWithoutConfiguration(t *testing.T) {
	w := newWorld(t, nil)
	w.join("a", "b", "f")
	root := w.nodes["root"]
	for range 2 {
		for _, name := range []string{"a", "b", "f"} {
			nd := w.nodes[name]
			for _, other := range []string{"a", "b", "f"} {
				if to := w.nodes[other]; to != nd {
					nd.arpRequest(to.ipv4())
					nd.sendFrame(to.mac(), nd.mac(), 0x0800, []byte("x"))
				}
			}
			w.run(time.Second)
		}
		for _, yes := range []bool{false, true} {
			for _, name := range []string{"b", "f"} {
				root.ctrl.Authorize(w.now, w.network, w.nodes[name].id.Address, yes)
				w.run(2 * time.Second)
			}
		}
	}
	said := w.log
	g := w.nodes["g"]
	states := []struct {
		name  string
		enter func()
	}{
		{"not joined", func() {}},
		{"requesting", func() {
			w.lose = func(_, to *node, s *vl2.Send) bool { return s.Verb == packet.VerbNetworkConfigRequest }
			g.nets.Join(w.now, w.network, "")
		}},
		{"denied", func() { w.lose = nil }},
		{"denied after membership", func() {
			w.join("g")
			root.ctrl.Authorize(w.now, w.network, g.id.Address, false)
		}},
		{"left", func() { g.nets.Leave(w.now, w.network) }},
	}
	for _, state := range states {
		state.enter()
		w.run(10 * time.Second)
		for _, f := range said {
			w.now = w.now.Add(5 * time.Millisecond)
			f.m.Payload = slices.Clone(f.m.Payload)
			if _, v := g.nets.Receive(w.now, &f.m); v == vl2.HasFrame {
				t.Errorf("%s: a frame of %s came through", state.name, f.from.name)
			}
			g.drain()
		}
		w.run(6 * time.Second)
		if info, ok := g.nets.Info(w.network); ok && info.Config != nil {
			t.Errorf("%s: it has a configuration for %v now", state.name, info.Config.IssuedTo)
		}
		g.take()
	}
}
