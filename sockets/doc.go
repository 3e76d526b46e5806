// Package sockets is what programs import: net.Conn, net.Listener and net.PacketConn on a network that lives inside the
// process, with no TUN device, no root and no host configuration.
//
// A Node is a ZeroTier node. It joins networks, and on each of them is a host:
//
//	n := &sockets.Node{Planet: planet}
//	defer n.Close()
//	nw, err := n.Join(ctx, 0x8056c2e21c000001) // waits until the controller has configured us
//	ln, err := nw.Listen("tcp", ":80")
//	c, err := nw.DialContext(ctx, "tcp", "10.147.17.5:22")
//	hc := nw.HTTPClient()
//
// A Host is a TCP/IP host on any link.Device: an in-memory pipe, a TAP interface, a simulated wire.
//
// # Conventions
//
// Methods have the signatures and meanings of package net. Errors are *net.OpError values around a syscall.Errno on
// every system, so that errors.Is(err, syscall.ECONNREFUSED) works; deadlines give os.ErrDeadlineExceeded, closed sockets
// net.ErrClosed, and a cancelled dial context.Canceled.
//
// # How it works
//
// One mutex guards one host: a shard. Whoever has work takes it, runs the state machines of package stack to completion and
// leaves: see shard.go. There is no goroutine per connection and none per host; a timer runs when a deadline is due.
// Closing a connection is not waiting for it: bytes that were written are still delivered in the background.
//
// # Not supported
//
// File descriptors (SyscallConn, File), Unix sockets, raw IP sockets, Multipath TCP, and several shards to a host.
package sockets
