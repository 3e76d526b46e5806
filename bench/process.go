package main

import (
	"errors"
	"fmt"
	"net/rpc"
	"net/rpc/jsonrpc"
	"os"
	"os/exec"
	"sync"
	"time"
)

// A process is the parent's hold on a child.
type process struct {
	client *rpc.Client
	cmd    *exec.Cmd
	exited chan struct{}
}

// children are those that run, for stopChildren.
var children struct {
	sync.Mutex
	all map[*process]bool // guarded by Mutex
}

// startChild starts this program again as a child.
func startChild() (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding this program's own file: %w", err)
	}
	cmd := exec.Command(self, childArg)
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
	p := &process{client: jsonrpc.NewClient(pipes{out, in}), cmd: cmd, exited: make(chan struct{})}
	go func() {
		cmd.Process.Wait()
		close(p.exited)
	}()
	children.Lock()
	defer children.Unlock()
	if children.all == nil {
		children.all = make(map[*process]bool)
	}
	children.all[p] = true
	return p, nil
}

// call calls a method of the child and fails if it does not answer within limit.
func (p *process) call(method string, args, reply any, limit time.Duration) error {
	call := p.client.Go("Child."+method, args, reply, make(chan *rpc.Call, 1))
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-call.Done:
		var remote rpc.ServerError
		if call.Error != nil && !errors.As(call.Error, &remote) {
			return fmt.Errorf("%s: the process has ended: %w", method, call.Error)
		}
		if call.Error != nil {
			return fmt.Errorf("%s: %w", method, call.Error)
		}
		return nil
	case <-timer.C:
		return fmt.Errorf("%s: no answer within %v", method, limit)
	}
}

// stop ends the child: closing its input asks it to, and it is killed if it does not within three seconds.
func (p *process) stop() {
	children.Lock()
	delete(children.all, p)
	children.Unlock()
	p.client.Close()
	select {
	case <-p.exited:
	case <-time.After(3 * time.Second):
		p.cmd.Process.Kill()
		<-p.exited
	}
}

// stopChildren kills all children, when the program is interrupted.
func stopChildren() {
	children.Lock()
	defer children.Unlock()
	for p := range children.all {
		p.cmd.Process.Kill()
	}
}
