package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/rpc"
	"net/rpc/jsonrpc"
	"strings"
	"sync"
	"time"
)

// An actor is the conductor's hold on one agent.
type actor struct {
	name   string
	pid    int // 0: in this process
	client *rpc.Client
	gone   chan struct{} // closed when the agent's process has ended
	how    error         // why it ended; set before gone is closed
	end    func()        // makes the agent end, and returns when it has been told or killed
}

// serveAgent answers calls until conn is closed and the calls have ended.
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
	a := newAgent(name)
	x := &actor{name: name, client: jsonrpc.NewClient(here), gone: make(chan struct{})}
	go func() {
		defer close(x.gone)
		serveAgent(a, there)
		a.stop()
	}()
	x.end = func() {
		a.cancel()
		here.Close()
	}
	return x
}

// call calls a method of the agent, until ctx is done or the agent's process ends.
func (x *actor) call(ctx context.Context, method string, args, reply any) error {
	call := x.client.Go("Agent."+method, args, reply, make(chan *rpc.Call, 1))
	select {
	case <-call.Done:
		var remote rpc.ServerError
		if call.Error != nil && (!errors.As(call.Error, &remote) || strings.HasSuffix(string(remote), errStopped.Error())) {
			return x.lost() // no answer, or the last words of a node that somebody else has stopped
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
		return &lostError{node: x.name, pid: x.pid, how: x.how}
	case <-time.After(200 * time.Millisecond):
		return &lostError{node: x.name, pid: x.pid} // it has closed its output, but still runs
	}
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

// How long an agent has for each part of its end. Together they are less than a second.
const (
	limitStop = 500 * time.Millisecond // to close everything
	limitExit = 300 * time.Millisecond // then, to end its process
)

// stopAll stops every agent and returns when they are gone, within a second: who has not stopped by then is killed. If why is
// not empty, each says it. The error is that of closing the capture.
func stopAll(actors []*actor, why string) error {
	errs := make([]error, len(actors))
	var wg sync.WaitGroup
	for i, x := range actors {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), limitStop)
			defer cancel()
			err := x.call(ctx, "Stop", StopArgs{Why: why}, new(Empty))
			if remote := rpc.ServerError(""); errors.As(err, &remote) {
				errs[i] = err
			}
			x.end()
			<-x.gone
			x.client.Close()
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}
