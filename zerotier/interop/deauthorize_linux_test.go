package interop

import (
	"net/netip"
	"testing"
	"time"

	"github.com/ztstack/ztstack/zerotier/vl2"
)

// A member that loses its authorisation is not answered any more and does not answer, whichever kind it, the others and the
// controller are; it is denied when it asks again, and is a member again once it is authorised anew. A stranger
// is denied from the beginning.
func TestDeauthorize(t *testing.T) {
	for _, root := range []kind{stock, ours} {
		t.Run(root.String()+"Controller", func(t *testing.T) {
			p := newPair(t, root, ours, stock, network{MTU: 2800})
			stranger := p.startNode(!root, "stranger")
			stranger.join(p.id)
			p.joinBoth()
			stranger.waitStatus(p.id, "ACCESS_DENIED", 20*time.Second)
			nowhere := p.id + 1
			for _, n := range []*node{p.a, p.b} {
				n.join(nowhere)
				n.waitStatus(nowhere, "NOT_FOUND", 20*time.Second)
				n.leave(nowhere)
			}
			for _, x := range [][2]*node{{p.a, p.b}, {p.b, p.a}} {
				p.loseAndRegain(x[0], x[1])
			}
		})
	}
}

// loseAndRegain takes the authorisation of a member away, looks at it from all sides, and gives it back.
func (p *pair) loseAndRegain(n, other *node) {
	p.t.Helper()
	before := n.addr(p.id, "IPv4")
	p.controller.authorize(p.id, n, false)
	p.silent(other, before, 5*time.Second)
	if n.kind == ours && p.controller.kind == stock {
		// It has not been told yet, and still sends.
		p.silent(n, other.addr(p.id, "IPv4"), 5*time.Second)
	}
	n.leave(p.id)
	n.join(p.id)
	n.waitStatus(p.id, "ACCESS_DENIED", 20*time.Second)
	p.controller.authorize(p.id, n, true)
	n.waitStatus(p.id, "OK", 20*time.Second)
	n.serve(p.id)
	if after := n.addr(p.id, "IPv4"); after != before {
		p.t.Errorf("%s (%v) had %v, and got %v after it was authorised again", n.name, n.kind, before, after)
	}
	p.t.Logf("%s (%v) is answered again after %v", n.name, n.kind, p.waitPing(n, other, "IPv4", 20*time.Second))
	p.waitPing(other, n, "6PLANE", 20*time.Second)
	p.pings("IPv4", 3, 56)
}

// A network without a controller: its configuration follows from its ID, here one that lets TCP pass to one port.
func TestAdHoc(t *testing.T) {
	w := newWorld(t)
	p := &pair{world: w, root: w.startRoot(stock), id: vl2.NetworkID(0xff<<56 | port<<40 | port<<24)}
	p.a, p.b = w.startNode(ours, "a"), w.startNode(stock, "b")
	for _, n := range []*node{p.a, p.b} {
		n.join(p.id)
		n.waitStatus(p.id, "OK", 20*time.Second)
		n.serve(p.id)
	}
	p.waitPing(p.a, p.b, "6PLANE", 20*time.Second)
	p.pings("6PLANE", 5, 56)
	p.transfer("6PLANE", 2e6)
	// Another port is refused by the sender's rules and by the receiver's.
	for _, x := range [][2]*node{{p.a, p.b}, {p.b, p.a}} {
		x[0].call("Serve", ServeArgs{p.id, port + 1}, new(Empty))
		to := netip.AddrPortFrom(x[0].addr(p.id, "6PLANE"), port+1)
		var took time.Duration
		err := x[1].try("Transfer", TransferArgs{p.id, to, askEchoes, 1, 2 * time.Second}, &took)
		if err == nil {
			t.Errorf("%s (%v) connects to port %d of %s (%v)", x[1].name, x[1].kind, port+1, x[0].name, x[0].kind)
		}
	}
}
