package tcp

import (
	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/internal/siphash"
)

// isnTick is the length in nanoseconds of a step of the clock in initial sequence numbers.
const isnTick = 4000

// ISN returns an initial sequence number for the connection that tuple names (both addresses and both
// ports, in any fixed layout).
//
// "ISN = M + F(localip, localport, remoteip, remoteport, secretkey), where M is the 4 microsecond timer"
// RFC 6528, Section 3.
func ISN(key [2]uint64, now clock.Time, tuple []byte) Seq {
	return isnClock(now) + Seq(siphash.Sum24(key[0], key[1], tuple))
}

func isnClock(now clock.Time) Seq { return Seq(int64(now) / isnTick) }

// timestampOffset returns what is added to the clock in a connection's timestamps.
//
// Each connection has its own, so that timestamps tell neither how long the host has been up nor which
// connections belong to it (RFC 7323, Section 7). The offset is a function of the tuple alone, so that
// timestamps of successive connections between the same ports increase as RFC 6191 wants: what ISN added
// to the clock is taken as the tuple's name.
func timestampOffset(key [2]uint64, now clock.Time, iss Seq) uint32 {
	return uint32(siphash.Hash128(key[0], key[1], uint64(iss-isnClock(now)), 0x74696d657374616d))
}

// timestamp returns the value of the timestamp clock, which ticks once a millisecond.
func (c *Conn) timestamp(now clock.Time) uint32 {
	return uint32(now.Milliseconds()) + c.challenge.tsOffset
}
