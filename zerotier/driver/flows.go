package driver

import (
	"sync/atomic"

	"github.com/ztstack/ztstack/zerotier"
	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/vl1"
	"github.com/ztstack/ztstack/zerotier/vl2"
)

// A flowTable finds what the Node has published about a peer. Any goroutine reads it without a lock; one at a time writes
// it, under Driver.mu. It is an open-addressing table of pointers that is never more than half full; a peer's place is
// filled once, and what changes later is the list behind it. When it must grow, a larger table takes its place.
type flowTable struct {
	slots atomic.Pointer[[]atomic.Pointer[peerFlows]]
	used  int // guarded by Driver.mu
}

// peerFlows is one peer's place in the table.
type peerFlows struct {
	addr identity.Address
	list atomic.Pointer[flowList] // nil: nothing is published any more
}

// A flowList is what is published about one peer. It is immutable.
type flowList struct {
	session *vl1.Session
	flows   []flow
}

// A flow is a zerotier.Flow with the device of its network.
type flow struct {
	gate *vl2.Gate
	dev  *Device
}

// find returns the flow on a network, or nil.
func (l *flowList) find(id vl2.NetworkID) *flow {
	for i := range l.flows {
		if l.flows[i].gate.Network == id {
			return &l.flows[i]
		}
	}
	return nil
}

// get returns what is published about a peer, or nil.
func (t *flowTable) get(a identity.Address) *flowList {
	s := t.slots.Load()
	if s == nil {
		return nil
	}
	slots := *s
	for i := place(a, len(slots)); ; i = (i + 1) & (len(slots) - 1) {
		p := slots[i].Load()
		if p == nil {
			return nil
		}
		if p.addr == a {
			return p.list.Load()
		}
	}
}

// place returns where a search for a begins in a table of size slots, a power of two. Addresses cost about 0.2 s of
// computation each and only members of networks get in here, so the hash need not be keyed.
func place(a identity.Address, size int) int {
	return int(uint64(a)*0x9e3779b97f4a7c15>>32) & (size - 1)
}

// change publishes a change. dev is the device of the network; nil takes the flow away.
func (t *flowTable) change(c *zerotier.FlowChange, dev *Device) {
	p := t.peer(c.Peer, c.Flow != nil && dev != nil)
	if p == nil {
		return
	}
	next := &flowList{}
	if old := p.list.Load(); old != nil {
		next.session = old.session
		for _, f := range old.flows {
			if f.gate.Network != c.Network {
				next.flows = append(next.flows, f)
			}
		}
	}
	if c.Flow != nil && dev != nil {
		next.session = c.Flow.Session
		next.flows = append(next.flows, flow{gate: c.Flow.Gate, dev: dev})
	}
	if len(next.flows) == 0 {
		next = nil
	}
	p.list.Store(next)
}

// peer returns the place of a peer, making one if asked to.
func (t *flowTable) peer(a identity.Address, add bool) *peerFlows {
	if s := t.slots.Load(); s != nil {
		slots := *s
		for i := place(a, len(slots)); ; i = (i + 1) & (len(slots) - 1) {
			p := slots[i].Load()
			if p == nil {
				break
			}
			if p.addr == a {
				return p
			}
		}
	}
	if !add {
		return nil
	}
	t.grow()
	p := &peerFlows{addr: a}
	insert(*t.slots.Load(), p)
	t.used++
	return p
}

func insert(slots []atomic.Pointer[peerFlows], p *peerFlows) {
	i := place(p.addr, len(slots))
	for slots[i].Load() != nil {
		i = (i + 1) & (len(slots) - 1)
	}
	slots[i].Store(p)
}

// grow makes room for one more peer. Places without flows are left behind when the table moves.
func (t *flowTable) grow() {
	s := t.slots.Load()
	if s == nil {
		first := make([]atomic.Pointer[peerFlows], 64)
		t.slots.Store(&first)
		return
	}
	old := *s
	if 2*(t.used+1) <= len(old) {
		return
	}
	live := 0
	for i := range old {
		if p := old[i].Load(); p != nil && p.list.Load() != nil {
			live++
		}
	}
	size := len(old)
	if 4*(live+1) > size {
		size *= 2
	}
	next := make([]atomic.Pointer[peerFlows], size)
	for i := range old {
		if p := old[i].Load(); p != nil && p.list.Load() != nil {
			insert(next, p)
		}
	}
	t.used = live
	t.slots.Store(&next)
}
