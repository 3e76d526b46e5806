package tcp

import "github.com/ztstack/ztstack/clock"

// ecnState is that of Explicit Congestion Notification (RFC 3168). The codepoints are in the IP header: whoever has it sets
// Header.CE for segments in, and asks ECT for segments out.
type ecnState struct {
	on      bool // both ends have agreed to it; before the handshake, we want it
	echo    bool // the peer is to be told that a segment of its came with Congestion Experienced, until it says CWR
	cwr     bool // the next new data tells the peer that the window has been reduced
	ect     bool // the segment that Output wrote last is one that routers may mark
	reduced bool // recover is valid
	recover Seq  // SND.NXT when the window was last reduced because of ECE
}

// ECT reports whether the segment that Output has just written is to go with the codepoint ECT(0): new data of a
// connection whose ends have agreed on ECN.
//
// "ECN-capable TCP implementations MUST NOT set either ECT codepoint [...] in the IP header for retransmitted data
// packets", nor in pure acknowledgements nor window probes: RFC 3168, Sections 6.1.4 to 6.1.6.
func (c *Conn) ECT() bool { return c.ecn.ect }

// negotiateECN takes what the peer's SYN or SYN,ACK says: both bits in a SYN ask for ECN, ECE alone in a SYN,ACK grants it.
// Both bits there are the reflection of a peer that knows nothing of either: RFC 3168, Section 6.1.1.
func (c *Conn) negotiateECN(f Flags) {
	want := ECE | CWR
	if f&ACK != 0 {
		want = ECE
	}
	c.ecn.on = c.ecn.on && f&(ECE|CWR) == want
}

// synECN returns the flags that our SYN, or SYN,ACK, has. A SYN that is sent again does not ask: "A host that receives no reply
// to an ECN-setup SYN within the normal SYN retransmission timeout interval MAY resend the SYN and any subsequent SYN
// retransmissions with CWR and ECE cleared." RFC 3168, Section 6.1.1.1.
func (c *Conn) synECN() Flags {
	switch {
	case !c.ecn.on:
		return 0
	case c.state == StateSynReceived:
		return ECE
	case c.snd.syns > 0:
		return 0
	}
	return ECE | CWR
}

// receiveECN takes the bits of an acceptable segment that concern our acknowledgements.
//
// "the TCP receiver continues to set the ECN-Echo flag [...] until it receives a CWR packet" RFC 3168, Section 6.1.3.
func (c *Conn) receiveECN(h *Header, n int) {
	if h.Flags&CWR != 0 {
		c.ecn.echo = false
	}
	if h.CE && n > 0 {
		c.stats.CEMarks++
		if !c.ecn.echo {
			c.ecn.echo = true
			c.rcv.ackNow = true
		}
	}
}

// congestionEchoed reduces the window for an ACK with ECE of data in flight, once a window. flight is what was in flight before
// it.
//
// "TCP should not react to congestion indications more than once every window of data (or more loosely, more than once every
// round-trip time)" RFC 3168, Section 6.1.2.
func (c *Conn) congestionEchoed(now clock.Time, flight int) {
	e := &c.ecn
	if e.reduced && c.snd.una.LessEq(e.recover) {
		return
	}
	e.reduced, e.recover = true, c.snd.nxt
	if c.rec.phase != phaseOpen {
		return // it has been reduced for a loss in the same window
	}
	c.controller(now).Loss(&c.cwnd, now, flight)
	e.cwr = true
	c.stats.ECNReductions++
	c.traced(now, "ecn")
}
