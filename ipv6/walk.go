package ipv6

// Action says what to do with a packet.
type Action uint8

const (
	// Deliver the packet to the protocol Chain.Next, whose header begins at Chain.Off. Of a protocol
	// that nobody speaks, tell the sender: Parameter Problem, CodeNextHeader, pointing at Chain.NextAt.
	Deliver Action = iota
	// Reassemble the packet: it is a fragment. See Reassembler.
	Reassemble
	// Drop the packet and say nothing.
	Drop
	// ParamProblem drops the packet and sends a Parameter Problem with the verdict's Code and Pointer,
	// as far as the rules of RFC 4443 Section 2.4(e) allow it.
	ParamProblem
)

// Codes of a Parameter Problem (RFC 4443 Section 3.4, RFC 7112 Section 5).
const (
	CodeField      uint8 = 0 // erroneous header field
	CodeNextHeader uint8 = 1 // unrecognised Next Header
	CodeOption     uint8 = 2 // unrecognised option
	CodeChain      uint8 = 3 // first fragment has an incomplete header chain
)

// Reason names why a packet is dropped, for counting.
type Reason uint8

const (
	None            Reason = iota
	Truncated              // the chain does not end within the packet
	TooManyHeaders         // more than MaxHeaders extension headers
	TooManyOptions         // more than MaxOptions options in a header
	Padding                // more padding than RFC 8504 Section 5.3 allows
	OptionOverrun          // an option is longer than its header
	UnknownOption          // and its type says to drop the packet
	HopByHopOrder          // Hop-by-Hop Options not directly behind the IPv6 header
	Routing                // an unknown routing header with segments left
	NoNext                 // No Next Header: nothing to deliver
	FragmentTwice          // a second Fragment header
	FragmentLength         // length of a fragment that is not the last is not a multiple of 8, or is zero
	FragmentBeyond         // fragment ends beyond 65,535 bytes
	IncompleteChain        // the first fragment lacks part of the header chain
	Stored                 // not dropped: a fragment that waits for others, or is of no use (see ReassemblyStats)
	NumReasons
)

// Limits on what a chain may hold. RFC 8504 Section 5.3 suggests the last three.
const (
	MaxHeaders = 8 // extension headers in a packet
	MaxOptions = 8 // options other than padding in an extension header
	MaxPad1    = 7 // consecutive Pad1 options
	MaxPadN    = 7 // bytes of a PadN option
)

// A Verdict says what to do with a packet and, if that is not to deliver it, why.
type Verdict struct {
	Action Action
	Reason Reason
	Code   uint8 // of a Parameter Problem
	// EvenMulticast tells that a Parameter Problem answers a packet to a group as well.
	EvenMulticast bool
	Pointer       uint32 // of a Parameter Problem, from the beginning of the IPv6 header
}

// A Chain describes the extension headers of a packet. Offsets are from the beginning of the IPv6 header.
type Chain struct {
	Next        uint8 // what the headers lead to: an upper-layer protocol, or ProtoFragment
	RouterAlert bool  // a Hop-by-Hop Router Alert option was there (RFC 2711)
	Fragmented  bool  // a Fragment header was there, be it an atomic fragment's (RFC 6946)
	AlertValue  uint16
	Headers     int // extension headers walked
	Off         int // where Next's header begins
	NextAt      int // the Next Header field that names Next
}

// Walk examines the extension headers of a packet: b is all that follows the fixed header, and next
// is that header's Next field. It stops at the first header that is no extension header, and at a
// Fragment header unless that of an atomic fragment, which is passed over (RFC 6946 Section 4).
//
// Authentication and Encapsulating Security Payload headers count as protocols nobody speaks.
func Walk(next uint8, b []byte) (Chain, Verdict) { panic("TODO") }
