package interop

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/vl2"
)

// A kind of node.
type kind bool

const (
	ours  kind = false
	stock kind = true
)

func (k kind) String() string { return map[kind]string{ours: "ours", stock: "stock"}[k] }

// A node is a ZeroTier node of either kind on a host of its own.
type node struct {
	*host
	kind    kind
	id      identity.Identity
	serving bool
}

// newNode makes a node that is not started yet.
func (w *world) newNode(k kind, name string) *node {
	w.t.Helper()
	n := &node{host: w.newHost(name), kind: k, id: w.newIdentity(name)}
	w.nodes = append(w.nodes, n)
	w.t.Cleanup(func() {
		// The last node's comes first, while all of them live.
		if w.t.Failed() && !w.reported {
			w.reported = true
			w.report()
		}
	})
	return n
}

// startRoot makes and starts the root, which is also a controller.
func (w *world) startRoot(k kind) *node {
	w.t.Helper()
	n := w.newNode(k, "root")
	w.makePlanet(&n.id, n.addr4)
	n.start()
	return n
}

// startNode makes and starts a node.
func (w *world) startNode(k kind, name string) *node {
	w.t.Helper()
	n := w.newNode(k, name)
	n.start()
	return n
}

// start starts the node. Either kind is a controller too.
func (n *node) start() {
	n.w.t.Helper()
	if n.kind == ours {
		n.call("Start", StartArgs{Secret: n.id.SecretString(), Planet: n.w.planet}, new(Empty))
		return
	}
	home := filepath.Join(n.w.dir, "home-"+n.name)
	files := map[string]string{
		"identity.secret":  n.id.SecretString(),
		"identity.public":  n.id.PublicString(),
		"planet":           string(n.w.planet),
		"authtoken.secret": apiToken,
		"local.conf": `{"settings":{"primaryPort":9993,"portMappingEnabled":false,"allowSecondaryPort":false,
			"softwareUpdate":"disable","allowTcpFallbackRelay":false}}`,
	}
	if err := os.MkdirAll(home, 0o700); err != nil {
		n.w.t.Fatal(err)
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(home, name), []byte(content), 0o600); err != nil {
			n.w.t.Fatal(err)
		}
	}
	n.w.start(exec.Command("ip", "netns", "exec", n.ns, n.w.bin, "-U", home), "stock-"+n.name, syscall.SIGTERM)
	n.eventually(20*time.Second, "the stock service's API to answer", func() error {
		var status struct{ Address string }
		if err := n.api("GET", "/status", nil, &status); err != nil {
			return err
		}
		if status.Address != n.id.Address.String() {
			return fmt.Errorf("it is node %q, not %v", status.Address, n.id.Address)
		}
		return nil
	})
}

// apiToken authorises requests to the local API of stock nodes.
const apiToken = "interoptoken"

// api asks the local API of a stock node.
func (n *node) api(method, path string, body, reply any) error {
	var answer []byte
	b, err := json.Marshal(body)
	if err != nil {
		return err
	}
	if body == nil {
		b = nil
	}
	if err := n.try("HTTP", HTTPArgs{Method: method, URL: "http://127.0.0.1:9993" + path, Token: apiToken, Body: b}, &answer); err != nil {
		return err
	}
	if reply == nil {
		return nil
	}
	return json.Unmarshal(answer, reply)
}

// mustAPI is api, where an error ends the test.
func (n *node) mustAPI(method, path string, body, reply any) {
	n.w.t.Helper()
	if err := n.api(method, path, body, reply); err != nil {
		n.w.t.Fatalf("%s: %s %s: %v", n.name, method, path, err)
	}
}

