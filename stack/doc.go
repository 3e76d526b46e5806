// Package stack is one host: interfaces, addresses, routes, neighbours, and the TCP, UDP and ping
// sockets on top of them.
//
// A Stack does no I/O, reads no clock, starts no goroutine and holds no lock. It has three verbs:
//
//	Receive  takes a frame from an interface
//	Poll     runs the timers that are due and says when to call again
//	Output   writes the next frame for an interface into the caller's buffer
//
// Readiness is pulled as well: Ready names the next socket with events. After any call into the Stack
// (Receive, Poll, a socket's Read, Write or Close) the driver asks Output until it has nothing, for every
// interface that is Pending, and then arranges to call Poll at the deadline it returned last.
//
// How to read it: input.go and output.go are the two directions; demux.go finds the socket; route.go,
// source.go and neighbor.go decide where a packet goes; tcp.go, udp.go and ping.go are the sockets.
//
// Implemented: RFC 826, 894, 1122, 4861 (host part, one neighbour cache for ARP and NDP), 5227 in part,
// 6056 (algorithm 3), 6724 in part, 1191 and 8201 (path MTU), 5927, 6980, duplicate address detection of
// RFC 4862 without the rest of it.
//
// Not supported: router discovery and SLAAC, redirects, IGMPv3 and MLDv2 source filters, forwarding, probing
// for IPv4 addresses before their use (they are announced and defended), hearing one's own multicasts.
package stack
