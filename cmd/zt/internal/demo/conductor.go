package demo

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/vl2"
)

// Options are the flags of zt demo.
type Options struct {
	File      string
	Bytes     int64
	Processes bool
	JSON      bool
	Pcap      string
	MTU       int
	Loss      float64 // percent
	Delay     time.Duration
	Seed      uint64
	Stall     time.Duration // longest time without a byte
	Pings     int
}

// Result is what zt demo --json prints.
type Result struct {
	OK        bool       `json:"ok"`
	Bytes     int64      `json:"bytes"`
	SHA256    string     `json:"sha256"`
	Network   string     `json:"network,omitempty"`
	Nodes     []Node     `json:"nodes,omitempty"`
	Transfers []Transfer `json:"transfers"`
	ElapsedMS int64      `json:"elapsed_ms"`
	Step      string     `json:"step,omitempty"`
	Node      string     `json:"node,omitempty"`
	Error     string     `json:"error,omitempty"`
}

// Node describes one node.
type Node struct {
	Name    string       `json:"name"`
	Address string       `json:"address"`
	UDP     string       `json:"udp"`
	PID     int          `json:"pid"`
	Addrs   []netip.Addr `json:"addrs,omitempty"`
	MAC     string       `json:"mac,omitempty"`
}

// Transfer describes one download.
type Transfer struct {
	Family        string  `json:"family"`
	ThroughputBPS float64 `json:"throughput_bps"`
	RTTp50        float64 `json:"rtt_p50_us"`
	RTTp99        float64 `json:"rtt_p99_us"`
	PingsLost     int     `json:"pings_lost"`
	Cipher        string  `json:"cipher"`
	Path          string  `json:"path"`
	FirstPath     string  `json:"first_path"`
	Retransmits   uint64  `json:"retransmits"`
	ElapsedMS     int64   `json:"elapsed_ms"`
	From          string  `json:"from"`
}

// A conductor leads the demonstration through its steps.
type conductor struct {
	opt   Options
	out   *printer
	began time.Time

	actors []*actor
	roles  map[string]*actor
	cancel context.CancelCauseFunc // of all that is being done
	info   map[string]StartReply
	addrs  map[string][]netip.Addr
	nwid   vl2.NetworkID
	served ServeReply
	first  string // path of the first packets between the members
	result Result

	mu         sync.Mutex // for lock
	step, node string     // what is being done, where
	since      time.Time
}

// names of the nodes.
const (
	nameRoot       = "root"
	nameController = "controller"
	nameA          = "a"
	nameB          = "b"
)

// Limits of the steps. Losses between nodes cost whole retries of the protocol, so they are generous.
const (
	limitStart  = 20 * time.Second
	limitOnline = 20 * time.Second
	limitJoin   = 30 * time.Second
	limitDirect = 20 * time.Second
	limitPing   = 2 * time.Second
)

// run leads the demonstration. The returned error is a *Failure, or ErrInterrupted.
func (c *conductor) run(ctx context.Context) error {
	c.began = time.Now()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	c.cancel = cancel
	err := c.steps(ctx)
	why := ""
	var lost *lostError
	if errors.As(err, &lost) {
		why = lost.Error()
	}
	if err != nil && errors.Is(context.Cause(ctx), ErrInterrupted) {
		err = ErrInterrupted
	} else if err != nil {
		err = c.failure(err)
	}
	stopAll(c.alive(), why)
	c.result.ElapsedMS = time.Since(c.began).Milliseconds()
	return err
}

// alive returns the actors whose processes have not ended.
func (c *conductor) alive() []*actor {
	var out []*actor
	for _, x := range c.actors {
		select {
		case <-x.gone:
			x.client.Close()
		default:
			out = append(out, x)
		}
	}
	return out
}

