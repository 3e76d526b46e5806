package icmp

import (
	"time"

	"github.com/ztstack/ztstack/internal/be"
)

// An MLDQuery is a Multicast Listener Query of version 1 or 2 (RFC 2710 Section 3, RFC 3810 Section 5.1).
type MLDQuery struct {
	Version     int // 1 or 2
	MaxResponse time.Duration
	Group       [16]byte // :: in a general query
	Suppress    bool     // routers are not to update their timers
	Robustness  uint8    // the querier's Robustness Variable, 0 when above 7
	Interval    time.Duration
	Sources     []byte // 16 bytes each; aliases the packet
}

// Parse reads and validates a query. It reports false unless the query comes from a link-local address
// with hop limit 1 and a Router Alert option (RFC 3810 Section 6.2), has the length of one of the
// versions (Section 8.1), and asks for a group or for all.
func (q *MLDQuery) Parse(m *Message, e *Envelope) bool {
	if m.Type != Type6MLDQuery || !isLinkLocal(&e.Src) || e.HopLimit != 1 || !e.RouterAlert || len(m.Body) < 16 {
		return false
	}
	*q = MLDQuery{Version: 1, Group: [16]byte(m.Body)}
	code := m.Rest >> 16
	q.MaxResponse = time.Duration(code) * time.Millisecond
	if !isMulticast(&q.Group) && !isUnspecified(&q.Group) {
		return false
	}
	if len(m.Body) == 16 {
		return true
	}
	if len(m.Body) < 20 {
		return false
	}
	q.Version = 2
	q.MaxResponse = time.Duration(float(code, 12)) * time.Millisecond
	q.Suppress = m.Body[16]&8 != 0
	q.Robustness = m.Body[16] & 7
	q.Interval = time.Duration(float(uint32(m.Body[17]), 4)) * time.Second
	n := int(be.Uint16(m.Body[18:])) * 16
	if n > len(m.Body)-20 {
		return false
	}
	q.Sources = m.Body[20 : 20+n]
	return true
}

// float decodes the floating-point codes of RFC 3810 Sections 5.1.3 and 5.1.9: a flag, three bits of
// exponent, and a mantissa of the given number of bits.
func float(code uint32, mantissa int) uint32 {
	if code>>(mantissa+3) == 0 {
		return code
	}
	exp := code >> mantissa & 7
	return (code&(1<<mantissa-1) | 1<<mantissa) << (exp + 3)
}

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

// MLDReport writes the body of an MLDv2 report (RFC 3810 Section 5.2) into buf, with as many of the
// records as fit its length, and returns the message, whose Body aliases buf, and how many those are.
// Reports go to ff02::16 with hop limit 1 and a Router Alert option.
func MLDReport(buf []byte, records []MLDRecord) (m Message, n int) {
	body := buf[:0]
	for i := range records {
		r := &records[i]
		if len(body)+20+16*len(r.Sources) > len(buf) {
			break
		}
		body = append(body, r.Type, 0, byte(len(r.Sources)>>8), byte(len(r.Sources)))
		body = append(body, r.Group[:]...)
		for j := range r.Sources {
			body = append(body, r.Sources[j][:]...)
		}
		n++
	}
	return Message{Type: Type6MLDv2Report, Rest: uint32(n), Body: body}, n
}

// NextMLDRecord returns the first record of an MLDv2 report's body, or of the rest that the last call
// returned: its type, group and sources, 16 bytes each. It reports false at the end, or where the body
// is malformed.
func NextMLDRecord(body []byte) (typ uint8, group [16]byte, sources, rest []byte, ok bool) {
	if len(body) < 20 {
		return 0, group, nil, nil, false
	}
	end := 20 + 16*int(be.Uint16(body[2:]))
	next := end + 4*int(body[1]) // auxiliary data is ignored: Section 5.2.11
	if next > len(body) {
		return 0, group, nil, nil, false
	}
	return body[0], [16]byte(body[4:]), body[20:end], body[next:], true
}

// MLDv1Report makes a version 1 report about a group, or the message that says that nobody listens any
// more. Its Body aliases buf, which needs 16 bytes.
func MLDv1Report(buf []byte, done bool, group [16]byte) Message {
	m := Message{Type: Type6MLDv1Report, Body: append(buf[:0], group[:]...)}
	if done {
		m.Type = Type6MLDv1Done
	}
	return m
}

// ParseMLDv1Report reads and validates somebody else's version 1 report or done message, by the same
// rules as a query (RFC 2710 Section 5).
func ParseMLDv1Report(m *Message, e *Envelope) (group [16]byte, done, ok bool) {
	if m.Type != Type6MLDv1Report && m.Type != Type6MLDv1Done {
		return group, false, false
	}
	if !isLinkLocal(&e.Src) && !isUnspecified(&e.Src) || e.HopLimit != 1 || !e.RouterAlert || len(m.Body) < 16 {
		return group, false, false
	}
	group = [16]byte(m.Body)
	return group, m.Type == Type6MLDv1Done, isMulticast(&group)
}
