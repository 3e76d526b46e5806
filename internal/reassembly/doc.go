// Package reassembly puts fragments of datagrams together: what IPv4 and IPv6 have in common.
//
// The rules are those of RFC 8200 Section 4.5 and RFC 5722 for both families: fragments that overlap,
// or disagree about the length of their datagram, discard the datagram and whatever else of it arrives
// until its time is up. A fragment that repeats an earlier one byte for byte is ignored.
//
// Memory is bounded in bytes, in datagrams and in fragments per datagram; the oldest datagram makes
// room. Fragments are stored in blocks of fixed size, so that a small fragment at a large offset
// claims no more than it brought.
package reassembly
