package icmp

// Types of ICMPv6 messages (RFC 4443, RFC 4861, RFC 2710, RFC 3810).
const (
	Type6Unreachable     uint8 = 1
	Type6PacketTooBig    uint8 = 2
	Type6TimeExceeded    uint8 = 3
	Type6ParamProblem    uint8 = 4
	Type6Echo            uint8 = 128
	Type6EchoReply       uint8 = 129
	Type6MLDQuery        uint8 = 130
	Type6MLDv1Report     uint8 = 131
	Type6MLDv1Done       uint8 = 132
	Type6RouterSolicit   uint8 = 133
	Type6RouterAdvert    uint8 = 134
	Type6NeighborSolicit uint8 = 135
	Type6NeighborAdvert  uint8 = 136
	Type6Redirect        uint8 = 137
	Type6MLDv2Report     uint8 = 143
)

// Codes of Type6Unreachable (RFC 4443 Section 3.1).
const (
	Code6NoRoute      uint8 = 0
	Code6Prohibited   uint8 = 1
	Code6BeyondScope  uint8 = 2
	Code6Address      uint8 = 3
	Code6Port         uint8 = 4
	Code6SourcePolicy uint8 = 5
	Code6RejectRoute  uint8 = 6
)

// Codes of Type6TimeExceeded.
const (
	Code6HopLimit   uint8 = 0
	Code6Reassembly uint8 = 1
)

// Codes of Type6ParamProblem (RFC 4443 Section 3.4, RFC 7112 Section 5).
const (
	Code6Field      uint8 = 0
	Code6NextHeader uint8 = 1
	Code6Option     uint8 = 2
	Code6Chain      uint8 = 3
)

// MaxQuote6 is how many bytes of a packet an error quotes at most, its header included.
//
// "As much of invoking packet as possible without the ICMPv6 packet exceeding the minimum IPv6 MTU".
// RFC 4443, Section 3.1.
const MaxQuote6 = 1280 - 40 - HeaderLen

// IsError6 reports whether messages of a type tell of an error. RFC 4443 Section 2.1.
func IsError6(typ uint8) bool { return typ < 128 }

// Echo6 makes an echo request, or the reply to one.
func Echo6(reply bool, id, seq uint16, data []byte) Message {
	m := Message{Type: Type6Echo, Rest: uint32(id)<<16 | uint32(seq), Body: data}
	if reply {
		m.Type = Type6EchoReply
	}
	return m
}

// Unreachable6 makes a Destination Unreachable about packet, of which it quotes what is due.
func Unreachable6(code uint8, packet []byte) Message {
	return Message{Type: Type6Unreachable, Code: code, Body: quote6(packet)}
}

// PacketTooBig6 makes a Packet Too Big that tells of a link's MTU.
func PacketTooBig6(mtu int, packet []byte) Message {
	return Message{Type: Type6PacketTooBig, Rest: uint32(mtu), Body: quote6(packet)}
}

// TimeExceeded6 makes a Time Exceeded about packet.
func TimeExceeded6(code uint8, packet []byte) Message {
	return Message{Type: Type6TimeExceeded, Code: code, Body: quote6(packet)}
}

// ParamProblem6 makes a Parameter Problem that points at an octet of packet.
func ParamProblem6(code uint8, pointer uint32, packet []byte) Message {
	return Message{Type: Type6ParamProblem, Code: code, Rest: pointer, Body: quote6(packet)}
}

// MTU6 returns the MTU of a Packet Too Big.
func (m *Message) MTU6() uint32 { return m.Rest }

// Pointer6 returns the pointer of a Parameter Problem.
func (m *Message) Pointer6() uint32 { return m.Rest }

func quote6(packet []byte) []byte { return packet[:min(len(packet), MaxQuote6)] }
