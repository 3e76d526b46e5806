// Package icmp implements the messages of ICMP for IPv4 and IPv6, Neighbour Discovery and Multicast
// Listener Discovery.
//
// Implemented: ICMP (RFC 792, RFC 1122 Section 3.2.2, RFC 1191), ICMPv6 (RFC 4443, RFC 7112), Neighbour
// Discovery messages and options with the rules that make one valid (RFC 4861, RFC 6980, RFC 4191's
// preference, RFC 3971's nonce), MLD queries and reports (RFC 2710, RFC 3810); the rules about when an
// error may be sent (RFC 1122 Section 3.2.2, RFC 4443 Section 2.4(e)), the token bucket before them, and
// the packet that an error quotes (RFC 5927 Section 4).
//
// Message is the form of all messages of both families. Parse4 and Parse6 verify the checksum; the Parse
// methods of NeighborSolicitation and its like then validate what is special to a type, together with
// the Envelope, the packet around the message.
//
// Everything that needs state is in package stack: the neighbour cache, routers, prefixes, groups.
//
// Not supported: IGMP, multi-part messages (RFC 4884), SEND (RFC 3971 but for the nonce), node
// information queries, Mobile IPv6, and ICMP's information and address mask messages, which are obsolete.
package icmp
