package controller

import (
	"math/rand/v2"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/vl2"
)

// Config configures a Controller.
type Config struct {
	Identity  *identity.Identity // with its secret
	Rand      *rand.Rand         // update IDs, revocation IDs, network numbers
	ClockBase int64              // Unix time in ms when the clock reads zero
	Store     Store              // nil: in memory
}

// Controller answers configuration requests for the networks whose IDs begin with its address.
type Controller struct{}

// New returns a controller over what the store holds.
func New(cfg Config) (*Controller, error) { panic("TODO") }

// Receive processes a NETWORK_CONFIG_REQUEST (any other verb is Done at once) of the node with the given identity.
func (c *Controller) Receive(now clock.Time, m *vl2.Message, from *identity.Identity) vl2.Verdict {
	panic("TODO")
}

// Output returns the next message to send. Its payload is valid until the next call.
func (c *Controller) Output() (vl2.Send, bool) { panic("TODO") }

// Event returns the next event.
func (c *Controller) Event() (Event, bool) { panic("TODO") }

// Configured returns the next (network, member) that was just given a configuration; pass it to vl2.Networks.Configured.
func (c *Controller) Configured() (vl2.NetworkID, identity.Address, bool) { panic("TODO") }

// NewNetworkID returns an unused network ID of this controller.
func (c *Controller) NewNetworkID() vl2.NetworkID { panic("TODO") }

// SetNetwork creates or replaces a network; its online members get the new configuration.
func (c *Controller) SetNetwork(now clock.Time, n Network) error { panic("TODO") }

// Network returns a network.
func (c *Controller) Network(id vl2.NetworkID) (Network, bool) { panic("TODO") }

// Networks returns the IDs of all networks, ascending.
func (c *Controller) Networks() []vl2.NetworkID { panic("TODO") }

// DeleteNetwork deletes a network with its members.
func (c *Controller) DeleteNetwork(now clock.Time, id vl2.NetworkID) error { panic("TODO") }

// SetMember creates or replaces a member. Taking away its authorisation revokes its certificate; any change is pushed.
func (c *Controller) SetMember(now clock.Time, m Member) error { panic("TODO") }

// Authorize sets only the authorisation of a member, which need not have been seen yet.
func (c *Controller) Authorize(now clock.Time, id vl2.NetworkID, a identity.Address, authorized bool) error {
	panic("TODO")
}

// Member returns a member.
func (c *Controller) Member(id vl2.NetworkID, a identity.Address) (Member, bool) { panic("TODO") }

// Members returns the addresses of all members of a network, ascending.
func (c *Controller) Members(id vl2.NetworkID) []identity.Address { panic("TODO") }

// DeleteMember deletes a member, as if it had never been seen.
func (c *Controller) DeleteMember(now clock.Time, id vl2.NetworkID, a identity.Address) error {
	panic("TODO")
}
