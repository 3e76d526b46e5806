package vl2

import (
	"net/netip"

	"github.com/ztstack/ztstack/zerotier/identity"
)

// NetworkConfig is what a controller tells a member about a network (PROTOCOL 17.4).
type NetworkConfig struct {
	ID            NetworkID
	Timestamp     int64 // the controller's time of issue, ms
	MaxDelta      int64 // most difference between credential time stamps, ms
	Revision      uint64
	IssuedTo      identity.Address
	TraceTarget   identity.Address
	TraceLevel    uint64
	Flags         uint64
	MulticastMax  int // most recipients of a multicast; 0: multicast is off
	Public        bool
	Name          string
	MTU           int
	COM           COM // empty on a public network
	Capabilities  []Capability
	Tags          []Tag
	Ownership     []Ownership
	Specialists   []Specialist
	Routes        []Route
	Addresses     []netip.Prefix // managed addresses of this member
	Rules         []Rule
	DNS           DNS
	SSO           bool
	AuthURL       string
	AuthExpiry    int64 // ms
	HasMembership bool  // COM is present
}

// Flags of NetworkConfig.
const (
	FlagBroadcast     = 0x02
	FlagNDPEmulation  = 0x04
	FlagUnsupportedOK = 0x08 // a match of unknown type counts as true
	FlagNoCompression = 0x10
)

// Specialist is a member with a function.
type Specialist struct {
	Address identity.Address
	Flags   uint64 // bits 40 and above
}

// Flags of Specialist.
const (
	SpecialistBridge     = 0x020000000000
	SpecialistAnchor     = 0x040000000000
	SpecialistReplicator = 0x080000000000
)

// Route is a managed route.
type Route struct {
	Target netip.Prefix
	Via    netip.Addr // invalid: on link
	Flags  uint16
	Metric uint16
}

// DNS is the resolver configuration of a network.
type DNS struct {
	Domain  string
	Servers []netip.Addr
}

// ParseNetworkConfig parses a configuration dictionary.
func ParseNetworkConfig(dict []byte) (*NetworkConfig, bool) { panic("TODO") }

// AppendDict appends the configuration as a dictionary, keys in the order of the reference.
func (c *NetworkConfig) AppendDict(b []byte) []byte { panic("TODO") }
