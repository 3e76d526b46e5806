package vl2_test

import (
	"encoding/binary"
	"encoding/json"
	"math/rand/v2"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/ethernet"
	"github.com/ztstack/ztstack/zerotier/controller"
	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/packet"
	"github.com/ztstack/ztstack/zerotier/vl2"
)

// clockBase is the Unix time in ms at which every world begins.
const clockBase = 1_790_000_000_000

// world is a few nodes, a root and a controller ("f", which is the root too unless said otherwise), joined by something that carries
// messages as VL1 would: authenticated, in 1 ms, with retries.
type world struct {
	t       testing.TB
	now     clock.Time
	nodes   map[string]*node
	order   []*node
	network vl2.NetworkID
	flight  []flight
	nextID  uint64
	lose    func(from, to *node, s *vl2.Send) bool
	log     []flight // everything sent, in order
}

type node struct {
	w      *world
	name   string
	id     *identity.Identity
	nets   *vl2.Networks
	ctrl   *controller.Controller
	frames []vl2.Frame // payloads cloned
	events []vl2.Event
	ctrls  []controller.Event
	retry  []flight
}

type flight struct {
	at       clock.Time
	from, to *node
	m        vl2.Message
}

// identities of the vectors; making new ones would cost 0.2 s each.
func identities(t testing.TB) map[string]*identity.Identity {
	t.Helper()
	b, err := os.ReadFile("testdata/identities.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Identities []struct{ Name, Secret string }
	}
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	ids := make(map[string]*identity.Identity)
	for _, e := range file.Identities {
		id, err := identity.Parse(e.Secret)
		if err != nil {
			t.Fatal(err)
		}
		ids[e.Name] = &id
	}
	return ids
}

// newWorld makes nodes "root" (root and controller), "a", "b", "f" and "g", and a private network with everything on. change may
// alter its record.
func newWorld(t testing.TB, change func(*controller.Network)) *world {
	t.Helper()
	w := &world{t: t, now: 1e9, nodes: make(map[string]*node)}
	ids := identities(t)
	for i, name := range []string{"root", "a", "b", "f", "g"} {
		id := ids[name]
		nd := &node{w: w, name: name, id: id}
		nd.nets = vl2.New(vl2.Config{Self: id, Rand: rand.New(rand.NewPCG(uint64(i), 1)), Platform: "test", Major: 1, Minor: 14, Revision: 1, Upstream: name == "root"}, w.now)
		w.nodes[name] = nd
		w.order = append(w.order, nd)
		nd.nets.SetUpstreams(w.now, []identity.Address{ids["root"].Address})
	}
	root := w.nodes["root"]
	var err error
	root.ctrl, err = controller.New(controller.Config{Identity: root.id, Rand: rand.New(rand.NewPCG(9, 9)), ClockBase: clockBase})
	if err != nil {
		t.Fatal(err)
	}
	w.network = vl2.NetworkID(root.id.Address)<<24 | 1
	rec := controller.Network{
		ID: w.network, Name: "test", Broadcast: true, MulticastMax: 32, AssignV4: true, AssignRFC4193: true, AssignSixPlane: true,
		Pools:  []controller.Pool{{First: netip.MustParseAddr("10.1.0.1"), Last: netip.MustParseAddr("10.1.0.254")}},
		Routes: []vl2.Route{{Target: netip.MustParsePrefix("10.1.0.0/24")}},
	}
	if change != nil {
		change(&rec)
	}
	if err := root.ctrl.SetNetwork(w.now, rec); err != nil {
		t.Fatal(err)
	}
	return w
}

// authorize makes nodes members.
func (w *world) authorize(names ...string) {
	w.t.Helper()
	for _, name := range names {
		if err := w.nodes["root"].ctrl.Authorize(w.now, w.network, w.nodes[name].id.Address, true); err != nil {
			w.t.Fatal(err)
		}
	}
}

// join authorises nodes, has them join, and runs until they are configured.
func (w *world) join(names ...string) {
	w.t.Helper()
	w.authorize(names...)
	for _, name := range names {
		w.nodes[name].nets.Join(w.now, w.network, "")
	}
	w.run(100 * time.Millisecond)
	for _, name := range names {
		if info, _ := w.nodes[name].nets.Info(w.network); info.Status != vl2.StatusOK {
			w.t.Fatalf("%s: %s after joining", name, info.Status)
		}
	}
}

func (w *world) byAddress(a identity.Address) *node {
	for _, nd := range w.order {
		if nd.id.Address == a {
			return nd
		}
	}
	return nil
}

// run lets time pass: it goes from deadline to deadline and from delivery to delivery.
func (w *world) run(d time.Duration) {
	w.t.Helper()
	end := w.now.Add(d)
	for range 1_000_000 {
		next := end
		for _, nd := range w.order {
			t := nd.nets.Poll(w.now)
			nd.drain()
			next = clock.Min(next, max(t, w.now))
			if len(nd.retry) > 0 {
				next = clock.Min(next, w.now.Add(50*time.Millisecond))
			}
		}
		if len(w.flight) > 0 {
			next = clock.Min(next, w.flight[0].at)
		}
		if next > w.now {
			w.now = next
		}
		w.deliverDue()
		if w.now >= end && (len(w.flight) == 0 || w.flight[0].at > w.now) {
			return
		}
	}
	w.t.Fatal("livelock: a million steps did not pass the time")
}