// steps does one thing after another, and stops at the first that fails.
func (c *conductor) steps(ctx context.Context) error {
	for _, step := range []func(context.Context) error{
		c.startNodes, c.goOnline, c.createNetwork, c.join, c.findEachOther, c.serve,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	for _, family := range []string{"IPv4", "IPv6"} {
		if err := c.transfer(ctx, family); err != nil {
			return err
		}
	}
	c.result.OK = true
	return nil
}

// at notes what is being done, for the error that it may end with.
func (c *conductor) at(step, node string) {
	c.step, c.node, c.since = step, node, time.Now()
}

// startNodes starts the root, which makes the planet, and then the others, all with new identities.
func (c *conductor) startNodes(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, limitStart, errTimeout)
	defer cancel()
	c.at("starting the nodes", nameRoot)
	c.roles, c.info = make(map[string]*actor), make(map[string]StartReply)
	for _, name := range []string{nameRoot, nameController, nameA, nameB} {
		x := startLocalOr(c.opt.Processes, name)
		if x.err != nil {
			c.node = name
			return x.err
		}
		c.actors = append(c.actors, x.actor)
		go func() { <-x.gone; c.cancel(x.lost()) }()
		c.roles[name] = x.actor
	}
	args := StartArgs{
		Root: true, Name: nameRoot, Loss: c.opt.Loss / 100, Delay: c.opt.Delay, Seed: c.opt.Seed,
	}
	var root StartReply
	if err := c.roles[nameRoot].call(ctx, "Start", args, &root); err != nil {
		return err
	}
	c.info[nameRoot] = root
	args.Root, args.Planet = false, root.Planet
	err := c.each(ctx, []string{nameController, nameA, nameB}, func(ctx context.Context, i int, name string, x *actor) error {
		args := args
		args.Name, args.Controller, args.Seed = name, name == nameController, c.opt.Seed+uint64(i)+1
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
	c.out.step("4 nodes up, each with a new identity", time.Since(c.began))
	return nil
}

type actorOr struct {
	*actor
	err error
}

func startLocalOr(processes bool, name string) actorOr {
	if !processes {
		return actorOr{actor: startLocal(name)}
	}
	x, err := startProcess(name)
	return actorOr{x, err}
}

// lock runs f while no other call of lock does: results of concurrent calls are collected in it.
func (c *conductor) lock(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
}

// each runs f for several nodes at once and returns the first error, naming its node.
func (c *conductor) each(ctx context.Context, names []string, f func(ctx context.Context, i int, name string, x *actor) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	var first error
	for i, name := range names {
		wg.Go(func() {
			err := f(ctx, i, name, c.roles[name])
			if err == nil {
				return
			}
			c.lock(func() {
				if first == nil {
					first, c.node = err, name
				}
			})
			cancel(err)
		})
	}
	wg.Wait()
	return first
}

// goOnline waits until every node has heard the root.
func (c *conductor) goOnline(ctx context.Context) error {
	c.at("waiting for the root's answer", "")
	start := time.Now()
	err := c.each(ctx, []string{nameController, nameA, nameB}, func(ctx context.Context, _ int, _ string, x *actor) error {
		return x.call(ctx, "Online", limitOnline, new(Empty))
	})
	if err == nil {
		c.out.step("every node is online: the root answers", time.Since(start))
	}
	return err
}

// v4Prefix is the managed IPv4 range of the demonstration.
var v4Prefix = netip.MustParsePrefix("10.147.20.0/24")

// createNetwork creates the network on the controller and authorises the members.
func (c *conductor) createNetwork(ctx context.Context) error {
	c.at("creating the network", nameController)
	start := time.Now()
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
	c.out.step(fmt.Sprintf("network %v created, 2 members authorised", c.nwid), time.Since(start))
	return nil
}

// join lets the members join.
func (c *conductor) join(ctx context.Context) error {
	c.at("joining the network", "")
	start := time.Now()
	c.addrs = make(map[string][]netip.Addr)
	err := c.each(ctx, []string{nameA, nameB}, func(ctx context.Context, i int, name string, x *actor) error {
		var reply JoinReply
		err := x.call(ctx, "Join", JoinArgs{c.nwid, limitJoin}, &reply)
		c.lock(func() {
			c.addrs[name] = reply.Addrs
			c.result.Nodes[2+i].Addrs, c.result.Nodes[2+i].MAC = reply.Addrs, reply.MAC
		})
		return err
	})
	if err == nil {
		c.out.step("both members have joined and got their addresses", time.Since(start))
	}
	return err
}

// address returns a member's address of a family.
func (c *conductor) address(name, family string) netip.Addr {
	for _, a := range c.addrs[name] {
		if a.Is4() == (family == "IPv4") {
			return a
		}
	}
	return netip.Addr{}
}

// findEachOther pings until packets go straight from member to member. The first echo goes through the root.
func (c *conductor) findEachOther(ctx context.Context) error {
	c.at("finding the way from b to a", nameB)
	start := time.Now()
	b := c.roles[nameB]
	for {
		var ping PingReply
		to := c.address(nameA, "IPv4")
		if err := b.call(ctx, "Ping", PingArgs{To: to, Count: 1, Limit: limitPing}, &ping); err != nil {
			return err
		}
		peer, err := c.peer(ctx)
		if err != nil {
			return err
		}
		if c.first == "" && len(ping.RTT) > 0 {
			c.first = "relayed by root " + c.info[nameRoot].UDP.String()
			c.out.step(fmt.Sprintf("first echo after %s", took(time.Since(start))), time.Since(start))
		}
		if peer.Direct && len(ping.RTT) > 0 {
			c.out.step("direct path from b to a: "+peer.Path, time.Since(start))
			return nil
		}
		if time.Since(start) > limitDirect {
			if len(ping.RTT) == 0 {
				return fmt.Errorf("%v does not answer", to)
			}
			return errors.New("packets still go through the root")
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// peer asks b for its path to a.
func (c *conductor) peer(ctx context.Context) (reply PeerReply, err error) {
	err = c.roles[nameB].call(ctx, "Peer", identity.Address(c.info[nameA].Address), &reply)
	return reply, err
}

// serve starts the HTTP server on a.
func (c *conductor) serve(ctx context.Context) error {
	c.at("starting the HTTP server", nameA)
	args := ServeArgs{File: c.opt.File, Bytes: c.opt.Bytes, Seed: c.opt.Seed}
	if err := c.roles[nameA].call(ctx, "Serve", args, &c.served); err != nil {
		return err
	}
	c.result.Bytes, c.result.SHA256 = c.served.Bytes, c.served.SHA256
	return nil
}
