package tcp

import (
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/internal/bytequeue"
)

// A Conn is one TCP connection (RFC 9293). It does no I/O and reads no clock.
//
// Its owner calls Receive for every segment that arrives and Poll when the deadline that Poll last
// returned has passed, and after a batch of calls to anything asks Output until it returns 0, then
// Events. Deadline tells when to call Poll next. A Conn is not safe for concurrent use, and must not
// be copied after Open or Accept.
type Conn struct {
	// What nearly every segment touches comes first, so that a connection that has gone cold costs few
	// cache misses.
	state  State
	events Event
	shut   shutdown
	next   clock.Time // no later than the earliest of timers

	rcv   receiveState
	snd   sendState
	sent  scoreboard
	rec   recoveryState
	eifel eifelState
	rack  rackState
	rtt   rttState
	cwnd  Window
	cc    Congestion // nil while there is nothing to control: see controller
	bbr   *bbr       // cc, if that is what it is

	timers [numTimers]clock.Time
	pool   *bytequeue.Pool
	ooo    *reassembly // out-of-order segments; nil when there have been none lately
	stats  Stats
	count  *Counters
	trace  func(TraceEvent)
	err    error // why the connection ended
	soft   error // the last soft error reported by ICMP

	control   control
	opt       negotiated
	ecn       ecnState
	hole      holeState
	reset     resetSegment
	challenge challengeState
	keepAlive keepAliveState

	srcPort, dstPort uint16
	routeMSS         uint16 // what the route carries, options included
	peerMSS          uint16 // what the peer announced or is assumed to take
	minRTO           time.Duration
	userTimeout      time.Duration
	timeWait         time.Duration
	finWait2         time.Duration
	linger           time.Duration
}

// shutdown says what the application has given up.
type shutdown struct {
	read        bool // CloseRead: data that arrives is thrown away
	orphan      bool // Close: nobody will read or write any more
	passive     bool // opened by Accept
	established bool // it has been established
	counted     bool // its end has been counted
	linger      bool // SetLinger is on
}

// Open makes c an active connection that wants to be sent a SYN: CLOSED to SYN-SENT. iss is the initial
// sequence number, from ISN with the same now. c is the zero Conn, or one that was Released.
func (c *Conn) Open(cfg *Config, now clock.Time, srcPort, dstPort uint16, iss Seq) {
	c.init(cfg, now, srcPort, dstPort, iss)
	c.state = StateSynSent
	c.ecn.on = cfg.ECN && !cfg.NoECN
	c.opt = negotiated{timestamps: !cfg.NoTimestamps, sack: !cfg.NoSACK, scaling: !cfg.NoWindowScale, sum: !cfg.NoSum}
	c.count.open(false)
}

// Accept makes c a passive connection from the SYN in h, for which ListenSegment has returned ListenAccept:
// LISTEN to SYN-RECEIVED. iss is as for Open.
func (c *Conn) Accept(cfg *Config, now clock.Time, h *Header, iss Seq) {
	c.acceptFrom(cfg, now, h, iss)
	c.stats.SegsIn++
	c.count.open(true)
}

// acceptFrom enters SYN-RECEIVED.
func (c *Conn) acceptFrom(cfg *Config, now clock.Time, h *Header, iss Seq) {
	c.init(cfg, now, h.DstPort, h.SrcPort, iss)
	c.state = StateSynReceived
	c.shut.passive = true
	c.opt = negotiated{timestamps: !cfg.NoTimestamps, sack: !cfg.NoSACK, scaling: !cfg.NoWindowScale, sum: !cfg.NoSum}
	c.receiveSYN(now, h)
}

