package sockets

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	mrand "math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/zerotier"
	"github.com/ztstack/ztstack/zerotier/controller"
	"github.com/ztstack/ztstack/zerotier/driver"
	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/vl2"
)

// NetworkID names a ZeroTier network: 40 bits of controller address, 24 bits of number.
type NetworkID = vl2.NetworkID

// ParseNetworkID parses 16 hexadecimal digits.
func ParseNetworkID(s string) (NetworkID, error) { return vl2.ParseNetworkID(s) }

// Event is something that happened to a Node, its networks or its peers.
type Event = zerotier.Event

// A Node is a ZeroTier node inside this program. The zero Node, but for Planet, is usable; its exported fields must not change after
// the first call of a method. Its methods may be called by any goroutine.
type Node struct {
	// Identity is who the node is, with its secret; identity.Generate makes one. Zero means that of Dir, or a new one,
	// which takes some tenths of a second.
	Identity identity.Identity

	// Planet is the serialized planet: the roots through which nodes find each other.
	Planet []byte

	// Dir, if not empty, is a directory that keeps the node's state from one start to the next, in the layout of the stock service.
	Dir string

	// Listen are the UDP addresses to bind. None means port 9993 of every address, any port when that is taken.
	Listen []netip.AddrPort

	// Controller makes the node answer for the networks whose IDs begin with its address: see Control.
	Controller bool

	// AllowLoopback lets loopback addresses be paths, for nodes of one machine.
	AllowLoopback bool

	// Impair makes the way to other nodes worse, for demonstrations and tests.
	Impair driver.Impairment

	// Host is the template for the host on each network. Its Seed is ignored: every host gets one of its own.
	Host HostConfig

	// Logger receives what an operator should know; nil logs nothing.
	Logger *slog.Logger

	mu       sync.Mutex
	state    nodeState               // guarded by mu
	drv      *driver.Driver          // set by Start
	ctl      *controller.Controller  // set by Start; used under drv.Do only
	networks map[NetworkID]*Network  // guarded by mu
	feeds    map[chan Event]struct{} // guarded by mu
	done     chan struct{}           // closed when the event goroutine has ended
}

type nodeState uint8

const (
	nodeNew nodeState = iota
	nodeRunning
	nodeClosed
)

// ErrNodeClosed is returned by methods of a Node that was closed. It is a net.ErrClosed.
var ErrNodeClosed = fmt.Errorf("sockets: node closed: %w", net.ErrClosed)

// Start binds the sockets and starts the node. Methods that need a running node call it themselves.
func (n *Node) Start() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch n.state {
	case nodeRunning:
		return nil
	case nodeClosed:
		return ErrNodeClosed
	}
	if err := n.start(); err != nil {
		return fmt.Errorf("sockets: starting node: %w", err)
	}
	n.state = nodeRunning
	return nil
}

// start does what Start says. The caller holds n.mu.
func (n *Node) start() error {
	if err := n.identify(); err != nil {
		return err
	}
	began := time.Now()
	base := began.UnixMilli()
	cfg := driver.Config{
		Node: zerotier.Config{
			Identity: n.Identity, Planet: n.Planet, AllowLoopback: n.AllowLoopback, ClockBase: base,
		},
		Listen: n.Listen, Dir: n.Dir, Impair: n.Impair, Logger: n.Logger,
		Now: func() clock.Time { return clock.Time(time.Since(began)) + 1 },
	}
	if n.Controller {
		ctl, err := controller.New(controller.Config{Identity: &n.Identity, Rand: newRand(), ClockBase: base})
		if err != nil {
			return err
		}
		n.ctl, cfg.Node.Controller = ctl, ctl
	}
	drv, err := driver.Open(cfg)
	if err != nil {
		return err
	}
	n.drv = drv
	n.networks = make(map[NetworkID]*Network)
	n.feeds = make(map[chan Event]struct{})
	n.done = make(chan struct{})
	go n.run()
	return nil
}

// identify finds out or decides who the node is.
func (n *Node) identify() (err error) {
	switch {
	case !n.Identity.IsZero():
	case n.Dir != "":
		n.Identity, err = driver.LoadIdentity(n.Dir)
	default:
		n.Identity, err = identity.Generate(rand.Reader)
	}
	return err
}

// newRand returns a generator for what a controller numbers at random.
func newRand() *mrand.Rand {
	var seed [32]byte
	rand.Read(seed[:]) // never fails, by its contract
	return mrand.New(mrand.NewChaCha8(seed))
}

