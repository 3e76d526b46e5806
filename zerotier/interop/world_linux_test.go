package interop

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/netip"
	"net/rpc"
	"net/rpc/jsonrpc"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/vl1"
)

// A world is a bridge with hosts on it, cut off from everything else.
type world struct {
	t      *testing.T
	bin    string // the stock node
	dir    string // homes and identities
	prefix string // of the names of namespaces
	planet []byte
	hosts  []*host
	nodes  []*node

	reported bool // the states of the nodes were printed
}

// namespacePrefix begins the names of our namespaces; the process's ID follows.
const namespacePrefix = "ztinterop-"

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, bin: stockBinary(t), dir: t.TempDir(), prefix: namespacePrefix + strconv.Itoa(os.Getpid()) + "-"}
	if keep := os.Getenv("INTEROP_KEEP"); keep != "" {
		w.dir = filepath.Join(keep, strings.ReplaceAll(t.Name(), "/", "-"))
		if err := errors.Join(os.RemoveAll(w.dir), os.MkdirAll(w.dir, 0o700)); err != nil {
			t.Fatal(err)
		}
	}
	sweep(t)
	w.addNamespace("sw")
	w.ip("-n", w.prefix+"sw", "link", "add", "br0", "type", "bridge")
	w.ip("-n", w.prefix+"sw", "link", "set", "br0", "up")
	if os.Getenv("INTEROP_KEEP") != "" {
		w.capture()
	}
	return w
}

// sweep deletes what test processes that were killed have left.
func sweep(t *testing.T) {
	t.Helper()
	names, err := filepath.Glob("/run/netns/" + namespacePrefix + "*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		name = filepath.Base(name)
		pid, _, _ := strings.Cut(strings.TrimPrefix(name, namespacePrefix), "-")
		if _, err := os.Stat("/proc/" + pid); os.IsNotExist(err) {
			if err := exec.Command("ip", "netns", "del", name).Run(); err != nil {
				t.Logf("deleting the namespace %s of an earlier run: %v", name, err)
			}
		}
	}
}

// ip runs the program ip.
func (w *world) ip(args ...string) {
	w.t.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		w.t.Fatalf("ip %s: %v: %s", strings.Join(args, " "), err, out)
	}
}

// addNamespace makes a namespace that lasts until the end of the test.
func (w *world) addNamespace(name string) {
	w.t.Helper()
	w.ip("netns", "add", w.prefix+name)
	w.t.Cleanup(func() {
		if out, err := exec.Command("ip", "netns", "del", w.prefix+name).CombinedOutput(); err != nil {
			w.t.Errorf("ip netns del %s: %v: %s", w.prefix+name, err, out)
		}
	})
	w.ip("-n", w.prefix+name, "link", "set", "lo", "up")
}

// capture writes what crosses the bridge to a file.
func (w *world) capture() {
	cmd := exec.Command("ip", "netns", "exec", w.prefix+"sw", "tcpdump", "-U", "-i", "br0", "-s0", "-w", filepath.Join(w.dir, "bridge.pcap"))
	w.start(cmd, "tcpdump", syscall.SIGTERM)
	time.Sleep(300 * time.Millisecond) // until it listens
}

// start starts a process that ends with the test, by the signal, and not before.
func (w *world) start(cmd *exec.Cmd, name string, sig syscall.Signal) {
	w.t.Helper()
	path := filepath.Join(w.dir, name+".log")
	log, err := os.Create(path)
	if err != nil {
		w.t.Fatal(err)
	}
	if cmd.Stdout == nil {
		cmd.Stdout = log
	}
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		w.t.Fatalf("starting %s: %v", name, err)
	}
	log.Close()
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		cmd.Wait()
	}()
	w.t.Cleanup(func() {
		select {
		case <-gone:
			said, _ := os.ReadFile(path)
			w.t.Errorf("%s ended by itself: %v; it said:\n%s", name, cmd.ProcessState, said)
			return
		default:
		}
		cmd.Process.Signal(sig)
		select {
		case <-gone:
		case <-time.After(3 * time.Second):
			cmd.Process.Kill()
			<-gone
		}
	})
}

