package tcp

// ListenAction is what a segment for a listening port without a connection calls for.
type ListenAction uint8

// The actions.
const (
	ListenDrop   ListenAction = iota // nothing
	ListenReset                      // answer with Reset
	ListenAccept                     // a SYN: Conn.Accept may take it
)

// ListenSegment says what to do with a segment that arrives in state LISTEN: RFC 9293, Section 3.10.7.2.
func ListenSegment(h *Header) ListenAction {
	switch {
	case h.Flags&RST != 0:
		// "First, check for a RST: An incoming RST segment could not be valid since it could not have been sent in
		// response to anything sent by this incarnation of the connection. An incoming RST should be ignored."
		return ListenDrop
	case h.Flags&ACK != 0:
		// "Second, check for an ACK: Any acknowledgment is bad if it arrives on a connection still in the LISTEN
		// state."
		return ListenReset
	case h.Flags&SYN == 0:
		// "Fourth, [...] Any other control or data-bearing segment (not containing SYN) must have an ACK and thus would
		// have been discarded by the ACK processing".
		return ListenDrop
	case h.Flags&FIN != 0:
		// A SYN that ends what it begins is sent by port scanners alone.
		return ListenDrop
	}
	return ListenAccept
}
