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
// 3.2.2 and RFC 1812 Section 4.3.2.7: "an ICMP error message MUST NOT be sent as the result of
// receiving: an ICMP error message, or a datagram destined to an IP broadcast or IP multicast address,
// or a datagram sent as a link-layer broadcast, or a non-initial fragment, or a datagram whose source
// address does not define a single host".
//
// A packet within the host, from 127/8 to 127/8, is answered; one from a wire does not come so far.
func MayAnswer4(o *Offender4) bool {
	if o.FragOff != 0 || o.LinkGroup || o.DstBroadcast || o.SrcBroadcast {
		return false
	}
	if o.Dst[0] >= 224 {
		return false
	}
	if o.Src[0] == 0 || o.Src[0] >= 224 || o.Src[0] == 127 && o.Dst[0] != 127 {
		return false
	}
	if o.Proto == proto4 {
		return len(o.Transport) > 0 && !IsError4(o.Transport[0])
	}
	return true
}

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
//
// That a source is an anycast address (rule e.6) is known to nobody but the node that has it.
func MayAnswer6(o *Offender6) bool {
	if o.Proto == proto6 {
		if len(o.Transport) == 0 || IsError6(o.Transport[0]) || o.Transport[0] == Type6Redirect {
			return false
		}
	}
	if (o.Dst[0] == 0xff || o.LinkGroup) && !o.EvenMulticast {
		return false
	}
	return o.Src != [16]byte{} && o.Src[0] != 0xff
}
