// Package udp implements the User Datagram Protocol's header and a socket's receive queue.
package udp
