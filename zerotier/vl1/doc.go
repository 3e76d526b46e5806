// Package vl1 is ZeroTier's lower layer: encrypted packets between 40-bit addresses, carried over
// UDP datagrams, straight or through a relay.
//
// A Switch does no I/O and reads no clock. It has the three verbs of every machine in this module:
// Receive takes one datagram, Poll runs the timers that have expired and says when it wants to be
// called again, Output hands out one datagram after another until there is none. The answers of the
// layer above go in through Send, SendOK and SendError; packets of verbs that VL1 does not handle
// itself come out as a Message, either from Receive or, when they had to wait, from Next.
//
// A Switch is not safe for concurrent use. A Session is: it holds a peer's keys and the path that is
// best now, so that data packets are opened and sealed on any goroutine without the Switch's lock.
//
// # Reading order
//
// switch.go (construction and the verbs), receive.go (the pipeline a packet goes through), hello.go
// (how strangers become peers), peer.go and path.go (what is known of them, and the choice of a
// path), keepalive.go (timers), send.go and output.go (the way out), relay.go, rendezvous.go and
// pushpaths.go (how a relayed conversation turns direct), whois.go, world.go, limit.go.
//
// Section numbers in comments, as in "PROTOCOL 9.2", are those of the protocol description that the
// implementation follows; the behaviour is that of ZeroTierOne 1.14.1.
//
// # Rate limit on new identities
//
// Believing a new identity costs a memory-hard computation of some 14 ms, so a stranger can make
// that happen only so often: a token bucket per source (an IPv4 address or an IPv6 /64) allows a
// burst of 64 and then 2 a second, and a bucket for all sources together a burst of 128 and then 16
// a second. Dozens of nodes behind one address therefore come online at once, while a flood costs
// at most a quarter of one core. At most one validation runs per call to Receive.
//
// # Not supported
//
// Trusted paths (cipher 2), multipath bonding, the TCP relay and legacy LAN beacons. Packets that
// need them are dropped and counted.
package vl1