// deliverDue hands over what has arrived, and offers what has to be retried again.
func (w *world) deliverDue() {
	for len(w.flight) > 0 && w.flight[0].at <= w.now {
		f := w.flight[0]
		w.flight = w.flight[1:]
		f.to.receive(f)
	}
	for _, nd := range w.order {
		again := nd.retry
		nd.retry = nil
		for _, f := range again {
			if w.now.Sub(f.at) < 5*time.Second {
				nd.receive(f)
			}
		}
	}
}

func (nd *node) receive(f flight) {
	if nd.ctrl != nil && f.m.Verb == packet.VerbNetworkConfigRequest {
		nd.ctrl.Receive(nd.w.now, &f.m, f.from.id)
		nd.drain()
		return
	}
	frame, v := nd.nets.Receive(nd.w.now, &f.m)
	switch v {
	case vl2.HasFrame:
		frame.Payload = slices.Clone(frame.Payload)
		nd.frames = append(nd.frames, frame)
	case vl2.Retry:
		nd.retry = append(nd.retry, f)
	}
	nd.drain()
}

// drain pulls everything out of a node.
func (nd *node) drain() {
	w := nd.w
	for a, ok := nd.nets.NeedIdentity(); ok; a, ok = nd.nets.NeedIdentity() {
		if other := w.byAddress(a); other != nil {
			nd.nets.Learn(w.now, other.id)
		}
	}
	if nd.ctrl != nil {
		for s, ok := nd.ctrl.Output(); ok; s, ok = nd.ctrl.Output() {
			w.send(nd, s)
		}
		for id, a, ok := nd.ctrl.Configured(); ok; id, a, ok = nd.ctrl.Configured() {
			nd.nets.Configured(w.now, id, a)
		}
		for e, ok := nd.ctrl.Event(); ok; e, ok = nd.ctrl.Event() {
			nd.ctrls = append(nd.ctrls, e)
		}
	}
	for s, ok := nd.nets.Output(); ok; s, ok = nd.nets.Output() {
		w.send(nd, s)
	}
	for f, ok := nd.nets.Deliver(); ok; f, ok = nd.nets.Deliver() {
		nd.frames = append(nd.frames, f)
	}
	for e, ok := nd.nets.Event(); ok; e, ok = nd.nets.Event() {
		nd.events = append(nd.events, e)
	}
}

func (w *world) send(from *node, s vl2.Send) {
	to := w.byAddress(s.To)
	if s.To == 0 {
		to = w.nodes["root"]
	}
	if to == nil {
		return
	}
	w.nextID++
	f := flight{w.now.Add(time.Millisecond), from, to, vl2.Message{
		From: from.id.Address, Verb: s.Verb, ID: w.nextID, Payload: slices.Clone(s.Payload), InRe: s.InRe, InReID: s.InReID, Code: s.Code,
	}}
	w.log = append(w.log, f)
	if len(s.Payload)+packet.HeaderLen+10 > packet.MaxLen {
		w.t.Errorf("%s sends a verb %#x of %d bytes", from.name, s.Verb, len(s.Payload))
	}
	if w.lose == nil || !w.lose(from, to, &s) {
		w.flight = append(w.flight, f)
	}
}

// sent counts the messages of a verb that went from one node to another since the log was cleared; "" is any node.
func (w *world) sent(from, to string, v packet.Verb) int {
	count := 0
	for _, f := range w.log {
		if f.m.Verb == v && (from == "" || f.from.name == from) && (to == "" || f.to.name == to) {
			count++
		}
	}
	return count
}

// mac returns a node's MAC address on the network.
func (nd *node) mac() ethernet.Addr { return vl2.MAC(nd.id.Address, nd.w.network) }

// config returns a node's configuration.
func (nd *node) config() *vl2.NetworkConfig {
	info, _ := nd.nets.Info(nd.w.network)
	return info.Config
}

// ipv4 returns a node's managed IPv4 address.
func (nd *node) ipv4() netip.Addr {
	for _, p := range nd.config().Addresses {
		if p.Addr().Is4() {
			return p.Addr()
		}
	}
	return netip.Addr{}
}

// sendFrame sends a frame of the host. It reports whether a unicast message left.
func (nd *node) sendFrame(dst, src ethernet.Addr, etherType uint16, payload []byte) bool {
	frame := append(append(append([]byte(nil), dst[:]...), src[:]...), byte(etherType>>8), byte(etherType))
	frame = append(frame, payload...)
	u, ok := nd.nets.SendFrame(nd.w.now, nd.w.network, frame)
	nd.drain() // what has to go before the frame, such as credentials
	if ok {
		nd.w.send(nd, vl2.Send{To: u.To, Verb: u.Verb, Payload: append(u.Prefix[:u.Len:u.Len], payload...)})
	}
	return ok
}

// arpRequest broadcasts an ARP request for an address.
func (nd *node) arpRequest(target netip.Addr) {
	p := []byte{0, 1, 8, 0, 6, 4, 0, 1}
	mac := nd.mac()
	p = append(p, mac[:]...)
	p = append(p, nd.ipv4().AsSlice()...)
	p = append(p, make([]byte, 6)...)
	p = append(p, target.AsSlice()...)
	nd.sendFrame(ethernet.Broadcast, mac, 0x0806, p)
}

// take returns the frames a node got and forgets them.
func (nd *node) take() []vl2.Frame {
	f := nd.frames
	nd.frames = nil
	return f
}

// hasEvent reports whether an event of a kind came, and forgets all.
func (nd *node) hasEvent(k vl2.EventKind) bool {
	found := slices.ContainsFunc(nd.events, func(e vl2.Event) bool { return e.Kind == k })
	nd.events = nil
	return found
}

func u64(v uint64) []byte { return binary.BigEndian.AppendUint64(nil, v) }
