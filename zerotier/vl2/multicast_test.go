package vl2_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/ztstack/ztstack/ethernet"
	"github.com/ztstack/ztstack/zerotier/controller"
	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/packet"
	"github.com/ztstack/ztstack/zerotier/vl2"
)

var mdns = ethernet.Addr{0x01, 0x00, 0x5e, 0, 0, 0xfb}

// TestGroup: only subscribers get a multicast, and one that subscribes while the frame waits gets it too.
func TestGroup(t *testing.T) {
	w := newWorld(t, nil)
	w.join("a", "b", "f")
	a, b, f := w.nodes["a"], w.nodes["b"], w.nodes["f"]
	b.nets.Subscribe(w.now, w.network, mdns, 0)
	w.run(10 * time.Millisecond)
	a.sendFrame(mdns, a.mac(), 0x0800, []byte("query"))
	w.run(10 * time.Millisecond)
	if got := b.take(); len(got) != 1 || got[0].Dst != mdns || string(got[0].Payload) != "query" {
		t.Fatalf("b got %+v", got)
	}
	if got := f.take(); len(got) != 0 {
		t.Fatalf("f got %+v without a subscription", got)
	}
	// The announcement goes to the members that are known, a among them once it has met f.
	meet(w, a, f)
	f.nets.Subscribe(w.now, w.network, mdns, 0)
	w.run(100 * time.Millisecond)
	if got := f.take(); len(got) != 1 || string(got[0].Payload) != "query" {
		t.Fatalf("f got %+v after subscribing within 5 s", got)
	}
	if got := b.take(); len(got) != 0 {
		t.Fatalf("b got the frame again: %+v", got)
	}
	f.nets.Unsubscribe(w.now, w.network, mdns, 0)
	w.run(11 * time.Minute)
	a.sendFrame(mdns, a.mac(), 0x0800, []byte("later"))
	w.run(10 * time.Millisecond)
	if got := f.take(); len(got) != 0 {
		t.Errorf("f got %+v eleven minutes after it left the group", got)
	}
	if got := b.take(); len(got) != 1 {
		t.Errorf("b, still a member, got %d frames", len(got))
	}
}

// meet has two nodes exchange frames, so that each holds the other's certificate and groups.
func meet(w *world, x, y *node) {
	x.sendFrame(y.mac(), x.mac(), 0x0800, []byte("x"))
	y.sendFrame(x.mac(), y.mac(), 0x0800, []byte("x"))
	w.run(time.Second)
	x.take()
	y.take()
}

// TestAnnouncements: at once, and every 60 s.
func TestAnnouncements(t *testing.T) {
	w := newWorld(t, nil)
	w.join("a")
	if n := w.sent("a", "root", packet.VerbMulticastLike); n != 1 {
		t.Errorf("%d announcements after joining", n)
	}
	w.log = nil
	a := w.nodes["a"]
	a.nets.Subscribe(w.now, w.network, mdns, 0)
	a.nets.Subscribe(w.now, w.network, mdns, 0)
	w.run(time.Millisecond)
	if n := w.sent("a", "root", packet.VerbMulticastLike); n != 1 {
		t.Errorf("%d announcements after subscribing", n)
	}
	w.run(3 * time.Minute)
	if n := w.sent("a", "root", packet.VerbMulticastLike); n < 4 || n > 5 {
		t.Errorf("%d announcements in three minutes", n)
	}
	var like packet.MulticastLike
	if !like.Parse(w.log[0].m.Payload) || len(like.Groups) != 5 {
		t.Errorf("announced %v, want broadcast, ARP, two solicited-node groups and mDNS", like.Groups)
	}
}

