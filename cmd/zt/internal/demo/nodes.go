package demo

import (
	"context"
	"fmt"
	"net/netip"
	"time"
)

// startActors starts the four agents. When the process of one ends, all ends.
func (c *conductor) startActors(cancel context.CancelCauseFunc) error {
	c.at("starting the nodes", "")
	c.roles, c.info = make(map[string]*actor), make(map[string]StartReply)
	for _, name := range []string{nameRoot, nameController, nameA, nameB} {
		x, err := startLocal(name), error(nil)
		if c.opt.Processes {
			x, err = startProcess(name)
		}
		if err != nil {
			c.node = name
			return err
		}
		c.actors = append(c.actors, x)
		c.roles[name] = x
		go func() {
			<-x.gone
			cancel(x.lost())
		}()
	}
	return nil
}

// startNodes starts the root, which makes the planet, and then the others, all with new identities.
func (c *conductor) startNodes(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, limitStart, errTimeout)
	defer cancel()
	c.at("starting the nodes", nameRoot)
	args := StartArgs{Root: true, Loss: c.opt.Loss / 100, Delay: c.opt.Delay, Seed: c.opt.Seed}
	var root StartReply
	if err := c.roles[nameRoot].call(ctx, "Start", args, &root); err != nil {
		return err
	}
	c.info[nameRoot] = root
	args.Root, args.Planet = false, root.Planet
	err := c.each(ctx, []string{nameController, nameA, nameB}, func(ctx context.Context, i int, name string, x *actor) error {
		args := args
		args.Controller, args.Seed = name == nameController, c.opt.Seed+uint64(i)+1
		if name == nameB {
			args.Pcap = c.opt.Pcap
		}
		var reply StartReply
		err := x.call(ctx, "Start", args, &reply)
		c.lock(func() { c.info[name] = reply })
		return err
	})
	if err != nil {
		return err
	}
	for _, name := range []string{nameRoot, nameController, nameA, nameB} {
		i := c.info[name]
		c.result.Nodes = append(c.result.Nodes, Node{Name: name, Address: i.Address.String(), UDP: i.UDP.String(), PID: i.PID})
	}
	what := "4 nodes up, each with a new identity"
	if c.opt.Processes {
		what = "4 processes up, a node with a new identity in each"
	}
	c.out.step(what, time.Since(c.began))
	return nil
}

// goOnline waits until every node has heard the root.
func (c *conductor) goOnline(ctx context.Context) error {
	c.at("waiting for the root's answer", "")
	err := c.each(ctx, []string{nameController, nameA, nameB}, func(ctx context.Context, _ int, _ string, x *actor) error {
		return x.call(ctx, "Online", c.limit(limitOnline), new(Empty))
	})
	if err == nil {
		c.out.step("every node is online: the root answers", time.Since(c.since))
	}
	return err
}

// v4Prefix is the managed IPv4 range of the demonstration.
var v4Prefix = netip.MustParsePrefix("10.147.20.0/24")

// createNetwork creates the network on the controller and authorises the members.
func (c *conductor) createNetwork(ctx context.Context) error {
	c.at("creating the network", nameController)
	x := c.roles[nameController]
	if err := x.call(ctx, "CreateNetwork", NetworkArgs{Name: "demo", MTU: c.opt.MTU, Prefix: v4Prefix}, &c.nwid); err != nil {
		return err
	}
	c.result.Network = c.nwid.String()
	for _, name := range []string{nameA, nameB} {
		if err := x.call(ctx, "Authorize", AuthorizeArgs{c.nwid, c.info[name].Address}, new(Empty)); err != nil {
			return err
		}
	}
	c.out.step(fmt.Sprintf("network %v created, 2 members authorised", c.nwid), time.Since(c.since))
	return nil
}

// join lets the members join.
func (c *conductor) join(ctx context.Context) error {
	c.at("joining the network", "")
	c.addrs = make(map[string][]netip.Addr)
	err := c.each(ctx, []string{nameA, nameB}, func(ctx context.Context, i int, name string, x *actor) error {
		var reply JoinReply
		err := x.call(ctx, "Join", JoinArgs{c.nwid, c.limit(limitJoin)}, &reply)
		c.lock(func() {
			c.addrs[name] = reply.Addrs
			c.result.Nodes[2+i].Addrs, c.result.Nodes[2+i].MAC = reply.Addrs, reply.MAC
		})
		return err
	})
	if err == nil {
		c.out.step("both members have joined and got their addresses", time.Since(c.since))
	}
	return err
}
