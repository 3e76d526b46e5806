package vl2

import (
	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/ethernet"
	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/packet"
)

// Status is the state of a joined network, as the local API of the reference names it.
type Status uint8

// The states.
const (
	StatusRequesting             Status = iota // REQUESTING_CONFIGURATION
	StatusOK                                   // OK
	StatusDenied                               // ACCESS_DENIED
	StatusNotFound                             // NOT_FOUND
	StatusTooOld                               // CLIENT_TOO_OLD: the controller does not speak a format we know
	StatusAuthenticationRequired               // AUTHENTICATION_REQUIRED
)

// String returns the reference's name.
func (s Status) String() string {
	names := [...]string{"REQUESTING_CONFIGURATION", "OK", "ACCESS_DENIED", "NOT_FOUND", "CLIENT_TOO_OLD", "AUTHENTICATION_REQUIRED"}
	if int(s) < len(names) {
		return names[s]
	}
	return "UNKNOWN"
}

// Info describes a joined network.
type Info struct {
	ID     NetworkID
	Status Status
	MAC    ethernet.Addr
	Config *NetworkConfig // nil until the first and after a denial; immutable
	URL    string         // where to authenticate, for StatusAuthenticationRequired
}

// Info returns the state of a joined network.
func (n *Networks) Info(id NetworkID) (Info, bool) {
	nw := n.byID[id]
	if nw == nil {
		return Info{}, false
	}
	return Info{ID: id, Status: nw.status, MAC: nw.mac, Config: nw.cfg, URL: nw.url}, true
}

// MemberInfo describes what is known of a member of a network.
type MemberInfo struct {
	Address      identity.Address
	MAC          ethernet.Addr
	Passes       bool       // it may send to us
	Revoked      bool       // its certificate was revoked
	Issued       int64      // time stamp of its certificate, in the controller's ms; 0: it has shown none
	Heard        clock.Time // it sent or was sent a frame, as far as Networks saw
	PushedAt     clock.Time // our credentials were sent to it
	Tags         int        // how many of its tags count at present
	Capabilities int        // likewise capabilities
}

// Members lists the members of a network that this node has had to do with.
func (n *Networks) Members(id NetworkID) []MemberInfo {
	nw := n.byID[id]
	if nw == nil {
		return nil
	}
	list := make([]MemberInfo, nw.members.len())
	for i := range list {
		m := *nw.members.at(i)
		list[i] = MemberInfo{
			Address: m.addr, MAC: MAC(m.addr, id), Passes: m.agrees || nw.usable() && nw.cfg.Public, Revoked: m.refusedOut(),
			Issued: m.com.Timestamp(), Heard: m.heard, PushedAt: m.pushedAt, Tags: len(m.theirs.tags), Capabilities: len(m.theirs.capabilities),
		}
	}
	return list
}

// Subscriptions lists the multicast groups that this node is a member of on a network.
func (n *Networks) Subscriptions(id NetworkID) []packet.Group {
	nw := n.byID[id]
	if nw == nil {
		return nil
	}
	list := make([]packet.Group, len(nw.subscriptions))
	for i, s := range nw.subscriptions {
		list[i] = groupKey{id, s.mac, s.adi}.group()
	}
	return list
}
