package demo

import (
	"errors"
	"fmt"
	"io"
	"net/rpc/jsonrpc"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

// startProcess starts an agent in a process of its own: this program again, with the hidden command "demo-node".
func startProcess(name string) (*actor, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding this program's own file: %w", err)
	}
	cmd := exec.Command(self, "demo-node", name)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting a process: %w", err)
	}
	x := &actor{name: name, pid: cmd.Process.Pid, client: jsonrpc.NewClient(pipes{out, in}), gone: make(chan struct{})}
	go func() {
		state, err := cmd.Process.Wait()
		if err == nil {
			err = errors.New(state.String())
		}
		x.how = err
		close(x.gone)
	}()
	x.end = func() {
		in.Close() // the agent ends by itself when its input does
		select {
		case <-x.gone:
		case <-time.After(limitExit):
			cmd.Process.Kill()
		}
	}
	return x, nil
}

// pipes are a process's two ends as one connection.
type pipes struct {
	io.ReadCloser
	w io.WriteCloser
}

func (p pipes) Write(b []byte) (int, error) { return p.w.Write(b) }
func (p pipes) Close() error                { return errors.Join(p.w.Close(), p.ReadCloser.Close()) }

// NewAgentCommand returns the hidden command that runs one node of the demonstration.
func NewAgentCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "demo-node NAME",
		Short:  "Run one node of the demonstration; zt demo --processes starts it",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE:   func(_ *cobra.Command, args []string) error { return runAgent(args[0]) },
	}
}

// runAgent runs an agent until it has been stopped and its input has ended, or its input ends before: then the conductor
// is gone, however that came about.
func runAgent(name string) error {
	// What a terminal sends reaches every process of the demonstration; the conductor decides, and ends our input. Output
	// that nobody reads is no reason to die without a word either.
	signal.Ignore(os.Interrupt, syscall.SIGHUP, syscall.SIGPIPE)
	terminated := make(chan os.Signal, 1)
	signal.Notify(terminated, syscall.SIGTERM)

	a := newAgent(name)
	in := &endReader{r: os.Stdin, ended: make(chan struct{})}
	go serveAgent(a, pipes{in, os.Stdout})
	var err error
	select {
	case <-in.ended:
		if !a.stopped() {
			err = fmt.Errorf("node %s: the conductor is gone; stopping", name)
		}
	case <-terminated:
		err = fmt.Errorf("node %s: terminated; stopping", name)
	}
	time.AfterFunc(limitStop+limitExit, func() { os.Exit(1) }) // a node that cannot close must not stay behind
	return errors.Join(err, a.stop())
}

// An endReader tells when its reader has ended.
type endReader struct {
	r     io.ReadCloser
	once  sync.Once
	ended chan struct{}
}

// Read implements io.Reader.
func (e *endReader) Read(b []byte) (int, error) {
	n, err := e.r.Read(b)
	if err != nil {
		e.once.Do(func() { close(e.ended) })
	}
	return n, err
}

// Close implements io.Closer.
func (e *endReader) Close() error { return e.r.Close() }
