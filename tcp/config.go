package tcp

import (
	"errors"
	"time"

	"github.com/ztstack/ztstack/internal/bytequeue"
)

const (
	defaultBuffer = 256 << 10
	minBuffer     = 2 << 10
	maxBuffer     = 512 << 20 // the largest window is 2^30 (RFC 7323, Section 2.3)

	defaultMSS = 536 // RFC 9293, Section 3.7.1 (MUST-15), IPv4
	// minMSS is the least segment size a peer or a route can talk a sender into. Less than this has no
	// use but to make it send a storm of tiny segments (CVE-2019-11479).
	minMSS = 64

	defaultKeepAliveInterval = 75 * time.Second
	defaultKeepAliveCount    = 9
	defaultTimeWait          = 60 * time.Second
	defaultFinWait2          = 60 * time.Second
	// defaultUserTimeout is R2 for data. "The value of R2 SHOULD correspond to at least 100 seconds"
	// RFC 9293, Section 3.8.3 (SHLD-11).
	defaultUserTimeout = 5 * time.Minute
	// defaultMinRTO is smaller than the second of RFC 6298.
	// Deviation: "Whenever RTO is computed, if it is less than 1 second, then the RTO SHOULD be rounded up to
	// 1 second" RFC 6298, Section 2 (2.4). Linux and the BSDs have used 200 ms and less for decades; the price
	// of a second is paid by every connection that loses its last segment.
	defaultMinRTO = 200 * time.Millisecond
)

// A Config says how a connection behaves. The zero Config, with a Pool, is a good one.
// A Conn copies what it needs; a Config may be shared and reused.
type Config struct {
	// Pool is where the connection's stream buffers come from; one per lock domain. Required.
	Pool *bytequeue.Pool

	// SendBuffer and ReceiveBuffer are the most bytes of stream data held each way, to begin with; 0 means 256 KiB.
	// They are kept between 2 KiB and 512 MiB.
	SendBuffer, ReceiveBuffer int
	// MaxSendBuffer and MaxReceiveBuffer are how far they grow, by themselves, if twice the measured bandwidth-delay
	// product is more. 0 means 6 MiB, or not at all if the size above is given.
	MaxSendBuffer, MaxReceiveBuffer int

	// MSS is the largest segment the route carries, in bytes of options and payload: the MTU less 40
	// for IPv4 and less 60 for IPv6. 0 means DefaultMSS.
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
	// UserTimeout is how long data may remain unacknowledged before the connection ends with ErrTimeout;
	// 0 means 5 minutes.
	UserTimeout time.Duration

	// Congestion names the congestion controller: "cubic" (RFC 9438), which "" means too, "reno" (RFC 5681), or "bbr"
	// (draft-ietf-ccwg-bbr), which paces and does not take every loss for congestion.
	Congestion string

	// NoTimestamps, NoSACK and NoWindowScale keep the connection from offering or accepting the option.
	NoTimestamps, NoSACK, NoWindowScale bool
	// ECN asks the peer for Explicit Congestion Notification (RFC 3168) when the connection is opened actively. A peer that
	// asks is granted it, unless NoECN is set.
	ECN, NoECN bool
	// NoSum leaves the checksum field zero, for links that need none.
	NoSum bool

	// MinRTO is the least variance that is reckoned with in a retransmission timeout, and so the least
	// timeout; 0 means 200 ms.
	MinRTO time.Duration
	// TimeWait is how long a connection stays in TIME-WAIT (2 MSL); 0 means 60 s.
	TimeWait time.Duration
	// FinWait2 is how long a connection that the application has closed waits for the peer's FIN; 0 means 60 s.
	FinWait2 time.Duration

	// ISNKey keys the connection's timestamp offset and the jitter of its challenge ACKs. It is secret.
	ISNKey [2]uint64

	// Counters, if not nil, are shared by the connections of one lock domain.
	Counters *Counters

	// Trace, if not nil, is told whenever congestion control or a timer did something. It must not call the Conn.
	Trace func(TraceEvent)
}

// Validate says what is wrong with cfg, or returns nil.
func (cfg *Config) Validate() error {
	switch {
	case cfg.Pool == nil:
		return errors.New("tcp: Config.Pool is nil: set it to bytequeue.NewPool")
	case cfg.SendBuffer < 0 || cfg.SendBuffer > maxBuffer:
		return errors.New("tcp: Config.SendBuffer is out of range: use 0 for 256 KiB, or up to 512 MiB")
	case cfg.ReceiveBuffer < 0 || cfg.ReceiveBuffer > maxBuffer:
		return errors.New("tcp: Config.ReceiveBuffer is out of range: use 0 for 256 KiB, or up to 512 MiB")
	case cfg.MaxSendBuffer < 0 || cfg.MaxSendBuffer > maxBuffer:
		return errors.New("tcp: Config.MaxSendBuffer is out of range: use 0 for the default, or up to 512 MiB")
	case cfg.MaxReceiveBuffer < 0 || cfg.MaxReceiveBuffer > maxBuffer:
		return errors.New("tcp: Config.MaxReceiveBuffer is out of range: use 0 for the default, or up to 512 MiB")
	case cfg.MSS < 0 || cfg.MSS > 0xffff:
		return errors.New("tcp: Config.MSS is out of range: use the route's MTU less 40 (IPv4) or 60 (IPv6)")
	case cfg.DefaultMSS < 0 || cfg.DefaultMSS > 0xffff:
		return errors.New("tcp: Config.DefaultMSS is out of range: use 536 (IPv4) or 1220 (IPv6)")
	case cfg.KeepAliveIdle < 0 || cfg.KeepAliveInterval < 0 || cfg.KeepAliveCount < 0:
		return errors.New("tcp: Config.KeepAlive is negative: use 0 for the default")
	case cfg.UserTimeout < 0 || cfg.MinRTO < 0 || cfg.TimeWait < 0 || cfg.FinWait2 < 0:
		return errors.New("tcp: a timeout of Config is negative: use 0 for the default")
	}
	if _, ok := controlNamed(cfg.Congestion); !ok {
		return errors.New(unknownCongestion(cfg.Congestion))
	}
	return nil
}

// orDefault returns v, or def if v is 0.
func orDefault[T int | time.Duration](v, def T) T {
	if v == 0 {
		return def
	}
	return v
}
