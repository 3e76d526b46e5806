package vl2

import (
	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/zerotier/packet"
)

// Limits of configurations in transit. A controller could make us hold as much; nobody else can, since every chunk is
// signed.
const (
	maxAssemblies = 3
	maxDict       = 1 << 20
)

// assembly collects the chunks of one configuration.
type assembly struct {
	update  uint64
	since   clock.Time
	total   int
	have    int
	offsets []int // of the chunks, ascending
	chunks  [][]byte
}

// add keeps a chunk and returns the whole dictionary when it is complete.
func (a *assembly) add(c *packet.ConfigChunk) []byte {
	off := int(c.Offset)
	i := 0
	for i < len(a.offsets) && a.offsets[i] < off {
		i++
	}
	overlaps := i > 0 && a.offsets[i-1]+len(a.chunks[i-1]) > off || i < len(a.offsets) && off+len(c.Data) > a.offsets[i]
	if overlaps || len(a.offsets) > a.total/1024 || len(c.Data) == 0 {
		return nil
	}
	a.offsets = append(a.offsets, 0)
	copy(a.offsets[i+1:], a.offsets[i:])
	a.offsets[i] = off
	a.chunks = append(a.chunks, nil)
	copy(a.chunks[i+1:], a.chunks[i:])
	a.chunks[i] = append([]byte(nil), c.Data...)
	if a.have += len(c.Data); a.have < a.total {
		return nil
	}
	dict := make([]byte, 0, a.total)
	for _, chunk := range a.chunks {
		dict = append(dict, chunk...)
	}
	return dict
}

// assemblyOf returns the assembly of an update, taking the place of the oldest one if need be.
func (nw *network) assemblyOf(now clock.Time, c *packet.ConfigChunk) *assembly {
	oldest := &nw.assemblies[0]
	for i := range nw.assemblies {
		a := &nw.assemblies[i]
		if a.update == c.UpdateID && a.total == int(c.Total) && a.total != 0 {
			return a
		}
		if a.since < oldest.since {
			oldest = a
		}
	}
	*oldest = assembly{update: c.UpdateID, since: now, total: int(c.Total)}
	return oldest
}

// receiveConfig processes a configuration that was pushed, and answers it (PROTOCOL 17.3).
func (n *Networks) receiveConfig(now clock.Time, m *Message) Verdict {
	v := n.receiveChunk(now, m)
	if v != DoneTrusted {
		return v
	}
	var c packet.ConfigChunk
	c.Parse(m.Payload)
	ok := packet.OKConfig{Network: c.Network, UpdateID: c.UpdateID}
	n.out.commit(ok.Append(n.out.begin()))
	// The reference answers as if it had been an ECHO.
	n.sendOK(m, packet.VerbEcho)
	return DoneTrusted
}

// receiveChunk processes a chunk of a configuration. DoneTrusted means that it was genuine.
func (n *Networks) receiveChunk(now clock.Time, m *Message) Verdict {
	var c packet.ConfigChunk
	if !c.Parse(m.Payload) {
		return n.drop(DropMalformed)
	}
	nw := n.byID[NetworkID(c.Network)]
	if nw == nil || nw.id.IsAdHoc() {
		return n.drop(DropUnknownNetwork)
	}
	controller := nw.id.Controller()
	if c.Legacy {
		if m.From != controller {
			return n.drop(DropNotController)
		}
		return n.offerConfig(now, nw, m, c.Data)
	}
	if m.From != controller && !n.passes(now, nw, m.From) {
		return n.drop(DropNotController)
	}
	if c.Total == 0 || c.Total > maxDict || uint64(c.Offset)+uint64(len(c.Data)) > uint64(c.Total) {
		return n.drop(DropMalformed)
	}
	id := n.identityOf(now, controller)
	if id == nil {
		return Retry
	}
	if !id.Verify(c.Signed, c.Signature) {
		return n.drop(DropForgedConfig)
	}
	a := nw.assemblyOf(now, &c)
	before := a.have
	dict := a.add(&c)
	if c.Flags&packet.ConfigFastPropagate != 0 && a.have > before {
		n.propagateChunk(now, nw, m)
	}
	if dict == nil {
		return DoneTrusted
	}
	*a = assembly{}
	return n.offerConfig(now, nw, m, dict)
}

// propagateChunk passes a chunk on to all members we know, but for the controller and whom it came from.
func (n *Networks) propagateChunk(now clock.Time, nw *network, m *Message) {
	n.out.commit(append(n.out.begin(), m.Payload...))
	for i := range nw.members.len() {
		to := *nw.members.at(i)
		if to.addr != m.From && to.addr != nw.id.Controller() && to.addr != n.self && n.passes(now, nw, to.addr) {
			n.send(Send{To: to.addr, Verb: packet.VerbNetworkConfig})
		}
	}
}

// offerConfig adopts a configuration if it is for us and not older than what we have.
func (n *Networks) offerConfig(now clock.Time, nw *network, m *Message, dict []byte) Verdict {
	controller := nw.id.Controller()
	d := packet.Dict(dict)
	if d.Has("v") && d.Uint("v", 0) < minFormatVersion && m.From == controller {
		n.refused(now, nw, StatusTooOld, EventTooOld)
		return Done
	}
	c, ok := ParseNetworkConfig(dict)
	if !ok {
		return n.drop(DropMalformed)
	}
	if c.ID != nw.id || c.IssuedTo != n.self {
		return n.drop(DropForeignConfig)
	}
	// Only the controller itself may go back in time; from anybody else an old configuration is a replay.
	if nw.cfg != nil && m.From != controller && c.Timestamp <= nw.cfg.Timestamp {
		return DoneTrusted
	}
	if nw.usable() && nw.cfg.Timestamp == c.Timestamp && nw.cfg.Revision == c.Revision && nw.status == StatusOK {
		nw.nextRequest = now.Add(requestPeriod)
		return DoneTrusted
	}
	n.adopt(now, nw, c)
	return DoneTrusted
}
