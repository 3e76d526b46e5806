package tcp

import (
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/internal/bytequeue"
)

// A Dormant is what has to be remembered of an established connection on which nothing happens: less than half of a Conn. A
// stack with very many connections, most of them idle, keeps them so, and makes a Conn again of the one that is spoken to.
type Dormant struct {
	pool  *bytequeue.Pool
	count *Counters
	stats Stats

	rtt    rttState
	cwnd   Window
	wakeAt clock.Time // of the keep-alive timer

	tsRecentAt, heard  clock.Time
	lastSent, progress clock.Time

	rcvNxt, right, irs   Seq
	una, iss             Seq
	wl1, wl2             Seq
	wnd, maxWnd          uint32
	rcvLimit, sndLimit   int32
	rcvMost, sndMost     int32
	sndMSS               int32
	tsRecent, tsOffset   uint32
	challengeKey         uint64
	minRTO, userTimeout  time.Duration
	timeWait, finWait2   time.Duration
	linger               time.Duration
	aliveIdle, aliveNext time.Duration

	srcPort, dstPort   uint16
	routeMSS, peerMSS  uint16
	rcvMSS, ours       uint16
	rcvScale, sndScale uint8
	quick              int8
	syns               uint8
	aliveCount         uint8
	multiplier         uint8
	persist            uint8
	control            control
	opt                negotiated
	ecn                ecnState
	hole               holeState
	flags              dormantFlags
}

type dormantFlags uint8

const (
	dormantPassive dormantFlags = 1 << iota
	dormantLinger
	dormantConsumed
	dormantTSValid
	dormantStarved
	dormantNoDelay
	dormantReordered
	dormantAgain
)

// Quiet reports whether c could Sleep: it is established, nothing is queued or in flight either way, and nothing but a
// keep-alive is due at any time.
func (c *Conn) Quiet() bool {
	r, s := &c.rcv, &c.snd
	return c.state == StateEstablished && s.una == s.nxt && r.acked == r.nxt && s.buf.Len() == 0 && r.buf.Len() == 0 &&
		c.ooo == nil && !r.ackNow && !s.closed && !c.shut.read
}

// Fresh reports whether no data has been sent nor received yet.
func (c *Conn) Fresh() bool { return c.stats.BytesIn == 0 && c.stats.BytesOut == 0 }

// LastActive returns when something was last sent or received.
func (c *Conn) LastActive() clock.Time { return max(c.rcv.heard, c.snd.lastSent, c.snd.progress) }

// Sleep makes d of c, if c is Quiet, and reports whether it did. Then c is no longer a connection, and may be used for another
// one. A connection that has just been active should not be put to sleep: it forgets what helps with reordering.
func (c *Conn) Sleep(now clock.Time, d *Dormant) bool {
	if !c.Quiet() || !c.dispensable(now) {
		return false
	}
	r, s := &c.rcv, &c.snd
	*d = Dormant{
		pool: c.pool, count: c.count, stats: c.stats, rtt: c.rtt, cwnd: c.cwnd,
		wakeAt:     c.timers[timerKeepAlive],
		tsRecentAt: r.tsRecentAt, heard: r.heard, lastSent: s.lastSent, progress: s.progress,
		rcvNxt: r.nxt, right: r.right, irs: r.irs, una: s.una, iss: s.iss, wl1: s.wl1, wl2: s.wl2, wnd: s.wnd, maxWnd: s.maxWnd,
		rcvLimit: r.limit, sndLimit: s.limit, rcvMost: r.most, sndMost: s.most, sndMSS: s.mss, tsRecent: r.tsRecent, tsOffset: c.challenge.tsOffset,
		challengeKey: c.challenge.key,
		minRTO:       c.minRTO, userTimeout: c.userTimeout, timeWait: c.timeWait, finWait2: c.finWait2, linger: c.linger,
		aliveIdle: c.keepAlive.idle, aliveNext: c.keepAlive.interval, aliveCount: c.keepAlive.count,
		srcPort: c.srcPort, dstPort: c.dstPort, routeMSS: c.routeMSS, peerMSS: c.peerMSS, rcvMSS: r.mss, ours: r.ours,
		rcvScale: r.scale, sndScale: s.scale, quick: r.quick, syns: s.syns,
		multiplier: c.rack.multiplier, persist: c.rack.persist, opt: c.opt, control: c.control, ecn: c.ecn, hole: c.hole,
	}
	for bit, set := range [...]bool{
		c.shut.passive, c.shut.linger, r.consumed, r.tsValid, s.starved, s.noDelay, c.rack.reordered, s.again,
	} {
		if set {
			d.flags |= 1 << bit
		}
	}
	c.Release()
	c.state = StateClosed
	return true
}