// TestGatherIsForMembers: the root tells everybody, a member only members.
func TestGatherIsForMembers(t *testing.T) {
	w := newWorld(t, nil)
	w.join("a", "b")
	a, b, g, root := w.nodes["a"], w.nodes["b"], w.nodes["g"], w.nodes["root"]
	p := packet.MulticastGather{Group: packet.Group{Network: uint64(w.network), MAC: ethernet.Broadcast}, Limit: 10}
	answer := func(from, to *node) []identity.Address {
		t.Helper()
		w.log = nil
		w.send(from, vl2.Send{To: to.id.Address, Verb: packet.VerbMulticastGather, Payload: p.Append(nil)})
		w.run(10 * time.Millisecond)
		for _, f := range w.log {
			var ok packet.OKMulticastGather
			if f.m.Verb == packet.VerbOK && f.m.InRe == packet.VerbMulticastGather && f.from == to {
				if !ok.Parse(f.m.Payload) || int(ok.Total) < len(ok.Members) {
					t.Fatalf("answer %+v", ok)
				}
				return ok.Members
			}
		}
		return nil
	}
	if got := answer(g, a); got != nil {
		t.Errorf("a told a stranger %v", got)
	}
	got := answer(g, root)
	slices.Sort(got)
	if !slices.Equal(got, []identity.Address{a.id.Address, b.id.Address}) {
		t.Errorf("the root told %v", got)
	}
	if got := answer(a, root); !slices.Equal(got, []identity.Address{b.id.Address}) {
		t.Errorf("the root told a %v, want b alone", got)
	}
	p.Limit = 1
	if got := answer(g, root); len(got) != 1 {
		t.Errorf("the root told %v, asked for one", got)
	}
	b.sendFrame(a.mac(), b.mac(), 0x0800, []byte("x"))
	w.run(10 * time.Millisecond)
	if got := answer(b, a); !slices.Equal(got, []identity.Address{a.id.Address}) {
		t.Errorf("a told b %v, want itself", got)
	}
}

// TestImplicitGather: the answer to a multicast names further members.
func TestImplicitGather(t *testing.T) {
	w := newWorld(t, nil)
	w.join("a", "b", "f")
	a, b, f := w.nodes["a"], w.nodes["b"], w.nodes["f"]
	meet(w, b, f) // so that b knows of f's groups
	// a cannot gather from the root.
	w.lose = func(from, to *node, s *vl2.Send) bool {
		return s.Verb == packet.VerbOK && s.InRe == packet.VerbMulticastGather
	}
	meet(w, a, b)
	a.sendFrame(ethernet.Broadcast, a.mac(), 0x0800, []byte("hello"))
	w.run(100 * time.Millisecond)
	if got := b.take(); len(got) != 1 {
		t.Errorf("b got %d frames", len(got))
	}
	if got := f.take(); len(got) != 1 {
		t.Errorf("f got %d frames", len(got))
	}
}

func TestMulticastLimit(t *testing.T) {
	w := newWorld(t, func(n *controller.Network) { n.MulticastMax = 1 })
	w.join("a", "b", "f")
	a := w.nodes["a"]
	a.sendFrame(ethernet.Broadcast, a.mac(), 0x0800, []byte("first"))
	w.run(10 * time.Second)
	if n := w.sent("a", "", packet.VerbMulticastFrame); n != 1 {
		t.Errorf("sent to %d members, the limit is 1", n)
	}
}

func TestMulticastOff(t *testing.T) {
	w := newWorld(t, func(n *controller.Network) { n.MulticastMax, n.Broadcast = 0, false })
	w.join("a", "b")
	a, b := w.nodes["a"], w.nodes["b"]
	a.arpRequest(b.ipv4())
	a.sendFrame(ethernet.Broadcast, a.mac(), 0x0800, []byte("x"))
	m := packet.MulticastFrame{Network: uint64(w.network), Dst: mdns, EtherType: 0x0800, Payload: []byte("x")}
	a.sendFrame(b.mac(), a.mac(), 0x0800, []byte("x"))
	w.send(a, vl2.Send{To: b.id.Address, Verb: packet.VerbMulticastFrame, Payload: m.Append(nil)})
	w.run(10 * time.Millisecond)
	if got := b.take(); len(got) != 1 {
		t.Errorf("b got %d frames, want the unicast alone", len(got))
	}
	if s := a.nets.Stats(); s.Drops[vl2.DropBroadcastOff] != 1 || s.Drops[vl2.DropMulticastOff] != 1 {
		t.Errorf("drops: broadcast %d, multicast %d", s.Drops[vl2.DropBroadcastOff], s.Drops[vl2.DropMulticastOff])
	}
	if s := b.nets.Stats(); s.Drops[vl2.DropMulticastOff] != 1 {
		t.Error("b did not count")
	}
}

