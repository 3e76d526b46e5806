package zerotier

import (
	"net/netip"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/vl2"
)

// Config configures a Node. Identity is required; everything else may be zero.
type Config struct {
	// Identity is who the node is, with its secret.
	Identity identity.Identity

	// Planet and Moons are serialized worlds: the roots (PROTOCOL 12). A node whose own identity is among them is a root. A
	// node without a planet has no roots and reaches nobody by itself.
	Planet []byte
	Moons  [][]byte

	// Peers are what Event{Kind: EventStorePeer} carried in an earlier life.
	Peers [][]byte

	// Controller, if not nil, answers configuration requests for the networks whose IDs begin with the node's address.
	// *controller.Controller is one. It is called from within the Node's methods only.
	Controller Controller

	// Seed seeds the node's random numbers: packet IDs, orders, jitter. It must be secret and never used twice.
	Seed [32]byte

	// ClockBase is the Unix time in milliseconds when the clock reads zero.
	ClockBase int64

	// AllowLoopback lets loopback addresses be paths, which stock nodes never do. Nodes of one machine need it.
	AllowLoopback bool

	// PhysicalMTU is the most bytes of a datagram's payload; 0 means 1432, the protocol's default.
	PhysicalMTU int

	// LocalAddrs are the addresses of the node's sockets, to be told to peers.
	LocalAddrs []netip.AddrPort

	// Platform is reported to controllers, such as "linux/amd64".
	Platform string
}

// A Controller answers configuration requests. Its methods are those of controller.Controller.
type Controller interface {
	Receive(now clock.Time, m *vl2.Message, from *identity.Identity) vl2.Verdict
	Output() (vl2.Send, bool)
	Configured() (vl2.NetworkID, identity.Address, bool)
}
