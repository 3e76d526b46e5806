package tcp

import "github.com/ztstack/ztstack/clock"

// ICMPError tells of an ICMP error about a segment that the connection has sent, with the sequence number
// that it quotes. hard means that it says there is no use in trying again. err is what the connection ends with.
func (c *Conn) ICMPError(now clock.Time, hard bool, seq Seq, err error) {
	if c.state == StateClosed || c.state == StateTimeWait {
		return
	}
	// "TCP SHOULD check that the TCP sequence number contained in the payload of the ICMP error message is within
	// the range SND.UNA =< SEG.SEQ < SND.NXT" RFC 5927, Section 4.1.
	if !c.InFlight(seq) {
		c.drop(DropICMP)
		return
	}
	if hard && !c.state.Synchronized() {
		c.end(err)
		return
	}
	// "TCP SHOULD [...] treat ICMP 'hard errors' as 'soft errors'" on a connection that works: RFC 5927, Section
	// 5.2. It is what the connection ends with if it times out.
	c.soft = err
}

// InFlight reports whether seq has been sent and not acknowledged: what an ICMP message must quote to be
// believed.
func (c *Conn) InFlight(seq Seq) bool { return seq.InWindow(c.snd.una, c.snd.flight()) }

// SetMSS tells that the route now carries segments of mss bytes of options and payload: the path MTU less
// IP and TCP headers. The caller has checked that an ICMP message that says so quotes a segment InFlight.
// Call Output after it.
func (c *Conn) SetMSS(now clock.Time, mss int) {
	mss = min(max(mss, minMSS), 0xffff)
	if mss == int(c.routeMSS) {
		return
	}
	c.routeMSS = uint16(mss)
	c.hole = holeState{} // it is known now
	old := c.snd.mss
	c.updateMSS()
	c.cwnd.CWND = max(c.cwnd.CWND, c.cwnd.MSS)
	c.cwnd.SSThresh = max(c.cwnd.SSThresh, 2*c.cwnd.MSS)
	if c.snd.mss >= old || !c.state.Synchronized() {
		return
	}
	// Segments that were too large have not been lost to congestion: they go out again, smaller, and the
	// window stays as it is (RFC 1191, Section 6.4).
	c.sent.markLarge(int(c.snd.mss))
	c.limitEstimate()
	c.rec.force = c.sent.lost > 0
	c.traced(now, "mss")
}

// markLarge marks as lost what is longer than a segment of mss bytes and has not arrived.
func (s *scoreboard) markLarge(mss int) {
	for i := s.head; i != s.head+s.n; i++ {
		if r := s.at(i); r.len() > mss && r.flags&recordSACKed == 0 {
			s.markLost(i)
		}
	}
}
