package stack

import (
	"net/netip"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/ethernet"
	"github.com/ztstack/ztstack/link"
)

// An Interface names one network interface of a Stack. Numbers begin with 1 and are not used again;
// 0 is the loopback interface that every Stack has, and "any" where an interface is optional.
type Interface int32

// InterfaceConfig describes an interface to be added.
type InterfaceConfig struct {
	Name string    // used as the zone of link-local addresses; must be unique; "" means a number
	Info link.Info // medium, MTU and address of the link

	// NoDAD omits duplicate address detection, for links whose addresses are managed: an address is then
	// usable at once.
	NoDAD bool
	// NoLinkLocal omits the IPv6 link-local address that an Ethernet interface otherwise derives from
	// its MAC address (RFC 4291, Appendix A).
	NoLinkLocal bool
}

// AddInterface adds an interface that is up.
func (s *Stack) AddInterface(now clock.Time, cfg InterfaceConfig) (Interface, error) { panic("TODO") }

// SetInterface changes what lies under interface i: MTU, MAC address, up or down. A change of MAC
// address or a return to up forgets the interface's neighbours. Addresses and routes stay.
func (s *Stack) SetInterface(now clock.Time, i Interface, info link.Info, up bool) error {
	panic("TODO")
}

// RemoveInterface removes interface i with its addresses and routes. Connections over it stay, without
// a route, until they time out or another route appears.
func (s *Stack) RemoveInterface(now clock.Time, i Interface) error { panic("TODO") }

// AddAddress gives interface i the address p and the on-link route to p's prefix.
func (s *Stack) AddAddress(now clock.Time, i Interface, p netip.Prefix) error { panic("TODO") }

// RemoveAddress undoes AddAddress. Connections from that address are aborted.
func (s *Stack) RemoveAddress(now clock.Time, i Interface, p netip.Prefix) error { panic("TODO") }

// Addresses returns the addresses of interface i, tentative ones included.
func (s *Stack) Addresses(i Interface) []netip.Prefix { panic("TODO") }

// MTU returns the MTU of interface i, or 0 if there is none.
func (s *Stack) MTU(i Interface) int { panic("TODO") }

// Groups returns the Ethernet multicast addresses that interface i listens to, sorted. The broadcast
// address is not among them.
func (s *Stack) Groups(i Interface) []ethernet.Addr { panic("TODO") }

// GroupsChanged returns an interface whose Groups have changed since it was last returned here, or
// ok false for none.
func (s *Stack) GroupsChanged() (i Interface, ok bool) { panic("TODO") }
