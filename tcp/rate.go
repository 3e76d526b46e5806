package tcp

import (
	"time"

	"github.com/ztstack/ztstack/clock"
)

// rateState measures how fast data is delivered: draft-ietf-ccwg-bbr, Section 4.1 (before:
// draft-cheng-iccrg-delivery-rate-estimation). What it remembers of each segment lies in a ring beside the scoreboard's
// records, with the same indexes; only controllers that want rates have one.
type rateState struct {
	records []rateRecord // of a power of two
	base    uint32       // records of the scoreboard before this index were sent unmeasured

	delivered   uint32     // C.delivered, in bytes; wraps
	deliveredAt clock.Time // C.delivered_time
	firstSent   clock.Time // C.first_send_time
	limitedTo   uint32     // C.app_limited: delivered is limited by the application up to here
	limited     bool       // limitedTo is valid
	sample      rateSample
}

// A rateRecord is what was known when a segment was sent.
type rateRecord struct {
	deliveredAt clock.Time // P.delivered_time
	firstSent   clock.Time // P.first_send_time
	delivered   uint32     // P.delivered
	lost        uint32     // P.lost: bytes lost so far
	inflight    uint32     // P.tx_in_flight, with this segment
	limited     bool       // P.is_app_limited
}

// A rateSample is what an ACK tells.
type rateSample struct {
	now   clock.Time
	rate  float64       // RS.delivery_rate, in bytes per second; 0 if there is none
	rtt   time.Duration // 0 if there is none
	pipe  int           // bytes in the network, after the ACK
	prior int           // bytes in the network, before it
	acked int           // bytes newly delivered: RS.newly_acked
	lost  int           // bytes newly lost: RS.newly_lost

	// These are of the segment that was sent last among those that the ACK delivers.
	has            bool
	limited        bool   // RS.is_app_limited
	priorDelivered uint32 // RS.prior_delivered
	delivered      uint32 // RS.delivered: bytes delivered since it was sent
	lostSince      uint32 // RS.lost: bytes lost since it was sent
	inflight       uint32 // RS.tx_in_flight
	priorLost      uint32
	priorAt        clock.Time // RS.prior_time
	sentAt         clock.Time
	end            Seq
	karn           bool // it was sent more than once
	sendElapsed    time.Duration
}

// init begins to measure; what the scoreboard holds already is not measured.
func (r *rateState) init(s *scoreboard) { *r = rateState{base: s.head + s.n} }

func (r *rateState) at(i uint32) *rateRecord { return &r.records[i&uint32(len(r.records)-1)] }

// sent notes that record i of s is sent now, for the first time or again. pipe is what is in the network with it, lost
// what has been lost in all.
func (r *rateState) sent(now clock.Time, s *scoreboard, i uint32, pipe, size int, lost uint32) {
	if int32(i-r.base) < 0 {
		return
	}
	if pipe <= size {
		r.firstSent, r.deliveredAt = now, now
	}
	if int(i-s.head) >= len(r.records) {
		r.grow(s)
	}
	*r.at(i) = rateRecord{
		deliveredAt: r.deliveredAt, firstSent: r.firstSent,
		delivered: r.delivered, lost: lost, inflight: uint32(pipe), limited: r.limited,
	}
}

func (r *rateState) grow(s *scoreboard) {
	records := make([]rateRecord, max(64, 2*len(r.records)))
	for i := s.head; i != s.head+uint32(len(r.records)); i++ {
		records[i&uint32(len(records)-1)] = *r.at(i)
	}
	r.records = records
}

// split follows the scoreboard's, which has moved what lies behind record i.
func (r *rateState) split(s *scoreboard, i uint32) {
	if int32(r.base-i) > 0 {
		r.base++
		return
	}
	if int(s.n) > len(r.records) {
		r.grow(s)
	}
	for j := s.head + s.n - 1; j != i; j-- {
		*r.at(j) = *r.at(j - 1)
	}
}

// arrived takes note of record i, of which something has been delivered.
func (r *rateState) arrived(i uint32, rec *record) {
	s := &r.sample
	if int32(i-r.base) < 0 || s.has && !sentAfter(rec.at, rec.end, s.sentAt, s.end) {
		return
	}
	p := r.at(i)
	s.has = true
	s.limited, s.inflight = p.limited, p.inflight
	s.priorDelivered, s.priorLost, s.priorAt = p.delivered, p.lost, p.deliveredAt
	s.sentAt, s.end = rec.at, rec.end
	s.karn = rec.flags&recordKarn != 0
	s.sendElapsed = rec.at.Sub(p.firstSent)
}

// finish completes the sample of an ACK that has delivered n bytes. least is the least round-trip time.
func (r *rateState) finish(now clock.Time, n int, lost uint32, least time.Duration) *rateSample {
	s := &r.sample
	if n > 0 {
		r.delivered += uint32(n)
		r.deliveredAt = now
	}
	if r.limited && int32(r.delivered-r.limitedTo) > 0 {
		r.limited = false
	}
	s.now, s.acked, s.rate = now, n, 0
	if !s.has {
		return s
	}
	r.firstSent = max(r.firstSent, s.sentAt)
	if !s.karn {
		s.rtt = max(now.Sub(s.sentAt), 1)
	}
	s.delivered = r.delivered - s.priorDelivered
	s.lostSince = lost - s.priorLost
	// "Use the longer of the send_elapsed and ack_elapsed": ACKs that were compressed would else look like a rate.
	interval := max(s.sendElapsed, now.Sub(s.priorAt))
	if interval > 0 && interval >= least {
		s.rate = float64(s.delivered) / interval.Seconds()
	}
	return s
}

// applicationLimited notes that the sender has nothing to send, with pipe bytes in the network: what is measured until
// these have arrived says less than the network can do.
func (r *rateState) applicationLimited(pipe int) {
	r.limited, r.limitedTo = true, r.delivered+uint32(pipe)
}
