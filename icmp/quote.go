package icmp

import (
	"net/netip"

	"github.com/ztstack/ztstack/internal/be"
)

// A Quote is what an ICMP error tells of the packet that caused it, as far as it can be matched with
// a socket. The checks of RFC 5927 that need a connection's state are tcp's.
type Quote struct {
	Src, Dst         netip.Addr // Src is the host that is told: it must be us
	SrcPort, DstPort uint16     // of TCP and UDP
	Proto            uint8      // upper-layer protocol
	HasSeq           bool       // whether Seq is set: Proto is TCP
	Seq              uint32     // TCP sequence number
	EchoID, EchoSeq  uint16     // of an echo request
	PacketLen        int        // the packet's length in bytes according to its own header
	Transport        []byte     // the quoted bytes from the upper-layer header on, at least 8
}

// Protocols whose headers ParseQuote4 and ParseQuote6 look into.
const (
	protoTCP uint8 = 6
	protoUDP uint8 = 17
)

// ParseQuote4 reads the packet quoted in the Body of an ICMP error. It reports false when the quote
// is of no use: its header is invalid, fewer than 8 bytes follow it, it is a fragment other than the
// first, or it is itself an ICMP message other than an echo request. RFC 792; RFC 5927 Section 4.
//
// The quoted header's checksum is not verified: routers change the header and may leave it stale.
func ParseQuote4(body []byte) (q Quote, ok bool) {
	if len(body) < 20 || body[0]>>4 != 4 {
		return q, false
	}
	n := int(body[0]&15) * 4
	q.PacketLen = int(be.Uint16(body[2:]))
	if n < 20 || n > len(body) || q.PacketLen < n {
		return q, false
	}
	if be.Uint16(body[6:])&0x1fff != 0 {
		return q, false
	}
	q.Proto = body[9]
	q.Src = netip.AddrFrom4([4]byte(body[12:16]))
	q.Dst = netip.AddrFrom4([4]byte(body[16:20]))
	ok = q.transport(body[n:], Type4Echo)
	return q, ok
}

// ParseQuote6 is ParseQuote4 for ICMPv6. It passes over extension headers.
func ParseQuote6(body []byte) (q Quote, ok bool) {
	if len(body) < 40 || body[0]>>4 != 6 {
		return q, false
	}
	q.PacketLen = 40 + int(be.Uint16(body[4:]))
	q.Proto = body[6]
	q.Src = netip.AddrFrom16([16]byte(body[8:24]))
	q.Dst = netip.AddrFrom16([16]byte(body[24:40]))
	b := body[40:]
	for range maxHeaders {
		n := 8
		switch q.Proto {
		case 0, 43, 60: // Hop-by-Hop Options, Routing, Destination Options
			if len(b) < 8 {
				return q, false
			}
			n += 8 * int(b[1])
		case 44: // Fragment
			if len(b) < 8 || be.Uint16(b[2:])&^7 != 0 {
				return q, false
			}
		default:
			ok = q.transport(b, Type6Echo)
			return q, ok
		}
		if n > len(b) {
			return q, false
		}
		q.Proto, b = b[0], b[n:]
	}
	return q, false
}

// maxHeaders is how many extension headers of a quoted packet are passed over at most.
const maxHeaders = 8

// transport reads what is quoted of an upper-layer header.
func (q *Quote) transport(b []byte, echo uint8) bool {
	if len(b) < 8 {
		return false
	}
	q.Transport = b
	switch q.Proto {
	case protoTCP:
		q.SrcPort, q.DstPort = be.Uint16(b), be.Uint16(b[2:])
		q.Seq, q.HasSeq = be.Uint32(b[4:]), true
	case protoUDP:
		q.SrcPort, q.DstPort = be.Uint16(b), be.Uint16(b[2:])
	case proto4, proto6:
		if (q.Proto == proto4) != (echo == Type4Echo) || b[0] != echo {
			return false
		}
		q.EchoID, q.EchoSeq = be.Uint16(b[4:]), be.Uint16(b[6:])
	}
	return true
}
