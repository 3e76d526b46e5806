package demo

import (
	"context"
	"net/http"
	"net/netip"
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/zerotier/controller"
	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/vl2"
)

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
	defer a.mu.Unlock()
	a.network = nw
	a.client = &http.Client{Transport: &http.Transport{DialContext: nw.DialContext, ReadBufferSize: 64 << 10}}
	*reply = JoinReply{MAC: nw.MAC().String(), Addrs: nw.Addrs(), MTU: nw.Config().MTU}
	return nil
}
