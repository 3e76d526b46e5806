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
	AssignRFC4193  bool
	AssignSixPlane bool
	AssignV6       bool // from Pools
	Pools          []Pool
	Routes         []vl2.Route
	Rules          []vl2.Rule // nil: accept everything
	Capabilities   []Capability
	Tags           []TagDefault
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

// TagDefault is a tag that members have unless their record says otherwise.
type TagDefault struct {
	ID    uint32
	Value uint32
}

// Tag is the value of a tag of one member.
type Tag struct {
	ID    uint32
	Value uint32
}

// Member is the record of a member.
type Member struct {
	Network      vl2.NetworkID
	Address      identity.Address
	Identity     identity.Identity // zero until first seen
	Authorized   bool
	ActiveBridge bool
	Anchor       bool
	Replicator   bool
	NoAutoAssign bool
	Addresses    []netip.Addr // assigned, by hand or automatically
	Capabilities []uint32
	Tags         []Tag
	Revision     uint64
	LastSeen     int64 // Unix ms of the last request
}

// Store keeps records. Implementations return what was put, and report errors that name what could not be kept and where.
type Store interface {
	Load() ([]Network, []Member, error)
	PutNetwork(Network) error
	DeleteNetwork(vl2.NetworkID) error
	PutMember(Member) error
	DeleteMember(vl2.NetworkID, identity.Address) error
}

// EventKind says what changed.
type EventKind uint8

const (
	EventMemberSeen       EventKind = iota // an unknown node asked to join
	EventMemberAuthorized                  // now a member
	EventMemberRevoked                     // no longer a member
	EventMemberChanged                     // record changed otherwise
	EventMemberDeleted
	EventNetworkChanged
	EventNetworkDeleted
	EventIdentityMismatch // somebody else uses a member's address
	EventStoreFailed      // Err says what
)

// Event is a change.
type Event struct {
	Kind    EventKind
	Network vl2.NetworkID
	Member  identity.Address
	Err     error
}