// TestBridge: b bridges to a station that is not a node.
func TestBridge(t *testing.T) {
	station := ethernet.Addr{0, 0x11, 0x22, 0x33, 0x44, 0x55}
	w := newWorld(t, nil)
	w.join("a", "b", "f")
	a, b, f, root := w.nodes["a"], w.nodes["b"], w.nodes["f"], w.nodes["root"]
	if a.sendFrame(station, a.mac(), 0x0800, []byte("x")); a.nets.Stats().Drops[vl2.DropNoBridge] != 1 {
		t.Error("a frame for a foreign address was sent without a bridge")
	}
	if b.sendFrame(a.mac(), station, 0x0800, []byte("x")) {
		t.Error("b sent for a foreign address without being a bridge")
	}
	r, _ := root.ctrl.Member(w.network, b.id.Address)
	r.ActiveBridge = true
	if err := root.ctrl.SetMember(w.now, r); err != nil {
		t.Fatal(err)
	}
	w.run(10 * time.Millisecond)

	// Unknown station: to all bridges.
	a.sendFrame(station, a.mac(), 0x0800, []byte("to the station"))
	w.run(10 * time.Millisecond)
	if got := b.take(); len(got) != 1 || got[0].Dst != station || got[0].Src != a.mac() {
		t.Fatalf("b got %+v", got)
	}
	// The station answers; its place is learned.
	if !b.sendFrame(a.mac(), station, 0x0800, []byte("from the station")) {
		t.Fatal("not sent")
	}
	w.run(10 * time.Millisecond)
	if got := a.take(); len(got) != 1 || got[0].Src != station || got[0].Dst != a.mac() {
		t.Fatalf("a got %+v", got)
	}
	if !a.sendFrame(station, a.mac(), 0x0800, []byte("again")) {
		t.Error("a did not learn where the station is")
	}
	w.run(10 * time.Millisecond)
	if got := b.take(); len(got) != 1 {
		t.Errorf("b got %d frames", len(got))
	}
	// Multicasts of the station carry its address.
	b.sendFrame(ethernet.Broadcast, station, 0x0800, []byte("hello"))
	w.run(100 * time.Millisecond)
	if got := a.take(); len(got) != 1 || got[0].Src != station {
		t.Errorf("a got %+v", got)
	}
	// f is no bridge and may not do the same.
	ext := packet.ExtFrame{Network: uint64(w.network), Dst: a.mac(), Src: station, EtherType: 0x0800, Payload: []byte("x")}
	foreign := packet.ExtFrame{Network: uint64(w.network), Dst: station, Src: f.mac(), EtherType: 0x0800, Payload: []byte("x")}
	multi := packet.MulticastFrame{Network: uint64(w.network), HasSrc: true, Src: station, Dst: ethernet.Broadcast, EtherType: 0x0800, Payload: []byte("x")}
	f.sendFrame(a.mac(), f.mac(), 0x0800, []byte("x"))
	w.run(10 * time.Millisecond)
	a.take()
	for v, p := range map[packet.Verb][]byte{packet.VerbExtFrame: ext.Append(nil), packet.VerbMulticastFrame: multi.Append(nil)} {
		w.send(f, vl2.Send{To: a.id.Address, Verb: v, Payload: p})
	}
	w.send(f, vl2.Send{To: a.id.Address, Verb: packet.VerbExtFrame, Payload: foreign.Append(nil)})
	w.run(10 * time.Millisecond)
	if got := a.take(); len(got) != 0 {
		t.Errorf("a got %+v from somebody who is no bridge", got)
	}
	if s := a.nets.Stats(); s.Drops[vl2.DropBadSource] != 2 || s.Drops[vl2.DropBadDestination] != 1 {
		t.Errorf("drops: source %d, destination %d", s.Drops[vl2.DropBadSource], s.Drops[vl2.DropBadDestination])
	}
}

