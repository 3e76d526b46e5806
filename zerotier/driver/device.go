package driver

import (
	crand "crypto/rand"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/ztstack/ztstack/ethernet"
	"github.com/ztstack/ztstack/link"
	"github.com/ztstack/ztstack/zerotier"
	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/packet"
	"github.com/ztstack/ztstack/zerotier/vl2"
)

// A Device is this node's station on one network. It is a link.Device.
type Device struct {
	d    *Driver
	id   vl2.NetworkID
	info atomic.Pointer[link.Info]
	up   atomic.Bool
	tx   transmitter // of the one goroutine that sends
	rx   gate

	groups []ethernet.Addr // guarded by Driver.mu

	noReceiver atomic.Uint64 // frames that came before Attach or after Close
}

var _ link.Device = (*Device)(nil)

// Sizes of a network's frames, in bytes.
const (
	defaultMTU = 2800
	// maxMTU is the largest IP packet whose FRAME can be cut into as many datagrams as the protocol allows.
	maxMTU = packet.DefaultMTU + (packet.MaxFragments-1)*(packet.DefaultMTU-packet.FragmentHeaderLen) - packet.FrameHeader
)

func newDevice(d *Driver, id vl2.NetworkID) *Device {
	dev := &Device{d: d, id: id}
	dev.rx.init()
	var seed [32]byte
	crand.Read(seed[:])
	dev.tx.iv = rand.NewChaCha8(seed)
	dev.setInfo(defaultMTU, vl2.MAC(d.self, id))
	return dev
}

// setInfo works out how frames of an MTU lie in a super: with headroom for the packet's header before the frame and room for the
// fragments' headers behind it, packets of full size are cut into equal datagrams that touch each other. For the sake of that
// the host's MTU is up to six bytes less than the network's, when that does not divide.
func (dev *Device) setInfo(mtu int, addr ethernet.Addr) {
	mtu = min(mtu, maxMTU)
	pieces, _ := packet.SplitEqual(packet.FrameHeader+mtu, dev.d.physicalMTU)
	pieces = max(pieces, 1)
	tail := packet.FragmentHeaderLen * (pieces - 1)
	mtu -= (packet.FrameHeader + mtu + tail) % pieces
	slot := packet.FrameHeader + mtu + tail
	dev.info.Store(&link.Info{
		Medium:   link.Ethernet,
		MTU:      mtu,
		Headroom: frameOff,
		Tailroom: tail,
		Batch:    max(1, min(maxRun/slot, maxSegments/pieces)),
		MTUFrame: true,
		Addr:     addr,
	})
}

// Network returns the network's ID.
func (dev *Device) Network() vl2.NetworkID { return dev.id }

// Info describes the device. The MTU is that of the network (see setInfo); before the first configuration it is the default of 2800.
func (dev *Device) Info() link.Info { return *dev.info.Load() }

// Up reports whether the network is configured: frames may travel.
func (dev *Device) Up() bool { return dev.up.Load() }

// Attach implements link.Device. LinkChanged(true) follows at once if the network is configured already.
func (dev *Device) Attach(r link.Receiver) {
	dev.rx.attach(r)
	if dev.up.Load() {
		dev.linkChanged()
	}
}

// Close leaves the network, and returns when no Deliver is running any more. It must not be called from within
// Deliver or LinkChanged.
func (dev *Device) Close() error {
	dev.d.leave(dev)
	dev.detach()
	return nil
}

func (dev *Device) detach() {
	dev.up.Store(false)
	dev.rx.close()
}

// SetGroups replaces the Ethernet groups that the host listens to. Those of the network's managed addresses are always on.
func (dev *Device) SetGroups(groups []ethernet.Addr) {
	groups = slices.Clone(groups)
	t := dev.d.begin()
	if dev.d.devices[dev.id] == dev {
		for _, g := range groups {
			if !slices.Contains(dev.groups, g) {
				dev.d.node.Subscribe(t.now, dev.id, g, 0)
			}
		}
		for _, g := range dev.groups {
			if !slices.Contains(groups, g) {
				dev.d.node.Unsubscribe(t.now, dev.id, g, 0)
			}
		}
		dev.groups = groups
	}
	dev.d.end(t)
}

// SetAddresses replaces the addresses that the host has beside the managed ones, so that ARP and neighbour
// solicitations for them arrive.
func (dev *Device) SetAddresses(addrs []netip.Addr) {
	t := dev.d.begin()
	if dev.d.devices[dev.id] == dev {
		dev.d.node.SetAddresses(t.now, dev.id, addrs)
	}
	dev.d.end(t)
}

// event updates the device by an event of its network, under Driver.mu, and reports whether LinkChanged is due.
func (dev *Device) event(e *zerotier.Event, self identity.Address) (changed bool) {
	switch e.Kind {
	case zerotier.EventNetworkOK, zerotier.EventNetworkConfigChanged:
		mtu := defaultMTU
		if e.Config != nil && e.Config.MTU > 0 {
			mtu = e.Config.MTU
		}
		dev.setInfo(mtu, vl2.MAC(self, dev.id))
		dev.up.Store(true)
		return true
	case zerotier.EventNetworkDenied, zerotier.EventNetworkNotFound, zerotier.EventNetworkTooOld,
		zerotier.EventNetworkAuthentication, zerotier.EventNetworkDown:
		return dev.up.Swap(false)
	}
	return false
}

// deliver hands frames to the receiver, if there is one.
func (dev *Device) deliver(frames []link.Buf) {
	r := dev.rx.enter()
	if r == nil {
		dev.noReceiver.Add(uint64(len(frames)))
		return
	}
	r.Deliver(frames)
	dev.rx.exit()
}

// linkChanged tells the receiver that Info or the state is another.
func (dev *Device) linkChanged() {
	if r := dev.rx.enter(); r != nil {
		r.LinkChanged(dev.up.Load())
		dev.rx.exit()
	}
}

// A gate counts who is inside a Receiver, so that closing can wait for them. Deliver may run inside Deliver (a frame sent
// from there may be answered at once), which a read-write lock would not survive.
type gate struct {
	mu     sync.Mutex
	empty  sync.Cond
	inside int           // guarded by mu
	r      link.Receiver // guarded by mu
	closed bool          // guarded by mu
}

func (g *gate) init() { g.empty.L = &g.mu }

func (g *gate) attach(r link.Receiver) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.closed {
		g.r = r
	}
}

// enter returns the receiver, and exit must follow; or nil.
func (g *gate) enter() link.Receiver {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.r != nil {
		g.inside++
	}
	return g.r
}

func (g *gate) exit() {
	g.mu.Lock()
	if g.inside--; g.inside == 0 && g.closed {
		g.empty.Broadcast()
	}
	g.mu.Unlock()
}

// close takes the receiver away and waits until nobody is inside.
func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.r, g.closed = nil, true
	for g.inside > 0 {
		g.empty.Wait()
	}
}
