package interop

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/sockets"
	"github.com/ztstack/ztstack/stack"
	"github.com/ztstack/ztstack/zerotier/controller"
	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/vl2"
)

// An Agent does in its namespace what the test asks for: with a sockets.Node once Start was called, and with the kernel's sockets
// before. Its exported methods have the form that net/rpc wants.
type Agent struct {
	mu       sync.Mutex
	node     *sockets.Node                      // guarded by mu
	networks map[vl2.NetworkID]*sockets.Network // guarded by mu
	closers  []io.Closer                        // guarded by mu
}

func newAgent() *Agent { return &Agent{networks: make(map[vl2.NetworkID]*sockets.Network)} }

// Empty is for calls without arguments or without results.
type Empty struct{}

// close ends all that was started.
func (a *Agent) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, c := range a.closers {
		c.Close()
	}
	if a.node != nil {
		a.node.Close()
	}
}

func (a *Agent) closeLater(c io.Closer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closers = append(a.closers, c)
}

// StartArgs describes the node to start.
type StartArgs struct {
	Secret string // identity
	Planet []byte
}

// Start starts the node on port 9993 of every address, as stock nodes do.
func (a *Agent) Start(args StartArgs, _ *Empty) error {
	id, err := identity.Parse(args.Secret)
	if err != nil {
		return err
	}
	n := &sockets.Node{Identity: id, Planet: args.Planet, Controller: true}
	if err := n.Start(); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.node = n
	return nil
}

// Stop ends the node, as a crash would: nobody is told.
func (a *Agent) Stop(Empty, *Empty) error {
	a.mu.Lock()
	n := a.node
	a.node = nil
	clear(a.networks)
	a.mu.Unlock()
	return n.Close()
}

// Online waits until a root has answered.
func (a *Agent) Online(limit time.Duration, took *time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	start := time.Now()
	err := a.node.Up(ctx)
	*took = time.Since(start)
	return err
}

// SetNetworkArgs describes a network.
type SetNetworkArgs struct {
	ID       vl2.NetworkID
	MTU      int
	Public   bool
	IPv4Only bool
}

// SetNetwork creates or changes a network of the node's own controller.
func (a *Agent) SetNetwork(args SetNetworkArgs, _ *Empty) error {
	return a.node.Control(func(now clock.Time, c *controller.Controller) error {
		return c.SetNetwork(now, controller.Network{
			ID: args.ID, Name: "interop", Public: args.Public, MTU: args.MTU, Broadcast: true, MulticastMax: 32,
			AssignV4: true, AssignRFC4193: !args.IPv4Only, AssignSixPlane: !args.IPv4Only,
			Pools:  []controller.Pool{{First: netip.MustParseAddr("10.147.20.10"), Last: netip.MustParseAddr("10.147.20.250")}},
			Routes: []vl2.Route{{Target: netip.MustParsePrefix("10.147.20.0/24")}},
		})
	})
}

// AuthorizeArgs names a member.
type AuthorizeArgs struct {
	Network vl2.NetworkID
	Member  identity.Address
	Yes     bool
}

// Authorize makes a node a member of a network of the node's own controller, or ends that.
func (a *Agent) Authorize(args AuthorizeArgs, _ *Empty) error {
	return a.node.Control(func(now clock.Time, c *controller.Controller) error {
		return c.Authorize(now, args.Network, args.Member, args.Yes)
	})
}

// Join joins a network in the background.
func (a *Agent) Join(id vl2.NetworkID, _ *Empty) error {
	go a.join(context.Background(), id)
	return nil
}

// join joins a network and waits until it is configured.
func (a *Agent) join(ctx context.Context, id vl2.NetworkID) error {
	nw, err := a.node.Join(ctx, id)
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.networks[id] = nw
	return nil
}

// JoinPingArgs say what to join, and whom to ping there.
type JoinPingArgs struct {
	Network vl2.NetworkID
	To      netip.Addr
	Limit   time.Duration
}

