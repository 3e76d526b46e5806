package zerotier

import (
	"github.com/ztstack/ztstack/zerotier/vl1"
	"github.com/ztstack/ztstack/zerotier/vl2"
)

// Stats are a node's counters. Those of the fast path, which does not pass through the Node, are the driver's.
type Stats struct {
	FramesIn          uint64 // frames to the host
	FramesRelayed     uint64 // those of them that came through a root or another relay
	FramesOut         uint64 // unicast frames from the host
	ShortFrames       uint64 // frames of the host without a whole Ethernet header
	NoController      uint64 // configuration requests refused because this node is no controller
	UnknownRequesters uint64 // configuration requests of nodes whose identity is not known any more
	DroppedEvents     uint64 // events that nobody asked for
	BadPeers          uint64 // remembered peers that could not be used

	VL1 vl1.Stats
	VL2 vl2.Stats
}

// Stats returns the counters.
func (n *Node) Stats() Stats {
	s := n.stats
	s.VL1, s.VL2 = n.vl1.Stats(), n.vl2.Stats()
	return s
}