// A host is a namespace on the bridge, with an agent in it.
type host struct {
	w      *world
	name   string
	ns     string
	port   string // on the bridge
	addr4  netip.Addr
	addr6  netip.Addr
	client *rpc.Client
}

// newHost makes the next host.
func (w *world) newHost(name string) *host {
	w.t.Helper()
	n := len(w.hosts) + 1
	h := &host{
		w: w, name: name, ns: w.prefix + name, port: "p" + strconv.Itoa(n),
		addr4: netip.AddrFrom4([4]byte{10, 98, 0, byte(n)}),
		addr6: netip.MustParseAddr("fd98::" + strconv.Itoa(n)),
	}
	w.hosts = append(w.hosts, h)
	w.addNamespace(name)
	w.ip("-n", h.ns, "link", "add", "eth0", "type", "veth", "peer", "name", h.port, "netns", w.prefix+"sw")
	w.ip("-n", h.ns, "addr", "add", h.addr4.String()+"/24", "dev", "eth0")
	w.ip("-n", h.ns, "addr", "add", h.addr6.String()+"/64", "dev", "eth0", "nodad")
	w.ip("-n", h.ns, "link", "set", "eth0", "up")
	w.ip("-n", w.prefix+"sw", "link", "set", h.port, "master", "br0", "up")
	h.startAgent()
	return h
}

// isolate lets the host's frames reach only hosts that are not isolated, or ends that.
func (h *host) isolate(on bool) {
	h.w.t.Helper()
	state := map[bool]string{true: "on", false: "off"}[on]
	h.w.ip("-n", h.w.prefix+"sw", "link", "set", h.port, "type", "bridge_slave", "isolated", state)
}

// dropIPv4 leaves the host with IPv6 alone.
func (h *host) dropIPv4() {
	h.w.t.Helper()
	h.w.ip("-n", h.ns, "-4", "addr", "flush", "dev", "eth0")
}

// startAgent starts this program again in the host's namespace.
func (h *host) startAgent() {
	t := h.w.t
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("ip", "netns", "exec", h.ns, self)
	cmd.Env = append(os.Environ(), agentEnv+"="+h.name)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, there, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout = there
	t.Cleanup(func() {
		// An agent has nothing to say, except for what the Go runtime reports: panics and races.
		if said, _ := os.ReadFile(filepath.Join(h.w.dir, "agent-"+h.name+".log")); len(said) > 0 {
			t.Errorf("agent %s said:\n%s", h.name, said)
		}
	})
	h.w.start(cmd, "agent-"+h.name, syscall.SIGKILL)
	there.Close()
	h.client = jsonrpc.NewClient(pipes{out, in})
	t.Cleanup(func() { h.client.Close() })
}

// callLimit is longer than any call is to take.
const callLimit = 2 * time.Minute

// try calls a method of the agent.
func (h *host) try(method string, args, reply any) error {
	call := h.client.Go("Agent."+method, args, reply, make(chan *rpc.Call, 1))
	select {
	case <-call.Done:
		return call.Error
	case <-time.After(callLimit):
		return fmt.Errorf("no answer after %v", callLimit)
	}
}

// call is try, where an error ends the test.
func (h *host) call(method string, args, reply any) {
	h.w.t.Helper()
	if err := h.try(method, args, reply); err != nil {
		h.w.t.Fatalf("%s: %s: %v", h.name, method, err)
	}
}

// newIdentity makes an identity and keeps it beside the homes.
func (w *world) newIdentity(name string) identity.Identity {
	w.t.Helper()
	id, err := identity.Generate(rand.Reader)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(w.dir, name+".secret"), []byte(id.SecretString()), 0o600); err != nil {
		w.t.Fatal(err)
	}
	return id
}

// makePlanet makes the planet of one root at both addresses of a host, or at one when only it is valid.
func (w *world) makePlanet(root *identity.Identity, at ...netip.Addr) {
	r := vl1.Root{Identity: root.WithoutSecret()}
	for _, a := range at {
		r.Endpoints = append(r.Endpoints, netip.AddrPortFrom(a, 9993))
	}
	p := vl1.NewPlanet(0x7a74696e7465726f, uint64(time.Now().UnixMilli()), root, []vl1.Root{r})
	p.Sign(root)
	w.planet = p.Append(nil)
}
