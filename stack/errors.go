package stack

import "errors"

// Errors that sockets return. Package sockets maps each to the errno that package net would report.
var (
	ErrUnreachable    = errors.New("stack: host unreachable")                                    // EHOSTUNREACH
	ErrNoRoute        = errors.New("stack: network unreachable: no route")                       // ENETUNREACH
	ErrInUse          = errors.New("stack: address already in use")                              // EADDRINUSE
	ErrNotAvailable   = errors.New("stack: address not assigned to any interface")               // EADDRNOTAVAIL
	ErrMessageTooLong = errors.New("stack: message longer than a datagram can carry")            // EMSGSIZE
	ErrRefused        = errors.New("stack: connection refused")                                  // ECONNREFUSED
	ErrNoPorts        = errors.New("stack: no ephemeral port is free")                           // EADDRNOTAVAIL
	ErrLimit          = errors.New("stack: limit of connections or sockets reached")             // ENOBUFS
	ErrClosed         = errors.New("stack: socket is closed")                                    // net.ErrClosed
	ErrWouldBlock     = errors.New("stack: operation would block")                               // EAGAIN
	ErrNotConnected   = errors.New("stack: destination required: socket not connected")          // EDESTADDRREQ
	ErrInvalid        = errors.New("stack: invalid address")                                     // EINVAL
	ErrNoInterface    = errors.New("stack: no such interface")                                   // ENODEV
	ErrBufferLimit    = errors.New("stack: Config.BufferLimit below 32 KiB: use 0 for no limit") // EINVAL
	ErrInterfaceMTU   = errors.New("stack: interface MTU below 68 or above 65535 bytes")         // EINVAL
)
