package tcp

import (
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/internal/bytequeue"
)

// A Config says how a connection behaves. The zero Config, but for Pool, is a good one.
// A Conn copies what it needs; a Config may be shared and reused.
type Config struct {
	// Pool is where the connection's stream buffers come from; one per lock domain. Required.
	Pool *bytequeue.Pool

	// SendBuffer and ReceiveBuffer are the most bytes of stream data held each way; 0 means 256 KiB.
	// They are kept between 2 KiB and 1 GiB.
	SendBuffer, ReceiveBuffer int

	// MSS is the largest segment the route carries, in bytes of payload and options: the MTU less 40
	// for IPv4 and less 60 for IPv6. 0 means 536.
	MSS int
	// DefaultMSS is what the peer is assumed to take if it does not say: 536 for IPv4, which 0 means,
	// and 1220 for IPv6 (RFC 9293, Section 3.7.1, MUST-15).
	DefaultMSS int

	// NoDelay turns off Nagle's algorithm.
	NoDelay bool
	// KeepAliveIdle is how long a connection is idle before it is probed; 0 means never (RFC 9293, Section
	// 3.8.4, MUST-25). KeepAliveInterval is the time between probes, 0 means 75 s; after KeepAliveCount
	// unanswered probes, 0 means 9, the connection ends with ErrTimeout.
	KeepAliveIdle, KeepAliveInterval time.Duration
	KeepAliveCount                   int
	// UserTimeout, if not 0, ends the connection once data has been unacknowledged for so long.
	UserTimeout time.Duration

	// Congestion names the congestion controller; "" means the default.
	Congestion string

	// NoTimestamps, NoSACK and NoWindowScale keep the connection from offering or accepting the option.
	NoTimestamps, NoSACK, NoWindowScale bool
	// NoSum leaves the checksum field zero, for links that need none.
	NoSum bool

	// MinRTO is the least retransmission timeout; 0 means 200 ms.
	MinRTO time.Duration
	// TimeWait is how long a connection stays in TIME-WAIT; 0 means 60 s.
	TimeWait time.Duration
	// FinWait2 is how long a closed connection waits for the peer's FIN; 0 means 60 s.
	FinWait2 time.Duration

	// ISNKey keys the connection's timestamp offset and the jitter of its challenge ACKs. It is secret.
	ISNKey [2]uint64

	// Trace, if not nil, is told whenever congestion control or a timer did something. It must not call the Conn.
	Trace func(TraceEvent)
}

// A TraceEvent is the state of loss recovery at one instant.
type TraceEvent struct {
	Now      clock.Time
	Reason   string // what happened: "ack", "loss", "timeout", …
	CWND     int    // bytes
	SSThresh int    // bytes
	Flight   int    // bytes sent and not acknowledged
	Pipe     int    // bytes estimated to be in the network
	SRTT     time.Duration
	RTO      time.Duration
	SndUNA   Seq
	SndNXT   Seq
}
