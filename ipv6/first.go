package ipv6

// checkFirst examines what a first fragment has behind its Fragment header. Options are not looked
// at: that happens when the packet is whole.
//
// "If the first fragment does not include all headers through an Upper-Layer header, then that
// fragment should be discarded and an ICMP Parameter Problem, Code 3, message should be sent to the
// source of the fragment, with the Pointer field set to zero." RFC 8200, Section 4.5; RFC 7112, Section 5.
func checkFirst(next uint8, b []byte) Verdict {
	incomplete := Verdict{Action: ParamProblem, Reason: IncompleteChain, Code: CodeChain}
	for range MaxHeaders {
		switch next {
		case ProtoFragment:
			return Verdict{Action: Drop, Reason: FragmentTwice}
		case ProtoHopByHop, ProtoRouting, ProtoDestOptions:
			if len(b) < 8 || len(b) < 8+8*int(b[1]) {
				return incomplete
			}
			next, b = b[0], b[8+8*int(b[1]):]
			continue
		case ProtoTCP:
			if len(b) < 20 || len(b) < int(b[12]>>4)*4 {
				return incomplete
			}
		case ProtoUDP, ProtoICMPv6:
			if len(b) < 8 {
				return incomplete
			}
		}
		return Verdict{}
	}
	return Verdict{Action: Drop, Reason: TooManyHeaders}
}