// TestReplicator: f does the work of sending to all.
func TestReplicator(t *testing.T) {
	w := newWorld(t, nil)
	w.join("a", "b", "f")
	a, b, f, root := w.nodes["a"], w.nodes["b"], w.nodes["f"], w.nodes["root"]
	r, _ := root.ctrl.Member(w.network, f.id.Address)
	r.Replicator = true
	if err := root.ctrl.SetMember(w.now, r); err != nil {
		t.Fatal(err)
	}
	w.run(2 * time.Minute) // announcements reach the replicator
	w.log = nil
	a.sendFrame(ethernet.Broadcast, a.mac(), 0x0800, []byte("hello"))
	w.run(100 * time.Millisecond)
	if n := w.sent("a", "", packet.VerbMulticastFrame); n != 1 {
		t.Errorf("a sent %d copies, want one", n)
	}
	if got := b.take(); len(got) != 1 || got[0].Src != a.mac() || got[0].From != f.id.Address {
		t.Errorf("b got %+v", got)
	}
	if got := f.take(); len(got) != 1 {
		t.Errorf("f got %d frames", len(got))
	}
	if got := a.take(); len(got) != 0 {
		t.Errorf("a got its own frame back")
	}
}

func forward(t vl2.RuleType, to *node, length uint16) vl2.Rule {
	return vl2.NewRule(t, append(append(u64(uint64(to.id.Address)), 0, 0, 0, 0), byte(length>>8), byte(length))...)
}

// TestTee: f sees a copy of what a sends to b, as the rules say, from both ends.
func TestTee(t *testing.T) {
	w := newWorld(t, nil)
	f, root := w.nodes["f"], w.nodes["root"]
	rec, _ := root.ctrl.Network(w.network)
	rec.Rules = []vl2.Rule{vl2.NewRule(vl2.MatchEtherType, 0x08, 0x00), forward(vl2.ActionTee, f, 4), vl2.NewRule(vl2.ActionAccept)}
	if err := root.ctrl.SetNetwork(w.now, rec); err != nil {
		t.Fatal(err)
	}
	w.join("a", "b", "f")
	a, b := w.nodes["a"], w.nodes["b"]
	if !a.sendFrame(b.mac(), a.mac(), 0x0800, []byte("secret")) {
		t.Fatal("not sent")
	}
	w.run(6 * time.Second)
	if got := b.take(); len(got) != 1 || string(got[0].Payload) != "secret" {
		t.Errorf("b got %+v", got)
	}
	got := f.take()
	if len(got) != 2 || got[0].Dst != b.mac() || got[0].Src != a.mac() || string(got[0].Payload) != "secr" {
		t.Errorf("f got %+v, want two copies of four bytes", got)
	}
	if g := a.nets.Gate(b.id.Address, w.network); g.Out(w.now, 0x0800, nil) != vl2.GateSlow {
		t.Error("the gate would let a frame pass without the copy")
	}
}

