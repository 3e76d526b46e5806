package sockets

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/zerotier"
	"github.com/ztstack/ztstack/zerotier/controller"
	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/vl1"
	"github.com/ztstack/ztstack/zerotier/vl2"
)

// A world is a root that is also a controller with one network, and a way to make members.
type world struct {
	t      *testing.T
	planet []byte
	root   *Node
	nwid   NetworkID
	used   int // identities
}

var loopback = netip.MustParseAddr("127.0.0.1")

// identities are made once and used by one test after another: the derivation is the real one, and slow under the race detector.
var identities []identity.Identity

// identity returns an identity that no other node of the world has.
func (w *world) identity() identity.Identity {
	w.t.Helper()
	if w.used == len(identities) {
		id, err := identity.Generate(rand.Reader)
		if err != nil {
			w.t.Fatal(err)
		}
		identities = append(identities, id)
	}
	w.used++
	return identities[w.used-1]
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t}
	id := w.identity()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: loopback.AsSlice()})
	if err != nil {
		t.Fatal(err)
	}
	at := c.LocalAddr().(*net.UDPAddr).AddrPort()
	c.Close()
	p := vl1.NewPlanet(1, 1, &id, []vl1.Root{{Identity: id.WithoutSecret(), Endpoints: []netip.AddrPort{at}}})
	p.Sign(&id)
	w.planet = p.Append(nil)
	w.root = &Node{Identity: id, Planet: w.planet, Listen: []netip.AddrPort{at}, AllowLoopback: true, Controller: true}
	if err := w.root.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.root.Close() })
	w.control(func(now clock.Time, c *controller.Controller) error {
		w.nwid = c.NewNetworkID()
		return c.SetNetwork(now, controller.Network{
			ID: w.nwid, Name: "test", Broadcast: true, MulticastMax: 32, AssignV4: true, AssignRFC4193: true,
			Pools:  []controller.Pool{{First: netip.MustParseAddr("10.1.0.1"), Last: netip.MustParseAddr("10.1.0.99")}},
			Routes: []vl2.Route{{Target: netip.MustParsePrefix("10.1.0.0/24")}},
		})
	})
	return w
}

func (w *world) control(f func(now clock.Time, c *controller.Controller) error) {
	w.t.Helper()
	if err := w.root.Control(f); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) authorize(a identity.Address, yes bool) {
	w.t.Helper()
	w.control(func(now clock.Time, c *controller.Controller) error { return c.Authorize(now, w.nwid, a, yes) })
}

// node makes a node that has joined nothing.
func (w *world) node() *Node {
	w.t.Helper()
	n := &Node{
		Identity: w.identity(), Planet: w.planet, Listen: []netip.AddrPort{netip.AddrPortFrom(loopback, 0)}, AllowLoopback: true,
	}
	w.t.Cleanup(func() { n.Close() })
	return n
}

// member makes a node that is a member of the network.
func (w *world) member() (*Node, *Network) {
	w.t.Helper()
	n := w.node()
	w.authorize(n.Identity.Address, true)
	nw, err := n.Join(w.context(), w.nwid)
	if err != nil {
		w.t.Fatal(err)
	}
	return n, nw
}

func (w *world) context() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	w.t.Cleanup(cancel)
	return ctx
}

func TestTwoMembersTalkHTTP(t *testing.T) {
	w := newWorld(t)
	_, a := w.member()
	_, b := w.member()
	l, err := a.Listen("tcp", ":80")
	if err != nil {
		t.Fatal(err)
	}
	serve(t, l, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { fmt.Fprint(rw, "from ", r.RemoteAddr) }))
	c := b.HTTPClient()
	defer c.CloseIdleConnections()
	for i, ip := range a.Addrs() {
		r, err := c.Get("http://" + netip.AddrPortFrom(ip, 80).String())
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(r.Body)
		r.Body.Close()
		want := "from " + b.Addrs()[i].String()
		if ip.Is6() {
			want = "from [" + b.Addrs()[i].String() + "]"
		}
		if err != nil || len(body) <= len(want) || string(body[:len(want)]) != want {
			t.Errorf("body %q, %v; want %s", body, err, want)
		}
	}
	p, err := b.Host().NewPinger(a.Addrs()[0])
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if _, err := p.Ping(w.context(), 56); err != nil {
		t.Error(err)
	}
}

// joinUntil joins a network and gives up once the node knows that its status is the given one.
func (w *world) joinUntil(n *Node, id NetworkID, status vl2.Status) error {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.context())
	defer cancel()
	joined := make(chan error, 1)
	go func() {
		_, err := n.Join(ctx, id)
		joined <- err
	}()
	for {
		for _, info := range n.Networks() {
			if info.ID == id && info.Status == status {
				cancel()
			}
		}
		select {
		case err := <-joined:
			return err
		case <-time.After(time.Millisecond):
		}
	}
}

