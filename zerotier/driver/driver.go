package driver

import (
	"log/slog"
	"net/netip"
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/zerotier"
	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/vl2"
)

// Config configures a Driver.
type Config struct {
	// Node configures the node. ClockBase and LocalAddrs are filled in by Open, Seed too when it is zero.
	Node zerotier.Config

	// Listen are the addresses to bind UDP sockets to. None means port 9993 of every address, and any port when that is
	// taken. Port 0 takes any.
	Listen []netip.AddrPort

	// Dir, if not empty, is where state is kept in the layout of the stock service: planet, moons.d, peers.d, networks.d.
	Dir string

	// Impair makes the way between nodes worse, for demonstrations and tests.
	Impair Impairment

	// Logger receives what an operator should know; nil logs nothing.
	Logger *slog.Logger

	// Now reads the clock; nil reads the system's monotonic clock.
	Now func() clock.Time
}

// Impairment is done to every datagram that a driver sends. The zero Impairment does nothing.
type Impairment struct {
	Loss  float64       // probability that a datagram is dropped, 0 to 1
	Delay time.Duration // added to the datagram's way
	Seed  uint64        // makes the losses repeatable
}

// A Driver runs one node. Its methods may be called by any goroutine.
type Driver struct{}

// Open starts a node. The error says which address could not be bound, or what is wrong with the identity or planet.
func Open(cfg Config) (*Driver, error) { panic("TODO") }

// Close stops the node: it says goodbye to nobody, closes the sockets and devices, and returns when no goroutine of the
// driver is left. It is idempotent.
func (d *Driver) Close() error { panic("TODO") }

// Join joins a network and returns its device. The device is down, with the default MTU, until the network's
// configuration arrives: see Device.LinkChanged and EventNetworkOK. Joining again returns the same device.
func (d *Driver) Join(id vl2.NetworkID) (*Device, error) { panic("TODO") }

// JoinToken is Join with a token that is presented to the network's controller.
func (d *Driver) JoinToken(id vl2.NetworkID, token string) (*Device, error) { panic("TODO") }

// Leave leaves a network and closes its device.
func (d *Driver) Leave(id vl2.NetworkID) error { panic("TODO") }

// Events returns the channel of events, the same one every time. It is closed by Close. It holds some hundred events; when
// nobody reads, further ones are dropped and counted, and the states can still be queried.
func (d *Driver) Events() <-chan zerotier.Event { panic("TODO") }

// Do runs f under the node's lock, with the time; then what f caused is sent. It is how the controller that was given
// in Config is asked and changed. f must not block and must not call the Driver.
func (d *Driver) Do(f func(now clock.Time)) { panic("TODO") }

// Address returns the node's address.
func (d *Driver) Address() identity.Address { panic("TODO") }

// LocalAddrs returns the addresses of the sockets.
func (d *Driver) LocalAddrs() []netip.AddrPort { panic("TODO") }

// Status describes the node.
func (d *Driver) Status() zerotier.Status { panic("TODO") }

// Peers describes the peers.
func (d *Driver) Peers() []zerotier.PeerStatus { panic("TODO") }

// Networks describes the joined networks.
func (d *Driver) Networks() []zerotier.NetworkStatus { panic("TODO") }

// Network describes one joined network.
func (d *Driver) Network(id vl2.NetworkID) (zerotier.NetworkStatus, bool) { panic("TODO") }

// Stats returns the counters by name, sorted: what was dropped and why, and how the data travelled.
func (d *Driver) Stats() []Stat { panic("TODO") }

// A Stat is a named counter.
type Stat struct {
	Name  string
	Value uint64
}
