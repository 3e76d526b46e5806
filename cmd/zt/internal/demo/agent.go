package demo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/sockets"
	"github.com/ztstack/ztstack/zerotier/controller"
	"github.com/ztstack/ztstack/zerotier/driver"
	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/vl1"
	"github.com/ztstack/ztstack/zerotier/vl2"
)

// An Agent is one node of the demonstration, driven by calls from the conductor: over a pipe in the same process, or over the standard
// input and output of a process of its own. Its exported methods have the form that net/rpc wants.
type Agent struct {
	ctx    context.Context // done when the agent is to stop
	cancel context.CancelFunc

	mu      sync.Mutex
	name    string
	node    *sockets.Node
	network *sockets.Network
	capture *capture
	server  *fileServer

	received atomic.Int64 // bytes of the download under way
}

func newAgent() *Agent {
	a := &Agent{}
	a.ctx, a.cancel = context.WithCancel(context.Background())
	return a
}

// Empty is for calls without arguments or without results.
type Empty struct{}

// StartArgs describes the node to start.
type StartArgs struct {
	Name       string
	Root       bool   // be the root: make the planet
	Planet     []byte // for all others
	Controller bool
	Loss       float64 // 0 to 1
	Delay      time.Duration
	Seed       uint64
	Pcap       string // file for the frames of the virtual network
}

// StartReply tells who the node is.
type StartReply struct {
	Address identity.Address
	UDP     netip.AddrPort
	Planet  []byte // made by the root
	PID     int
}

// Start makes an identity and starts the node.
func (a *Agent) Start(args StartArgs, reply *StartReply) error {
	id, err := identity.Generate(rand.Reader)
	if err != nil {
		return err
	}
	udp, err := freePort()
	if err != nil {
		return err
	}
	if args.Root {
		args.Planet = makePlanet(&id, udp)
	}
	n := &sockets.Node{
		Identity:      id,
		Planet:        args.Planet,
		Listen:        []netip.AddrPort{udp},
		AllowLoopback: true,
		Controller:    args.Controller,
		Impair:        driver.Impairment{Loss: args.Loss, Delay: args.Delay, Seed: args.Seed},
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if args.Pcap != "" {
		if a.capture, err = newCapture(args.Pcap, args.Name); err != nil {
			return err
		}
		n.Host.Tap = a.capture.frame
	}
	if err := n.Start(); err != nil {
		return err
	}
	a.name, a.node = args.Name, n
	*reply = StartReply{Address: id.Address, UDP: udp, Planet: args.Planet, PID: os.Getpid()}
	return nil
}

// freePort finds a UDP port of loopback. The planet has to name the root's port before the root is started.
func freePort() (netip.AddrPort, error) {
	c, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:0")))
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("looking for a free UDP port on 127.0.0.1: %w", err)
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).AddrPort(), nil
}

// planetID is the demonstration's world: that of stock nodes is another.
const planetID = 0x7a746465_6d6f0001

func makePlanet(root *identity.Identity, at netip.AddrPort) []byte {
	w := vl1.NewPlanet(planetID, uint64(time.Now().UnixMilli()), root, []vl1.Root{
		{Identity: root.WithoutSecret(), Endpoints: []netip.AddrPort{at}},
	})
	w.Sign(root)
	return w.Append(nil)
}

// Online waits until the node has heard the root.
func (a *Agent) Online(limit time.Duration, _ *Empty) error {
	ctx, cancel := context.WithTimeout(a.ctx, limit)
	defer cancel()
	return a.node.Up(ctx)
}

// NetworkArgs describes the network that the controller is to make.
type NetworkArgs struct {
	Name   string
	MTU    int
	Prefix netip.Prefix // managed IPv4 range
}

