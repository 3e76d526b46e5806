package zerotier

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/ethernet"
	"github.com/ztstack/ztstack/link"
	"github.com/ztstack/ztstack/zerotier/controller"
	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/packet"
	"github.com/ztstack/ztstack/zerotier/vl1"
	"github.com/ztstack/ztstack/zerotier/vl2"
)

// clockBase is Unix time in ms at clock zero in these tests.
const clockBase = 1_700_000_000_000

// wayTime is how long a datagram is under way.
const wayTime = 5 * time.Millisecond

// A world is a few Nodes on a network that loses nothing unless told to, on virtual time.
type world struct {
	t      *testing.T
	now    clock.Time
	hosts  []*host
	flying []flight
	lose   func(from, to *host, b []byte) bool
	planet []byte
	ctl    *controller.Controller
	nwid   vl2.NetworkID
}

type host struct {
	w      *world
	n      *Node
	at     netip.AddrPort
	frames [][]byte
	events []Event
	flows  map[identity.Address]*Flow
	ip     netip.Addr
}

type flight struct {
	at       clock.Time
	from, to *host
	b        []byte
}

func testIdentities(t *testing.T) []identity.Identity {
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

// newWorld makes a root, a controller with one private network, and two members that have joined it.
func newWorld(t *testing.T) *world {
	t.Helper()
	ids := testIdentities(t)
	w := &world{t: t, now: 1}
	root := addrOf(0)
	w.planet = vl1.NewPlanet(9, 1, &ids[0], []vl1.Root{{Identity: ids[0].WithoutSecret(), Endpoints: []netip.AddrPort{root}}}).Append(nil)
	ctl, err := controller.New(controller.Config{Identity: &ids[1], Rand: rand.New(rand.NewPCG(1, 1)), ClockBase: clockBase})
	if err != nil {
		t.Fatal(err)
	}
	w.ctl = ctl
	w.nwid = ctl.NewNetworkID()
	err = ctl.SetNetwork(w.now, controller.Network{
		ID: w.nwid, Name: "world", Broadcast: true, MulticastMax: 32, AssignV4: true,
		Pools:  []controller.Pool{{First: netip.MustParseAddr("10.9.0.1"), Last: netip.MustParseAddr("10.9.0.9")}},
		Routes: []vl2.Route{{Target: netip.MustParsePrefix("10.9.0.0/24")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	w.add(ids[0], nil)
	w.add(ids[1], ctl)
	for _, id := range ids[2:4] {
		if err := ctl.Authorize(w.now, w.nwid, id.Address, true); err != nil {
			t.Fatal(err)
		}
		w.add(id, nil).n.Join(w.now, w.nwid, "")
	}
	return w
}

func addrOf(i int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(1 + i)}), 9993)
}

func (w *world) add(id identity.Identity, ctl Controller) *host {
	w.t.Helper()
	i := len(w.hosts)
	n, err := New(Config{
		Identity: id, Planet: w.planet, Controller: ctl, Seed: [32]byte{byte(i + 1)}, ClockBase: clockBase,
		LocalAddrs: []netip.AddrPort{addrOf(i)},
	}, w.now)
	if err != nil {
		w.t.Fatal(err)
	}
	h := &host{w: w, n: n, at: addrOf(i), flows: make(map[identity.Address]*Flow)}
	w.hosts = append(w.hosts, h)
	return h
}

func (w *world) hostAt(a netip.AddrPort) *host {
	for _, h := range w.hosts {
		if h.at == a {
			return h
		}
	}
	return nil
}

// pull takes everything that a host has to say.
func (h *host) pull() {
	w := h.w
	for {
		f, ok := h.n.Frame(w.now)
		if !ok {
			break
		}
		h.keep(&f)
	}
	for {
		e, ok := h.n.Event()
		if !ok {
			break
		}
		h.events = append(h.events, e)
		if e.Config != nil {
			for _, p := range e.Config.Addresses {
				h.ip = p.Addr()
			}
		}
	}
	for {
		c, ok := h.n.FlowChanged()
		if !ok {
			break
		}
		h.flows[c.Peer] = c.Flow
	}
	buf := make([]byte, packet.MaxLen)
	for {
		d, ok := h.n.Output(w.now, buf)
		if !ok {
			break
		}
		if to := w.hostAt(d.To); to != nil && (w.lose == nil || !w.lose(h, to, d.Data)) {
			w.flying = append(w.flying, flight{w.now.Add(wayTime), h, to, bytes.Clone(d.Data)})
		}
	}
}

func (h *host) keep(f *Frame) { h.frames = append(h.frames, bytes.Clone(f.Buf.Frame())) }

// until runs the world until done, at most for the given time.
func (w *world) until(what string, limit time.Duration, done func() bool) {
	w.t.Helper()
	end := w.now.Add(limit)
	for {
		next := end
		for _, h := range w.hosts {
			d := h.n.Poll(w.now)
			h.pull()
			if d != clock.Never {
				next = min(next, max(d, w.now+1))
			}
		}
		if done() {
			return
		}
		if w.now >= end {
			w.t.Fatalf("%s did not happen within %v", what, limit)
		}
		if len(w.flying) > 0 {
			next = min(next, w.flying[0].at)
		}
		w.now = next
		for len(w.flying) > 0 && w.flying[0].at <= w.now {
			f := w.flying[0]
			w.flying = w.flying[1:]
			if frame, ok := f.to.n.Receive(w.now, 0, f.from.at, f.b); ok {
				f.to.keep(&frame)
			}
			f.to.pull()
		}
	}
}

func (w *world) a() *host { return w.hosts[2] }
func (w *world) b() *host { return w.hosts[3] }

func (h *host) mac() ethernet.Addr { return vl2.MAC(h.n.Address(), h.w.nwid) }

func (h *host) has(kind EventKind) bool {
	for _, e := range h.events {
		if e.Kind == kind {
			return true
		}
	}
	return false
}

// direct reports whether h said that it reaches peer directly.
func (h *host) direct(peer *host) bool {
	for _, e := range h.events {
		if e.Kind == EventPeerDirect && e.Peer == peer.n.Address() {
			return true
		}
	}
	return false
}

func (h *host) got(frame []byte) bool {
	for _, f := range h.frames {
		if bytes.Equal(f, frame) {
			return true
		}
	}
	return false
}

// send sends a frame and returns it.
func (h *host) send(frame []byte) []byte {
	h.n.SendFrame(h.w.now, h.w.nwid, &link.Buf{B: frame, Len: len(frame)})
	h.pull()
	return frame
}

func (h *host) frameTo(to *host, n int) []byte {
	dst, src := to.mac(), h.mac()
	f := append(append(append([]byte{}, dst[:]...), src[:]...), 8, 0)
	for i := range n {
		f = append(f, byte(i*7))
	}
	return f
}

func (h *host) arpRequest(to *host) []byte {
	src := h.mac()
	f := append(bytes.Repeat([]byte{0xff}, 6), src[:]...)
	f = append(f, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1)
	f = append(append(append(f, src[:]...), h.ip.AsSlice()...), 0, 0, 0, 0, 0, 0)
	return append(f, to.ip.AsSlice()...)
}

// ready runs until both members are configured.
func (w *world) ready() {
	w.t.Helper()
	w.until("configuration of both members", 10*time.Second, func() bool {
		return w.a().has(EventNetworkOK) && w.b().has(EventNetworkOK)
	})
}

// numbered makes a frame that is told from all others.
func numbered(f []byte, i int) []byte {
	binary.BigEndian.PutUint32(f[ethernetHeaderLen:], uint32(i))
	return f
}

// readIdentity returns the last test identity, for those who have no *testing.T.
func readIdentity() (identity.Identity, error) {
	b, err := os.ReadFile("testdata/identities.txt")
	if err != nil {
		return identity.Identity{}, err
	}
	lines := strings.Fields(string(b))
	return identity.Parse(lines[len(lines)-1])
}
