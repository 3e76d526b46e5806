package vl1

import (
	"container/heap"
	"math/rand/v2"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/packet"
)

// testIdentities returns identities made beforehand: making one takes a fifth of a second.
var testIdentities = sync.OnceValue(func() []identity.Identity {
	b, err := os.ReadFile("testdata/identities.txt")
	if err != nil {
		panic(err)
	}
	var ids []identity.Identity
	for line := range strings.Lines(string(b)) {
		id, err := identity.Parse(strings.TrimSpace(line))
		if err != nil {
			panic(err)
		}
		ids = append(ids, id)
	}
	return ids
})

// A network is a handful of Switches on virtual time. The first node is the root.
type network struct {
	t      *testing.T
	now    clock.Time
	rand   *rand.Rand
	nodes  []*node
	byAddr map[netip.AddrPort]*node
	flying flights
	seq    int

	delay time.Duration
	loss  float64
	cut   func(from, to *node) bool                          // nil, or whether datagrams are lost on the way
	tap   func(from *node, d Datagram)                       // nil, or called for everything sent
	nat   func(from *node, to netip.AddrPort) netip.AddrPort // nil, or the source address that the receiver sees
	// filter is nil, or says whether a NAT lets a datagram in.
	filter func(from, to netip.AddrPort) bool
	world  *World
}

type node struct {
	*Switch
	name    string
	addr    netip.AddrPort
	id      identity.Identity
	got     []Message // copies
	events  []Event
	next    clock.Time
	down    bool
	handle  func(m *Message) // nil, or called for each message
	out, in int              // bytes
}

type flight struct {
	at       clock.Time
	seq      int
	from     netip.AddrPort
	to       netip.AddrPort
	fromNode *node
	data     []byte
}

type flights []flight

func (f flights) Len() int { return len(f) }
func (f flights) Less(i, j int) bool {
	return f[i].at < f[j].at || f[i].at == f[j].at && f[i].seq < f[j].seq
}
func (f flights) Swap(i, j int) { f[i], f[j] = f[j], f[i] }
func (f *flights) Push(x any)   { *f = append(*f, x.(flight)) }
func (f *flights) Pop() any {
	old := *f
	x := old[len(old)-1]
	*f = old[:len(old)-1]
	return x
}

const testEpoch = 1_800_000_000_000

// newNetwork makes a root and leaves named a, b, c …
func newNetwork(t *testing.T, leaves int) *network {
	t.Helper()
	n := &network{
		t: t, now: clock.Time(time.Second), rand: rand.New(rand.NewPCG(1, 2)),
		byAddr: make(map[netip.AddrPort]*node), delay: 5 * time.Millisecond,
	}
	ids := testIdentities()
	rootAddr := netip.MustParseAddrPort("10.0.0.1:9993")
	n.world = NewPlanet(77, 1000, &ids[0], []Root{{ids[0], []netip.AddrPort{rootAddr}}})
	n.add("root", ids[0], rootAddr, nil)
	for i := range leaves {
		addr := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 1, byte(i + 1)}), 9993)
		n.add(string(rune('a'+i)), ids[i+1], addr, nil)
	}
	return n
}

// add starts a node at addr. change may alter its configuration.
func (n *network) add(name string, id identity.Identity, addr netip.AddrPort, change func(*Config)) *node {
	n.t.Helper()
	x := &node{name: name, addr: addr, id: id}
	n.start(x, change)
	n.nodes = append(n.nodes, x)
	n.byAddr[addr] = x
	return x
}

// start makes a new Switch for a node, as a process started anew would.
func (n *network) start(x *node, change func(*Config)) {
	cfg := Config{
		Identity: x.id, Planet: n.world, Rand: rand.New(rand.NewPCG(uint64(x.id.Address), uint64(n.now))),
		ClockBase: testEpoch, AllowLoopback: true, LocalAddrs: []netip.AddrPort{x.addr},
	}
	if change != nil {
		change(&cfg)
	}
	s, err := New(cfg, n.now)
	if err != nil {
		n.t.Fatalf("New(%s): %v", x.name, err)
	}
	x.Switch, x.next, x.down = s, n.now, false
}

func (n *network) node(name string) *node {
	for _, x := range n.nodes {
		if x.name == name {
			return x
		}
	}
	n.t.Fatalf("no node %q", name)
	return nil
}

