package zerotier

import (
	"errors"
	"math/rand/v2"
	"net/netip"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/ethernet"
	"github.com/ztstack/ztstack/link"
	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/vl1"
	"github.com/ztstack/ztstack/zerotier/vl2"
)

// Errors of New.
var (
	ErrIdentity = errors.New("zerotier: the configured identity has no secret key; generate one, or read identity.secret instead of identity.public")
	ErrPlanet   = errors.New("zerotier: the configured planet is not a serialized world; check where its bytes come from")
	ErrMoon     = errors.New("zerotier: a configured moon is not a serialized world; check where its bytes come from")
)

// Datagram is a UDP datagram to be sent: from socket Local (vl1.AllSockets means every socket of To's family).
type Datagram = vl1.Datagram

// Frame is an Ethernet frame for the host. Its bytes alias what it came in.
type Frame struct {
	Network vl2.NetworkID
	From    identity.Address // the member that sent it
	Buf     link.Buf
}

// A Node is one ZeroTier node. See the package comment.
type Node struct {
	self identity.Identity // without its secret
	vl1  *vl1.Switch
	vl2  *vl2.Networks
	ctl  Controller

	events   queue[Event]
	republic queue[flowKey] // flows whose session may have changed
	gated    map[identity.Address][]vl2.NetworkID
	scratch  []byte // a frame that has no room before it; a message to ourselves
	selfID   uint64 // number of the last message to ourselves
	joined   map[vl2.NetworkID]bool
	stats    Stats
}

// New returns a node that has joined no network.
func New(cfg Config, now clock.Time) (*Node, error) {
	if !cfg.Identity.HasSecret() {
		return nil, ErrIdentity
	}
	n := &Node{
		self:   cfg.Identity.WithoutSecret(),
		ctl:    cfg.Controller,
		events: queue[Event]{limit: maxEvents},
		gated:  make(map[identity.Address][]vl2.NetworkID),
		joined: make(map[vl2.NetworkID]bool),
	}
	c := vl1.Config{
		Identity:      cfg.Identity,
		Rand:          rand.New(rand.NewChaCha8(cfg.Seed)),
		ClockBase:     cfg.ClockBase,
		AllowLoopback: cfg.AllowLoopback,
		PhysicalMTU:   cfg.PhysicalMTU,
		LocalAddrs:    cfg.LocalAddrs,
	}
	if len(cfg.Planet) > 0 {
		w, k := vl1.ParseWorld(cfg.Planet)
		if k < 0 || w.Type != vl1.Planet {
			return nil, ErrPlanet
		}
		c.Planet = w
	}
	for _, b := range cfg.Moons {
		w, k := vl1.ParseWorld(b)
		if k < 0 || w.Type != vl1.Moon {
			return nil, ErrMoon
		}
		c.Moons = append(c.Moons, w)
	}
	var err error
	if n.vl1, err = vl1.New(c, now); err != nil {
		return nil, err
	}
	n.vl2 = vl2.New(vl2.Config{
		Self:     &cfg.Identity,
		Rand:     c.Rand,
		Platform: cfg.Platform,
		Major:    softwareMajor,
		Minor:    softwareMinor,
		Revision: softwareRevision,
		Upstream: n.vl1.IsRoot(),
	}, now)
	n.vl2.Learn(now, &n.self)
	n.vl2.SetUpstreams(now, n.vl1.Upstreams())
	for _, b := range cfg.Peers {
		n.loadPeer(now, b)
	}
	n.event(Event{Kind: EventUp})
	n.settle(now)
	return n, nil
}

// Software version announced to peers and controllers: that of the reference whose behaviour is matched, because
// controllers and members decide by it what a node understands.
const (
	softwareMajor    = 1
	softwareMinor    = 14
	softwareRevision = 1
)

// maxEvents is the most events kept until somebody asks for them.
const maxEvents = 1024

// Address returns the node's address.
func (n *Node) Address() identity.Address { return n.self.Address }

// Identity returns the node's identity, without its secret.
func (n *Node) Identity() identity.Identity { return n.self }

// Receive processes one datagram that came to socket local, decrypting it in place. A frame that it carried is
// returned; it aliases pkt or memory of the node, and is valid until the next call of any method. Call Frame, Output, Event and
// FlowChanged until they return false after a batch of calls.
func (n *Node) Receive(now clock.Time, local int, from netip.AddrPort, pkt []byte) (Frame, bool) {
	m, ok := n.vl1.Receive(now, local, from, pkt)
	return n.received(now, &m, ok)
}

