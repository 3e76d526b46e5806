package demo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ztstack/ztstack/sockets"
	"github.com/ztstack/ztstack/zerotier/driver"
	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/vl1"
)

// An Agent is one node of the demonstration, driven by calls from the conductor: over a pipe in the same process, or over the standard
// input and output of a process of its own. Its exported methods have the form that net/rpc wants.
type Agent struct {
	name   string
	ctx    context.Context // done when the agent is to stop
	cancel context.CancelFunc
	routes routes

	mu      sync.Mutex
	node    *sockets.Node    // set by Start; guarded by mu
	network *sockets.Network // set by Join; guarded by mu
	capture *capture         // guarded by mu
	server  *fileServer      // set by Serve; guarded by mu

	ending sync.Once
	ended  error // what stop returns; set in ending

	client   *http.Client // set by Join
	received atomic.Int64 // bytes of the download under way
}

func newAgent(name string) *Agent {
	a := &Agent{name: name}
	a.ctx, a.cancel = context.WithCancel(context.Background())
	return a
}

// Empty is for calls without arguments or without results.
type Empty struct{}

// StartArgs describes the node to start.
type StartArgs struct {
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
	id, err := identity.Generate(untilDone{a.ctx, rand.Reader})
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
	n.Host.TCP.ReceiveBuffer = receiveBuffer
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stopped() {
		return errStopped
	}
	if args.Pcap != "" {
		if a.capture, err = newCapture(args.Pcap, a.name); err != nil {
			return err
		}
		n.Host.Tap = a.capture.frame
	}
	if err := n.Start(); err != nil {
		return err
	}
	a.node = n
	a.routes.follow(a.ctx, n)
	*reply = StartReply{Address: id.Address, UDP: udp, Planet: args.Planet, PID: os.Getpid()}
	return nil
}

// receiveBuffer is four times the sender's buffer, so that a reader that hashes for a moment does not close the window.
const receiveBuffer = 1 << 20

// untilDone is a Reader that fails when ctx is done.
type untilDone struct {
	ctx context.Context
	r   io.Reader
}

// Read implements io.Reader.
func (u untilDone) Read(b []byte) (int, error) {
	if u.ctx.Err() != nil {
		return 0, errStopped
	}
	return u.r.Read(b)
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

var errStopped = errors.New("stopped")

// stopped reports whether the agent was told to stop.
func (a *Agent) stopped() bool { return a.ctx.Err() != nil }

// StopArgs says why the agent is to stop.
type StopArgs struct {
	Why string // what went wrong elsewhere; empty: nothing
}

// Stop ends the node and everything that it does.
func (a *Agent) Stop(args StopArgs, _ *Empty) error {
	if args.Why != "" {
		fmt.Fprintf(os.Stderr, "zt: node %s: %s; stopping\n", a.name, args.Why)
	}
	return a.stop()
}

// stop ends the node and everything that it does. Whoever calls it returns when that is done, with the same error; calls of
// other methods that are under way fail.
func (a *Agent) stop() error {
	a.cancel()
	a.ending.Do(func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.client != nil {
			a.client.CloseIdleConnections()
		}
		if a.server != nil {
			a.server.close()
		}
		if a.node != nil {
			a.node.Close()
		}
		a.routes.wait()
		if a.capture != nil {
			a.ended = a.capture.close()
		}
	})
	return a.ended
}