// CreateNetwork creates a private network with IPv4, RFC 4193 and 6PLANE addresses.
func (a *Agent) CreateNetwork(args NetworkArgs, reply *vl2.NetworkID) error {
	return a.node.Control(func(now clock.Time, c *controller.Controller) error {
		id := c.NewNetworkID()
		first := args.Prefix.Masked().Addr()
		for range 10 {
			first = first.Next()
		}
		last := first
		for range 200 {
			last = last.Next()
		}
		*reply = id
		return c.SetNetwork(now, controller.Network{
			ID: id, Name: args.Name, MTU: args.MTU, Broadcast: true, MulticastMax: 32,
			AssignV4: true, AssignRFC4193: true, AssignSixPlane: true,
			Pools:  []controller.Pool{{First: first, Last: last}},
			Routes: []vl2.Route{{Target: args.Prefix.Masked()}},
		})
	})
}

// AuthorizeArgs names a member.
type AuthorizeArgs struct {
	Network vl2.NetworkID
	Member  identity.Address
}

// Authorize makes a node a member of the network.
func (a *Agent) Authorize(args AuthorizeArgs, _ *Empty) error {
	return a.node.Control(func(now clock.Time, c *controller.Controller) error {
		return c.Authorize(now, args.Network, args.Member, true)
	})
}

// JoinArgs names the network to join.
type JoinArgs struct {
	Network vl2.NetworkID
	Limit   time.Duration
}

// JoinReply tells the addresses that the controller has assigned.
type JoinReply struct {
	MAC   string
	Addrs []netip.Addr
	MTU   int
}

// Join joins the network and waits for its configuration.
func (a *Agent) Join(args JoinArgs, reply *JoinReply) error {
	ctx, cancel := context.WithTimeout(a.ctx, args.Limit)
	defer cancel()
	nw, err := a.node.Join(ctx, args.Network)
	if err != nil {
		return err
	}
	a.mu.Lock()
	a.network = nw
	a.mu.Unlock()
	*reply = JoinReply{MAC: nw.MAC().String(), Addrs: nw.Addrs(), MTU: nw.Config().MTU}
	return nil
}

// PingArgs says whom to ping.
type PingArgs struct {
	To    netip.Addr
	Count int
	Limit time.Duration // for each
}

// PingReply has the round trips of the echoes that were answered, in ascending order.
type PingReply struct {
	RTT  []time.Duration
	Lost int
}

// Ping sends echo requests one after another.
func (a *Agent) Ping(args PingArgs, reply *PingReply) error {
	p, err := a.network.Host().NewPinger(args.To)
	if err != nil {
		return err
	}
	defer p.Close()
	for range args.Count {
		ctx, cancel := context.WithTimeout(a.ctx, args.Limit)
		rtt, err := p.Ping(ctx, 56)
		cancel()
		switch {
		case a.ctx.Err() != nil:
			return errStopped
		case err != nil:
			reply.Lost++
		default:
			reply.RTT = append(reply.RTT, rtt)
		}
	}
	slices.Sort(reply.RTT)
	return nil
}

// PeerReply tells how packets travel to a peer.
type PeerReply struct {
	Direct bool
	Path   string // address of the peer, or of the root that relays
	Cipher string
}

// Peer describes the path to another node.
func (a *Agent) Peer(addr identity.Address, reply *PeerReply) error {
	for _, p := range a.node.Peers() {
		if p.Address != addr {
			continue
		}
		reply.Direct, reply.Cipher = p.Direct, p.Cipher
		for _, path := range p.Paths {
			if path.Preferred {
				reply.Path = path.Remote.String()
			}
		}
	}
	return nil
}

var errStopped = errors.New("stopped")

// Lost says that another node is gone, and stops this one.
func (a *Agent) Lost(why string, _ *Empty) error {
	fmt.Fprintf(os.Stderr, "zt demo: node %s: %s; stopping\n", a.name, why)
	return a.Stop(Empty{}, nil)
}

// Stop ends the node and everything that it does.
func (a *Agent) Stop(Empty, *Empty) error {
	a.cancel()
	a.mu.Lock()
	defer a.mu.Unlock()
	var err error
	if a.server != nil {
		err = a.server.close()
	}
	if a.node != nil {
		err = errors.Join(err, a.node.Close())
	}
	if a.capture != nil {
		err = errors.Join(err, a.capture.close())
	}
	a.server, a.capture = nil, nil
	return err
}
