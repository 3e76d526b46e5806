package icmp

// Types of ICMP messages (RFC 792, RFC 1122 Section 3.2.2).
const (
	Type4EchoReply        uint8 = 0
	Type4Unreachable      uint8 = 3
	Type4SourceQuench     uint8 = 4 // to be ignored (RFC 6633)
	Type4Redirect         uint8 = 5
	Type4Echo             uint8 = 8
	Type4TimeExceeded     uint8 = 11
	Type4ParamProblem     uint8 = 12
	Type4Timestamp        uint8 = 13
	Type4TimestampReply   uint8 = 14
	Type4ExtendedEcho     uint8 = 42
	Type4ExtendedEchoRepl uint8 = 43
)

// Codes of Type4Unreachable (RFC 792, RFC 1122 Section 3.2.2.1, RFC 1812 Section 5.2.7.1).
const (
	Code4Net          uint8 = 0
	Code4Host         uint8 = 1
	Code4Protocol     uint8 = 2
	Code4Port         uint8 = 3
	Code4FragNeeded   uint8 = 4
	Code4SourceRoute  uint8 = 5
	Code4NetUnknown   uint8 = 6
	Code4HostUnknown  uint8 = 7
	Code4Isolated     uint8 = 8
	Code4NetDenied    uint8 = 9
	Code4HostDenied   uint8 = 10
	Code4NetTOS       uint8 = 11
	Code4HostTOS      uint8 = 12
	Code4AdminDenied  uint8 = 13
	Code4Precedence   uint8 = 14
	Code4PrecedCutoff uint8 = 15
)

// Codes of Type4TimeExceeded.
const (
	Code4TTL        uint8 = 0
	Code4Reassembly uint8 = 1
)

// MaxQuote4 is how many bytes of a packet an error quotes at most, its header included.
//
// "[...] the ICMP datagram SHOULD contain as much of the original datagram as possible without the
// length of the ICMP datagram exceeding 576 bytes." RFC 1812, Section 4.3.2.3.
const MaxQuote4 = 576 - 20 - HeaderLen

// IsError4 reports whether messages of a type tell of an error: such messages cause no errors.
func IsError4(typ uint8) bool {
	switch typ {
	case Type4Unreachable, Type4SourceQuench, Type4Redirect, Type4TimeExceeded, Type4ParamProblem:
		return true
	}
	return false
}

// Echo4 makes an echo request, or the reply to one.
func Echo4(reply bool, id, seq uint16, data []byte) Message {
	m := Message{Type: Type4Echo, Rest: uint32(id)<<16 | uint32(seq), Body: data}
	if reply {
		m.Type = Type4EchoReply
	}
	return m
}

// Unreachable4 makes a Destination Unreachable about packet, of which it quotes what is due.
func Unreachable4(code uint8, packet []byte) Message {
	return Message{Type: Type4Unreachable, Code: code, Body: quote4(packet)}
}

// FragNeeded4 makes the Destination Unreachable that tells of a link's MTU (RFC 1191 Section 4).
func FragNeeded4(mtu int, packet []byte) Message {
	return Message{Type: Type4Unreachable, Code: Code4FragNeeded, Rest: uint32(min(max(mtu, 0), 0xffff)), Body: quote4(packet)}
}

// TimeExceeded4 makes a Time Exceeded about packet.
func TimeExceeded4(code uint8, packet []byte) Message {
	return Message{Type: Type4TimeExceeded, Code: code, Body: quote4(packet)}
}

// ParamProblem4 makes a Parameter Problem that points at an octet of packet.
func ParamProblem4(pointer uint8, packet []byte) Message {
	return Message{Type: Type4ParamProblem, Rest: uint32(pointer) << 24, Body: quote4(packet)}
}

// Redirect4 makes a Redirect for the host that packet is sent to (code 1).
func Redirect4(gateway [4]byte, packet []byte) Message {
	rest := uint32(gateway[0])<<24 | uint32(gateway[1])<<16 | uint32(gateway[2])<<8 | uint32(gateway[3])
	return Message{Type: Type4Redirect, Code: 1, Rest: rest, Body: quote4(packet)}
}

// EchoID returns the identifier of an echo request or reply, of either family.
func (m *Message) EchoID() uint16 { return uint16(m.Rest >> 16) }

// EchoSeq returns the sequence number of an echo request or reply, of either family.
func (m *Message) EchoSeq() uint16 { return uint16(m.Rest) }

// MTU4 returns the next hop's MTU of a Fragmentation Needed; zero when an old router did not tell.
func (m *Message) MTU4() int { return int(m.Rest & 0xffff) }

// Pointer4 returns the pointer of a Parameter Problem.
func (m *Message) Pointer4() uint8 { return uint8(m.Rest >> 24) }

// Gateway4 returns the gateway of a Redirect.
func (m *Message) Gateway4() [4]byte {
	return [4]byte{byte(m.Rest >> 24), byte(m.Rest >> 16), byte(m.Rest >> 8), byte(m.Rest)}
}

func quote4(packet []byte) []byte { return packet[:min(len(packet), MaxQuote4)] }
