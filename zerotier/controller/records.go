package controller

import (
	"net/netip"

	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/vl2"
)

// Network is the record of a network. Slices belong to the record and must not be changed after they were passed.
type Network struct {
	ID             vl2.NetworkID
	Name           string
	Public         bool // everybody is authorised, and no certificate is needed
	Broadcast      bool
	MTU            int   // 0: 2800
	MulticastMax   int   // most recipients of a multicast; 0: multicast is off
	MaxDelta       int64 // ms; 0: 30 minutes; clamped to 5 minutes .. 2 hours
	AssignV4       bool  // from Pools
	AssignV6       bool  // from Pools
	AssignRFC4193  bool
	AssignSixPlane bool
	Pools          []Pool
	Routes         []vl2.Route
	Rules          []vl2.Rule // nil: accept everything
	Capabilities   []Capability
	Tags           []Tag    // what members have unless their record says otherwise
	Tokens         []string // whoever presents one of them is authorised
	DNS            vl2.DNS
	TraceTarget    identity.Address
	TraceLevel     uint64
	Revision       uint64 // counts changes; the controller's own
}

// Pool is a range of addresses to assign from, both ends included.
type Pool struct{ First, Last netip.Addr }

// Capability is a named set of rules that members may be given.
type Capability struct {
	ID      uint32
	Default bool // new members get it
	Rules   []vl2.Rule
}

// Tag is a number under an ID.
type Tag struct{ ID, Value uint32 }

// Member is the record of a member. Slices belong to the record and must not be changed after they were passed.
type Member struct {
	Network      vl2.NetworkID
	Address      identity.Address
	Identity     identity.Identity // zero until first seen
	Authorized   bool
	ActiveBridge bool
	Anchor       bool
	Replicator   bool
	NoAutoAssign bool         // give no addresses from pools
	Addresses    []netip.Addr // assigned, by hand or from pools; those outside of all routes do not count
	Capabilities []uint32     // IDs
	Tags         []Tag
	Revision     uint64 // counts changes; the controller's own
	LastSeen     int64  // Unix ms of the last request; not stored
}

// Store keeps records. Errors name what could not be kept, and where. Implementations need not be safe for concurrent
// use.
type Store interface {
	Load() ([]Network, []Member, error)
	PutNetwork(Network) error
	DeleteNetwork(vl2.NetworkID) error // with its members
	PutMember(Member) error
	DeleteMember(vl2.NetworkID, identity.Address) error
}

// Memory is a Store that forgets: the records live in the controller alone.
type Memory struct{}

// Load returns nothing.
func (Memory) Load() ([]Network, []Member, error) { return nil, nil, nil }

// PutNetwork does nothing.
func (Memory) PutNetwork(Network) error { return nil }

// DeleteNetwork does nothing.
func (Memory) DeleteNetwork(vl2.NetworkID) error { return nil }

// PutMember does nothing.
func (Memory) PutMember(Member) error { return nil }

// DeleteMember does nothing.
func (Memory) DeleteMember(vl2.NetworkID, identity.Address) error { return nil }

// EventKind says what changed.
type EventKind uint8

const (
	EventMemberSeen       EventKind = iota // an unknown node asked to join
	EventMemberAuthorized                  // now a member
	EventMemberRevoked                     // no longer a member
	EventMemberChanged                     // its record changed otherwise
	EventMemberDeleted
	EventNetworkChanged
	EventNetworkDeleted
	EventIdentityMismatch // somebody else uses a member's address
	EventPoolExhausted    // a member got no address because none was left
	EventStoreFailed      // Err says what
)

// String returns a short name, such as "member seen".
func (k EventKind) String() string {
	names := [...]string{
		"member seen", "member authorized", "member revoked", "member changed", "member deleted", "network changed",
		"network deleted", "identity mismatch", "pool exhausted", "store failed",
	}
	if int(k) < len(names) {
		return names[k]
	}
	return "unknown"
}

// Event is a change.
type Event struct {
	Kind    EventKind
	Network vl2.NetworkID
	Member  identity.Address
	Err     error
}
