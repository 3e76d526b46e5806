package vl2_test

import (
	"slices"
	"testing"
	"time"

	"github.com/ztstack/ztstack/ethernet"
	"github.com/ztstack/ztstack/zerotier/controller"
	"github.com/ztstack/ztstack/zerotier/packet"
	"github.com/ztstack/ztstack/zerotier/vl2"
)

// TestJoinToFrames is the main job: join, configuration, ARP through multicast, then unicast both ways.
func TestJoinToFrames(t *testing.T) {
	w := newWorld(t, nil)
	w.join("a", "b")
	a, b := w.nodes["a"], w.nodes["b"]
	if !a.hasEvent(vl2.EventOK) {
		t.Error("no event ok")
	}
	c := a.config()
	if len(c.Addresses) != 3 || c.COM.IsZero() || len(c.Ownership) != 1 || c.MTU != 2800 {
		t.Fatalf("configuration %+v", c)
	}
	if a.ipv4() == b.ipv4() {
		t.Errorf("both have %s", a.ipv4())
	}

	a.arpRequest(b.ipv4())
	w.run(100 * time.Millisecond)
	got := b.take()
	if len(got) != 1 || got[0].Dst != ethernet.Broadcast || got[0].Src != a.mac() || got[0].Type != 0x0806 || got[0].From != a.id.Address {
		t.Fatalf("b got %+v, want one ARP request", got)
	}
	if frames := w.nodes["root"].take(); len(frames) != 0 {
		t.Errorf("the root, which is not on the network, got %d frames", len(frames))
	}

	if !b.sendFrame(a.mac(), b.mac(), 0x0806, []byte("reply")) {
		t.Fatal("b's reply is not a unicast")
	}
	w.run(10 * time.Millisecond)
	if got := a.take(); len(got) != 1 || got[0].Dst != a.mac() || got[0].Src != b.mac() || string(got[0].Payload) != "reply" {
		t.Fatalf("a got %+v, want the reply", got)
	}
	if n := w.sent("b", "a", packet.VerbError); n != 0 {
		t.Errorf("%d errors: the credentials did not come before the first frame", n)
	}
	for i := range 10 {
		a.sendFrame(b.mac(), a.mac(), 0x0800, []byte{byte(i)})
		b.sendFrame(a.mac(), b.mac(), 0x0800, []byte{byte(i)})
	}
	w.run(10 * time.Millisecond)
	if x, y := len(a.take()), len(b.take()); x != 10 || y != 10 {
		t.Errorf("%d and %d frames of 10 arrived", x, y)
	}
	if n := w.sent("a", "b", packet.VerbNetworkCredentials); n != 1 {
		t.Errorf("a pushed its credentials %d times, want once", n)
	}
}

func TestJoinIsFast(t *testing.T) {
	w := newWorld(t, nil)
	w.authorize("a")
	start := w.now
	w.nodes["a"].nets.Join(w.now, w.network, "")
	w.run(5 * time.Millisecond)
	if info, _ := w.nodes["a"].nets.Info(w.network); info.Status != vl2.StatusOK {
		t.Fatalf("%s %v after joining", info.Status, w.now.Sub(start))
	}
}

// TestRequestIsRetried loses the first two requests.
func TestRequestIsRetried(t *testing.T) {
	w := newWorld(t, nil)
	w.authorize("a")
	lost := 0
	w.lose = func(_, _ *node, s *vl2.Send) bool {
		if s.Verb == packet.VerbNetworkConfigRequest && lost < 2 {
			lost++
			return true
		}
		return false
	}
	a := w.nodes["a"]
	a.nets.Join(w.now, w.network, "")
	w.run(3 * time.Second)
	if info, _ := a.nets.Info(w.network); info.Status != vl2.StatusRequesting {
		t.Errorf("%s although the requests were lost", info.Status)
	}
	w.run(time.Second)
	if info, _ := a.nets.Info(w.network); info.Status != vl2.StatusOK || lost != 2 {
		t.Errorf("%s after two lost requests and 4 s", info.Status)
	}
}

func TestConfigIsRefreshed(t *testing.T) {
	w := newWorld(t, nil)
	w.join("a")
	a := w.nodes["a"]
	before := a.config()
	a.events, w.log = nil, nil
	w.run(3 * time.Minute)
	if n := w.sent("a", "root", packet.VerbNetworkConfigRequest); n != 3 {
		t.Errorf("%d requests in three minutes", n)
	}
	if after := a.config(); after.Timestamp <= before.Timestamp {
		t.Error("the configuration was not renewed")
	}
	if len(a.events) != 0 {
		t.Errorf("events %v although nothing but time stamps changed", a.events)
	}
}

func TestNotAuthorizedThenAuthorized(t *testing.T) {
	w := newWorld(t, nil)
	a, root := w.nodes["a"], w.nodes["root"]
	a.nets.Join(w.now, w.network, "")
	w.run(time.Second)
	if info, _ := a.nets.Info(w.network); info.Status != vl2.StatusDenied {
		t.Fatalf("%s, want denied", info.Status)
	}
	if !a.hasEvent(vl2.EventDenied) {
		t.Error("no event denied")
	}
	if !slices.ContainsFunc(root.ctrls, func(e controller.Event) bool { return e.Kind == controller.EventMemberSeen && e.Member == a.id.Address }) {
		t.Error("the controller reported no new member")
	}
	w.authorize("a")
	w.run(10 * time.Millisecond)
	if info, _ := a.nets.Info(w.network); info.Status != vl2.StatusOK {
		t.Errorf("%s after the controller pushed a configuration", info.Status)
	}
	if w.sent("a", "root", packet.VerbOK) != 1 {
		t.Error("the pushed configuration was not answered")
	}
}

