package tcp

import "github.com/ztstack/ztstack/clock"

// The pool of pages may run dry: it serves all connections of a lock domain and may be limited. A writer then waits as if
// the send buffer were full. What a peer sends into a window that was offered in better times has to be thrown away, and the
// peer must not go on trying at the pace of the network: it is told that the window is closed, whereupon it probes ever more
// seldom, until the connection is Fed.
//
// Deviation: that takes back a window that was offered. "A TCP receiver SHOULD NOT shrink the window, i.e., move the right
// window edge to the left (SHLD-14). However, a sending TCP peer MUST be robust against window shrinking" RFC 9293, Section
// 3.8.6. What the peer sends up to the old edge is still taken if there is memory for it.

// starve notes that data had to be thrown away because the pool was exhausted.
func (c *Conn) starve() {
	c.rcv.starved = true
	c.events |= Starved
}

// Fed says that the pool has pages again, after the event Starved. Call Output and Events after it.
func (c *Conn) Fed(now clock.Time) {
	if c.rcv.starved {
		c.rcv.starved = false
		c.rcv.ackNow = c.state.Synchronized()
	}
	if c.snd.starved && c.Writable() > 0 {
		c.snd.starved = false
		c.events |= Writable
	}
}
