package icmp

import "time"

// An MLDQuery is a Multicast Listener Query of version 1 or 2 (RFC 2710, RFC 3810 Section 5.1).
type MLDQuery struct {
	Version     int // 1 or 2
	MaxResponse time.Duration
	Group       [16]byte // :: in a general query
	Suppress    bool
	Robustness  uint8
	Interval    time.Duration
	Sources     []byte // 16 bytes each
}

// Parse reads and validates a query: from a link-local address, with hop limit 1 and a Router Alert option.
func (q *MLDQuery) Parse(m *Message, e *Envelope) bool { panic("TODO") }

// Record types of an MLDv2 report (RFC 3810 Section 5.2.12).
const (
	MLDIsInclude    uint8 = 1
	MLDIsExclude    uint8 = 2
	MLDToInclude    uint8 = 3
	MLDToExclude    uint8 = 4
	MLDAllowSources uint8 = 5
	MLDBlockSources uint8 = 6
)

// An MLDRecord is one multicast address record of a report.
type MLDRecord struct {
	Type    uint8
	Group   [16]byte
	Sources [][16]byte
}

// MLDReport writes the body of an MLDv2 report into buf and returns the message, whose Body aliases
// buf, with as many of the records as fit, and how many those are.
func MLDReport(buf []byte, records []MLDRecord) (m Message, n int) { panic("TODO") }

// MLDv1Report makes a version 1 report or done message about a group. Its Body aliases buf.
func MLDv1Report(buf []byte, done bool, group [16]byte) Message { panic("TODO") }
