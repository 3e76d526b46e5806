package driver

import (
	"slices"
	"strings"

	"github.com/ztstack/ztstack/zerotier/vl1"
	"github.com/ztstack/ztstack/zerotier/vl2"
)

// A Stat is a named counter.
type Stat struct {
	Name  string
	Value uint64
}

// Stats returns the counters that are not zero, sorted by name: what was dropped and why, and how the data travelled. Names are
// stable; "drop" in one says that something was thrown away.
func (d *Driver) Stats() []Stat {
	c := counters{}
	for _, s := range d.socks {
		c.add("udp send calls", s.calls.Load())
		c.add("udp datagrams sent", s.grams.Load())
		c.add("drop: refused by the kernel", s.refused.Load())
		c.add("udp runs sent one by one", s.fellBack.Load())
	}
	for _, r := range d.readers {
		c.add("udp reads", r.reads.Load())
		c.add("udp datagrams read", r.grams.Load())
		c.add("fast frames in", r.frames.Load())
		c.add("packets left to the node", r.slowGrams.Load())
		c.add("drop: wrong MAC", r.badMAC.Load())
		c.add("drop: runt", r.runted.Load())
		c.add("drop: forbidden by rules, in", r.filtered.Load())
	}
	if p := d.impair; p != nil {
		c.add("impairment: lost", p.lost.Load())
		c.add("drop: impairment queue full", p.drops.Load())
	}
	for _, dev := range d.Devices() {
		c.add("fast frames out", dev.tx.frames.Load())
		c.add("frames left to the node", dev.tx.slow.Load())
		c.add("drop: forbidden by rules, out", dev.tx.filtered.Load())
		c.add("drop: no Ethernet header", dev.tx.unsent.Load())
		c.add("drop: no receiver", dev.noReceiver.Load())
	}

	d.mu.Lock()
	s := d.node.Stats()
	c.add("drop: events", d.dropped+s.DroppedEvents)
	d.mu.Unlock()
	c.add("node frames in", s.FramesIn)
	c.add("node frames in, relayed", s.FramesRelayed)
	c.add("node frames out", s.FramesOut)
	c.add("drop: no Ethernet header", s.ShortFrames)
	c.add("drop: not a controller", s.NoController)
	c.add("drop: unknown requester", s.UnknownRequesters)
	c.add("drop: bad remembered peer", s.BadPeers)
	c.add("vl1 datagrams in", s.VL1.Datagrams)
	c.add("vl1 datagrams out", s.VL1.DatagramsOut)
	c.add("vl1 packets", s.VL1.Packets)
	c.add("vl1 relayed", s.VL1.Relayed)
	c.add("vl1 identity validations", s.VL1.Validations)
	for i, n := range s.VL1.Drops {
		c.add("vl1 drop: "+vl1.Drop(i).String(), n)
	}
	c.vl2(&s.VL2)
	return c.sorted()
}

// counters sums counters by name.
type counters map[string]uint64

func (c counters) add(name string, n uint64) {
	if n > 0 {
		c[name] += n
	}
}

func (c counters) sorted() []Stat {
	out := make([]Stat, 0, len(c))
	for name, n := range c {
		out = append(out, Stat{name, n})
	}
	slices.SortFunc(out, func(a, b Stat) int { return strings.Compare(a.Name, b.Name) })
	return out
}

func (c counters) vl2(s *vl2.Stats) {
	c.add("vl2 frames in", s.FramesIn)
	c.add("vl2 frames out", s.FramesOut)
	c.add("vl2 multicasts in", s.MulticastsIn)
	c.add("vl2 multicasts out", s.MulticastsOut)
	c.add("vl2 multicast copies", s.Copies)
	c.add("vl2 configurations", s.Configs)
	c.add("vl2 credentials pushed", s.Pushes)
	c.add("vl2 gathers", s.Gathers)
	for i, n := range s.Drops {
		c.add("vl2 drop: "+vl2.DropReason(i).String(), n)
	}
}
