package driver

import (
	"net/netip"

	"github.com/ztstack/ztstack/ethernet"
	"github.com/ztstack/ztstack/link"
	"github.com/ztstack/ztstack/zerotier/vl2"
)

// A Device is this node's station on one network. It is a link.Device.
type Device struct{}

var _ link.Device = (*Device)(nil)

// Network returns the network's ID.
func (d *Device) Network() vl2.NetworkID { panic("TODO") }

// Info describes the device. The MTU is the network's; before the first configuration it is the default of 2800.
func (d *Device) Info() link.Info { panic("TODO") }

// Attach implements link.Device. LinkChanged(true) follows at once if the network is configured already.
func (d *Device) Attach(r link.Receiver) { panic("TODO") }

// Send implements link.Device.
func (d *Device) Send(s *link.Super) { panic("TODO") }

// Close detaches the receiver and leaves the network.
func (d *Device) Close() error { panic("TODO") }

// SetGroups replaces the Ethernet groups that the host listens to. Those of the network's managed addresses are always on.
func (d *Device) SetGroups(groups []ethernet.Addr) { panic("TODO") }

// SetAddresses replaces the addresses that the host has beside the managed ones, so that ARP and neighbour
// solicitations for them arrive.
func (d *Device) SetAddresses(addrs []netip.Addr) { panic("TODO") }
