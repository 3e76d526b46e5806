package vl2

import (
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/ethernet"
	"github.com/ztstack/ztstack/zerotier/identity"
)

// gateLife is how long a gate stays open without Networks seeing a frame: it wants to know now and then that the member is
// still there.
const gateLife = 2 * time.Minute

// GateVerdict is what a Gate says about a frame.
type GateVerdict uint8

const (
	GateSlow   GateVerdict = iota // ask Networks: something has to be done or looked up first
	GateAccept                    // let it pass
	GateDrop                      // the rules forbid it
)

// Gate is the right of one peer to exchange plain FRAMEs with this node on one network. It is immutable and safe for
// concurrent use; a driver keeps the latest one per (peer, network) where its reading and writing goroutines find it, and
// replaces it when GateChanged says so.
type Gate struct {
	Network  NetworkID
	Peer     identity.Address
	PeerMAC  ethernet.Addr // source of the peer's FRAMEs, destination of ours
	SelfMAC  ethernet.Addr
	MTU      int
	InUntil  clock.Time // frames from the peer may pass before this; Never: ask Networks
	OutUntil clock.Time // frames to the peer may pass before this; Never: ask Networks
	AllIn    bool       // the rules accept every frame from the peer, so In need not look at it
	AllOut   bool       // likewise to the peer

	self   identity.Address
	cfg    *NetworkConfig
	theirs *credentials
}

// In judges a FRAME from the peer.
func (g *Gate) In(now clock.Time, etherType uint16, payload []byte) GateVerdict {
	if now >= g.InUntil {
		return GateSlow
	}
	if g.AllIn {
		return GateAccept
	}
	s := scene{cfg: g.cfg, theirs: g.theirs, self: g.self, src: g.Peer, dst: g.self, srcMAC: g.PeerMAC, dstMAC: g.SelfMAC, etherType: etherType, frame: payload, inbound: true}
	return s.gateVerdict()
}

// Out judges a frame of the host whose destination is PeerMAC and whose source is SelfMAC. It does not look at its length.
func (g *Gate) Out(now clock.Time, etherType uint16, payload []byte) GateVerdict {
	if now >= g.OutUntil {
		return GateSlow
	}
	if g.AllOut {
		return GateAccept
	}
	s := scene{cfg: g.cfg, theirs: g.theirs, self: g.self, src: g.self, dst: g.Peer, srcMAC: g.SelfMAC, dstMAC: g.PeerMAC, etherType: etherType, frame: payload}
	return s.gateVerdict()
}

func (s *scene) gateVerdict() GateVerdict {
	if v, _, _ := s.judge(nil); v >= verdictAccept {
		return GateAccept
	}
	return GateDrop
}

// Gate returns the current gate of (peer, id), or nil when there is none.
func (n *Networks) Gate(peer identity.Address, id NetworkID) *Gate {
	if nw := n.byID[id]; nw != nil {
		if m, ok := nw.members.get(peer); ok {
			return m.gate
		}
	}
	return nil
}

// GateChanged returns the next (peer, network) whose gate was replaced or taken away since the last call.
func (n *Networks) GateChanged() (peer identity.Address, id NetworkID, ok bool) {
	if len(n.gates) == 0 {
		return 0, 0, false
	}
	k := n.gates[0]
	n.gates = n.gates[1:]
	if nw := n.byID[k.network]; nw != nil {
		if m, ok := nw.members.get(k.member); ok {
			m.gateDirty = false
		}
	}
	return k.member, k.network, true
}

// openGate publishes what m may do now.
func (n *Networks) openGate(now clock.Time, nw *network, m *member) {
	if !nw.usable() {
		n.closeGate(nw, m)
		return
	}
	c := nw.cfg
	g := &Gate{
		Network: nw.id, Peer: m.addr, PeerMAC: MAC(m.addr, nw.id), SelfMAC: nw.mac, MTU: c.MTU,
		AllIn: acceptsAll(c.Rules), AllOut: acceptsAll(c.Rules), self: n.self, cfg: c, theirs: m.theirs,
	}
	if n.memberPasses(now, nw, m) && !nw.ownerIn && !capabilitiesNeedOwner(m.theirs.capabilities) {
		g.InUntil = now.Add(gateLife)
	}
	if !nw.ownerOut && !m.refusedOut() && !nw.pushDue(now, m) {
		g.OutUntil = now.Add(gateLife)
		if due := m.pushedAt.Add(pushPeriod); len(nw.credentials) > 0 && due < g.OutUntil {
			g.OutUntil = due
		}
	}
	m.gate = g
	n.gateChanged(nw, m)
}

// closeGate takes a gate away.
func (n *Networks) closeGate(nw *network, m *member) {
	if m.gate != nil {
		m.gate = nil
		n.gateChanged(nw, m)
	}
}

func (n *Networks) gateChanged(nw *network, m *member) {
	if !m.gateDirty {
		m.gateDirty = true
		n.gates = append(n.gates, memberKey{nw.id, m.addr})
	}
}

// keepGateOpen renews m's gate when the slow path was taken because the gate had run out, or there was none.
func (n *Networks) keepGateOpen(now clock.Time, nw *network, m *member, in bool) {
	if g := m.gate; g != nil {
		until := g.OutUntil
		closed := nw.ownerOut
		if in {
			until, closed = g.InUntil, nw.ownerIn || capabilitiesNeedOwner(m.theirs.capabilities)
		}
		if closed || now < until {
			return
		}
	}
	n.openGate(now, nw, m)
}

// refusedOut reports whether nothing may be sent to m: its certificate was revoked. A certificate that is merely old is no
// reason, since m may hold a newer one that it had no occasion to push.
func (m *member) refusedOut() bool {
	return m.isRevoked(CredentialCOM, 0, m.com.Timestamp())
}
