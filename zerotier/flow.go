package zerotier

import (
	"slices"

	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/vl1"
	"github.com/ztstack/ztstack/zerotier/vl2"
)

// A Flow is what is needed to exchange plain frames with one member of a network without asking the Node: the peer's
// session, which opens and seals and knows the route, and the membership gate, which knows the MAC addresses and what may
// pass until when. It is immutable and safe for concurrent use.
//
// A receiver of a packet from the peer opens it with Session.Open and, when it is an uncompressed FRAME that Gate.In accepts and
// Session.Heard says that the Switch need not see it, is done; it notes Session.Trust once per batch. Everything else goes to
// Node.ReceiveOpened. A sender asks Gate.Out and Session.Route, seals, and notes Session.Sent; otherwise Node.SendFrame.
type Flow struct {
	Session *vl1.Session
	Gate    *vl2.Gate
}

// A FlowChange says that the flow of a peer on a network is now Flow, or that there is none when it is nil.
type FlowChange struct {
	Peer    identity.Address
	Network vl2.NetworkID
	Flow    *Flow
}

type flowKey struct {
	peer    identity.Address
	network vl2.NetworkID
}

// FlowChanged returns the next change of a flow.
func (n *Node) FlowChanged() (FlowChange, bool) {
	k, ok := n.republic.pop()
	if !ok {
		if k.peer, k.network, ok = n.vl2.GateChanged(); !ok {
			return FlowChange{}, false
		}
	}
	c := FlowChange{Peer: k.peer, Network: k.network}
	gate := n.vl2.Gate(k.peer, k.network)
	n.noteGate(k, gate != nil)
	if s := n.vl1.Session(k.peer); s != nil && gate != nil {
		c.Flow = &Flow{Session: s, Gate: gate}
	}
	return c, true
}

// noteGate remembers on which networks a peer has a gate, so that its flows are published anew when its session is.
func (n *Node) noteGate(k flowKey, has bool) {
	ids := n.gated[k.peer]
	i := slices.Index(ids, k.network)
	switch {
	case has && i < 0:
		n.gated[k.peer] = append(ids, k.network)
	case !has && i >= 0:
		if ids = slices.Delete(ids, i, i+1); len(ids) == 0 {
			delete(n.gated, k.peer)
		} else {
			n.gated[k.peer] = ids
		}
	}
}
