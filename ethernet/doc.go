// Package ethernet implements station addresses and the Ethernet II frame header.
//
// Implemented: the Ethernet II header (RFC 894, RFC 2464 Section 3), one IEEE 802.1Q tag, the
// mapping of IPv4 and IPv6 multicast groups to group addresses (RFC 1112 Section 6.4, RFC 2464
// Section 7), and modified EUI-64 interface identifiers (RFC 4291 Appendix A).
//
// Frames carry no FCS, and a frame may be longer than the packet in it, because Ethernet pads to 60
// bytes: the network layer's own length decides where a packet ends.
//
// Not supported: IEEE 802.3 length fields with LLC and SNAP (such a header parses, with a Type
// below MinType, which no protocol claims), and more than one VLAN tag (the second remains in Type).
package ethernet
