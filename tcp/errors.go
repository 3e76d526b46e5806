package tcp

import "errors"

// Errors of a connection. Read and Write return them; Err says which one ended the connection.
var (
	ErrReset       = errors.New("tcp: connection reset by peer")
	ErrRefused     = errors.New("tcp: connection refused")
	ErrTimeout     = errors.New("tcp: connection timed out")
	ErrWouldBlock  = errors.New("tcp: operation would block")
	ErrClosed      = errors.New("tcp: use of a closed connection")
	ErrAborted     = errors.New("tcp: connection aborted")
	ErrUnreachable = errors.New("tcp: destination unreachable")
)