// eventually asks again and again until the answer is nil.
func (n *node) eventually(limit time.Duration, what string, ask func() error) time.Duration {
	n.w.t.Helper()
	start := time.Now()
	for {
		err := ask()
		if err == nil {
			return time.Since(start)
		}
		if time.Since(start) > limit {
			n.w.t.Fatalf("%s: waited %v for %s: %v", n.name, limit, what, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// A network is what a controller is to answer for.
type network struct {
	MTU      int
	Public   bool
	IPv4Only bool
}

// createNetwork creates network number 1 on the controller.
func (n *node) createNetwork(nw network) vl2.NetworkID {
	n.w.t.Helper()
	id := vl2.NetworkID(n.id.Address)<<24 | 1
	if n.kind == ours {
		n.call("SetNetwork", SetNetworkArgs{ID: id, MTU: nw.MTU, Public: nw.Public, IPv4Only: nw.IPv4Only}, new(Empty))
		return id
	}
	n.mustAPI("POST", "/controller/network/"+id.String(), map[string]any{
		"name": "interop", "private": !nw.Public, "enableBroadcast": true, "mtu": nw.MTU, "multicastLimit": 32,
		"v4AssignMode":      map[string]any{"zt": true},
		"v6AssignMode":      map[string]any{"zt": false, "rfc4193": !nw.IPv4Only, "6plane": !nw.IPv4Only},
		"ipAssignmentPools": []any{map[string]any{"ipRangeStart": "10.147.20.10", "ipRangeEnd": "10.147.20.250"}},
		"routes":            []any{map[string]any{"target": "10.147.20.0/24", "via": nil}},
	}, nil)
	return id
}

// authorize makes a node a member of the network, or ends that.
func (n *node) authorize(id vl2.NetworkID, member *node, yes bool) {
	n.w.t.Helper()
	if n.kind == ours {
		n.call("Authorize", AuthorizeArgs{id, member.id.Address, yes}, new(Empty))
		return
	}
	n.mustAPI("POST", fmt.Sprintf("/controller/network/%v/member/%v", id, member.id.Address), map[string]any{"authorized": yes}, nil)
}

// join asks the node to join, and does not wait.
func (n *node) join(id vl2.NetworkID) {
	n.w.t.Helper()
	if n.kind == ours {
		n.call("Join", id, new(Empty))
		return
	}
	n.mustAPI("POST", "/network/"+id.String(), map[string]any{"allowManaged": true, "allowGlobal": true}, nil)
}

// leave asks the node to leave.
func (n *node) leave(id vl2.NetworkID) {
	n.w.t.Helper()
	if n.kind == ours {
		n.call("Leave", id, new(Empty))
		return
	}
	n.mustAPI("DELETE", "/network/"+id.String(), nil, nil)
}

// A Membership is a node's view of a network that it has joined.
type Membership struct {
	Status string
	MTU    int
	Addrs  []netip.Prefix `json:"assignedAddresses"`
	Device string         `json:"portDeviceName"`
	MAC    string
}

// network describes a network that the node has joined.
func (n *node) network(id vl2.NetworkID) (m Membership, err error) {
	if n.kind == ours {
		return m, n.try("Network", id, &m)
	}
	return m, n.api("GET", "/network/"+id.String(), nil, &m)
}

// waitStatus waits for a status of the network.
func (n *node) waitStatus(id vl2.NetworkID, want string, limit time.Duration) (m Membership) {
	n.w.t.Helper()
	n.eventually(limit, "status "+want, func() (err error) {
		m, err = n.network(id)
		if err == nil && (m.Status != want || want == "OK" && len(m.Addrs) == 0) {
			err = fmt.Errorf("status is %s, addresses are %v", m.Status, m.Addrs)
		}
		return err
	})
	return m
}

// addr returns the node's address of a kind on a network that it has joined.
func (n *node) addr(id vl2.NetworkID, family string) netip.Addr {
	n.w.t.Helper()
	m, err := n.network(id)
	if err != nil {
		n.w.t.Fatalf("%s: %v", n.name, err)
	}
	for _, p := range m.Addrs {
		a := p.Addr()
		six := vl2.SixPlane(id, n.id.Address).Addr() == a
		if family == "IPv4" && a.Is4() || family == "6PLANE" && six || family == "RFC4193" && a.Is6() && !six {
			return a
		}
	}
	n.w.t.Fatalf("%s has no %s address among %v", n.name, family, m.Addrs)
	return netip.Addr{}
}

// device returns the zone that groups of the network need.
func (n *node) device(id vl2.NetworkID) string {
	n.w.t.Helper()
	m, err := n.network(id)
	if err != nil {
		n.w.t.Fatalf("%s: %v", n.name, err)
	}
	return m.Device
}

// serve starts what others ask for, unless it runs: the kernel's servers outlive a membership.
func (n *node) serve(id vl2.NetworkID) {
	n.w.t.Helper()
	if n.kind == stock && n.serving {
		return
	}
	n.serving = true
	n.call("Serve", ServeArgs{id, port}, new(Empty))
}

// A Route is a node's way to a peer.
type Route struct {
	Direct bool
	Paths  []string
	Cipher string // ours only
}

// peer describes the way to another node.
func (n *node) peer(to *node) (r Route, err error) {
	if n.kind == ours {
		return r, n.try("Peer", to.id.Address, &r)
	}
	var p struct {
		Paths []struct {
			Address         string
			Active, Expired bool
		}
	}
	err = n.api("GET", "/peer/"+to.id.Address.String(), nil, &p)
	for _, path := range p.Paths {
		if path.Active && !path.Expired {
			r.Direct = true
			r.Paths = append(r.Paths, path.Address)
		}
	}
	return r, err
}

// report prints what helps to find out why a test failed.
func (w *world) report() {
	for _, n := range w.nodes {
		var b strings.Builder
		if n.kind == ours {
			var stats string
			if err := n.try("Report", Empty{}, &stats); err != nil {
				stats = err.Error()
			}
			b.WriteString(stats)
		} else {
			for _, path := range []string{"/network", "/peer"} {
				var raw json.RawMessage
				if err := n.api("GET", path, nil, &raw); err != nil {
					raw = []byte(err.Error())
				}
				fmt.Fprintf(&b, "%s %s\n", path, raw)
			}
		}
		w.t.Logf("%s (%v, %v, %v):\n%s", n.name, n.kind, n.id.Address, n.addr4, b.String())
	}
}