// send puts a datagram on its way.
func (n *network) send(from *node, src, to netip.AddrPort, data []byte) {
	from.out += len(data)
	if n.rand.Float64() < n.loss {
		return
	}
	n.seq++
	heap.Push(&n.flying, flight{n.now.Add(n.delay), n.seq, src, to, from, append([]byte(nil), data...)})
}

// drain fetches everything that a node has to say.
func (n *network) drain(x *node) {
	for {
		m, ok := x.Next(n.now)
		if !ok {
			break
		}
		n.deliver(x, &m)
	}
	var buf [MaxDatagram]byte
	for {
		d, ok := x.Output(n.now, buf[:])
		if !ok {
			break
		}
		if n.tap != nil {
			n.tap(x, d)
		}
		src := x.addr
		if n.nat != nil {
			src = n.nat(x, d.To)
		}
		if d.TTL != 0 {
			continue // does not reach the other side
		}
		n.send(x, src, d.To, d.Data)
	}
	for {
		e, ok := x.Event()
		if !ok {
			break
		}
		x.events = append(x.events, e)
	}
	x.next = x.Poll(n.now)
	if x.out0() {
		n.drain(x)
	}
}

// out0 reports whether Poll has left something to fetch.
func (x *node) out0() bool {
	return x.Switch.out.head < len(x.Switch.out.entries) || len(x.Switch.events) > 0
}

func (n *network) deliver(x *node, m *Message) {
	if x.handle != nil {
		x.handle(m)
	}
	c := *m
	c.Payload = append([]byte(nil), m.Payload...)
	c.Packet = append([]byte(nil), m.Packet...)
	x.got = append(x.got, c)
}

// inject gives a node a datagram directly.
func (n *network) inject(x *node, from netip.AddrPort, b []byte) (m Message, ok bool) {
	m, ok = x.Receive(n.now, 0, from, b)
	if ok {
		n.deliver(x, &m)
	}
	n.drain(x)
	return m, ok
}

// run lets d of virtual time pass.
func (n *network) run(d time.Duration) {
	n.until(d, func() bool { return false })
}

// until lets time pass until done, for at most d, and reports whether it is done.
func (n *network) until(d time.Duration, done func() bool) bool {
	end := n.now.Add(d)
	for steps := 0; ; steps++ {
		if steps > 2_000_000 {
			n.t.Fatal("the network does not come to rest")
		}
		if done() {
			return true
		}
		at := end
		for _, x := range n.nodes {
			if !x.down && x.next != clock.Never && x.next < at {
				at = x.next
			}
		}
		if len(n.flying) > 0 && n.flying[0].at < at {
			at = n.flying[0].at
		}
		n.now = max(n.now, at)
		if at == end {
			return done()
		}
		if len(n.flying) > 0 && n.flying[0].at <= n.now {
			f := heap.Pop(&n.flying).(flight)
			x := n.byAddr[f.to]
			if x == nil || x.down || (n.cut != nil && n.cut(f.fromNode, x)) ||
				(n.filter != nil && !n.filter(f.from, f.to)) {
				continue
			}
			x.in += len(f.data)
			if m, ok := x.Receive(n.now, 0, f.from, f.data); ok {
				n.deliver(x, &m)
			}
			n.drain(x)
			continue
		}
		for _, x := range n.nodes {
			if !x.down && x.next.Expired(n.now) {
				x.next = x.Poll(n.now)
				n.drain(x)
			}
		}
	}
}

// online waits until all nodes are online.
func (n *network) online() {
	n.t.Helper()
	if !n.until(5*time.Second, func() bool {
		for _, x := range n.nodes {
			if !x.Online(n.now) {
				return false
			}
		}
		return true
	}) {
		n.t.Fatal("not all nodes are online after 5 s")
	}
}

// has counts a node's events of a kind about a peer.
func (x *node) has(k EventKind, peer identity.Address) (count int) {
	for _, e := range x.events {
		if e.Kind == k && (peer == 0 || e.Peer == peer) {
			count++
		}
	}
	return count
}

// received counts a node's messages of a verb.
func (x *node) received(v packet.Verb) (count int) {
	for i := range x.got {
		if x.got[i].Verb == v {
			count++
		}
	}
	return count
}

func (x *node) direct(n *network, to *node) bool {
	p, ok := x.Peer(n.now, to.id.Address)
	return ok && p.Direct
}

// drops returns the reasons that a node has counted.
func (x *node) drops() string {
	var b strings.Builder
	for i, c := range x.Stats().Drops {
		if c > 0 {
			b.WriteString(Drop(i).String() + "; ")
		}
	}
	return b.String()
}