// TestRedirect: f gets what a sends to b, and b does not.
func TestRedirect(t *testing.T) {
	w := newWorld(t, nil)
	f, root := w.nodes["f"], w.nodes["root"]
	rec, _ := root.ctrl.Network(w.network)
	rec.Rules = []vl2.Rule{forward(vl2.ActionRedirect, f, 0), vl2.NewRule(vl2.ActionAccept)}
	if err := root.ctrl.SetNetwork(w.now, rec); err != nil {
		t.Fatal(err)
	}
	w.join("a", "b", "f")
	a, b := w.nodes["a"], w.nodes["b"]
	a.sendFrame(b.mac(), a.mac(), 0x0800, []byte("for b"))
	w.run(time.Second)
	if got := b.take(); len(got) != 0 {
		t.Errorf("b got %+v", got)
	}
	if got := f.take(); len(got) != 1 || got[0].Dst != b.mac() || got[0].From != a.id.Address || string(got[0].Payload) != "for b" {
		t.Errorf("f got %+v", got)
	}
}

// TestRulesDropOnBothSides: a sender that does not obey the rules is stopped by the receiver.
func TestRulesDropOnBothSides(t *testing.T) {
	w := newWorld(t, func(n *controller.Network) {
		r := vl2.NewRule(vl2.MatchEtherType, 0x12, 0x34)
		n.Rules = []vl2.Rule{r, vl2.NewRule(vl2.ActionDrop), vl2.NewRule(vl2.ActionAccept)}
	})
	w.join("a", "b")
	a, b := w.nodes["a"], w.nodes["b"]
	if a.sendFrame(b.mac(), a.mac(), 0x1234, []byte("x")) || a.nets.Stats().Drops[vl2.DropRules] != 1 {
		t.Error("sent although the rules forbid it")
	}
	if !a.sendFrame(b.mac(), a.mac(), 0x1235, []byte("x")) {
		t.Error("not sent although the rules allow it")
	}
	f := packet.Frame{Network: uint64(w.network), EtherType: 0x1234, Payload: []byte("x")}
	w.send(a, vl2.Send{To: b.id.Address, Verb: packet.VerbFrame, Payload: f.Append(nil)})
	w.run(10 * time.Millisecond)
	if got := b.take(); len(got) != 1 || got[0].Type != 0x1235 || b.nets.Stats().Drops[vl2.DropRules] != 1 {
		t.Errorf("b got %+v", got)
	}
	if g := b.nets.Gate(a.id.Address, w.network); g.AllIn || g.In(w.now, 0x1234, nil) != vl2.GateDrop || g.In(w.now, 0x1235, nil) != vl2.GateAccept {
		t.Error("the gate does not apply the rules")
	}
	trace, ok := b.nets.Explain(w.network, a.id.Address, true, append(make([]byte, 12), 0x12, 0x34, 'x'))
	if !ok || trace.Outcome != "drop" || len(trace.Steps) != 2 {
		t.Errorf("trace %s", trace.String())
	}
}

// TestTagsAndCapabilities come from the controller, travel with the credentials, and decide.
func TestTagsAndCapabilities(t *testing.T) {
	equal := vl2.NewRule(vl2.MatchTagsEqual, 0, 0, 0, 1, 0, 0, 0, 7)
	w := newWorld(t, func(n *controller.Network) {
		n.Rules = []vl2.Rule{equal, vl2.NewRule(vl2.ActionAccept)}
		n.Tags = []controller.Tag{{ID: 1, Value: 5}}
		n.Capabilities = []controller.Capability{{ID: 3, Rules: []vl2.Rule{vl2.NewRule(vl2.MatchEtherType, 0x12, 0x34), vl2.NewRule(vl2.ActionAccept)}}}
	})
	root := w.nodes["root"]
	for name, m := range map[string]controller.Member{"a": {Tags: []controller.Tag{{ID: 1, Value: 7}}, Capabilities: []uint32{3}}, "b": {Tags: []controller.Tag{{ID: 1, Value: 7}}}, "f": {}} {
		m.Network, m.Address, m.Authorized = w.network, w.nodes[name].id.Address, true
		if err := root.ctrl.SetMember(w.now, m); err != nil {
			t.Fatal(err)
		}
	}
	w.join("a", "b", "f")
	a, b, f := w.nodes["a"], w.nodes["b"], w.nodes["f"]
	for _, tt := range []struct {
		from, to *node
		ether    uint16
		want     int
	}{
		{a, b, 0x0800, 1}, {b, a, 0x0800, 1}, // equal tags
		{a, f, 0x0800, 0}, {f, a, 0x0800, 0}, // f has the network's value
		{a, f, 0x1234, 1}, // a's capability
		{f, a, 0x1234, 0}, // which f has not
	} {
		tt.from.sendFrame(tt.to.mac(), tt.from.mac(), tt.ether, []byte("x"))
		w.run(3 * time.Second)
		if got := tt.to.take(); len(got) != tt.want {
			t.Errorf("%s to %s, type %#x: %d frames, want %d", tt.from.name, tt.to.name, tt.ether, len(got), tt.want)
		}
	}
}

