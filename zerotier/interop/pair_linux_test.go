package interop

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/ztstack/ztstack/zerotier/vl2"
)

// A pair is two members of a network, of which one may be stock.
type pair struct {
	*world
	root       *node
	controller *node
	id         vl2.NetworkID
	a, b       *node
}

// families are the kinds of addresses that members have.
var families = []string{"IPv4", "RFC4193", "6PLANE"}

// port is where members serve.
const port = 5000

// newPair makes a root that is the controller too, and two members.
func newPair(t *testing.T, root, a, b kind, nw network) *pair {
	t.Helper()
	w := newWorld(t)
	p := &pair{world: w, root: w.startRoot(root)}
	p.controller = p.root
	p.a, p.b = w.startNode(a, "a"), w.startNode(b, "b")
	p.id = p.controller.createNetwork(nw)
	return p
}

// silent wants an address not to answer a node any more.
func (p *pair) silent(from *node, to netip.Addr, limit time.Duration) {
	p.t.Helper()
	took := from.eventually(limit, fmt.Sprintf("%v to be silent", to), func() error {
		var r PingReply
		err := from.try("Ping", PingArgs{p.id, to, 3, 56, 300 * time.Millisecond}, &r)
		if err == nil && len(r.RTT) > 0 {
			err = fmt.Errorf("%d of 3 echoes were answered", len(r.RTT))
		}
		return err
	})
	p.t.Logf("%s (%v) gets no echo from %v, as was certain after %v", from.name, from.kind, to, took)
}

// joinBoth authorises the members and waits until they have joined and a has got an echo from b.
func (p *pair) joinBoth() {
	p.t.Helper()
	for _, n := range []*node{p.a, p.b} {
		p.controller.authorize(p.id, n, true)
		n.join(p.id)
	}
	for _, n := range []*node{p.a, p.b} {
		m := n.waitStatus(p.id, "OK", 30*time.Second)
		p.t.Logf("%s (%v) has %v, MTU %d", n.name, n.kind, m.Addrs, m.MTU)
	}
	for _, n := range []*node{p.a, p.b} {
		n.serve(p.id)
	}
	p.waitPing(p.a, p.b, "IPv4", 20*time.Second)
}

// waitPing pings until there is an answer.
func (p *pair) waitPing(from, to *node, family string, limit time.Duration) time.Duration {
	p.t.Helper()
	addr := to.addr(p.id, family)
	return from.eventually(limit, fmt.Sprintf("an echo from %s at %v", to.name, addr), func() error {
		var r PingReply
		if err := from.try("Ping", PingArgs{p.id, addr, 1, 56, 300 * time.Millisecond}, &r); err != nil {
			return err
		}
		if len(r.RTT) == 0 {
			return fmt.Errorf("none: %s", r.Err)
		}
		return nil
	})
}

// waitRoute waits until both nodes see each other directly, or both only through the root.
func (p *pair) waitRoute(direct bool, limit time.Duration) time.Duration {
	p.t.Helper()
	start := time.Now()
	for _, x := range [][2]*node{{p.a, p.b}, {p.b, p.a}} {
		x[0].eventually(limit, fmt.Sprintf("direct=%v to %s", direct, x[1].name), func() error {
			// The nodes look for a path while there is traffic.
			var ping PingReply
			if err := p.a.try("Ping", PingArgs{p.id, p.b.addr(p.id, "IPv4"), 1, 56, 300 * time.Millisecond}, &ping); err != nil {
				return err
			}
			r, err := x[0].peer(x[1])
			if err == nil && r.Direct != direct {
				err = fmt.Errorf("route is %+v", r)
			}
			return err
		})
	}
	return time.Since(start)
}

// pings sends echo requests of a size both ways and wants them answered.
func (p *pair) pings(family string, count, size int) {
	p.t.Helper()
	for _, x := range [][2]*node{{p.a, p.b}, {p.b, p.a}} {
		to := x[1].addr(p.id, family)
		var r PingReply
		x[0].call("Ping", PingArgs{p.id, to, count, size, 2 * time.Second}, &r)
		if r.Lost > 0 {
			p.t.Errorf("%s (%v) pings %v of %s (%v) with %d bytes: %d of %d lost: %s", x[0].name, x[0].kind, to, x[1].name, x[1].kind, size, r.Lost, count, r.Err)
		}
		if len(r.RTT) > 0 {
			p.t.Logf("%s (%v) pings %v of %s (%v), %d bytes: median %v of %d", x[0].name, x[0].kind, to, x[1].name, x[1].kind, size, r.RTT[len(r.RTT)/2], len(r.RTT))
		}
	}
}

// transfer moves bytes over TCP: each node asks the other, once for each direction.
func (p *pair) transfer(family string, bytes int64) {
	p.t.Helper()
	for _, x := range [][2]*node{{p.a, p.b}, {p.b, p.a}} {
		for _, ask := range []byte{askDownload, askUpload} {
			sender, receiver := x[1], x[0]
			if ask == askUpload {
				sender, receiver = x[0], x[1]
			}
			rate, err := p.ask(x[0], x[1], family, ask, bytes)
			if err != nil {
				p.t.Errorf("%s: %d bytes from %s (%v) to %s (%v), asked for by %s: %v", family, bytes, sender.name, sender.kind, receiver.name, receiver.kind, x[0].name, err)
				continue
			}
			p.t.Logf("%s: %d MB from %s (%v) to %s (%v), asked for by %s: %.0f Mbit/s", family, bytes/1e6, sender.name, sender.kind, receiver.name, receiver.kind, x[0].name, rate)
		}
	}
}

// ask has a client ask a server for bytes and returns Mbit/s.
func (p *pair) ask(client, server *node, family string, ask byte, bytes int64) (float64, error) {
	p.t.Helper()
	var took time.Duration
	to := server.addr(p.id, family)
	err := client.try("Transfer", TransferArgs{p.id, addrPort(to), ask, bytes, 60 * time.Second}, &took)
	return float64(bytes) * 8 / 1e6 / took.Seconds(), err
}
