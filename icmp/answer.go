package icmp

// An Offender4 is a packet that somebody wants to answer with an ICMP error.
type Offender4 struct {
	Src, Dst  [4]byte
	Proto     uint8
	FragOff   int    // of its header
	Transport []byte // what follows its header
	// LinkGroup tells that the frame was sent to a group or to everybody, DstBroadcast that Dst is the
	// broadcast address of a subnet, SrcBroadcast that Src is: the stack knows.
	LinkGroup, DstBroadcast, SrcBroadcast bool
}

// MayAnswer4 reports whether an error may be sent about a packet, by the rules of RFC 1122 Section
// 3.2.2, RFC 1812 Section 4.3.2.7.
func MayAnswer4(o *Offender4) bool { panic("TODO") }

// An Offender6 is a packet that somebody wants to answer with an ICMPv6 error.
type Offender6 struct {
	Src, Dst  [16]byte
	Proto     uint8  // the upper-layer protocol, or the header where the walk stopped
	Transport []byte // from that header on
	LinkGroup bool   // the frame was sent to a group or to everybody
	// EvenMulticast tells of a Packet Too Big, or of a Parameter Problem for an unrecognised option of
	// the kind that is reported to senders to a group as well.
	EvenMulticast bool
}

// MayAnswer6 reports whether an error may be sent about a packet, by the rules of RFC 4443 Section 2.4(e).
func MayAnswer6(o *Offender6) bool { panic("TODO") }
