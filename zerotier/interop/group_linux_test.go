package interop

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
)

// Broadcasts and multicasts reach every member, whichever kind sends and receives.
func TestGroups(t *testing.T) {
	for _, root := range []kind{stock, ours} {
		t.Run(root.String()+"Root", func(t *testing.T) {
			p := newPair(t, root, ours, stock, network{MTU: 2800})
			third := p.startNode(root, "c")
			p.controller.authorize(p.id, third, true)
			third.join(p.id)
			p.joinBoth()
			third.waitStatus(p.id, "OK", 20*time.Second)
			third.serve(p.id)
			p.waitPing(third, p.a, "IPv4", 20*time.Second)
			p.waitPing(third, p.b, "IPv4", 20*time.Second)
			members := []*node{p.a, p.b, third}
			for _, n := range members {
				p.pingGroup(n, netip.MustParseAddr("ff02::1"), members)
				p.askGroup(n, netip.MustParseAddrPort("10.147.20.255:5000"), members)
				p.askGroup(n, netip.AddrPortFrom(group.WithZone(n.device(p.id)), port+groupPort), members)
			}
		})
	}
}

// pingGroup pings a group with the kernel until the other kernels answer. Our stack does not answer echo requests to groups.
func (p *pair) pingGroup(from *node, group netip.Addr, members []*node) {
	p.t.Helper()
	want := 0
	for _, n := range members {
		if n != from && n.kind == stock {
			want++
		}
	}
	if from.kind == ours || want == 0 {
		return
	}
	var got []netip.Addr
	from.eventually(20*time.Second, fmt.Sprintf("%d echoes from %v", want, group), func() error {
		from.call("PingGroup", PingArgs{p.id, group.WithZone(from.device(p.id)), want, 56, time.Second}, &got)
		if len(got) != want {
			return fmt.Errorf("echoes came from %v", got)
		}
		return nil
	})
	p.t.Logf("%s (%v) pings %v: %v answer", from.name, from.kind, group, got)
}

// askGroup sends a datagram to all until all others answer.
func (p *pair) askGroup(from *node, group netip.AddrPort, members []*node) {
	p.t.Helper()
	want := len(members) - 1
	took := from.eventually(30*time.Second, fmt.Sprintf("%d answers from %v", want, group), func() error {
		var got []netip.Addr
		from.call("Ask", AskArgs{p.id, group, 1000, time.Second, want}, &got)
		if len(got) != want {
			return fmt.Errorf("answers came from %v", got)
		}
		return nil
	})
	p.t.Logf("%s (%v) asks %v, and all answer after %v", from.name, from.kind, group, took)
}