// init sets everything that does not depend on who opens.
func (c *Conn) init(cfg *Config, now clock.Time, srcPort, dstPort uint16, iss Seq) {
	if cfg.Pool == nil {
		panic("BUG: tcp: Config.Pool is nil")
	}
	*c = Conn{pool: cfg.Pool, count: cfg.Counters, trace: cfg.Trace, srcPort: srcPort, dstPort: dstPort}
	c.peerMSS = uint16(orDefault(cfg.DefaultMSS, defaultMSS))
	c.routeMSS = uint16(min(max(orDefault(cfg.MSS, int(c.peerMSS)), minMSS), 0xffff))
	c.minRTO = orDefault(cfg.MinRTO, defaultMinRTO)
	c.userTimeout = orDefault(cfg.UserTimeout, defaultUserTimeout)
	c.timeWait = orDefault(cfg.TimeWait, defaultTimeWait)
	c.finWait2 = orDefault(cfg.FinWait2, defaultFinWait2)
	c.rtt.init()
	c.rtt.fixed = cfg.MinRTO != 0
	c.challenge.init(cfg.ISNKey, now, iss)
	size, most := buffers(cfg.ReceiveBuffer, cfg.MaxReceiveBuffer)
	c.rcv.init(size, most, int(c.routeMSS))
	size, most = buffers(cfg.SendBuffer, cfg.MaxSendBuffer)
	c.snd.init(size, most, iss)
	c.snd.noDelay = cfg.NoDelay
	c.snd.progress = now
	c.control, _ = controlNamed(cfg.Congestion)
	c.ecn.on = !cfg.NoECN
	c.keepAlive.set(cfg.KeepAliveIdle, cfg.KeepAliveInterval, cfg.KeepAliveCount)
	c.rcv.heard = now
}

func clampBuffer(n int) int { return min(max(orDefault(n, defaultBuffer), minBuffer), maxBuffer) }

// State returns the connection's state.
func (c *Conn) State() State { return c.state }

// Err returns why the connection ended: nil while it has not, and after an orderly close.
func (c *Conn) Err() error { return c.err }

// Events returns what has become true since the last call, and clears it.
func (c *Conn) Events() Event {
	e := c.events
	c.events = 0
	return e
}

// Release gives the connection's memory back to its pool. Nothing but Open and Accept may be called
// after it.
func (c *Conn) Release() {
	c.rcv.buf.Reset(c.pool)
	c.snd.buf.Reset(c.pool)
	c.sent.release()
	c.dropController()
	c.ooo = nil
}

// established enters ESTABLISHED (or the state that a close before the handshake's end asks for), once the
// peer has acknowledged our SYN.
func (c *Conn) established(now clock.Time) {
	c.state = StateEstablished
	c.events |= Connected | Writable
	c.snd.nxt = c.snd.iss + 1
	c.snd.una = c.snd.nxt
	c.snd.small = c.snd.una
	c.rec.recover = c.snd.iss
	c.timers[timerRTO] = 0
	c.snd.progress = now
	c.stats.SYNsRetransmitted = c.snd.syns - 1
	lostSYN := c.snd.syns > 1
	switch {
	case lostSYN:
		c.rtt.lostSYN()
	case c.snd.lastSent != clock.Never: // else nobody knows: the SYN was a cookie
		c.rtt.sample(now.Sub(c.snd.lastSent), c.minRTO)
	}
	c.updateMSS()
	c.cwnd.init(int(c.snd.mss), lostSYN)
	c.snd.lastSent = 0
	c.armKeepAlive(now)
	c.shut.established = true
	c.count.established()
	if c.snd.closed {
		// "queue for processing after entering ESTABLISHED state": RFC 9293, Section 3.10.4, SYN-RECEIVED.
		c.state = StateFinWait1
	}
	c.traced(now, "established")
}

// end enters CLOSED. err is nil after an orderly close.
func (c *Conn) end(err error) {
	if c.state == StateClosed {
		return
	}
	c.state = StateClosed
	c.err = err
	c.events |= Closed | Readable | Writable
	c.timers = [numTimers]clock.Time{}
	c.next = clock.Never
	c.snd.buf.Reset(c.pool)
	c.sent.release()
	c.dropController()
	if c.ooo != nil {
		// Bytes that lie out of order in the queue will never be read.
		c.ooo = nil
	}
	if c.shut.read {
		c.rcv.buf.Reset(c.pool)
	}
	c.rcv.ackNow = false
	c.rcv.duplicates = 0
	c.counted(err)
}

// counted counts the connection's end, once.
func (c *Conn) counted(err error) {
	if !c.shut.counted {
		c.shut.counted = true
		c.count.ended(c.shut.established, err)
	}
}

// updateMSS computes the payload of a full segment from what peer and route take.
// "Eff.snd.MSS = min(SendMSS+20, MMS_S) - TCPhdrsize - IPoptionsize"
// RFC 9293, Section 3.7.1 (MUST-16).
func (c *Conn) updateMSS() {
	mss := int(min(c.peerMSS, c.routeMSS))
	if c.opt.timestamps {
		mss -= timestampLen
	}
	c.snd.mss = int32(mss)
	c.cwnd.MSS = mss
}
