package demo

import (
	"errors"
	"fmt"
	"time"
)

// ErrInterrupted says that the user ended the demonstration.
var ErrInterrupted = errors.New("interrupted")

// A Failure says which step failed, on which node, after how long, and what to check.
type Failure struct {
	Step  string
	Node  string // empty: none in particular
	After time.Duration
	Check string
	Err   error

	Reported bool // it was printed already, as JSON
}

// Error implements error.
func (f *Failure) Error() string {
	where := ""
	if f.Node != "" {
		where = " on node " + f.Node
	}
	return fmt.Sprintf("demo failed while %s%s, after %s: %v. %s", f.Step, where, took(f.After), f.Err, f.Check)
}

// Unwrap returns the cause.
func (f *Failure) Unwrap() error { return f.Err }

// checks tells what to look at when a step fails, by its first word or words.
var checks = []struct{ step, check string }{
	{"starting the nodes", "Check that UDP sockets may be bound on 127.0.0.1 and that the machine is not overloaded."},
	{"waiting for the root", "Check that a firewall lets UDP through on 127.0.0.1; with --loss, try a smaller one."},
	{"creating the network", "Check the value of --mtu."},
	{"joining", "Check the clock, and that the controller's process is alive; with --loss, try again."},
	{"finding the way", "Check that a firewall lets UDP through between any two ports of 127.0.0.1."},
	{"starting the HTTP", "Check that --file names a file that can be read and does not change."},
	{"measuring", "Check that the machine is not overloaded; with --loss, try a smaller one."},
	{"downloading", "Check that all four nodes are alive; with --loss or --delay, allow more with --stall."},
}

// failure wraps err with what was being done.
func (c *conductor) failure(err error) *Failure {
	f := &Failure{Step: c.step, Node: c.node, After: time.Since(c.since), Err: err}
	for _, ch := range checks {
		if len(f.Step) >= len(ch.step) && f.Step[:len(ch.step)] == ch.step {
			f.Check = ch.check
		}
	}
	var lost *lostError
	if errors.As(err, &lost) {
		f.Check = "Its process ended before its time: check who ended it. The other nodes were told and have stopped."
	}
	c.result.Step, c.result.Node, c.result.Error = f.Step, f.Node, err.Error()
	return f
}