// ReceiveWhole is Receive for a head that the caller has put together with its fragments already.
func (n *Node) ReceiveWhole(now clock.Time, local int, from netip.AddrPort, pkt []byte) (Frame, bool) {
	m, ok := n.vl1.ReceiveWhole(now, local, from, pkt)
	return n.received(now, &m, ok)
}

// ReceiveOpened is Receive for a whole packet that the Session of a Flow has opened already.
func (n *Node) ReceiveOpened(now clock.Time, local int, from netip.AddrPort, pkt []byte) (Frame, bool) {
	m, ok := n.vl1.ReceiveOpened(now, local, from, pkt)
	return n.received(now, &m, ok)
}

func (n *Node) received(now clock.Time, m *vl1.Message, ok bool) (f Frame, has bool) {
	if ok {
		f, has = n.message(now, m)
	}
	n.settle(now)
	return f, has
}

// SendFrame sends an Ethernet frame of the host. It neither changes nor keeps b.
func (n *Node) SendFrame(now clock.Time, id vl2.NetworkID, b *link.Buf) {
	frame := b.Frame()
	if len(frame) < ethernetHeaderLen {
		n.stats.ShortFrames++
		return
	}
	if u, ok := n.vl2.SendFrame(now, id, frame); ok {
		n.stats.FramesOut++
		payload := append(n.scratch[:0], u.Prefix[:u.Len]...)
		payload = append(payload, frame[ethernetHeaderLen:]...)
		n.scratch = payload
		n.vl1.Send(now, u.To, u.Verb, payload)
	}
	n.settle(now)
}

const ethernetHeaderLen = 14

// Frame returns the next frame for the host that did not come out of Receive: from a packet that had to wait for its sender's
// identity or certificate, or an answer made locally. It is valid until the next call of any method.
func (n *Node) Frame(now clock.Time) (Frame, bool) {
	for {
		m, ok := n.vl1.Next(now)
		if !ok {
			break
		}
		f, ok := n.message(now, &m)
		n.settle(now)
		if ok {
			return f, true
		}
	}
	if f, ok := n.vl2.Deliver(); ok {
		return n.frame(&f, nil), true
	}
	return Frame{}, false
}

// Poll runs what is due and returns the next deadline. Messages that became due come out of Frame.
func (n *Node) Poll(now clock.Time) clock.Time {
	n.vl1.Poll(now)
	n.vl2.Poll(now)
	n.settle(now)
	// What settle sent may have armed timers: ask again. Polling twice at one instant does nothing else.
	return clock.Min(n.vl1.Poll(now), n.vl2.Poll(now))
}

// Output writes the next datagram to send into dst, which has room for the physical MTU.
func (n *Node) Output(now clock.Time, dst []byte) (Datagram, bool) { return n.vl1.Output(now, dst) }

// Event returns the next event.
func (n *Node) Event() (Event, bool) { return n.events.pop() }

// Join joins a network. The token, if any, is presented to its controller.
func (n *Node) Join(now clock.Time, id vl2.NetworkID, token string) {
	n.vl2.Join(now, id, token)
	if !n.joined[id] {
		n.joined[id] = true
		n.event(Event{Kind: EventStoreNetwork, Network: id})
	}
	n.settle(now)
}

// Leave leaves a network.
func (n *Node) Leave(now clock.Time, id vl2.NetworkID) {
	n.vl2.Leave(now, id)
	if n.joined[id] {
		delete(n.joined, id)
		n.event(Event{Kind: EventForgetNetwork, Network: id})
	}
	n.settle(now)
}

// Subscribe makes the node a member of the multicast group (mac, adi) of a network.
func (n *Node) Subscribe(now clock.Time, id vl2.NetworkID, mac ethernet.Addr, adi uint32) {
	n.vl2.Subscribe(now, id, mac, adi)
	n.settle(now)
}

// Unsubscribe undoes Subscribe.
func (n *Node) Unsubscribe(now clock.Time, id vl2.NetworkID, mac ethernet.Addr, adi uint32) {
	n.vl2.Unsubscribe(now, id, mac, adi)
	n.settle(now)
}

// SetAddresses tells the addresses that the host has on a network beside the managed ones. It does not keep the slice.
func (n *Node) SetAddresses(now clock.Time, id vl2.NetworkID, addrs []netip.Addr) {
	n.vl2.SetAddresses(now, id, addrs)
	n.settle(now)
}

// SetLocalAddrs replaces Config.LocalAddrs.
func (n *Node) SetLocalAddrs(addrs []netip.AddrPort) { n.vl1.SetLocalAddrs(addrs) }

// Settle carries messages between the layers until there is none. Every method does it by itself; call it after the
// Controller was changed from outside.
func (n *Node) Settle(now clock.Time) { n.settle(now) }
