// Package udp implements the User Datagram Protocol's header and a socket's receive queue.
//
// Implemented: RFC 768 with the checksum rules of RFC 1122 Section 4.1.3.4 and RFC 8200 Section 8.1. The
// pseudo-header reaches the package as a sum (cksum.Pseudo4, cksum.Pseudo6), so that it knows nothing of
// addresses but to hand them on to the reader of a Queue.
//
// Not supported: UDP-Lite (RFC 3828), zero checksums over IPv6 (RFC 6935), jumbograms (RFC 2675), UDP
// options (RFC 9868: what follows the datagram within its packet is ignored).
package udp
