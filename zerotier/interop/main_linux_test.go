package interop

import (
	"errors"
	"io"
	"net/rpc"
	"net/rpc/jsonrpc"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
)

// agentEnv names the agent that this process is to be.
const agentEnv = "ZTSTACK_INTEROP_AGENT"

func TestMain(m *testing.M) {
	if os.Getenv(agentEnv) != "" {
		serveAgent()
		return
	}
	os.Exit(m.Run())
}

// serveAgent answers calls until the standard input ends.
func serveAgent() {
	signal.Ignore(os.Interrupt, syscall.SIGTERM) // the test decides, and ends our input
	a := newAgent()
	s := rpc.NewServer()
	if err := s.RegisterName("Agent", a); err != nil {
		panic("BUG: " + err.Error())
	}
	s.ServeCodec(jsonrpc.NewServerCodec(pipes{os.Stdin, os.Stdout}))
	a.close()
}

// pipes are a process's two ends as one connection.
type pipes struct {
	io.ReadCloser
	w io.WriteCloser
}

func (p pipes) Write(b []byte) (int, error) { return p.w.Write(b) }
func (p pipes) Close() error                { return errors.Join(p.w.Close(), p.ReadCloser.Close()) }

// stockBinary returns the path of the stock node, or skips the test with what is missing.
func stockBinary(t *testing.T) string {
	t.Helper()
	bin := os.Getenv("ZEROTIER_ONE")
	if bin == "" {
		t.Skip("needs a stock node: set ZEROTIER_ONE to the path of zerotier-one")
	}
	if os.Geteuid() != 0 {
		t.Skip("needs root, for network namespaces")
	}
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("needs the program ip, of iproute2")
	}
	if _, err := os.Stat("/dev/net/tun"); err != nil {
		t.Skipf("needs TAP interfaces for stock nodes: %v", err)
	}
	version, err := exec.Command(bin, "-v").CombinedOutput()
	if err != nil {
		t.Fatalf("ZEROTIER_ONE=%s does not tell its version: %v: %s", bin, err, version)
	}
	t.Logf("stock node: version %s", strings.TrimSpace(string(version)))
	return bin
}
