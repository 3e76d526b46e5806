package tcp

import (
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/internal/siphash"
)

const (
	// challengePeriod is the time in which a bounded number of challenge ACKs is sent.
	challengePeriod = time.Second
	// challengeLeast and challengeSpread say how many that may be.
	challengeLeast  = 5
	challengeSpread = 7 // a mask
)

// challengeState limits the ACKs that a connection sends because a segment was suspicious.
//
// RFC 5961, Section 7 asks for a limit. One counter for the whole host tells an attacker who has a
// connection of his own what happens on another (CVE-2016-5696), so each connection has its own, and how
// many it allows differs from period to period by a keyed hash.
type challengeState struct {
	key      uint64
	end      clock.Time // of the current period
	tsOffset uint32     // see timestampOffset
	left     uint8
}

func (s *challengeState) init(key [2]uint64, now clock.Time, iss Seq) {
	s.key = siphash.Hash128(key[0], key[1], uint64(iss), 0x6368616c6c656e67)
	s.tsOffset = timestampOffset(key, now, iss)
}

// allow reports whether one more may be sent now.
func (s *challengeState) allow(now clock.Time) bool {
	if s.end == clock.Never || s.end.Expired(now) {
		s.end = now.Add(challengePeriod)
		s.left = challengeLeast + uint8(siphash.Hash128(s.key, ^s.key, uint64(now), 0)&challengeSpread)
	}
	if s.left == 0 {
		return false
	}
	s.left--
	return true
}

// challengeACK asks the peer to prove itself by answering an ACK: RFC 5961, Sections 3.2, 4.2 and 5.2.
func (c *Conn) challengeACK(now clock.Time, why DropReason) {
	c.drop(why)
	if !c.challenge.allow(now) {
		c.drop(DropRateLimited)
		return
	}
	c.rcv.ackNow = true
}
