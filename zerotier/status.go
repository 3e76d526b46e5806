package zerotier

import (
	"net/netip"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/packet"
	"github.com/ztstack/ztstack/zerotier/vl1"
	"github.com/ztstack/ztstack/zerotier/vl2"
)

// Status describes the node.
type Status struct {
	Address    identity.Address
	Online     bool // an upstream was heard lately, or the node is one
	Root       bool // the node is a root of its planet or of a moon
	PlanetID   uint64
	PlanetTime uint64           // the planet's time stamp, ms
	Surface    []netip.AddrPort // our own addresses as others see them
}

// PeerStatus describes a peer.
type PeerStatus struct {
	vl1.PeerInfo
	Cipher string // what packets to the peer are sealed with: "AES-GMAC-SIV" or "Salsa20/12-Poly1305"
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
	World   uint64 // ID of the planet or moon in Data
	Data    []byte
}

// Status describes the node.
func (n *Node) Status(now clock.Time) Status {
	s := Status{
		Address: n.self.Address,
		Online:  n.vl1.Online(now),
		Root:    n.vl1.IsRoot(),
		Surface: n.vl1.Surfaces(),
	}
	if w := n.vl1.Planet(); w != nil {
		s.PlanetID, s.PlanetTime = w.ID, w.Timestamp
	}
	return s
}

// Peers describes all peers, in the order in which they were met.
func (n *Node) Peers(now clock.Time) []PeerStatus {
	infos := n.vl1.Peers(now)
	peers := make([]PeerStatus, len(infos))
	for i := range infos {
		peers[i] = n.peerStatus(&infos[i])
	}
	return peers
}

// Peer describes one peer.
func (n *Node) Peer(now clock.Time, a identity.Address) (PeerStatus, bool) {
	info, ok := n.vl1.Peer(now, a)
	if !ok {
		return PeerStatus{}, false
	}
	return n.peerStatus(&info), true
}

func (n *Node) peerStatus(info *vl1.PeerInfo) PeerStatus {
	p := PeerStatus{PeerInfo: *info, Cipher: "Salsa20/12-Poly1305"}
	if s := n.vl1.Session(info.Address); s != nil && s.Cipher() == packet.CipherAES {
		p.Cipher = "AES-GMAC-SIV"
	}
	return p
}

// Networks describes the joined networks, in the order of joining.
func (n *Node) Networks() []NetworkStatus {
	ids := n.vl2.List()
	infos := make([]NetworkStatus, 0, len(ids))
	for _, id := range ids {
		if info, ok := n.vl2.Info(id); ok {
			infos = append(infos, info)
		}
	}
	return infos
}

// Network describes one joined network.
func (n *Node) Network(id vl2.NetworkID) (NetworkStatus, bool) { return n.vl2.Info(id) }
