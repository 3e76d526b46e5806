package driver

import (
	crand "crypto/rand"
	"fmt"
	"log/slog"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/zerotier"
	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/packet"
	"github.com/ztstack/ztstack/zerotier/vl2"
)

// Config configures a Driver.
type Config struct {
	// Node configures the node. ClockBase, LocalAddrs, Platform and Seed are filled in by Open when they are zero.
	Node zerotier.Config

	// Listen are the addresses to bind UDP sockets to. None means port 9993 of every address, and any port when that is
	// taken. Port 0 takes any.
	Listen []netip.AddrPort

	// Dir, if not empty, is where state is kept in the layout of the stock service: identity.secret (made when it is missing and
	// Node.Identity is zero), planet, moons.d, networks.d (joined again at the next start), peers.d. Without it, the events
	// that ask for something to be kept come out of Events.
	Dir string

	// Impair makes the way between nodes worse, for demonstrations and tests.
	Impair Impairment

	// Logger receives what an operator should know; nil logs nothing.
	Logger *slog.Logger

	// Now reads the clock, whose zero is never; nil reads the system's monotonic clock.
	Now func() clock.Time
}

// A Driver runs one node. Its methods may be called by any goroutine.
type Driver struct {
	now         func() clock.Time
	log         *slog.Logger
	self        identity.Address
	physicalMTU int       // most bytes of a datagram
	impair      *impairer // nil when nothing is impaired
	flows       flowTable
	store       *store // nil when nothing is kept
	events      chan zerotier.Event

	mu      sync.Mutex
	node    *zerotier.Node            // guarded by mu
	devices map[vl2.NetworkID]*Device // guarded by mu
	next    clock.Time                // guarded by mu: what the node's Poll returned last
	wakeAt  clock.Time                // guarded by mu: when the timer goroutine wakes by itself; Never: it does not
	closed  bool                      // guarded by mu: no events any more
	dropped uint64                    // guarded by mu: events for which the channel had no room

	socks   []*socket
	readers []*reader
	turns   sync.Pool     // of *turn
	wake    chan struct{} // the timer goroutine's deadline moved forward
	closing chan struct{}
	done    chan struct{}
	running sync.WaitGroup
	once    sync.Once
}

// maxWaitingEvents is the room of the channel of events.
const maxWaitingEvents = 512

// Open starts a node. The error says which address could not be bound, or what is wrong with the identity or planet.
func Open(cfg Config) (*Driver, error) {
	d := &Driver{
		now:     cfg.Now,
		log:     cfg.Logger,
		devices: make(map[vl2.NetworkID]*Device),
		events:  make(chan zerotier.Event, maxWaitingEvents),
		wake:    make(chan struct{}, 1),
		closing: make(chan struct{}),
		done:    make(chan struct{}),
	}
	if d.now == nil {
		start := time.Now()
		d.now = func() clock.Time { return clock.Time(time.Since(start)) + 1 }
	}
	if d.log == nil {
		d.log = slog.New(slog.DiscardHandler)
	}
	d.turns.New = func() any { return newTurn(d) }

	node := cfg.Node
	var networks []vl2.NetworkID
	if cfg.Dir != "" {
		d.store = newStore(cfg.Dir, d.log)
		var err error
		if networks, err = d.store.load(&node); err != nil {
			return nil, err
		}
	}
	if node.Seed == ([32]byte{}) {
		crand.Read(node.Seed[:])
	}
	if node.Platform == "" {
		node.Platform = runtime.GOOS + "/" + runtime.GOARCH
	}
	if err := d.listen(cfg.Listen); err != nil {
		return nil, err
	}
	if node.LocalAddrs == nil {
		node.LocalAddrs = d.reachable(node.AllowLoopback)
	}
	now := d.now()
	if node.ClockBase == 0 {
		node.ClockBase = time.Now().UnixMilli() - now.Milliseconds()
	}
	n, err := zerotier.New(node, now)
	if err != nil {
		d.closeSockets()
		return nil, err
	}
	d.node, d.self = n, n.Address()
	if d.physicalMTU = node.PhysicalMTU; d.physicalMTU == 0 {
		d.physicalMTU = packet.DefaultMTU
	}
	d.impair = newImpairer(d, cfg.Impair)
	d.start(node.AllowLoopback)
	for _, id := range networks {
		if _, err := d.Join(id); err != nil {
			d.Close()
			return nil, err
		}
	}
	return d, nil
}

