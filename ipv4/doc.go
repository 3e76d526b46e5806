// Package ipv4 implements the Internet Protocol's header, options, fragments and address scopes.
//
// Implemented: the header with its checksum (RFC 791 Section 3.1, RFC 1071), the syntax of options
// (RFC 791, RFC 1122 Section 3.2.1.8) as far as a host must understand it, fragmentation and reassembly
// (RFC 791 Section 3.2, RFC 1122 Section 3.3.2, RFC 3168 Section 5.3), and the addresses that must not
// come from a wire (RFC 1122 Section 3.2.1.3). Fragments that overlap discard their datagram, which is
// stricter than RFC 815 and is what RFC 5722 demands of IPv6.
//
// A packet comes in by Header.Parse, CheckOptions if it has options, and Reassembler.Receive if it is a
// fragment; it goes out by Header.Put, or by Fragment when it is too long. Addresses are arrays of four
// bytes, so that nothing here needs more than comparison.
//
// Not supported: acting on options (record route, time stamps and source routes are recognised at most),
// security options, and the choice of identifications (RFC 6864), which is the stack's.
package ipv4
