// Package pcap writes packet captures in the pcapng format and reads pcapng and classic pcap:
// https://datatracker.ietf.org/doc/draft-ietf-opsawg-pcapng/ (cited as "pcapng") and
// https://datatracker.ietf.org/doc/draft-ietf-opsawg-pcap/ (cited as "pcap").
//
// A Writer writes one section with any number of interfaces, nanosecond time stamps and enhanced packet
// blocks, one call of Write per block. A Reader reads captures of both byte orders, every time
// stamp resolution, several sections, and enhanced, simple and obsolete packet blocks; it believes no
// length that it has not checked.
//
// Not supported: writing classic pcap, name resolution, decryption secrets, statistics and custom blocks
// (a Reader skips them), and options other than names, descriptions, time stamps, comments and direction.
package pcap

import (
	"strconv"

	"github.com/ztstack/ztstack/clock"
)

// A LinkType says what the packets of an interface begin with: https://www.tcpdump.org/linktypes.html.
type LinkType uint16

const (
	// Ethernet packets begin with an Ethernet header and have no frame check sequence.
	Ethernet LinkType = 1
	// Raw packets begin with an IPv4 or IPv6 header.
	Raw LinkType = 101
)

// A Direction says which way a packet went through its interface.
type Direction uint8

const (
	Unknown  Direction = iota // not recorded
	Inbound                   // received
	Outbound                  // sent
)

// An Interface describes where packets were captured.
type Interface struct {
	Name        string // such as "eth0"; may be empty
	Description string // may be empty
	LinkType    LinkType
	SnapLen     int // most bytes kept of a packet; 0 means no limit
}

// A Packet is a captured packet.
type Packet struct {
	Interface int        // index of the interface, from 0
	Time      clock.Time // when; see Config.Epoch and Reader.Next
	Direction Direction
	Data      []byte // what was captured
	Len       int    // length on the wire in bytes; to a Writer 0 means len(Data)
	Comment   string // may be empty
}

// A FormatError says why a capture cannot be read on, and where.
type FormatError struct {
	Offset int64  // of the block, record or file header in bytes
	Reason string // such as "block length is not a multiple of four"
	Err    error  // io.ErrUnexpectedEOF if the capture ends inside a block, else nil
}

func (e *FormatError) Error() string {
	return "pcap: at byte " + strconv.FormatInt(e.Offset, 10) + ": " + e.Reason
}

func (e *FormatError) Unwrap() error { return e.Err }

// maxBlock bounds a block or record, in bytes; captures of super-segments are the largest there are.
const maxBlock = 16 << 20

// maxInterfaces bounds the interfaces of a capture.
const maxInterfaces = 1 << 16

// Block types: pcapng, Section 4.
const (
	blockSection   = 0x0a0d0d0a
	blockInterface = 1
	blockPacket    = 2 // obsolete
	blockSimple    = 3
	blockEnhanced  = 6

	byteOrderMagic = 0x1a2b3c4d
)

// Option codes: pcapng, Sections 3.5, 4.1 to 4.3.
const (
	optEnd         = 0
	optComment     = 1
	optApplication = 4  // of a section
	optName        = 2  // of an interface
	optDescription = 3  // of an interface
	optResolution  = 9  // of an interface
	optOffset      = 14 // of an interface
	optFlags       = 2  // of a packet
)

// pad returns n rounded up to a multiple of four.
func pad(n int) int { return (n + 3) &^ 3 }
