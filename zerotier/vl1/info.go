package vl1

import (
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/zerotier/identity"
)

// Role says what a peer is to this node.
type Role uint8

// Roles.
const (
	RoleLeaf   Role = iota
	RoleMoon        // root of a moon
	RolePlanet      // root of the planet
)

// String returns the role's name as the stock API spells it.
func (r Role) String() string {
	switch r {
	case RoleMoon:
		return "MOON"
	case RolePlanet:
		return "PLANET"
	}
	return "LEAF"
}

// PeerInfo describes a peer by value.
type PeerInfo struct {
	Address   identity.Address
	Role      Role
	Protocol  int // announced protocol version, 0 when unknown
	Version   Version
	Latency   time.Duration // of the best path, or -1 when unknown
	Direct    bool          // the best path goes straight to the peer
	LastHeard clock.Time
	Paths     []PathInfo
}

// PathInfo describes one path of a peer.
type PathInfo struct {
	PathID
	Latency   time.Duration // -1 when unknown
	LastHeard clock.Time
	LastSent  clock.Time
	Alive     bool // heard within 19 s
	Preferred bool // the path that data takes
}
