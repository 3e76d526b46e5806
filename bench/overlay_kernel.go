package main

import (
	"context"
	"net"
)

// kernelEnd is the kernel's TCP over loopback: no overlay at all, which is the ceiling.
type kernelEnd struct{ ln net.Listener }

// kernelKind starts two processes that talk over loopback.
func kernelKind(string) (started []*process, address string, err error) {
	started, err = startChildren(2)
	if err != nil {
		return started, "", err
	}
	var server OpenReply
	if err := started[1].call("Open", OpenArgs{Kernel: &Empty{}, Server: true}, &server, openLimit); err != nil {
		return started, "", err
	}
	err = started[0].call("Open", OpenArgs{Kernel: &Empty{}}, new(OpenReply), openLimit)
	return started, server.Address, err
}

func (e *kernelEnd) listen() (ln net.Listener, err error) {
	e.ln, err = net.Listen("tcp", "127.0.0.1:0")
	return e.ln, err
}

func (e *kernelEnd) address() string { return e.ln.Addr().String() }

func (e *kernelEnd) dial(ctx context.Context, to string) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, "tcp", to)
}

func (e *kernelEnd) ready(_ context.Context, _ string, trip func() error) error { return trip() }
func (e *kernelEnd) close() error                                               { return nil }
