package tap

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"
)

// needKernel skips a test that cannot have its own Linux network namespaces.
func needKernel(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root, for network namespaces and TAP interfaces")
	}
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("needs the program ip, of iproute2")
	}
	if _, err := os.Stat("/dev/net/tun"); err != nil {
		t.Skipf("needs /dev/net/tun: %v", err)
	}
}

// A namespace is a Linux network namespace of the test's own.
type namespace struct {
	t    testing.TB
	name string
}

var namespaces atomic.Int32

func newNamespace(t testing.TB) *namespace {
	t.Helper()
	ns := &namespace{t, fmt.Sprintf("ztt%d-%d", os.Getpid(), namespaces.Add(1))}
	if out, err := exec.Command("ip", "netns", "add", ns.name).CombinedOutput(); err != nil {
		t.Skipf("needs network namespaces: ip netns add: %v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("ip", "netns", "del", ns.name).CombinedOutput(); err != nil {
			t.Errorf("remove namespace %s: %v: %s", ns.name, err, out)
		}
	})
	ns.ip("link set lo up")
	return ns
}

// ip runs ip with the given arguments inside the namespace.
func (ns *namespace) ip(args string) {
	ns.t.Helper()
	a := append([]string{"-n", ns.name}, strings.Fields(args)...)
	if out, err := exec.Command("ip", a...).CombinedOutput(); err != nil {
		ns.t.Fatalf("ip %s: %v: %s", strings.Join(a, " "), err, out)
	}
}

// do runs f on a thread that is inside the namespace: sockets that f makes belong to it, wherever they are
// used afterwards.
func (ns *namespace) do(f func() error) {
	ns.t.Helper()
	done := make(chan error)
	go func() {
		// The thread is never unlocked, so it ends with the goroutine.
		runtime.LockOSThread()
		file, err := os.Open("/run/netns/" + ns.name)
		if err == nil {
			if err = unix.Setns(int(file.Fd()), unix.CLONE_NEWNET); err == nil {
				err = f()
			}
			file.Close()
		}
		done <- err
	}()
	if err := <-done; err != nil {
		ns.t.Fatalf("in namespace %s: %v", ns.name, err)
	}
}

// sysctl sets a parameter such as net/ipv4/ip_forward.
func (ns *namespace) sysctl(name, value string) {
	ns.t.Helper()
	ns.do(func() error { return os.WriteFile("/proc/sys/"+name, []byte(value), 0o644) })
}

// open opens a TAP interface inside the namespace.
func (ns *namespace) open(mtu int) *Device {
	ns.t.Helper()
	var d *Device
	ns.do(func() (err error) {
		d, err = Open("ztt%d", mtu, [6]byte{2, 0, 0, 0, 0, 1})
		return err
	})
	return d
}
