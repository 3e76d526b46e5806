package driver

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/ztstack/ztstack/zerotier"
	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/vl1"
	"github.com/ztstack/ztstack/zerotier/vl2"
)

// TestFlowTable makes random changes beside a map.
func TestFlowTable(t *testing.T) {
	type key struct {
		peer    identity.Address
		network vl2.NetworkID
	}
	var table flowTable
	model := make(map[key]*vl2.Gate)
	rng := rand.New(rand.NewPCG(1, 1))
	dev := new(Device)
	for range 20000 {
		k := key{identity.Address(1 + rng.IntN(300)), vl2.NetworkID(1 + rng.IntN(3))}
		c := zerotier.FlowChange{Peer: k.peer, Network: k.network}
		delete(model, k)
		if rng.IntN(3) > 0 {
			g := &vl2.Gate{Network: k.network, Peer: k.peer}
			c.Flow = &zerotier.Flow{Session: new(vl1.Session), Gate: g}
			model[k] = g
		}
		table.change(&c, dev)

		l := table.get(k.peer)
		for id := vl2.NetworkID(1); id <= 3; id++ {
			want := model[key{k.peer, id}]
			switch {
			case l == nil:
				if want != nil {
					t.Fatalf("peer %v is not found, though it has a flow on %v", k.peer, id)
				}
			case want == nil:
				if l.find(id) != nil {
					t.Fatalf("peer %v still has a flow on %v", k.peer, id)
				}
			case l.find(id) == nil || l.find(id).gate != want:
				t.Fatalf("peer %v has the wrong flow on %v", k.peer, id)
			}
		}
	}
	if n := len(*table.slots.Load()); n > 2048 {
		t.Errorf("a table of at most 300 peers grew to %d places", n)
	}
	if table.get(9999) != nil {
		t.Error("an unknown peer was found")
	}
}

// TestFlowTableConcurrently reads while one goroutine writes: a peer that is always there is always found.
func TestFlowTableConcurrently(t *testing.T) {
	var table flowTable
	dev := new(Device)
	add := func(a identity.Address) {
		table.change(&zerotier.FlowChange{Peer: a, Network: 1, Flow: &zerotier.Flow{Gate: &vl2.Gate{Network: 1}}}, dev)
	}
	add(7)
	var stop atomic.Bool
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for !stop.Load() {
				if l := table.get(7); l == nil || l.find(1) == nil {
					t.Error("a published flow was not found")
					return
				}
			}
		})
	}
	for a := identity.Address(100); a < 3000; a++ {
		add(a)
		if a%3 == 0 {
			table.change(&zerotier.FlowChange{Peer: a - 1, Network: 1}, dev)
		}
		add(7)
	}
	stop.Store(true)
	wg.Wait()
}

func BenchmarkFlowTable(b *testing.B) {
	var table flowTable
	rng := rand.New(rand.NewPCG(1, 1))
	peers := make([]identity.Address, 1024)
	for i := range peers {
		peers[i] = identity.Address(rng.Uint64N(1 << 40))
		table.change(&zerotier.FlowChange{Peer: peers[i], Network: 1, Flow: &zerotier.Flow{Gate: &vl2.Gate{Network: 1}}}, new(Device))
	}
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		if table.get(peers[i&1023]).find(1) == nil {
			b.Fatal("not found")
		}
		i++
	}
}
