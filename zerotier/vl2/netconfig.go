package vl2

import (
	"net/netip"

	"github.com/ztstack/ztstack/zerotier/identity"
)

// Limits of a configuration (PROTOCOL 28). What exceeds them is left out, except rules: a rule set that is too long
// refuses the configuration.
const (
	maxRoutes      = 128
	maxAddresses   = 32
	maxSpecialists = 256
	maxName        = 127
	maxServers     = 4
	maxDomain      = 128
)

// MTUs of a network: the payload of its Ethernet frames.
const (
	DefaultMTU = 2800
	MinMTU     = 1280
	MaxMTU     = 10000
)

// NetworkConfig is what a controller tells a member about a network (PROTOCOL 17.4). A member treats it as immutable.
type NetworkConfig struct {
	ID           NetworkID
	Timestamp    int64 // the controller's time of issue, ms
	MaxDelta     int64 // most difference between credential time stamps, ms
	Revision     uint64
	IssuedTo     identity.Address
	TraceTarget  identity.Address // who gets reports; 0: nobody
	TraceLevel   uint64
	Flags        uint64
	MulticastMax int // most recipients of a multicast; 0: multicast is off
	Public       bool
	Name         string
	MTU          int
	COM          COM // zero when there is none, as on ad-hoc networks
	Capabilities []Capability
	Tags         []Tag
	Ownership    []Ownership
	Specialists  []Specialist
	Routes       []Route
	Addresses    []netip.Prefix // managed addresses of this member
	Rules        []Rule
	DNS          DNS
	SSOVersion   uint64
	SSO          bool
	AuthURL      string
	AuthExpiry   int64 // ms
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
	Flags   uint64
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
	Servers []netip.Addr // at most 4
}

// specialist returns the functions of a member.
func (c *NetworkConfig) specialist(a identity.Address) uint64 {
	for i := range c.Specialists {
		if c.Specialists[i].Address == a {
			return c.Specialists[i].Flags
		}
	}
	return 0
}

// isBridge reports whether a may send and receive for MAC addresses that are not its own.
func (c *NetworkConfig) isBridge(a identity.Address) bool {
	return c.specialist(a)&SpecialistBridge != 0
}

// tag returns the value of one of this member's tags.
func (c *NetworkConfig) tag(id uint32) (uint32, bool) { return findTag(c.Tags, id) }

func findTag(tags []Tag, id uint32) (uint32, bool) {
	for i := range tags {
		if tags[i].ID == id {
			return tags[i].Value, true
		}
	}
	return 0, false
}

func owns(certs []Ownership, t Thing) bool {
	for i := range certs {
		if certs[i].Owns(t) {
			return true
		}
	}
	return false
}

// current reports whether a credential's time stamp is close enough to this configuration's (PROTOCOL 19).
func (c *NetworkConfig) current(timestamp int64) bool {
	d := timestamp - c.Timestamp
	return -c.MaxDelta <= d && d <= c.MaxDelta
}

// sameSettings reports whether c and d differ in time stamps and credentials alone.
func (c *NetworkConfig) sameSettings(d *NetworkConfig) bool {
	return string(c.settings()) == string(d.settings())
}

func (c *NetworkConfig) settings() []byte {
	s := *c
	s.Timestamp, s.Revision, s.COM, s.Ownership = 0, 0, COM{}, nil
	s.Capabilities, s.Tags = nil, nil
	b := s.AppendDict(nil)
	for i := range c.Capabilities {
		b = AppendRules(append32(b, c.Capabilities[i].ID), c.Capabilities[i].Rules)
	}
	for i := range c.Tags {
		b = append32(append32(b, c.Tags[i].ID), c.Tags[i].Value)
	}
	return b
}
