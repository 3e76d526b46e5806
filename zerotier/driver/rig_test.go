package driver

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/ethernet"
	"github.com/ztstack/ztstack/link"
	"github.com/ztstack/ztstack/zerotier"
	"github.com/ztstack/ztstack/zerotier/controller"
	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/vl1"
	"github.com/ztstack/ztstack/zerotier/vl2"
)

// patience is how long a test waits for what must happen. Validating an identity under the race detector on a busy machine takes
// a second by itself.
const patience = 30 * time.Second

// identities returns the identities of testdata/identities.txt: made for tests, known to everybody.
func identities(t testing.TB) []identity.Identity {
	t.Helper()
	b, err := os.ReadFile("testdata/identities.txt")
	if err != nil {
		t.Fatal(err)
	}
	var ids []identity.Identity
	for line := range strings.Lines(string(b)) {
		id, err := identity.Parse(strings.TrimSpace(line))
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	return ids
}

// A rig is a root, a controller and two members on loopback, with one private network.
type rig struct {
	t       testing.TB
	planet  []byte
	rootAt  netip.AddrPort
	drivers []*Driver // root, controller, a, b
	a, b    *station
	nwid    vl2.NetworkID
}

// A station is a member with its device and what it received.
type station struct {
	d   *Driver
	dev *Device
	rec *recorder
	ip  netip.Addr
}

// recorder is a Receiver that copies frames.
type recorder struct {
	mu     sync.Mutex
	frames [][]byte
	ups    int
	hook   func([]link.Buf) // instead of copying
	rig    *rig
	signal chan struct{}
}

func newRecorder(r *rig) *recorder { return &recorder{rig: r, signal: make(chan struct{}, 1)} }

func (r *recorder) Deliver(frames []link.Buf) {
	if r.hook != nil {
		r.hook(frames)
		return
	}
	r.mu.Lock()
	for i := range frames {
		r.frames = append(r.frames, bytes.Clone(frames[i].Frame()))
	}
	r.mu.Unlock()
	r.poke()
}

func (r *recorder) LinkChanged(up bool) {
	r.mu.Lock()
	if up {
		r.ups++
	}
	r.mu.Unlock()
	r.poke()
}

func (r *recorder) poke() {
	select {
	case r.signal <- struct{}{}:
	default:
	}
}

// wait returns the first frame, from what came and what will, that match accepts, and forgets those before it.
func (r *recorder) wait(t testing.TB, what string, match func(frame []byte) bool) []byte {
	t.Helper()
	deadline := time.After(patience)
	for {
		r.mu.Lock()
		for i, f := range r.frames {
			if match(f) {
				r.frames = r.frames[i+1:]
				r.mu.Unlock()
				return f
			}
		}
		r.frames = nil
		r.mu.Unlock()
		select {
		case <-r.signal:
		case <-deadline:
			for _, d := range r.rig.drivers {
				t.Logf("%v: %v", d.Address(), d.Stats())
			}
			t.Fatalf("%s did not arrive within %v", what, patience)
		}
	}
}

type rigConfig struct {
	mtu    int
	impair Impairment
	plain  bool // neither GSO nor GRO
}

func newRig(t testing.TB, cfg rigConfig) *rig {
	t.Helper()
	ids := identities(t)
	r := &rig{t: t, rootAt: freePort(t)}
	r.planet = vl1.NewPlanet(1, 1, &ids[0], []vl1.Root{{Identity: ids[0].WithoutSecret(), Endpoints: []netip.AddrPort{r.rootAt}}}).Append(nil)
	t.Cleanup(func() {
		for _, d := range r.drivers {
			d.Close()
		}
	})

	r.open(ids[0], r.rootAt, nil, cfg)
	ctl, err := controller.New(controller.Config{
		Identity: &ids[1], Rand: rand.New(rand.NewPCG(1, 2)), ClockBase: time.Now().UnixMilli(),
	})
	if err != nil {
		t.Fatal(err)
	}
	cd := r.open(ids[1], netip.AddrPortFrom(loopback, 0), ctl, cfg)
	cd.Do(func(now clock.Time) {
		r.nwid = ctl.NewNetworkID()
		err := ctl.SetNetwork(now, controller.Network{
			ID: r.nwid, Name: "rig", Broadcast: true, MTU: cfg.mtu, MulticastMax: 32, AssignV4: true, AssignSixPlane: true,
			Pools:  []controller.Pool{{First: netip.MustParseAddr("10.9.0.1"), Last: netip.MustParseAddr("10.9.0.100")}},
			Routes: []vl2.Route{{Target: netip.MustParsePrefix("10.9.0.0/24")}},
		})
		for _, m := range ids[2:4] {
			if err == nil {
				err = ctl.Authorize(now, r.nwid, m.Address, true)
			}
		}
		if err != nil {
			t.Error(err)
		}
	})
	r.a = r.station(r.open(ids[2], netip.AddrPortFrom(loopback, 0), nil, cfg))
	r.b = r.station(r.open(ids[3], netip.AddrPortFrom(loopback, 0), nil, cfg))
	return r
}

var loopback = netip.MustParseAddr("127.0.0.1")

func freePort(t testing.TB) netip.AddrPort {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).AddrPort()
}

