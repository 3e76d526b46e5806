package interop

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// How long it takes a node that is online to join a network, until a member answers its first echo request, for either kind of
// node, member and controller.
func TestJoinTime(t *testing.T) {
	if testing.Short() {
		t.Skip("measures only; not with -short")
	}
	for _, root := range []kind{stock, ours} {
		for _, member := range []kind{stock, ours} {
			t.Run(fmt.Sprintf("%vController/%vMember", root, member), func(t *testing.T) {
				p := newPair(t, root, ours, stock, network{MTU: 2800})
				there := p.startNode(member, "there")
				p.controller.authorize(p.id, there, true)
				there.join(p.id)
				there.waitStatus(p.id, "OK", 20*time.Second)
				time.Sleep(6 * time.Second) // until a stock node has announced the groups of its kernel
				for _, n := range []*node{p.a, p.b} {
					p.controller.authorize(p.id, n, true)
					configured, answered := p.joinPing(n, there)
					t.Logf("%v node joins: configured after %v, the %v member answers after %v", n.kind, configured, member, answered)
					if n.kind == ours && answered > time.Second {
						t.Errorf("our node needed %v until it was answered, more than a second", answered)
					}
				}
			})
		}
	}
}

// joinPing lets a node join and ping a member until it answers.
func (p *pair) joinPing(n, there *node) (configured, answered time.Duration) {
	p.t.Helper()
	to := there.addr(p.id, "IPv4")
	if n.kind == ours {
		var took time.Duration
		n.call("Online", 10*time.Second, &took)
		var r JoinPingReply
		n.call("JoinPing", JoinPingArgs{p.id, to, 30 * time.Second}, &r)
		return r.Configured, r.Answered
	}
	n.eventually(20*time.Second, "the root to answer", func() error {
		var status struct{ Online bool }
		err := n.api("GET", "/status", nil, &status)
		if err == nil && !status.Online {
			err = fmt.Errorf("the node is offline")
		}
		return err
	})
	start := time.Now()
	n.join(p.id)
	n.waitStatus(p.id, "OK", 30*time.Second)
	configured = time.Since(start)
	n.eventually(30*time.Second, "an echo", func() error {
		var r PingReply
		err := n.try("Ping", PingArgs{p.id, to, 1, 56, 100 * time.Millisecond}, &r)
		if err == nil && len(r.RTT) == 0 {
			err = fmt.Errorf("none: %s", r.Err)
		}
		return err
	})
	return configured, time.Since(start)
}

// How fast one TCP connection moves bytes between two of our nodes, two stock nodes, and from kind to kind: in turns, so that all
// see the same machine.
func TestThroughput(t *testing.T) {
	if testing.Short() {
		t.Skip("measures only; not with -short")
	}
	p := newPair(t, stock, ours, stock, network{MTU: 2800})
	c, d := p.startNode(ours, "c"), p.startNode(stock, "d")
	for _, n := range []*node{c, d} {
		p.controller.authorize(p.id, n, true)
		n.join(p.id)
	}
	p.joinBoth()
	for _, n := range []*node{c, d} {
		n.waitStatus(p.id, "OK", 20*time.Second)
		n.serve(p.id)
	}
	ways := [][2]*node{{d, p.b}, {p.a, p.b}, {p.b, p.a}, {c, p.a}} // from, to
	for _, x := range ways {
		p.waitPing(x[0], x[1], "IPv4", 20*time.Second)
		q := *p
		q.a, q.b = x[0], x[1]
		q.waitRoute(true, 60*time.Second)
	}
	const rounds = 5
	rates := make([][]float64, len(ways))
	trips := make([][]time.Duration, len(ways))
	for range rounds {
		for i, x := range ways {
			rate, err := p.ask(x[0], x[1], "IPv4", askUpload, 100e6)
			if err != nil {
				t.Fatalf("from %s to %s: %v", x[0].name, x[1].name, err)
			}
			rates[i] = append(rates[i], rate)
			var took time.Duration
			x[0].call("Transfer", TransferArgs{p.id, addrPort(x[1].addr(p.id, "IPv4")), askEchoes, 2000, 60 * time.Second}, &took)
			trips[i] = append(trips[i], took/2000)
		}
	}
	for i, x := range ways {
		slices.Sort(rates[i])
		slices.Sort(trips[i])
		t.Logf("from %5v to %5v: %5.0f Mbit/s (%.0f to %.0f), round trip of 1 byte %v (%v to %v)", x[0].kind, x[1].kind,
			rates[i][rounds/2], rates[i][0], rates[i][rounds-1], trips[i][rounds/2], trips[i][0], trips[i][rounds-1])
	}
}
