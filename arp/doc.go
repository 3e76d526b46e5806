// Package arp implements the packets of the Address Resolution Protocol for IPv4 over Ethernet.
//
// Implemented: RFC 826 requests and replies, and the probes and announcements of RFC 5227. Parse
// also refuses what must not reach a cache: sender addresses that cannot belong to one station
// (RFC 1812 Section 3.3.2).
//
// The neighbour cache that speaks ARP is in package stack. Not supported: hardware types other than
// Ethernet, protocols other than IPv4, RARP and InARP.
package arp
