package vl1

// Drop is a reason for which a datagram, packet or message was not processed.
type Drop uint8

// Reasons.
const (
	DropRunt            Drop = iota // shorter than a header
	DropGarbage                     // not a packet: reserved or own source, impossible fragment
	DropTruncated                   // authentic, but shorter than its verb needs, or otherwise malformed
	DropMAC                         // authentication failed
	DropCipher                      // cipher this node does not accept from there
	DropCompression                 // does not decompress
	DropVersion                     // HELLO of a protocol version below 4
	DropHelloAddress                // HELLO whose identity has another address than the header
	DropReplay                      // HELLO seen before
	DropUnknownSender               // sender still unknown when the packet had waited 5 s
	DropWaitFull                    // receive queue full, the oldest entry made room
	DropInvalidIdentity             // identity fails the memory-hard validation
	DropRateLimited                 // too many from there
	DropCollision                   // identity differs from the one known under the address
	DropUnexpectedReply             // OK to a packet that was not sent
	DropNotUpstream                 // only an upstream is believed in this
	DropUnknownPeer                 // RENDEZVOUS about somebody unknown
	DropBadAddress                  // physical address that may not be a path
	DropRelayRefused                // relaying for a stranger
	DropRelayHops                   // relayed too often
	DropRelayNoPath                 // destination of a relayed packet not reachable
	DropWorld                       // world that is malformed, not newer or not signed
	DropPeerLimit                   // table of peers full
	DropPathLimit                   // table of paths of a peer full
	DropRetryExpired                // the layer above could not use a message within 5 s
	DropSendExpired                 // no way to a peer was found within 5 s
	DropSendFull                    // send queue full
	DropSendTooLong                 // message longer than a packet can be
	DropOutputFull                  // nobody pulled Output
	DropEventFull                   // nobody pulled Event
	DropIgnored                     // authentic, of a verb that has no meaning here
	numDrops
)

// NumDrops is the number of reasons.
const NumDrops = int(numDrops)

var dropNames = [numDrops]string{
	"runt", "garbage", "truncated", "wrong MAC", "cipher not accepted", "bad compression",
	"protocol version too old", "HELLO address mismatch", "replayed HELLO", "unknown sender",
	"receive queue full", "invalid identity", "rate limited", "identity collision", "unexpected reply",
	"not from an upstream", "unknown peer", "bad physical address", "relay refused", "relay hop limit",
	"relay without path", "bad world", "peer limit", "path limit", "retry expired", "send expired",
	"send queue full", "message too long", "output queue full", "event queue full", "ignored verb",
}

// String returns the reason in words.
func (d Drop) String() string {
	if d < numDrops {
		return dropNames[d]
	}
	return "unknown"
}

// Stats counts what a Switch has done. It does not include packets that went through a Session only.
type Stats struct {
	Drops        [NumDrops]uint64
	Datagrams    uint64 // received
	BytesIn      uint64
	DatagramsOut uint64
	BytesOut     uint64
	Packets      uint64 // authentic packets received
	Messages     uint64 // packets given to the layer above
	Relayed      uint64 // datagrams forwarded
	Validations  uint64 // memory-hard validations run
	Introduced   uint64 // pairs of peers introduced with RENDEZVOUS
}