// TestFourNodesAllSpeak is a busy hour: everybody finds everybody, and nothing grows without bound.
func TestFourNodesAllSpeak(t *testing.T) {
	w := newWorld(t, nil)
	names := []string{"a", "b", "f", "g"}
	w.join(names...)
	for minute := range 60 {
		for _, x := range names {
			for _, y := range names {
				if x != y {
					w.nodes[x].arpRequest(w.nodes[y].ipv4())
					w.nodes[x].sendFrame(w.nodes[y].mac(), w.nodes[x].mac(), 0x0800, fmt.Append(nil, minute))
				}
			}
		}
		w.run(time.Minute)
		for _, x := range names {
			if got := len(w.nodes[x].take()); got != 6 {
				t.Fatalf("minute %d: %s got %d frames, want 3 requests and 3 frames", minute, x, got)
			}
		}
		w.log = nil
	}
}

// TestAnnouncementOvertakesCertificate: it is kept until the certificate is there.
func TestAnnouncementOvertakesCertificate(t *testing.T) {
	w := newWorld(t, nil)
	w.join("a", "b")
	a, b := w.nodes["a"], w.nodes["b"]
	com := b.config().COM
	credentials := packet.Credentials{COMs: [][]byte{com.Append(nil)}}
	like := packet.MulticastLike{Groups: []packet.Group{{Network: uint64(w.network), MAC: mdns}}}
	w.lose = func(from, to *node, s *vl2.Send) bool { return to == w.nodes["root"] }
	w.send(b, vl2.Send{To: a.id.Address, Verb: packet.VerbMulticastLike, Payload: like.Append(nil)})
	w.run(10 * time.Millisecond)
	w.send(b, vl2.Send{To: a.id.Address, Verb: packet.VerbNetworkCredentials, Payload: credentials.Append(nil)})
	w.run(time.Second)
	a.sendFrame(mdns, a.mac(), 0x0800, []byte("query"))
	w.run(10 * time.Millisecond)
	if got := b.take(); len(got) != 1 {
		t.Errorf("b got %d frames", len(got))
	}
}

// TestSameSeedSameWorld: two runs of the same scenario send the same bytes in the same order.
func TestSameSeedSameWorld(t *testing.T) {
	scenario := func() string {
		w := newWorld(t, func(n *controller.Network) { n.MulticastMax = 2 })
		w.join("a", "b", "f", "g")
		for range 5 {
			for _, x := range []string{"a", "b", "f", "g"} {
				w.nodes[x].sendFrame(ethernet.Broadcast, w.nodes[x].mac(), 0x0800, []byte(x))
			}
			w.run(30 * time.Second)
		}
		var b []byte
		for _, f := range w.log {
			b = fmt.Appendf(b, "%d %s %s %d %x\n", f.at, f.from.name, f.to.name, f.m.Verb, f.m.Payload)
		}
		return string(b)
	}
	first, second := scenario(), scenario()
	if first != second {
		t.Error("two runs differ")
	}
}
