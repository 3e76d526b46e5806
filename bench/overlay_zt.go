package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/sockets"
	"github.com/ztstack/ztstack/zerotier/controller"
	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/vl1"
	"github.com/ztstack/ztstack/zerotier/vl2"
)

// planetID is the world of the benchmark: that of stock nodes is another.
const planetID = 0x7a74626e_63680001

// HubArgs describes the node that is root and controller of the overlay. Identities are in text form, with their secrets.
type HubArgs struct {
	Identity string
	Members  []string // identities, without secrets
	MTU      int
}

// HubReply is what members need.
type HubReply struct {
	Planet  []byte
	Network uint64
}

// ZTArgs describes a member.
type ZTArgs struct {
	Identity string
	Peer     string // address of the other member
	Planet   []byte
	Network  uint64
}

// ztEnd is a ZeroTier node of ours on a network of its own: encrypted, authenticated, directly from member to member.
type ztEnd struct {
	node *sockets.Node
	net  *sockets.Network
	peer string
}

// ztKind returns a kind that starts a root, which is the controller too, and two members on a private network.
func ztKind(mtu int) overlayKind {
	return func(profile string) (started []*process, address string, err error) {
		started, err = startChildren(3)
		if err != nil {
			return started, "", err
		}
		var ids [3]identity.Identity
		for i := range ids {
			if ids[i], err = identity.Generate(rand.Reader); err != nil {
				return started, "", err
			}
		}
		hub := HubArgs{Identity: ids[2].SecretString(), MTU: mtu}
		for _, id := range ids[:2] {
			hub.Members = append(hub.Members, id.Address.String())
		}
		var world OpenReply
		if err := started[2].call("Open", OpenArgs{Hub: &hub}, &world, openLimit); err != nil {
			return started, "", fmt.Errorf("root and controller: %w", err)
		}
		for i, p := range started[:2] {
			args := OpenArgs{Server: i == 1, ZT: &ZTArgs{
				Identity: ids[i].SecretString(), Peer: ids[1-i].Address.String(), Planet: world.Hub.Planet, Network: world.Hub.Network,
			}}
			if profile != "" {
				args.Profile = fmt.Sprintf("%s.%d", profile, i)
			}
			var reply OpenReply
			if err := p.call("Open", args, &reply, openLimit+time.Second); err != nil {
				return started, "", fmt.Errorf("member %d: %w", i, err)
			}
			address = reply.Address
		}
		return started, address, nil
	}
}

func openHub(args *HubArgs) (end, HubReply, error) {
	id, err := identity.Parse(args.Identity)
	if err != nil {
		return nil, HubReply{}, err
	}
	at, err := freePort()
	if err != nil {
		return nil, HubReply{}, err
	}
	w := vl1.NewPlanet(planetID, uint64(time.Now().UnixMilli()), &id, []vl1.Root{{Identity: id.WithoutSecret(), Endpoints: []netip.AddrPort{at}}})
	w.Sign(&id)
	e := &ztEnd{node: &sockets.Node{
		Identity: id, Planet: w.Append(nil), Listen: []netip.AddrPort{at}, AllowLoopback: true, Controller: true,
	}}
	if err := e.node.Start(); err != nil {
		return nil, HubReply{}, err
	}
	var network vl2.NetworkID
	err = e.node.Control(func(now clock.Time, c *controller.Controller) error {
		network = c.NewNetworkID()
		err := c.SetNetwork(now, controller.Network{
			ID: network, Name: "bench", MTU: args.MTU, Broadcast: true, MulticastMax: 32, AssignV4: true,
			Pools:  []controller.Pool{{First: netip.MustParseAddr("10.147.20.10"), Last: netip.MustParseAddr("10.147.20.99")}},
			Routes: []vl2.Route{{Target: netip.MustParsePrefix("10.147.20.0/24")}},
		})
		for _, m := range args.Members {
			a, bad := identity.ParseAddress(m)
			if err == nil {
				err = bad
			}
			if err == nil {
				err = c.Authorize(now, network, a, true)
			}
		}
		return err
	})
	if err != nil {
		e.node.Close()
		return nil, HubReply{}, err
	}
	return e, HubReply{Planet: e.node.Planet, Network: uint64(network)}, nil
}

func openZT(args *ZTArgs) (end, error) {
	id, err := identity.Parse(args.Identity)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), openLimit)
	defer cancel()
	e := &ztEnd{peer: args.Peer, node: &sockets.Node{
		Identity: id, Planet: args.Planet, Listen: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")}, AllowLoopback: true,
	}}
	if err := e.node.Start(); err != nil {
		return nil, err
	}
	if e.net, err = e.node.Join(ctx, sockets.NetworkID(args.Network)); err != nil {
		e.node.Close()
		return nil, err
	}
	return e, nil
}

func (e *ztEnd) listen() (net.Listener, error) {
	return e.net.Listen("tcp", fmt.Sprintf(":%d", serverPort))
}

func (e *ztEnd) address() string {
	for _, a := range e.net.Addrs() {
		if a.Is4() {
			return netip.AddrPortFrom(a, serverPort).String()
		}
	}
	return ""
}

func (e *ztEnd) dial(ctx context.Context, to string) (net.Conn, error) {
	return e.net.DialContext(ctx, "tcp", to)
}

// ready makes round trips until they go directly to the other member.
func (e *ztEnd) ready(ctx context.Context, _ string, trip func() error) error {
	for ctx.Err() == nil {
		if err := trip(); err != nil {
			return err
		}
		for _, p := range e.node.Peers() {
			if p.Address.String() != e.peer || !p.Direct {
				continue
			}
			if !strings.Contains(strings.ToUpper(p.Cipher), "AES") {
				return fmt.Errorf("the path's cipher is %s, but AES-GMAC-SIV is to be measured", p.Cipher)
			}
			return nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	return errors.New("the members' path is still relayed")
}

func (e *ztEnd) close() error { return e.node.Close() }