// start starts the goroutines.
func (d *Driver) start(loopback bool) {
	for _, s := range d.socks {
		r := newReader(d, s)
		d.readers = append(d.readers, r)
		d.running.Go(r.run)
	}
	d.running.Go(func() { d.runTimer(loopback) })
	if d.impair != nil {
		d.running.Go(d.impair.run)
	}
	if d.store != nil {
		d.running.Go(func() { d.store.run(d.closing) })
	}
	d.Do(func(clock.Time) {})
}

// Close stops the node: it says goodbye to nobody, closes the sockets and devices, and returns when no goroutine of the
// driver is left and no Deliver is running. It is idempotent. It must not be called from within Deliver or LinkChanged.
func (d *Driver) Close() error {
	d.once.Do(func() {
		close(d.closing)
		d.closeSockets()
		d.running.Wait()

		d.mu.Lock()
		d.closed = true
		devices := d.devices
		d.devices = make(map[vl2.NetworkID]*Device)
		close(d.events)
		d.mu.Unlock()
		for _, dev := range devices {
			dev.detach()
		}
		close(d.done)
	})
	<-d.done
	return nil
}

// errClosed is what methods return after Close.
func (d *Driver) errClosed(what string) error {
	return fmt.Errorf("driver: cannot %s: node %s was closed", what, d.self)
}

// Join joins a network and returns its device. The device is down, with the default MTU, until the network's
// configuration arrives: see link.Receiver.LinkChanged and zerotier.EventNetworkOK. Joining again returns the same device.
func (d *Driver) Join(id vl2.NetworkID) (*Device, error) { return d.JoinToken(id, "") }

// JoinToken is Join with a token that is presented to the network's controller.
func (d *Driver) JoinToken(id vl2.NetworkID, token string) (*Device, error) {
	t := d.begin()
	if d.closed {
		d.end(t)
		return nil, d.errClosed("join network " + id.String())
	}
	dev := d.devices[id]
	if dev == nil {
		dev = newDevice(d, id)
		d.devices[id] = dev
	}
	d.node.Join(t.now, id, token)
	d.end(t)
	return dev, nil
}

// Leave leaves a network and closes its device. A network that was not joined is left alone.
func (d *Driver) Leave(id vl2.NetworkID) error {
	d.mu.Lock()
	dev := d.devices[id]
	d.mu.Unlock()
	if dev == nil {
		return nil
	}
	return dev.Close()
}

// Events returns the channel of events, the same one every time. It is closed by Close. It holds some hundred events; when
// nobody reads, further ones are dropped and counted, and the states can still be queried.
func (d *Driver) Events() <-chan zerotier.Event { return d.events }

// Do runs f under the node's lock, with the time; then what f caused is sent. It is how the controller that was given
// in Config is asked and changed. f must not block and must not call the Driver.
func (d *Driver) Do(f func(now clock.Time)) {
	t := d.begin()
	f(t.now)
	d.node.Settle(t.now)
	d.end(t)
}

// Address returns the node's address.
func (d *Driver) Address() identity.Address { return d.self }

// LocalAddrs returns the addresses of the sockets.
func (d *Driver) LocalAddrs() []netip.AddrPort {
	addrs := make([]netip.AddrPort, len(d.socks))
	for i, s := range d.socks {
		addrs[i] = s.addr
	}
	return addrs
}

// Status describes the node.
func (d *Driver) Status() zerotier.Status {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.node.Status(d.now())
}

// Peers describes the peers, in the order in which they were met.
func (d *Driver) Peers() []zerotier.PeerStatus {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.node.Peers(d.now())
}

// Peer describes one peer.
func (d *Driver) Peer(a identity.Address) (zerotier.PeerStatus, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.node.Peer(d.now(), a)
}

// Networks describes the joined networks, in the order of joining.
func (d *Driver) Networks() []zerotier.NetworkStatus {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.node.Networks()
}

// Network describes one joined network.
func (d *Driver) Network(id vl2.NetworkID) (zerotier.NetworkStatus, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.node.Network(id)
}

// Devices returns the devices of the joined networks, in the order of their IDs.
func (d *Driver) Devices() []*Device {
	d.mu.Lock()
	defer d.mu.Unlock()
	devs := make([]*Device, 0, len(d.devices))
	for _, dev := range d.devices {
		devs = append(devs, dev)
	}
	slices.SortFunc(devs, func(a, b *Device) int {
		if a.id < b.id {
			return -1
		}
		return 1
	})
	return devs
}

// leave is Leave for the device itself, which may have been replaced.
func (d *Driver) leave(dev *Device) {
	t := d.begin()
	if d.devices[dev.id] == dev {
		delete(d.devices, dev.id)
		d.node.Leave(t.now, dev.id)
	}
	d.end(t)
}
