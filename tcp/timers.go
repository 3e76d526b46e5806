package tcp

import (
	"time"

	"github.com/ztstack/ztstack/clock"
)

// timer names one of a connection's deadlines.
type timer int

const (
	timerRTO        timer = iota // retransmission; with nothing in flight, a probe of the window
	timerDelayedACK              // an ACK that waits for company
	timerReorder                 // something may be late, or lost
	timerKeepAlive               // silence
	timerClose                   // the end of TIME-WAIT, of an orphan's FIN-WAIT-2, of lingering
	timerPace                    // the next burst may go
	timerRelease                 // memory that only a busy connection needs
	numTimers
)

const (
	// delayedACK is how long an ACK may wait. RFC 9293, Section 3.8.6.3 allows half a second (MUST-40); every
	// sender's timeout allows for this much.
	delayedACK = 40 * time.Millisecond
	// synTimeout is R2 for a SYN: "at least 3 minutes" RFC 9293, Section 3.8.3 (MUST-23).
	synTimeout = 180 * time.Second
	// synACKTimeout is R2 for a SYN,ACK.
	// Deviation: RFC 9293, Section 3.8.3 means both kinds of SYN. What is held for a peer that has yet to
	// prove that it is where it says must be held more shortly, as Linux does.
	synACKTimeout = 63 * time.Second
	// releaseAfter is how long a connection has to be quiet before it gives back its records.
	releaseAfter = time.Second
)

// setTimer arms a timer. A deadline that moves later leaves next where it was: Poll is then called early,
// once, and finds out. To stop a timer is to set it to Never.
func (c *Conn) setTimer(k timer, at clock.Time) {
	c.timers[k] = at
	if c.next == clock.Never || at < c.next {
		c.next = at
	}
}

// Deadline returns when Poll is to be called next, or Never. It may be early, never late.
func (c *Conn) Deadline() clock.Time { return c.next }

// Poll runs the timers that have expired and returns the next deadline, or Never if there is none.
// Calling it early or twice is harmless. Call Output after it.
func (c *Conn) Poll(now clock.Time) (next clock.Time) {
	if !c.next.Expired(now) {
		return c.next
	}
	for k := range numTimers {
		if c.timers[k].Expired(now) {
			c.timers[k] = clock.Never
			c.expire(now, k)
		}
	}
	c.next = clock.Never
	for _, at := range c.timers {
		c.next = clock.Min(c.next, at)
	}
	return c.next
}

func (c *Conn) expire(now clock.Time, k timer) {
	switch k {
	case timerRTO:
		c.expireRTO(now)
	case timerDelayedACK:
		if c.rcv.acked != c.rcv.nxt {
			c.rcv.ackNow = true
		}
	case timerReorder:
		c.detectLoss(now)
	case timerKeepAlive:
		c.expireKeepAlive(now)
	case timerClose:
		c.expireClose(now)
	case timerRelease:
		c.expireRelease(now)
	}
}

// expireRTO runs when the retransmission timer expires: RFC 6298, Section 5 (5.4–5.6).
func (c *Conn) expireRTO(now clock.Time) {
	if c.gaveUp(now) {
		return
	}
	if c.rack.probing {
		c.rack.probing = false
		c.lossProbe(now)
		return
	}
	c.rtt.backOff()
	switch {
	case c.state == StateSynSent || c.state == StateSynReceived:
		c.snd.nxt = c.snd.iss // Output sends the SYN again
	case c.snd.una == c.snd.nxt:
		// Data, or a FIN, waits for a window that is closed or silly: "The sending TCP peer must regularly transmit
		// at least one octet of new data [...] even if the send window is zero" RFC 9293, Section 3.8.6.1.
		if c.snd.unsent() == 0 && !c.snd.finDue() {
			return
		}
		c.snd.probe = true
		c.stats.WindowProbes++
	case c.snd.wnd == 0:
		// The probe, or what was in flight when the window shrank, is the next probe.
		c.snd.probe = true
		c.stats.WindowProbes++
		c.sent.markAllLost()
	default:
		c.suspectHole(now)
		c.lossTimeout(now)
	}
	c.setTimer(timerRTO, now.Add(c.timeout()))
}

// gaveUp ends the connection if the peer has been silent for longer than R2: RFC 9293, Section 3.8.3.
func (c *Conn) gaveUp(now clock.Time) bool {
	limit := c.userTimeout
	switch {
	case c.state == StateSynSent:
		limit = synTimeout
	case c.state == StateSynReceived:
		limit = synACKTimeout
	}
	if now.Sub(c.snd.progress) < limit {
		return false
	}
	if c.soft != nil {
		c.end(c.soft)
	} else {
		c.end(ErrTimeout)
	}
	c.traced(now, "gave up")
	return true
}

// expireClose runs when a closing connection has waited long enough.
func (c *Conn) expireClose(now clock.Time) {
	switch {
	case c.state == StateTimeWait || c.state == StateFinWait2:
		c.end(nil)
	default:
		// The time to linger is over and something is still unsent.
		c.Abort(now)
	}
}

// keepAliveState is the configuration and state of keep-alive: RFC 9293, Section 3.8.4.
type keepAliveState struct {
	idle, interval time.Duration
	count          uint8 // probes that may go unanswered
	sent           uint8 // probes that have
	probe          bool  // one is due
}

func (k *keepAliveState) set(idle, interval time.Duration, count int) {
	k.idle = idle
	k.interval = orDefault(interval, defaultKeepAliveInterval)
	k.count = uint8(min(orDefault(count, defaultKeepAliveCount), 255))
}

// SetKeepAlive sets Config's KeepAliveIdle, KeepAliveInterval and KeepAliveCount.
func (c *Conn) SetKeepAlive(now clock.Time, idle, interval time.Duration, count int) {
	c.keepAlive.set(idle, interval, count)
	c.timers[timerKeepAlive] = clock.Never
	c.armKeepAlive(now)
}

// armKeepAlive starts the timer. It is not touched when segments come: it looks when it expires.
func (c *Conn) armKeepAlive(now clock.Time) {
	if c.keepAlive.idle > 0 && c.state.Synchronized() && c.state != StateTimeWait {
		c.setTimer(timerKeepAlive, now.Add(c.keepAlive.idle))
	}
}

func (c *Conn) expireKeepAlive(now clock.Time) {
	k := &c.keepAlive
	if k.idle == 0 || !c.state.Synchronized() || c.state == StateTimeWait {
		return
	}
	silence := now.Sub(c.rcv.heard)
	if silence < k.idle {
		k.sent = 0
		c.setTimer(timerKeepAlive, c.rcv.heard.Add(k.idle))
		return
	}
	if c.snd.una != c.snd.nxt || c.snd.unsent() > 0 {
		// "Keep-alive packets MUST only be sent when no sent data is outstanding" (MUST-26): data that is
		// has its own timer.
		c.setTimer(timerKeepAlive, now.Add(k.interval))
		return
	}
	if k.sent >= k.count {
		c.end(ErrTimeout)
		return
	}
	k.sent++
	k.probe = true
	c.setTimer(timerKeepAlive, now.Add(k.interval))
}
