package demo

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// A Failure says which step failed, on which node, after how long, and what to check.
type Failure struct {
	Step  string
	Node  string // empty: none in particular
	After time.Duration
	Check string
	Err   error
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

// checks tells what to look at when a step fails, by how the step begins.
var checks = []struct{ step, check string }{
	{"starting the nodes", "Check that UDP sockets may be bound on 127.0.0.1, that --pcap can be written, and that the machine is not overloaded."},
	{"waiting for the root", "Check that a firewall lets UDP through on 127.0.0.1; with --loss, try a smaller one."},
	{"creating the network", "Check the value of --mtu."},
	{"joining", "Check that the clock was not set back and that the machine is not overloaded; with --loss, try a smaller one."},
	{"finding the way", "Check that a firewall lets UDP through between any two ports of 127.0.0.1; with --loss, try a smaller one."},
	{"starting the HTTP", "Check that --file names a file that can be read and does not change."},
	{"measuring", "Check that the machine is not overloaded; with --loss, try a smaller one."},
	{"downloading", "Check that the file does not change and that the machine is not overloaded; with --loss or --delay, allow more with --stall."},
	{"writing the frames", "Check that there is room on the disk. The file arrived whole; the capture is not complete."},
}

// failure wraps err with what was being done for how long, and notes it in the result.
func (c *conductor) failure(err error, after time.Duration) *Failure {
	f := &Failure{Step: c.step, Node: c.node, After: after, Err: err}
	for _, ch := range checks {
		if strings.HasPrefix(f.Step, ch.step) {
			f.Check = ch.check
		}
	}
	var lost *lostError
	if errors.As(err, &lost) {
		f.Node = lost.node
		f.Check = "Its process ended before its time: check who or what ended it. The other nodes were told and have stopped."
	}
	c.note(f.Node, after, err)
	c.result.Check = f.Check
	return f
}

// interruption wraps the cause of an interruption with what was being done, and notes it in the result.
func (c *conductor) interruption(cause error, after time.Duration) error {
	c.note("", after, cause)
	return fmt.Errorf("%w while %s, after %s; everything is stopped", cause, c.step, took(after))
}

func (c *conductor) note(node string, after time.Duration, err error) {
	c.result.Step, c.result.Node, c.result.AfterMS, c.result.Error = c.step, node, milliseconds(after), err.Error()
}