// run hands the driver's events to networks and subscribers until the driver is closed.
func (n *Node) run() {
	defer close(n.done)
	for ev := range n.drv.Events() {
		n.mu.Lock()
		nw := n.networks[ev.Network]
		for feed := range n.feeds {
			select {
			case feed <- ev:
			default: // the subscriber is slow: it can still ask for the states
			}
		}
		n.mu.Unlock()
		if nw != nil {
			nw.event(ev)
		}
	}
	n.mu.Lock()
	for feed := range n.feeds {
		close(feed)
	}
	clear(n.feeds)
	n.mu.Unlock()
}

// Events returns an iterator over what happens from now on, until ctx is done or the node is closed. Range over it in a
// goroutine of its own; when the loop falls more than 256 events behind, further ones are skipped.
func (n *Node) Events(ctx context.Context) func(yield func(Event) bool) {
	feed := make(chan Event, 256)
	n.mu.Lock()
	running := n.state == nodeRunning
	if running {
		n.feeds[feed] = struct{}{}
	}
	n.mu.Unlock()
	return func(yield func(Event) bool) {
		if !running {
			return
		}
		defer func() {
			n.mu.Lock()
			delete(n.feeds, feed)
			n.mu.Unlock()
		}()
		for {
			select {
			case ev, ok := <-feed:
				if !ok || !yield(ev) {
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}
}

// ErrOffline says that no root has answered.
var ErrOffline = errors.New("no root of the planet answers: check that UDP reaches it and that the planet file is the right one")

// Up starts the node and waits until a root has answered.
func (n *Node) Up(ctx context.Context) error {
	if err := n.Start(); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	events := n.Events(ctx)
	if n.drv.Status().Online {
		return nil
	}
	for ev := range events {
		if ev.Kind == zerotier.EventOnline {
			return nil
		}
	}
	if n.drv.Status().Online {
		return nil
	}
	return fmt.Errorf("sockets: node %v is not online: %w (%w)", n.Address(), ErrOffline, context.Cause(ctx))
}

// Address returns the node's address, or 0 before Start.
func (n *Node) Address() identity.Address {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.drv == nil {
		return n.Identity.Address
	}
	return n.drv.Address()
}

// Status describes the node. It is zero before Start.
func (n *Node) Status() zerotier.Status {
	if d := n.running(); d != nil {
		return d.Status()
	}
	return zerotier.Status{}
}

// Peers describes the peers that the node knows.
func (n *Node) Peers() []zerotier.PeerStatus {
	if d := n.running(); d != nil {
		return d.Peers()
	}
	return nil
}

// Networks describes the networks that the node has joined.
func (n *Node) Networks() []zerotier.NetworkStatus {
	if d := n.running(); d != nil {
		return d.Networks()
	}
	return nil
}

// Stats returns the node's counters, sorted by name.
func (n *Node) Stats() []driver.Stat {
	if d := n.running(); d != nil {
		return d.Stats()
	}
	return nil
}

// LocalAddrs returns the UDP addresses that the node is bound to.
func (n *Node) LocalAddrs() []netip.AddrPort {
	if d := n.running(); d != nil {
		return d.LocalAddrs()
	}
	return nil
}

// running returns the driver of a node that was started and not closed.
func (n *Node) running() *driver.Driver {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.state != nodeRunning {
		return nil
	}
	return n.drv
}

// ErrNoController is returned by Control for a node without Controller.
var ErrNoController = errors.New("sockets: this node is no controller: set Node.Controller")

// Control runs f on the node's controller. f must not block and must not call the Node.
func (n *Node) Control(f func(now clock.Time, c *controller.Controller) error) error {
	if err := n.Start(); err != nil {
		return err
	}
	if n.ctl == nil {
		return ErrNoController
	}
	var err error
	n.drv.Do(func(now clock.Time) { err = f(now, n.ctl) })
	return err
}

// Close leaves every network without telling anybody, closes their connections and sockets, and returns when nothing of the node runs
// any more. It is idempotent and may race Start.
func (n *Node) Close() error {
	n.mu.Lock()
	was := n.state
	n.state = nodeClosed
	networks := n.networks
	n.networks = nil
	n.mu.Unlock()
	if was != nodeRunning {
		if was == nodeClosed && n.done != nil {
			<-n.done
		}
		return nil
	}
	for _, nw := range networks {
		nw.close()
	}
	err := n.drv.Close()
	<-n.done
	return err
}

// Shutdown waits until every connection of the node's networks has ended, or ctx is done, and then closes the node.
func (n *Node) Shutdown(ctx context.Context) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for n.busy() {
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), n.Close())
		case <-tick.C:
		}
	}
	return n.Close()
}

func (n *Node) busy() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, nw := range n.networks {
		if nw.host.busy() {
			return true
		}
	}
	return false
}
