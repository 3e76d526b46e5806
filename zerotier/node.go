package zerotier

import (
	"net/netip"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/ethernet"
	"github.com/ztstack/ztstack/link"
	"github.com/ztstack/ztstack/zerotier/vl2"
)

// Datagram is a UDP datagram to be sent.
type Datagram struct {
	Local int // index of the socket to send from; -1 means every socket of To's family
	To    netip.AddrPort
	Data  []byte
	TTL   int // IPv4 time to live; 0 means the default
}

// Frame is an Ethernet frame for the host. Its bytes alias what it came in.
type Frame struct {
	Network vl2.NetworkID
	Buf     link.Buf
}

// A Node is one ZeroTier node. See the package comment.
type Node struct{}

// New returns a node that has joined no network.
func New(cfg Config, now clock.Time) (*Node, error) { panic("TODO") }

// Receive processes one datagram that came to socket local, decrypting it in place. A frame that it carried is
// returned and aliases pkt. Call Output, Frame and Event until they return false after a batch of calls.
func (n *Node) Receive(now clock.Time, local int, from netip.AddrPort, pkt []byte) (Frame, bool) {
	panic("TODO")
}

// SendFrame sends an Ethernet frame of the host. It does not keep b.
func (n *Node) SendFrame(now clock.Time, id vl2.NetworkID, b *link.Buf) { panic("TODO") }

// Frame returns the next frame for the host that did not come out of Receive directly: a packet that had to wait for its sender's
// identity or certificate, or an answer made locally. It is valid until the next call of any method.
func (n *Node) Frame(now clock.Time) (Frame, bool) { panic("TODO") }

// Poll runs what is due and returns the next deadline.
func (n *Node) Poll(now clock.Time) clock.Time { panic("TODO") }

// Output writes the next datagram to send into dst, which holds at least packet.MaxLen bytes.
func (n *Node) Output(now clock.Time, dst []byte) (Datagram, bool) { panic("TODO") }

// Event returns the next event.
func (n *Node) Event() (Event, bool) { panic("TODO") }

// Join joins a network. The token, if any, is presented to its controller.
func (n *Node) Join(now clock.Time, id vl2.NetworkID, token string) { panic("TODO") }

// Leave leaves a network.
func (n *Node) Leave(now clock.Time, id vl2.NetworkID) { panic("TODO") }

// Subscribe makes the node a member of the multicast group (mac, adi) of a network.
func (n *Node) Subscribe(now clock.Time, id vl2.NetworkID, mac ethernet.Addr, adi uint32) {
	panic("TODO")
}

// Unsubscribe undoes Subscribe.
func (n *Node) Unsubscribe(now clock.Time, id vl2.NetworkID, mac ethernet.Addr, adi uint32) {
	panic("TODO")
}

// SetAddresses tells the addresses that the host has on a network beside the managed ones.
func (n *Node) SetAddresses(now clock.Time, id vl2.NetworkID, addrs []netip.Addr) { panic("TODO") }

// Status describes the node, its peers and its networks.
func (n *Node) Status(now clock.Time) Status                   { panic("TODO") }
func (n *Node) Peers(now clock.Time) []PeerStatus              { panic("TODO") }
func (n *Node) Networks() []NetworkStatus                      { panic("TODO") }
func (n *Node) Network(id vl2.NetworkID) (NetworkStatus, bool) { panic("TODO") }