func (r *rig) open(id identity.Identity, at netip.AddrPort, ctl zerotier.Controller, cfg rigConfig) *Driver {
	r.t.Helper()
	d, err := Open(Config{
		Node:   zerotier.Config{Identity: id, Planet: r.planet, Controller: ctl, AllowLoopback: true},
		Listen: []netip.AddrPort{at},
		Impair: cfg.impair,
	})
	if err != nil {
		r.t.Fatal(err)
	}
	if cfg.plain {
		for _, s := range d.socks {
			s.gso.Store(false)
		}
	}
	r.drivers = append(r.drivers, d)
	return d
}

// station joins the network and waits for its configuration.
func (r *rig) station(d *Driver) *station {
	r.t.Helper()
	s := &station{d: d, rec: newRecorder(r)}
	dev, err := d.Join(r.nwid)
	if err != nil {
		r.t.Fatal(err)
	}
	s.dev = dev
	dev.Attach(s.rec)
	deadline := time.After(patience)
	for !dev.Up() {
		select {
		case <-s.rec.signal:
		case <-deadline:
			info, _ := d.Network(r.nwid)
			r.t.Fatalf("node %s has no configuration after %v: %v\n%v", d.Address(), patience, info.Status, d.Stats())
		}
	}
	info, _ := d.Network(r.nwid)
	for _, p := range info.Config.Addresses {
		if p.Addr().Is4() {
			s.ip = p.Addr()
		}
	}
	return s
}

// send sends one frame.
func (s *station) send(frames ...[]byte) {
	super := link.NewSuper(s.dev.Info())
	for _, f := range frames {
		b := super.Next()
		b.Len = copy(b.Room(), f)
		super.Commit()
		if super.Full() {
			s.dev.Send(super)
			super.Reset()
		}
	}
	s.dev.Send(super)
}

func (s *station) mac() ethernet.Addr { return s.dev.Info().Addr }

// frame makes a unicast IPv4 frame of n payload bytes that depend on seed.
func (s *station) frame(to *station, n int, seed uint64) []byte {
	dst, src := to.mac(), s.mac()
	f := append(append(append([]byte{}, dst[:]...), src[:]...), 0x08, 0x00)
	rng := rand.New(rand.NewPCG(seed, 1))
	for range n {
		f = append(f, byte(rng.Uint32()))
	}
	return f
}

// arpRequest makes a request for to's address.
func (s *station) arpRequest(to *station) []byte {
	src := s.mac()
	f := append(bytes.Repeat([]byte{0xff}, 6), src[:]...)
	f = append(f, 0x08, 0x06, 0, 1, 0x08, 0, 6, 4, 0, 1)
	f = append(append(append(f, src[:]...), s.ip.AsSlice()...), 0, 0, 0, 0, 0, 0)
	return append(f, to.ip.AsSlice()...)
}

// meet lets both stations find each other and turn direct.
func (r *rig) meet() {
	r.t.Helper()
	request := r.a.arpRequest(r.b)
	r.a.send(request)
	r.b.rec.wait(r.t, "the ARP request", func(f []byte) bool { return bytes.Equal(f, request) })
	deadline := time.Now().Add(patience)
	for seed := uint64(1); ; seed++ {
		for _, way := range [][2]*station{{r.a, r.b}, {r.b, r.a}} {
			f := way[0].frame(way[1], 64, seed)
			way[0].send(f)
			way[1].rec.wait(r.t, "a unicast frame", func(g []byte) bool { return bytes.Equal(f, g) })
		}
		pa, _ := r.a.d.Peer(r.b.d.Address())
		pb, _ := r.b.d.Peer(r.a.d.Address())
		if pa.Direct && pb.Direct && r.a.d.flows.get(r.b.d.Address()) != nil && r.b.d.flows.get(r.a.d.Address()) != nil {
			return
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("the conversation did not turn direct within %v: %+v %+v", patience, pa, pb)
		}
		time.Sleep(5 * time.Millisecond) // real sockets: nothing virtual to advance
	}
}

// stat returns a counter of a driver.
func stat(d *Driver, name string) uint64 {
	for _, s := range d.Stats() {
		if s.Name == name {
			return s.Value
		}
	}
	return 0
}

// numbered makes frame i of a flood: its number in the first bytes of the payload.
func (s *station) numbered(to *station, n, i int) []byte {
	f := s.frame(to, n, 7)
	binary.BigEndian.PutUint32(f[ethernetHeader:], uint32(i))
	return f
}
