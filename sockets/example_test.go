package sockets_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/sockets"
	"github.com/ztstack/ztstack/zerotier/controller"
	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/vl1"
	"github.com/ztstack/ztstack/zerotier/vl2"
)

// fetch joins a network, as a node of its own, and prints what a web server there says.
func fetch(ctx context.Context, planet []byte, network sockets.NetworkID, url string) error {
	n := &sockets.Node{Planet: planet, Listen: here, AllowLoopback: true} // the last two: because all is on one machine
	defer n.Close()
	nw, err := n.Join(ctx, network) // returns when the controller has given us our addresses
	if err != nil {
		return err
	}
	resp, err := nw.HTTPClient().Get(url) // TCP and IP of this connection are ours
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(os.Stdout, resp.Body)
	return err
}

// here lets a node use any port of this machine, and nothing else.
var here = []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")}

// A node joins a network and is a host on it. The other host here, a web server, is at the same time the root and the
// controller that a network needs.
func ExampleNode() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	server, planet, network := newNetwork()
	defer server.Close()
	nw, err := server.Join(ctx, network)
	if err != nil {
		panic(err)
	}
	l, err := nw.Listen("tcp", ":80")
	if err != nil {
		panic(err)
	}
	go http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, "hello from the network") }))

	if err := fetch(ctx, planet, network, "http://"+nw.Addrs()[0].String()); err != nil {
		panic(err)
	}
	// Output: hello from the network
}

// newNetwork starts a node that is the root of a planet, and the controller of a network that anybody may join.
func newNetwork() (node *sockets.Node, planet []byte, network sockets.NetworkID) {
	id, err := identity.Generate(rand.Reader)
	if err != nil {
		panic(err)
	}
	// The planet names the root's port, which has to be free: ask for one.
	c, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(here[0]))
	if err != nil {
		panic(err)
	}
	at := c.LocalAddr().(*net.UDPAddr).AddrPort()
	c.Close()
	w := vl1.NewPlanet(1, 1, &id, []vl1.Root{{Identity: id.WithoutSecret(), Endpoints: []netip.AddrPort{at}}})
	w.Sign(&id)
	planet = w.Append(nil)

	node = &sockets.Node{Identity: id, Planet: planet, Listen: []netip.AddrPort{at}, AllowLoopback: true, Controller: true}
	err = node.Control(func(now clock.Time, c *controller.Controller) error {
		network = c.NewNetworkID()
		return c.SetNetwork(now, controller.Network{
			ID: network, Name: "example", Public: true, Broadcast: true, MulticastMax: 32, AssignV4: true,
			Pools:  []controller.Pool{{First: netip.MustParseAddr("10.147.20.1"), Last: netip.MustParseAddr("10.147.20.9")}},
			Routes: []vl2.Route{{Target: netip.MustParsePrefix("10.147.20.0/24")}},
		})
	})
	if err != nil {
		panic(err)
	}
	return node, planet, network
}

// The README shows the example as it is compiled here.
func TestReadmeExample(t *testing.T) {
	code, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	_, shown, _ := strings.Cut(string(code), "func fetch(")
	shown, _, ok := strings.Cut(shown, "\n}\n")
	if !ok {
		t.Fatal("func fetch is not to be found")
	}
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(readme), shown) {
		t.Errorf("README.md does not have this:\n%s", shown)
	}
}
