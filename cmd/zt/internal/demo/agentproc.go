package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/rpc"
	"net/rpc/jsonrpc"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

// An actor is the conductor's hold on one agent.
type actor struct {
	name   string
	pid    int // 0: in this process
	client *rpc.Client
	gone   chan struct{} // closed when the agent's process has ended
	how    error         // why it ended; set before gone is closed
	kill   func()
}

// serveAgent answers calls until conn is closed or the agent is stopped.
func serveAgent(a *Agent, conn io.ReadWriteCloser) {
	s := rpc.NewServer()
	if err := s.RegisterName("Agent", a); err != nil {
		panic("BUG: " + err.Error())
	}
	s.ServeCodec(jsonrpc.NewServerCodec(conn))
}

// startLocal starts an agent in this process.
func startLocal(name string) *actor {
	here, there := net.Pipe()
	a := newAgent()
	x := &actor{name: name, client: jsonrpc.NewClient(here), gone: make(chan struct{})}
	go func() {
		defer close(x.gone)
		serveAgent(a, there)
		a.Stop(Empty{}, nil)
	}()
	x.kill = func() { here.Close() }
	return x
}

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
	x.kill = func() {
		in.Close() // the agent ends by itself when its input does
		select {
		case <-x.gone:
		case <-time.After(500 * time.Millisecond):
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
		RunE: func(_ *cobra.Command, args []string) error {
			// Ctrl-C reaches the whole group; the conductor decides, and ends our input.
			signal.Ignore(os.Interrupt, syscall.SIGTERM)
			a := newAgent()
			a.name = args[0]
			serveAgent(a, pipes{os.Stdin, os.Stdout})
			stopped := a.ctx.Err() != nil
			err := a.Stop(Empty{}, nil)
			if !stopped {
				fmt.Fprintf(os.Stderr, "zt demo: node %s: the conductor is gone; stopping\n", args[0])
				return errStopped
			}
			return err
		},
	}
}

// call calls a method of the agent, until ctx is done or the agent's process ends.
func (x *actor) call(ctx context.Context, method string, args, reply any) error {
	call := x.client.Go("Agent."+method, args, reply, make(chan *rpc.Call, 1))
	select {
	case <-call.Done:
		var remote rpc.ServerError
		if call.Error != nil && !errors.As(call.Error, &remote) {
			return x.lost()
		}
		return call.Error
	case <-x.gone:
		return x.lost()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// lost says that the agent's process has ended, and how.
func (x *actor) lost() error {
	select {
	case <-x.gone:
	case <-time.After(200 * time.Millisecond):
	}
	return &lostError{node: x.name, pid: x.pid, how: x.how}
}

// A lostError says that a node's process is gone.
type lostError struct {
	node string
	pid  int
	how  error
}

func (e *lostError) Error() string {
	if e.how == nil {
		return fmt.Sprintf("lost node %s (process %d)", e.node, e.pid)
	}
	return fmt.Sprintf("lost node %s (process %d: %v)", e.node, e.pid, e.how)
}

// stopAll stops every agent and returns when they are gone, within a second: who has not stopped by then is killed.
func stopAll(actors []*actor, why string) {
	var wg sync.WaitGroup
	for _, x := range actors {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), 700*time.Millisecond)
			defer cancel()
			if why != "" {
				x.call(ctx, "Lost", why, new(Empty))
			} else {
				x.call(ctx, "Stop", Empty{}, new(Empty))
			}
			x.kill()
			<-x.gone
			x.client.Close()
		})
	}
	wg.Wait()
}