// JoinPingReply tells how long it took, from the beginning.
type JoinPingReply struct{ Configured, Answered time.Duration }

// JoinPing joins a network, waits for its configuration, and pings a member until it answers.
func (a *Agent) JoinPing(args JoinPingArgs, reply *JoinPingReply) error {
	ctx, cancel := context.WithTimeout(context.Background(), args.Limit)
	defer cancel()
	start := time.Now()
	if err := a.join(ctx, args.Network); err != nil {
		return err
	}
	reply.Configured = time.Since(start)
	way, err := a.way(args.Network)
	if err != nil {
		return err
	}
	for ctx.Err() == nil {
		if _, err = way.ping(args.To, 56, 100*time.Millisecond); err == nil {
			reply.Answered = time.Since(start)
			return nil
		}
	}
	return fmt.Errorf("configured after %v, but %v does not answer: %w", reply.Configured, args.To, err)
}

// Leave leaves a network.
func (a *Agent) Leave(id vl2.NetworkID, _ *Empty) error {
	a.mu.Lock()
	delete(a.networks, id)
	a.mu.Unlock()
	return a.node.Leave(id)
}

// Network describes a network that was joined.
func (a *Agent) Network(id vl2.NetworkID, reply *Membership) error {
	for _, info := range a.node.Networks() {
		if info.ID != id {
			continue
		}
		*reply = Membership{Status: info.Status.String(), MAC: info.MAC.String(), Device: "zt" + id.String()}
		if info.Config != nil {
			reply.MTU, reply.Addrs = info.Config.MTU, info.Config.Addresses
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		if reply.Status == "OK" && a.networks[id] == nil {
			reply.Status = "OK, not usable yet"
		}
		return nil
	}
	return fmt.Errorf("network %v is not joined", id)
}

// Peer describes the way to another node.
func (a *Agent) Peer(to identity.Address, reply *Route) error {
	for _, p := range a.node.Peers() {
		if p.Address != to {
			continue
		}
		*reply = Route{Direct: p.Direct, Cipher: p.Cipher}
		for _, path := range p.Paths {
			if path.Alive {
				reply.Paths = append(reply.Paths, path.Remote.String())
			}
		}
		return nil
	}
	return fmt.Errorf("node %v is unknown", to)
}

// Report describes the node with its peers, networks and counters.
func (a *Agent) Report(_ Empty, reply *string) error {
	if a.node == nil {
		return errors.New("not started")
	}
	var b strings.Builder
	fmt.Fprintf(&b, "status %+v\n", a.node.Status())
	for _, p := range a.node.Peers() {
		fmt.Fprintf(&b, "peer %+v\n", p)
	}
	for _, nw := range a.node.Networks() {
		fmt.Fprintf(&b, "network %v %v %v\n", nw.ID, nw.Status, nw.MAC)
	}
	for _, s := range a.node.Stats() {
		fmt.Fprintf(&b, "  %12d %s\n", s.Value, s.Name)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for id, nw := range a.networks {
		st := nw.Host().Stats()
		for i, n := range st.Drops {
			if n > 0 {
				fmt.Fprintf(&b, "  %12d host drop: %v\n", n, stack.Drop(i))
			}
		}
		st.Drops = [stack.NumDrops]uint64{}
		fmt.Fprintf(&b, "host on %v: %+v\n", id, st)
	}
	*reply = b.String()
	return nil
}

// HTTPArgs is a request to the local API of a stock node.
type HTTPArgs struct {
	Method, URL, Token string
	Body               []byte
}

// HTTP makes a request with the kernel's sockets.
func (a *Agent) HTTP(args HTTPArgs, reply *[]byte) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, args.Method, args.URL, bytes.NewReader(args.Body))
	if err != nil {
		return err
	}
	r.Header.Set("X-ZT1-Auth", args.Token)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	*reply, err = io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", resp.Status, *reply)
	}
	return err
}
