package tcp

import "github.com/ztstack/ztstack/clock"

// What a Conn does for a controller that measures and paces.

// paced reports whether something may be sent now, or sets the timer for when it may.
func (c *Conn) paced(now clock.Time) bool {
	p := &c.bbr.pacer
	if p.ready(now) {
		return true
	}
	if c.timers[timerPace] != p.next && (c.sent.lost > c.sent.resent || c.snd.unsent() > 0 || c.snd.finDue()) {
		c.setTimer(timerPace, p.next)
	}
	return false
}

// paceNew notes that n bytes of new data are being sent, which the newest record describes; flight were outstanding.
func (c *Conn) paceNew(now clock.Time, flight, n int) {
	if c.bbr == nil {
		c.controller(now)
		c.bbr.rate.base-- // the record is one that is measured
	}
	if flight == 0 {
		c.bbr.sending(&c.cwnd, now)
	}
	c.bbr.noteSent(now, &c.sent, c.sent.head+c.sent.n-1, c.pipe()+n, n)
}

// noteSent notes that n bytes are sent, which record i describes.
func (b *bbr) noteSent(now clock.Time, s *scoreboard, i uint32, pipe, n int) {
	b.rate.sent(now, s, i, pipe, n, s.losses)
	b.pacer.sent(now, n)
}

// noteLimited notes that it is the application which keeps the network from being fuller.
func (c *Conn) noteLimited() {
	if pipe := c.pipe(); pipe < c.cwnd.CWND && c.sent.lost <= c.sent.resent {
		c.bbr.rate.applicationLimited(pipe)
	}
}

// measure begins and model ends the measurement that an ACK makes.
func (c *Conn) measure() (lost uint32) {
	c.bbr.rate.sample = rateSample{prior: c.pipe()}
	return c.sent.losses
}

// model tells the controller how much an ACK has delivered, acked of it cumulatively, and what was lost before it.
func (c *Conn) model(now clock.Time, delivered, acked int, lost uint32) {
	b := c.bbr
	if !c.opt.sack {
		delivered = acked // what duplicate ACKs stand for is a guess, and a peer can send any number
	}
	s := b.rate.finish(now, delivered, c.sent.losses, c.rtt.minimum)
	s.lost = int(c.sent.losses - lost)
	s.pipe = c.pipe()
	if delivered > 0 || s.lost > 0 {
		b.sampled(&c.cwnd, s)
	}
}
