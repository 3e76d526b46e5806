package icmp

import "net/netip"

// A Quote is what an ICMP error tells of the packet that caused it, as far as it can be matched with
// a socket. The checks of RFC 5927 that need a connection's state are tcp's.
type Quote struct {
	Src, Dst         netip.Addr // Src is the host that is told: it must be us
	SrcPort, DstPort uint16     // of TCP and UDP
	Proto            uint8      // 1, 58, 6, 17 or another
	HasSeq           bool       // whether Seq is set: Proto is TCP
	Seq              uint32     // TCP sequence number
	EchoID, EchoSeq  uint16     // of an echo request
	PacketLen        int        // the packet's length according to its own header
	Transport        []byte     // the quoted bytes from the upper-layer header on, at least 8
}

// ParseQuote4 reads the packet quoted in the Body of an ICMP error. It reports false when the quote
// is of no use: its header is invalid, fewer than 8 bytes follow it, it is a fragment other than the
// first, or it is itself an ICMP message other than an echo request. RFC 792; RFC 5927 Section 4.
func ParseQuote4(body []byte) (q Quote, ok bool) { panic("TODO") }

// ParseQuote6 is ParseQuote4 for ICMPv6. It passes over extension headers.
func ParseQuote6(body []byte) (q Quote, ok bool) { panic("TODO") }
