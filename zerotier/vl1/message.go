package vl1

import (
	"net/netip"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/packet"
)

// AllSockets as Datagram.Local means: send from every socket of the address family.
const AllSockets = -1

// MaxDatagram is the length that always suffices for the buffer given to Output.
const MaxDatagram = packet.MaxLen

// A PathID names a path: one of our sockets and the address at the other end. Sockets are numbered
// by the driver, from zero.
type PathID struct {
	Local  int
	Remote netip.AddrPort
}

// A Datagram is one UDP payload to be sent.
type Datagram struct {
	Local int            // the socket to send from, or AllSockets
	To    netip.AddrPort // where to
	Data  []byte         // a prefix of the buffer given to Output
	TTL   int            // IPv4 time to live; zero means the system's default
}

// A Message is an authenticated packet for the layer above.
//
// Payload and Packet alias the datagram given to Receive, or memory of the Switch when the message
// comes from Next; either way they hold until the next call of Receive or Next.
type Message struct {
	From    identity.Address
	Verb    packet.Verb
	ID      uint64 // packet ID as on the wire: what a reply quotes
	Hops    int    // relays passed; 0 means that the packet came straight
	Payload []byte // what follows the verb; in an OK or ERROR what follows its prefix

	// For OK and ERROR: the verb and packet ID answered, and the code of an ERROR.
	InRe   packet.Verb
	InReID uint64
	Code   packet.ErrorCode

	Path   PathID
	Packet []byte     // the whole packet, decrypted and uncompressed; what Retry copies
	Since  clock.Time // when it arrived first; Retry goes by it
}
