package vl2

import (
	"math/rand/v2"
	"net/netip"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/ethernet"
	"github.com/ztstack/ztstack/zerotier/identity"
)

// Config configures Networks.
type Config struct {
	Self         *identity.Identity
	Rand         *rand.Rand // order of multicast recipients, MATCH_RANDOM
	Platform     string     // reported to controllers, such as "linux/amd64"; "" reports "unknown"
	Major, Minor uint8      // software version reported to controllers
	Revision     uint16
	Upstream     bool // this node is a root: it keeps the multicast members of every network and answers gathers
}

// Networks holds the networks of one node. See the package comment.
type Networks struct{}

// New returns a Networks that has joined nothing.
func New(cfg Config, now clock.Time) *Networks { panic("TODO") }

// Join joins a network; its configuration is requested at once. The token, if any, is presented to the controller. Joining
// again changes the token and requests anew.
func (n *Networks) Join(now clock.Time, id NetworkID, token string) { panic("TODO") }

// Leave leaves a network.
func (n *Networks) Leave(now clock.Time, id NetworkID) { panic("TODO") }

// List returns the joined networks in the order of joining.
func (n *Networks) List() []NetworkID { panic("TODO") }

// Info returns the state of a joined network.
func (n *Networks) Info(id NetworkID) (Info, bool) { panic("TODO") }

// SetUpstreams tells which roots there are; groups are announced to them, and gathered from the best of them. It does not
// keep the slice.
func (n *Networks) SetUpstreams(now clock.Time, roots []identity.Address) { panic("TODO") }

// Online tells that the upstreams can be reached (again): pending requests are sent at once instead of at their next retry.
func (n *Networks) Online(now clock.Time) { panic("TODO") }

// Learn makes an identity known. The caller vouches that it is authentic (PROTOCOL 2.2, 10.4).
func (n *Networks) Learn(now clock.Time, id *identity.Identity) { panic("TODO") }

// NeedIdentity returns the next address whose identity is wanted, each once per request. Answer with Learn, at any time.
func (n *Networks) NeedIdentity() (identity.Address, bool) { panic("TODO") }

// Receive processes one message. A frame aliases m.Payload.
func (n *Networks) Receive(now clock.Time, m *Message) (Frame, Verdict) { panic("TODO") }

// SendFrame takes an Ethernet frame (14-byte header, no VLAN tag) of the host. When it is for one member, it says how to send it
// and ok is true; everything else (multicast, several bridges, copies) comes out of Output, or is answered through Deliver.
// It does not change or keep the frame.
func (n *Networks) SendFrame(now clock.Time, id NetworkID, frame []byte) (u Unicast, ok bool) {
	panic("TODO")
}

// Deliver returns the next frame for the host that was made locally (NDP emulation). Call it after SendFrame. The
// payload is valid until the next call, and nothing may be written before it.
func (n *Networks) Deliver() (Frame, bool) { panic("TODO") }

// Output returns the next message to send. Call it until it returns false after every other call.
func (n *Networks) Output() (Send, bool) { panic("TODO") }

// Poll runs what is due and returns the next deadline.
func (n *Networks) Poll(now clock.Time) clock.Time { panic("TODO") }

// Event returns the next event.
func (n *Networks) Event() (Event, bool) { panic("TODO") }

// Subscribe makes this node a member of the multicast group (mac, adi) of a network, and announces it at once. The groups that the managed
// addresses need (ARP, solicited-node, broadcast) are subscribed by themselves.
func (n *Networks) Subscribe(now clock.Time, id NetworkID, mac ethernet.Addr, adi uint32) {
	panic("TODO")
}

// Unsubscribe undoes Subscribe.
func (n *Networks) Unsubscribe(now clock.Time, id NetworkID, mac ethernet.Addr, adi uint32) {
	panic("TODO")
}

// SetAddresses replaces the addresses that the host has on a network beside the managed ones, so that ARP and
// neighbour solicitations for them arrive. It does not keep the slice.
func (n *Networks) SetAddresses(now clock.Time, id NetworkID, addrs []netip.Addr) { panic("TODO") }

// Configured tells that this node, as the controller of id, has just configured a member: its groups are kept and its
// gathers answered for a while, though this node need not be on the network.
func (n *Networks) Configured(now clock.Time, id NetworkID, member identity.Address) { panic("TODO") }

// Stats returns the counters.
func (n *Networks) Stats() Stats { panic("TODO") }
