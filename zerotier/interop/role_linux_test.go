package interop

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
)

// The root and the controller are of different kinds: the controller has to be found, and its answers go through the root.
func TestMixedRoles(t *testing.T) {
	for _, root := range []kind{stock, ours} {
		controller := !root
		t.Run(fmt.Sprintf("%vRoot%vController", root, controller), func(t *testing.T) {
			w := newWorld(t)
			p := &pair{world: w, root: w.startRoot(root)}
			p.controller = w.startNode(controller, "ctl")
			p.a, p.b = w.startNode(ours, "a"), w.startNode(stock, "b")
			p.id = p.controller.createNetwork(network{MTU: 2800})
			p.joinBoth()
			t.Logf("direct after %v", p.waitRoute(true, 60*time.Second))
			for _, family := range families {
				p.pings(family, 5, 56)
				p.transfer(family, 2e6)
			}
		})
	}
}

// The network's MTU, also changed while the members are on it. Echoes fill it to the last byte; datagrams need IP fragments. The
// greatest MTU is what fits the 7 datagrams that a packet may be cut into: a stock node whose kernel sends more than a
// packet can be ends with an uncaught exception.
func TestMTU(t *testing.T) {
	for _, root := range []kind{stock, ours} {
		t.Run(root.String()+"Root", func(t *testing.T) {
			p := newPair(t, root, ours, stock, network{MTU: 2800})
			p.joinBoth()
			for _, mtu := range []int{2800, 1280, 9890} {
				p.controller.createNetwork(network{MTU: mtu})
				for _, n := range []*node{p.a, p.b} {
					n.eventually(20*time.Second, fmt.Sprintf("MTU %d", mtu), func() error {
						m, err := n.network(p.id)
						if err == nil && m.MTU != mtu {
							err = fmt.Errorf("MTU is %d", m.MTU)
						}
						return err
					})
				}
				p.waitRoute(true, 60*time.Second)
				t.Logf("MTU %d", mtu)
				p.pings("IPv4", 3, mtu-28)
				p.pings("RFC4193", 3, mtu-48)
				p.transfer("IPv4", 20e6)
				p.transfer("6PLANE", 20e6)
				p.datagrams("IPv4", mtu)
				p.datagrams("RFC4193", mtu)
			}
		})
	}
}

// datagrams sends datagrams that need fragments, and such that barely do not.
func (p *pair) datagrams(family string, mtu int) {
	p.t.Helper()
	for _, size := range []int{mtu - 48, mtu - 27, 2*mtu + 1, 20000} {
		for _, x := range [][2]*node{{p.a, p.b}, {p.b, p.a}} {
			p.datagram(x[0], x[1], family, size)
		}
	}
}

func (p *pair) datagram(from, to *node, family string, size int) {
	p.t.Helper()
	want := to.addr(p.id, family)
	var err error
	for range 3 { // datagrams may be lost
		var got []netip.Addr
		if err = from.try("Ask", AskArgs{p.id, addrPort(want), size, 2 * time.Second, 1}, &got); err == nil && len(got) == 1 && got[0] == want {
			return
		}
	}
	p.t.Errorf("%s (%v) sends %d bytes over UDP to %v of %s (%v), and they do not come back: %v", from.name, from.kind, size, want, to.name, to.kind, err)
}

// The nodes reach each other over IPv6 alone.
func TestIPv6Underlay(t *testing.T) {
	for _, root := range []kind{stock, ours} {
		t.Run(root.String()+"Root", func(t *testing.T) {
			w := newWorld(t)
			p := &pair{world: w, root: w.newNode(root, "root")}
			p.controller, p.a, p.b = p.root, w.newNode(ours, "a"), w.newNode(stock, "b")
			w.makePlanet(&p.root.id, p.root.addr6)
			for _, n := range w.nodes {
				n.dropIPv4()
				n.start()
			}
			p.id = p.controller.createNetwork(network{MTU: 2800})
			p.joinBoth()
			t.Logf("direct after %v", p.waitRoute(true, 60*time.Second))
			for _, family := range families {
				p.pings(family, 5, 56)
			}
			p.transfer("IPv4", 20e6)
			p.transfer("6PLANE", 20e6)
		})
	}
}

// A node that goes away without a word, and comes back, finds its way into the conversation again.
func TestRestart(t *testing.T) {
	for _, root := range []kind{stock, ours} {
		t.Run(root.String()+"Root", func(t *testing.T) {
			p := newPair(t, root, ours, stock, network{MTU: 2800})
			p.joinBoth()
			p.waitRoute(true, 60*time.Second)
			p.a.call("Stop", Empty{}, new(Empty))
			p.a.start()
			p.a.join(p.id)
			p.a.waitStatus(p.id, "OK", 20*time.Second)
			p.a.serve(p.id)
			t.Logf("a is answered after %v", p.waitPing(p.a, p.b, "IPv4", 20*time.Second))
			p.waitPing(p.b, p.a, "6PLANE", 20*time.Second)
			p.transfer("IPv4", 2e6)
		})
	}
}
