package sockets

import (
	"context"
	"errors"
	"net"
	"os"
	"syscall"

	"github.com/ztstack/ztstack/stack"
	"github.com/ztstack/ztstack/tcp"
)

// errnos maps what the core reports to what package net would have reported: callers compare with
// errors.Is(err, syscall.ECONNREFUSED) and the like on every system.
var errnos = []struct {
	core  error
	errno error
}{
	{tcp.ErrReset, syscall.ECONNRESET},
	{tcp.ErrRefused, syscall.ECONNREFUSED},
	{tcp.ErrTimeout, syscall.ETIMEDOUT},
	{tcp.ErrUnreachable, syscall.EHOSTUNREACH},
	{tcp.ErrAborted, syscall.ECONNABORTED},
	{tcp.ErrClosed, syscall.EPIPE},
	{stack.ErrUnreachable, syscall.EHOSTUNREACH},
	{stack.ErrNoRoute, syscall.ENETUNREACH},
	{stack.ErrInUse, syscall.EADDRINUSE},
	{stack.ErrNotAvailable, syscall.EADDRNOTAVAIL},
	{stack.ErrMessageTooLong, syscall.EMSGSIZE},
	{stack.ErrRefused, syscall.ECONNREFUSED},
	{stack.ErrNoPorts, syscall.EADDRNOTAVAIL},
	{stack.ErrLimit, syscall.ENOBUFS},
	{stack.ErrNotConnected, syscall.EDESTADDRREQ},
	{stack.ErrInvalid, syscall.EINVAL},
	{stack.ErrClosed, net.ErrClosed},
}

// errCanceled is what package net says when a dial's context is cancelled: the same text, and still a
// context.Canceled to errors.Is.
var errCanceled = canceledError{}

type canceledError struct{}

func (canceledError) Error() string        { return "operation was canceled" }
func (canceledError) Is(target error) bool { return target == context.Canceled }

// errTimeout is what package net says when a dial's deadline passes.
var errTimeout error = &timeoutError{}

type timeoutError struct{}

func (*timeoutError) Error() string   { return "i/o timeout" }
func (*timeoutError) Timeout() bool   { return true }
func (*timeoutError) Temporary() bool { return true }
func (*timeoutError) Is(target error) bool {
	return target == context.DeadlineExceeded || target == os.ErrDeadlineExceeded
}

// outer turns an error of the core into the error that package net would have used in its place.
func outer(err error) error {
	for i := range errnos {
		if errors.Is(err, errnos[i].core) {
			return errnos[i].errno
		}
	}
	return err
}

// ctxError turns a context's error into package net's.
func ctxError(err error) error {
	switch {
	case errors.Is(err, context.Canceled):
		return errCanceled
	case errors.Is(err, context.DeadlineExceeded):
		return errTimeout
	}
	return err
}

// opError wraps err as package net does.
func opError(op, network string, source, addr net.Addr, err error) error {
	return &net.OpError{Op: op, Net: network, Source: source, Addr: addr, Err: outer(err)}
}