func TestJoinSaysWhatIsMissing(t *testing.T) {
	w := newWorld(t)
	n := w.node()
	err := w.joinUntil(n, w.nwid, vl2.StatusDenied)
	var je *JoinError
	if !errors.Is(err, ErrNotAuthorized) || !errors.Is(err, context.Canceled) || !errors.As(err, &je) || je.Network != w.nwid {
		t.Errorf("joining without authorisation: %v", err)
	}
	// The node goes on asking: once authorised, it is in.
	w.authorize(n.Identity.Address, true)
	if _, err := n.Join(w.context(), w.nwid); err != nil {
		t.Errorf("joining after authorisation: %v", err)
	}
	if err := w.joinUntil(n, w.nwid+1, vl2.StatusNotFound); !errors.Is(err, ErrNotFound) {
		t.Errorf("joining a network that does not exist: %v", err)
	}
	if err := n.Leave(w.nwid + 2); err == nil {
		t.Error("leaving a network that was not joined is no error")
	}
	je = &JoinError{Reason: ErrNoAnswer, Err: ctxError(context.DeadlineExceeded)}
	if !je.Timeout() || !errors.Is(je, ErrNoAnswer) {
		t.Errorf("%v is no timeout", je)
	}
}

func TestOfflineNodeSaysSo(t *testing.T) {
	w := newWorld(t)
	w.root.Close()
	n := w.node()
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if err := n.Up(ctx); !errors.Is(err, ErrOffline) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Up without a root = %v", err)
	}
	if _, err := n.Join(ctx, w.nwid); !errors.Is(err, ErrNoAnswer) {
		t.Errorf("Join without a controller = %v", err)
	}
}

func TestEventsTellTheStory(t *testing.T) {
	w := newWorld(t)
	n := w.node()
	if err := n.Start(); err != nil {
		t.Fatal(err)
	}
	events := n.Events(w.context())
	w.authorize(n.Identity.Address, true)
	nw, err := n.Join(w.context(), w.nwid)
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[zerotier.EventKind]bool)
	for ev := range events {
		seen[ev.Kind] = true
		if seen[zerotier.EventNetworkRequesting] && seen[zerotier.EventNetworkOK] {
			break
		}
	}
	if nw.Status() != vl2.StatusOK || nw.Config() == nil || nw.Config().Name != "test" {
		t.Errorf("status %v, config %+v", nw.Status(), nw.Config())
	}
	if s := n.Status(); !s.Online || s.Address != n.Identity.Address {
		t.Errorf("Status = %+v", s)
	}
	if len(n.Peers()) == 0 || len(n.Networks()) != 1 {
		t.Errorf("%d peers, %d networks", len(n.Peers()), len(n.Networks()))
	}
}

func TestRevokedMemberLosesTouch(t *testing.T) {
	w := newWorld(t)
	_, a := w.member()
	nb, b := w.member()
	p, err := a.Host().NewPinger(b.Addrs()[0])
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if _, err := p.Ping(w.context(), 8); err != nil {
		t.Fatal(err)
	}
	w.authorize(nb.Identity.Address, false)
	for start := time.Now(); ; {
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		_, err := p.Ping(ctx, 8)
		cancel()
		if err != nil {
			break
		}
		if time.Since(start) > 10*time.Second {
			t.Fatal("a member whose authorisation was taken away still answers after 10 s")
		}
	}
}

func TestCloseRacesStart(t *testing.T) {
	w := newWorld(t)
	for range 20 {
		w.used = 1 // the root's; these nodes are there one after another
		n := w.node()
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := n.Start(); err != nil && !errors.Is(err, net.ErrClosed) {
				t.Error(err)
			}
		})
		wg.Go(func() { n.Close() })
		wg.Wait()
		n.Close()
		if err := n.Start(); !errors.Is(err, ErrNodeClosed) {
			t.Fatalf("Start after Close = %v", err)
		}
	}
}

func TestShutdownWaitsForConnections(t *testing.T) {
	w := newWorld(t)
	na, a := w.member()
	_, b := w.member()
	l, err := a.Listen("tcp", ":9")
	if err != nil {
		t.Fatal(err)
	}
	c, err := b.Dial("tcp", netip.AddrPortFrom(a.Addrs()[0], 9).String())
	if err != nil {
		t.Fatal(err)
	}
	s, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- na.Shutdown(w.context()) }()
	select {
	case err := <-done:
		t.Fatalf("Shutdown = %v while a connection is open", err)
	case <-ctx.Done():
	}
	s.Close()
	if err := <-done; err != nil {
		t.Errorf("Shutdown = %v", err)
	}
	c.Close()
}