// dispensable reports whether what Sleep does not keep says nothing.
func (c *Conn) dispensable(now clock.Time) bool {
	for k, at := range c.timers {
		if at != clock.Never && timer(k) != timerKeepAlive && timer(k) != timerRelease {
			return false
		}
	}
	// A limit on challenges that is still in force must not begin anew, nor must a count of duplicates be lost.
	return c.events == 0 && !c.rcv.starved && c.trace == nil && c.soft == nil && !c.reset.due && !c.snd.probe &&
		c.rec.phase == phaseOpen && c.rcv.dsackStart == c.rcv.dsackEnd && c.rcv.duplicates == 0 &&
		c.keepAlive.sent == 0 && !c.keepAlive.probe && c.challenge.end <= now
}

// Deadline returns when Wake and then Poll are due, or Never.
func (d *Dormant) Deadline() clock.Time { return d.wakeAt }

// Wake makes c, which is not in use, the connection that d remembers.
func (d *Dormant) Wake(c *Conn) {
	has := func(f dormantFlags) bool { return d.flags&f != 0 }
	*c = Conn{
		state: StateEstablished,
		shut:  shutdown{established: true, passive: has(dormantPassive), linger: has(dormantLinger)},
		pool:  d.pool, count: d.count, stats: d.stats, rtt: d.rtt, cwnd: d.cwnd, opt: d.opt, control: d.control, ecn: d.ecn, hole: d.hole,
		rcv: receiveState{
			nxt: d.rcvNxt, acked: d.rcvNxt, right: d.right, irs: d.irs, limit: d.rcvLimit, most: d.rcvMost, mss: d.rcvMSS, ours: d.ours,
			scale: d.rcvScale, quick: d.quick, consumed: has(dormantConsumed), tsValid: has(dormantTSValid),
			tsRecent: d.tsRecent, tsRecentAt: d.tsRecentAt, heard: d.heard,
		},
		snd: sendState{
			una: d.una, nxt: d.una, small: d.una, iss: d.iss, wnd: d.wnd, maxWnd: d.maxWnd, wl1: d.wl1, wl2: d.wl2,
			mss: d.sndMSS, limit: d.sndLimit, most: d.sndMost, scale: d.sndScale, syns: d.syns, starved: has(dormantStarved), noDelay: has(dormantNoDelay),
			again: has(dormantAgain), lastSent: d.lastSent, progress: d.progress,
		},
		rec:       recoveryState{recover: d.una - 1},
		rack:      rackState{multiplier: d.multiplier, persist: d.persist, reordered: has(dormantReordered)},
		challenge: challengeState{key: d.challengeKey, tsOffset: d.tsOffset},
		keepAlive: keepAliveState{idle: d.aliveIdle, interval: d.aliveNext, count: d.aliveCount},
		srcPort:   d.srcPort, dstPort: d.dstPort, routeMSS: d.routeMSS, peerMSS: d.peerMSS,
		minRTO: d.minRTO, userTimeout: d.userTimeout, timeWait: d.timeWait, finWait2: d.finWait2, linger: d.linger,
	}
	if d.wakeAt != clock.Never {
		c.setTimer(timerKeepAlive, d.wakeAt)
	}
}