func TestNetworkNotFound(t *testing.T) {
	w := newWorld(t, nil)
	a := w.nodes["a"]
	a.nets.Join(w.now, w.network+1, "")
	w.run(time.Second)
	if info, _ := a.nets.Info(w.network + 1); info.Status != vl2.StatusNotFound || !a.hasEvent(vl2.EventNotFound) {
		t.Errorf("%s, want not found", info.Status)
	}
}

func TestToken(t *testing.T) {
	w := newWorld(t, func(n *controller.Network) { n.Tokens = []string{"open sesame"} })
	for name, token := range map[string]string{"a": "open sesame", "b": "open", "f": ""} {
		w.nodes[name].nets.Join(w.now, w.network, token)
	}
	w.run(time.Second)
	for name, want := range map[string]vl2.Status{"a": vl2.StatusOK, "b": vl2.StatusDenied, "f": vl2.StatusDenied} {
		if info, _ := w.nodes[name].nets.Info(w.network); info.Status != want {
			t.Errorf("%s: %s, want %s", name, info.Status, want)
		}
	}
}

func TestLeave(t *testing.T) {
	w := newWorld(t, nil)
	w.join("a", "b")
	a, b := w.nodes["a"], w.nodes["b"]
	a.sendFrame(b.mac(), a.mac(), 0x0800, []byte("x"))
	w.run(10 * time.Millisecond)
	a.nets.Leave(w.now, w.network)
	w.run(10 * time.Millisecond)
	if !a.hasEvent(vl2.EventDown) || len(a.nets.List()) != 0 || a.nets.Gate(b.id.Address, w.network) != nil {
		t.Error("the network is still there")
	}
	if a.sendFrame(b.mac(), a.mac(), 0x0800, []byte("x")) {
		t.Error("a frame was sent after leaving")
	}
	b.sendFrame(a.mac(), b.mac(), 0x0800, []byte("x"))
	w.run(10 * time.Millisecond)
	if len(a.take()) != 0 {
		t.Error("a frame came through after leaving")
	}
	if s := a.nets.Stats(); s.Drops[vl2.DropUnknownNetwork] == 0 {
		t.Error("not counted")
	}
}

// TestChangeIsPushed changes the network's record.
func TestChangeIsPushed(t *testing.T) {
	w := newWorld(t, nil)
	w.join("a")
	a, root := w.nodes["a"], w.nodes["root"]
	a.events = nil
	rec, _ := root.ctrl.Network(w.network)
	rec.MTU = 1400
	if err := root.ctrl.SetNetwork(w.now, rec); err != nil {
		t.Fatal(err)
	}
	w.run(10 * time.Millisecond)
	if a.config().MTU != 1400 || !a.hasEvent(vl2.EventConfigChanged) {
		t.Errorf("MTU %d after the change", a.config().MTU)
	}
	a.sendFrame(w.nodes["b"].mac(), a.mac(), 0x0800, make([]byte, 1401))
	if s := a.nets.Stats(); s.Drops[vl2.DropTooBig] != 1 {
		t.Error("a frame above the MTU was sent")
	}
	if err := root.ctrl.DeleteNetwork(w.now, w.network); err != nil {
		t.Fatal(err)
	}
	w.run(10 * time.Millisecond)
	if !a.hasEvent(vl2.EventNotFound) {
		t.Error("deletion was not noticed")
	}
}

// TestManyRules needs a configuration of several chunks.
func TestManyRules(t *testing.T) {
	var rules []vl2.Rule
	for i := range 1000 {
		r := vl2.NewRule(vl2.MatchDestIPv6, 0xfd, byte(i>>8), byte(i), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 128)
		rules = append(rules, r)
	}
	rules[999] = vl2.NewRule(vl2.ActionAccept)
	w := newWorld(t, func(n *controller.Network) { n.Rules = rules })
	w.join("a")
	if !slices.Equal(w.nodes["a"].config().Rules, rules) {
		t.Error("the rules did not arrive whole")
	}
	if n := w.sent("root", "a", packet.VerbOK); n < 2 {
		t.Errorf("%d chunks, want several", n)
	}
}

// TestControllerJoinsItself: the request never leaves the node.
func TestControllerJoinsItself(t *testing.T) {
	w := newWorld(t, nil)
	w.join("root", "a")
	root, a := w.nodes["root"], w.nodes["a"]
	root.arpRequest(a.ipv4())
	w.run(100 * time.Millisecond)
	if len(a.take()) != 1 {
		t.Error("a did not get the ARP request")
	}
	a.arpRequest(root.ipv4())
	w.run(100 * time.Millisecond)
	if len(root.take()) != 1 {
		t.Error("the root did not get the ARP request")
	}
}
