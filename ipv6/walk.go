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

// String returns the reason in words.
func (r Reason) String() string {
	if r < NumReasons {
		return reasons[r]
	}
	return "unknown reason"
}

var reasons = [NumReasons]string{
	None:            "none",
	Truncated:       "extension headers truncated",
	TooManyHeaders:  "too many extension headers",
	TooManyOptions:  "too many options",
	Padding:         "too much padding",
	OptionOverrun:   "option longer than its header",
	UnknownOption:   "unknown option",
	HopByHopOrder:   "hop-by-hop options not first",
	Routing:         "routing header with segments left",
	NoNext:          "no next header",
	FragmentTwice:   "second fragment header",
	FragmentLength:  "bad length of a fragment",
	FragmentBeyond:  "fragment beyond the longest packet",
	IncompleteChain: "first fragment without the whole header chain",
	Stored:          "fragment stored",
}

// Limits on what a chain may hold. RFC 8504 Section 5.3 allows a host to set such limits and to drop
// what exceeds them without a word.
const (
	MaxHeaders = 8 // extension headers in a packet
	MaxOptions = 8 // options other than padding in an extension header
	MaxPadding = 7 // consecutive bytes of padding: more than alignment to 8 bytes never needs
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

// nextHeaderField is where the fixed header names what follows it.
const nextHeaderField = 6

// IsExtension reports whether a Next Header value is one that Walk looks into. A caller in a hurry
// skips Walk for the others, which are delivered as they are.
func IsExtension(next uint8) bool {
	switch next {
	case ProtoHopByHop, ProtoRouting, ProtoFragment, ProtoNoNext, ProtoDestOptions:
		return true
	}
	return false
}

// Walk examines the extension headers of a packet: b is all that follows the fixed header, and next
// is that header's Next field. It stops at the first header that is no extension header, and at a
// Fragment header unless that of an atomic fragment, which is passed over (RFC 6946 Section 4).
//
// Authentication and Encapsulating Security Payload headers count as protocols nobody speaks.
func Walk(next uint8, b []byte) (Chain, Verdict) {
	c := Chain{Next: next, Off: HeaderLen, NextAt: nextHeaderField}
	for {
		h := b[c.Off-HeaderLen:]
		if !IsExtension(c.Next) {
			return c, Verdict{}
		}
		if c.Next == ProtoNoNext {
			return c, Verdict{Action: Drop, Reason: NoNext}
		}
		if c.Headers == MaxHeaders {
			return c, Verdict{Action: Drop, Reason: TooManyHeaders}
		}
		if len(h) < 8 {
			return c, Verdict{Action: Drop, Reason: Truncated}
		}
		n := 8
		if c.Next != ProtoFragment {
			n += 8 * int(h[1])
		}
		if n > len(h) {
			return c, Verdict{Action: Drop, Reason: Truncated}
		}
		if v := c.examine(h[:n]); v.Action != Deliver {
			return c, v
		}
		c.Next = h[0]
		c.NextAt = c.Off
		c.Off += n
		c.Headers++
	}
}

// examine processes one extension header, which c.Next names and which begins at c.Off.
func (c *Chain) examine(h []byte) Verdict {
	switch c.Next {
	case ProtoHopByHop:
		// "[...] a Next Header value of zero in any header other than an IPv6 header" is treated like an
		// unrecognised one. RFC 8200, Section 4.
		if c.Headers != 0 {
			return Verdict{Action: ParamProblem, Reason: HopByHopOrder, Code: CodeNextHeader, Pointer: uint32(c.NextAt)}
		}
		return c.options(h)
	case ProtoDestOptions:
		return c.options(h)
	case ProtoRouting:
		// No routing type is known. "If Segments Left is zero, the node must ignore the Routing header and
		// proceed to process the next header in the packet [...] If Segments Left is non-zero, the node must
		// discard the packet and send an ICMP Parameter Problem, Code 0, message to the packet's Source
		// Address, pointing to the unrecognized Routing Type." RFC 8200, Section 4.4; for type 0, RFC 5095.
		if h[3] != 0 {
			return Verdict{Action: ParamProblem, Reason: Routing, Code: CodeField, Pointer: uint32(c.Off + 2)}
		}
	case ProtoFragment:
		if c.Fragmented {
			return Verdict{Action: Drop, Reason: FragmentTwice}
		}
		c.Fragmented = true
		if h[2]|h[3]&^6 != 0 {
			return Verdict{Action: Reassemble}
		}
	}
	return Verdict{}
}
