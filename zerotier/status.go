package zerotier

import (
	"net/netip"
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/vl2"
)

// Status describes the node.
type Status struct {
	Address    identity.Address
	Online     bool // an upstream was heard lately, or the node is one
	Root       bool // the node is a root of its planet or of a moon
	PlanetID   uint64
	PlanetTime int64 // the planet's time stamp, ms
	Surface    []netip.AddrPort
}

// Role says what a peer is to this node.
type Role uint8

const (
	RoleLeaf Role = iota
	RoleMoon
	RolePlanet
)

// String returns the reference's name: LEAF, MOON or PLANET.
func (r Role) String() string {
	names := [...]string{"LEAF", "MOON", "PLANET"}
	if int(r) < len(names) {
		return names[r]
	}
	return "UNKNOWN"
}

// PeerStatus describes a peer.
type PeerStatus struct {
	Address identity.Address
	Role    Role
	Version [4]int        // protocol, major, minor, revision; zero while unknown
	Cipher  string        // what packets to the peer are sealed with: "AES-GMAC-SIV" or "Salsa20/12-Poly1305"
	Latency time.Duration // mean round trip; 0 while unknown
	Direct  bool          // packets to the peer go straight to it, not through a root
	Paths   []PathStatus
}

// PathStatus describes one physical path to a peer.
type PathStatus struct {
	Local        int // index of the socket; -1 when several are used
	Remote       netip.AddrPort
	LastSend     clock.Time
	LastReceive  clock.Time
	Alive        bool
	Preferred    bool
	RelayedBy    identity.Address // the root that packets take instead, 0 for a direct path
	TrustedUntil clock.Time
}

// NetworkStatus describes a joined network.
type NetworkStatus = vl2.Info

// EventKind says what happened.
type EventKind uint8

const (
	EventUp                    EventKind = iota // the node works
	EventOnline                                 // an upstream answers
	EventOffline                                // no upstream answers any more
	EventDown                                   // the node was closed
	EventIdentityCollision                      // somebody else has the node's address; a new identity is needed
	EventPeerDirect                             // packets to Peer go straight to it: Path
	EventPeerRelayed                            // packets to Peer go through a root
	EventPeerUnreachable                        // Peer is not heard any more
	EventPath                                   // a path of Peer was learned: Path
	EventPathDead                               // a path of Peer was lost: Path
	EventNetworkRequesting                      // joined, or asking again
	EventNetworkOK                              // configured: Config
	EventNetworkConfigChanged                   // configured anew: Config
	EventNetworkDenied                          // the controller refuses this node
	EventNetworkNotFound                        // the controller knows no such network
	EventNetworkTooOld                          // the controller answers in a format from before 2017
	EventNetworkAuthentication                  // the controller wants a login first
	EventNetworkDown                            // left
	EventStorePlanet                            // Data is the planet to keep
	EventStoreMoon                              // Data is a moon to keep
	EventStorePeer                              // Data is what to keep about Peer
	EventStoreNetwork                           // Network was joined, or Data is its configuration; keep it
	EventForgetNetwork                          // Network was left; drop what was kept
	numEventKinds
)

// String returns a short name such as "network ok".
func (k EventKind) String() string {
	names := [numEventKinds]string{
		"up", "online", "offline", "down", "identity collision", "peer direct", "peer relayed", "peer unreachable", "path learned",
		"path dead", "network requesting", "network ok", "network configuration changed", "network denied", "network not found",
		"network client too old", "network authentication required", "network down", "store planet", "store moon", "store peer",
		"store network", "forget network",
	}
	if int(k) < len(names) {
		return names[k]
	}
	return "unknown"
}

// Event is something that happened. Which fields are set follows from Kind.
type Event struct {
	Kind    EventKind
	Network vl2.NetworkID
	Config  *vl2.NetworkConfig // immutable
	Peer    identity.Address
	Path    netip.AddrPort
	Data    []byte
}
