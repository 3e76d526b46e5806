package icmp

import (
	"github.com/ztstack/ztstack/internal/be"
	"github.com/ztstack/ztstack/internal/cksum"
)

// HeaderLen is the length in bytes of what all messages of both families begin with: type, code,
// checksum, and four bytes whose meaning depends on the type.
const HeaderLen = 8

// Protocol numbers of ICMP and ICMPv6, as they go into the pseudo-header and Next Header.
const (
	proto4 uint8 = 1
	proto6 uint8 = 58
)

// A Message is any ICMP or ICMPv6 message. Functions such as Echo4 make one, methods such as EchoID
// read its fields.
type Message struct {
	Type, Code uint8
	Rest       uint32 // the four bytes after the checksum
	Body       []byte // what follows; after Parse it aliases the packet
}

// Len returns the length of the message in bytes.
func (m *Message) Len() int { return HeaderLen + len(m.Body) }

// Parse4 reads the ICMP message that b, a whole IPv4 payload, consists of. It returns HeaderLen, or
// -1 when b is too short or the checksum wrong. Unknown types parse, and are the caller's to drop.
func (m *Message) Parse4(b []byte) (n int) {
	if len(b) < HeaderLen || cksum.Sum(b) != 0xffff {
		return -1
	}
	return m.parse(b)
}

// Parse6 reads the ICMPv6 message that b, a whole upper-layer payload sent from src to dst, consists
// of. It returns HeaderLen, or -1 when b is too short or the checksum wrong.
func (m *Message) Parse6(b []byte, src, dst [16]byte) (n int) {
	if len(b) < HeaderLen || cksum.Add(cksum.Sum(b), cksum.Pseudo6(src, dst, proto6, len(b))) != 0xffff {
		return -1
	}
	return m.parse(b)
}

func (m *Message) parse(b []byte) (n int) {
	m.Type, m.Code = b[0], b[1]
	m.Rest = be.Uint32(b[4:])
	m.Body = b[HeaderLen:]
	return HeaderLen
}

// Put4 writes the message, checksum included, into b and returns its length. It panics if b is too
// short. Body may already lie in its place in b.
func (m *Message) Put4(b []byte) (n int) { return m.put(b, 0) }

// Put6 is Put4 for an ICMPv6 message to be sent from src to dst.
func (m *Message) Put6(b []byte, src, dst [16]byte) (n int) {
	return m.put(b, cksum.Pseudo6(src, dst, proto6, m.Len()))
}

func (m *Message) put(b []byte, pseudo uint16) (n int) {
	n = m.Len()
	if len(b) < n {
		panic("BUG: icmp: no room for a message")
	}
	sum := cksum.Add(pseudo, cksum.CopySum(b[HeaderLen:], m.Body))
	be.PutUint64(b, uint64(m.Type)<<56|uint64(m.Code)<<48|uint64(m.Rest))
	be.PutUint16(b[2:], ^cksum.Add(sum, cksum.Sum(b[:HeaderLen])))
	return n
}
