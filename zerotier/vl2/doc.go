// Package vl2 is ZeroTier's virtual Ethernet: networks, their configuration and credentials, the membership gate, the rules
// engine, frames and multicast (PROTOCOL sections 10.6 to 10.13, 15 to 23).
//
// Networks holds all networks of one node. It does no I/O, reads no clock and starts no goroutine. What the layer below
// opened comes in through Receive as a Message; what has to go out is pulled from Output as a Send; Ethernet frames of the
// host enter through SendFrame, and those made up locally leave through Deliver. It is not safe for concurrent use, with one
// exception: a *Gate, once obtained, is immutable and may be asked from any goroutine.
//
// Read network.go for the life of a network, netconfig.go for what a controller says about it, membership.go for who may
// talk, frames_in.go and frames_out.go for the data, multicast*.go for groups, and filter*.go for the rules.
//
// Not supported: the configuration format before version 6, single sign-on beyond reporting that it is required, and remote
// trace reports.
package vl2
