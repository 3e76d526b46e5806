package vl2

import (
	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/ethernet"
	"github.com/ztstack/ztstack/zerotier/identity"
)

// GateVerdict is what a Gate says about a frame.
type GateVerdict uint8

const (
	GateSlow   GateVerdict = iota // ask Networks: something has to be done or looked up first
	GateAccept                    // let it pass
	GateDrop                      // the rules forbid it
)

// Gate is the right of one peer to exchange plain FRAMEs with this node on one network. It is immutable and safe for
// concurrent use; a driver keeps the latest one per (peer, network) where its reading and writing goroutines find it.
type Gate struct {
	Network  NetworkID
	Peer     identity.Address
	PeerMAC  ethernet.Addr // source of the peer's FRAMEs, destination of ours
	SelfMAC  ethernet.Addr
	MTU      int
	InUntil  clock.Time // frames from the peer may pass before this; Never: not at all
	OutUntil clock.Time // frames to the peer may pass before this; Never: not at all
	AllIn    bool       // the rules accept every frame from the peer, so In need not look at it
	AllOut   bool       // likewise to the peer
	filter   *gateFilter
}

// gateFilter is what a Gate needs to apply rules: compiled, immutable.
type gateFilter struct{}

// In judges a FRAME from the peer.
func (g *Gate) In(now clock.Time, etherType uint16, payload []byte) GateVerdict { panic("TODO") }

// Out judges a frame of the host whose destination is PeerMAC and whose source is SelfMAC.
func (g *Gate) Out(now clock.Time, etherType uint16, payload []byte) GateVerdict { panic("TODO") }

// Gate returns the current gate of (peer, id), or nil when there is none.
func (n *Networks) Gate(peer identity.Address, id NetworkID) *Gate { panic("TODO") }

// GateChanged returns the next (peer, network) whose gate was replaced or taken away since the last call.
func (n *Networks) GateChanged() (peer identity.Address, id NetworkID, ok bool) { panic("TODO") }
