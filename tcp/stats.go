package tcp

// Stats are the counters of one connection.
type Stats struct {
	SegsIn, SegsOut    uint64
	BytesIn, BytesOut  uint64 // of stream data, each byte once
	BytesRetransmitted uint64
	Retransmits        uint32 // segments sent again
	Timeouts           uint32 // of the retransmission timer
	Recoveries         uint32 // fast recoveries
	DuplicateACKs      uint32 // received
	DuplicateSegs      uint32 // segments received that brought nothing new
	OutOfOrder         uint32 // segments received beyond a gap
	DSACKs             uint32 // reports of segments the peer received twice
	Undos              uint32 // reductions of the window taken back: nothing had been lost
	BlackHoles         uint32 // times that segments were made smaller because full ones did not pass
	CEMarks            uint32 // segments received with Congestion Experienced
	ECNReductions      uint32 // reductions of the window because the peer has received such segments
	WindowProbes       uint32 // probes of a closed window sent
	LossProbes         uint32 // probes for a lost tail sent
	SYNsRetransmitted  uint8
}

// DropReason says why a segment, or a part of it, was not used.
type DropReason uint8

// The reasons.
const (
	DropClosed        DropReason = iota // the connection had ended
	DropOutOfWindow                     // nothing of it lay in the receive window
	DropPAWS                            // its timestamp was older than one seen before
	DropBadACK                          // it acknowledged what was never sent, or long ago
	DropNoACK                           // it had no ACK
	DropNoSYN                           // it had no SYN where one was needed
	DropRST                             // a reset that did not prove itself
	DropSYN                             // a SYN on a connection that is open
	DropTimeWait                        // in TIME-WAIT
	DropAfterClose                      // data that nobody will read
	DropBeyondFIN                       // data behind the end of the stream
	DropNoMemory                        // no room for its data
	DropTooManyRanges                   // too many gaps in the stream
	DropRateLimited                     // the answer to it was left out
	DropICMP                            // an ICMP error about a segment that is not in flight
	NumDropReasons
)

var dropNames = [NumDropReasons]string{
	"closed", "out-of-window", "paws", "bad-ack", "no-ack", "no-syn", "rst", "syn", "time-wait", "after-close",
	"beyond-fin", "no-memory", "too-many-ranges", "rate-limited", "icmp-not-in-flight",
}

// String returns the reason's name.
func (r DropReason) String() string {
	if r < NumDropReasons {
		return dropNames[r]
	}
	return "invalid"
}

// Counters are shared by the connections of one lock domain. The names of the first are those of RFC 4022.
type Counters struct {
	ActiveOpens, PassiveOpens, AttemptFails, EstabResets uint64
	CurrEstab                                            int64 // connections that have been established and have not ended
	RetransSegs, OutRsts                                 uint64
	Timeouts                                             uint64
	Drops                                                [NumDropReasons]uint64
}

// The methods of a nil Counters do nothing.

func (n *Counters) open(passive bool) {
	switch {
	case n == nil:
	case passive:
		n.PassiveOpens++
	default:
		n.ActiveOpens++
	}
}

func (n *Counters) established() {
	if n != nil {
		n.CurrEstab++
	}
}

func (n *Counters) ended(established bool, err error) {
	switch {
	case n == nil:
	case !established:
		n.AttemptFails++
	default:
		n.CurrEstab--
		if err != nil {
			n.EstabResets++
		}
	}
}

func (n *Counters) retransmit() {
	if n != nil {
		n.RetransSegs++
	}
}

func (n *Counters) timeout() {
	if n != nil {
		n.Timeouts++
	}
}

func (n *Counters) reset() {
	if n != nil {
		n.OutRsts++
	}
}

// drop counts a segment that was not used.
func (c *Conn) drop(why DropReason) {
	if c.count != nil {
		c.count.Drops[why]++
	}
}
