package tcp

// State is a connection's state (RFC 9293, Section 3.3.2).
type State uint8

// The states. A Conn is never in StateListen: listening is a matter of ListenSegment.
const (
	StateClosed State = iota
	StateListen
	StateSynSent
	StateSynReceived
	StateEstablished
	StateFinWait1
	StateFinWait2
	StateCloseWait
	StateClosing
	StateLastAck
	StateTimeWait
)

var stateNames = [...]string{
	"CLOSED", "LISTEN", "SYN-SENT", "SYN-RECEIVED", "ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2",
	"CLOSE-WAIT", "CLOSING", "LAST-ACK", "TIME-WAIT",
}

// String returns the state's name as the RFC writes it.
func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return "invalid"
}

// Synchronized reports whether both ends have agreed on sequence numbers.
func (s State) Synchronized() bool { return s >= StateEstablished }

// Event is a set of things that have become true of a connection since it was last asked.
type Event uint8

// The events.
const (
	Readable   Event = 1 << iota // Read returns data
	Writable                     // Write takes data again after it has returned ErrWouldBlock
	Connected                    // the handshake is complete
	ReadClosed                   // the peer has sent all it will send: Read returns io.EOF after the data
	Closed                       // the connection has ended, or is in TIME-WAIT; Err says why
	Starved                      // the pool was exhausted: for the owner of the pool, who calls Fed once it no longer is
)
