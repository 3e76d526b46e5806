package tcp

import (
	"time"

	"github.com/ztstack/ztstack/clock"
)

// synAgain is how soon a SYN is sent again that an old connection of the peer's has answered.
const synAgain = 10 * time.Millisecond

// negotiated says which extensions are in use; before the peer's SYN has come, which we want.
type negotiated struct {
	timestamps bool
	sack       bool
	scaling    bool
	sum        bool // compute checksums; not a matter of negotiation
}

// receiveSynSent processes a segment in SYN-SENT: RFC 9293, Section 3.10.7.3.
func (c *Conn) receiveSynSent(now clock.Time, h *Header, payload []byte) {
	// "First, check the ACK bit"
	acked := h.Flags&ACK != 0
	if acked && h.Ack != c.snd.iss+1 {
		// "If SEG.ACK =< ISS or SEG.ACK > SND.NXT, send a reset (unless the RST bit is set, if so drop the
		// segment and return) <SEQ=SEG.ACK><CTL=RST> and discard the segment."
		c.drop(DropBadACK)
		if h.Flags&RST == 0 {
			c.reset.answer(h.Ack)
			if h.Flags&SYN == 0 && !c.snd.again {
				// A peer that has missed the last ACK of an earlier connection between the same ports, and is
				// still in LAST-ACK, answers the SYN so. The reset ends that; the SYN follows soon, once, instead
				// of a second later, and does not count as lost.
				c.snd.again = true
				c.snd.syns = 0
				c.setTimer(timerRTO, now.Add(synAgain))
			}
		}
		return
	}
	// "Second, check the RST bit"
	if h.Flags&RST != 0 {
		if acked {
			c.end(ErrRefused)
		} else {
			c.drop(DropRST)
		}
		return
	}
	// "Fourth, check the SYN bit"
	if h.Flags&SYN == 0 || h.Flags&FIN != 0 && !acked {
		// "Fifth, if neither of the SYN or RST bits is set, then drop the segment and return." A FIN with a
		// SYN and nothing else is no way to open a connection.
		c.drop(DropNoSYN)
		return
	}
	c.receiveSYN(now, h)
	if !acked {
		// Simultaneous open: "Otherwise, enter SYN-RECEIVED, form a SYN,ACK segment".
		c.state = StateSynReceived
		c.snd.nxt = c.snd.iss
		return
	}
	c.acceptSYNACK(now, h, payload)
}

// acceptSYNACK completes the handshake with a segment that has both a SYN and an ACK of ours.
func (c *Conn) acceptSYNACK(now clock.Time, h *Header, payload []byte) {
	c.setWindow(h)
	c.established(now)
	c.rcv.ackNow = true
	if len(payload) > 0 || h.Flags&FIN != 0 {
		c.receiveText(now, h.Seq+1, payload, h.Flags&FIN != 0)
	}
}

// receiveSYN takes what the peer's first SYN says about it.
func (c *Conn) receiveSYN(now clock.Time, h *Header) {
	o := &h.Options
	offered := 0
	if c.state == StateSynSent {
		offered = c.rcv.synWindow()
	}
	c.rcv.start(h.Seq, offered)
	c.rcv.heard = now
	c.snd.wnd = uint32(h.Window)
	c.snd.wl1 = h.Seq
	c.snd.maxWnd = c.snd.wnd
	if o.HasMSS {
		// "If an MSS Option is not received at connection setup, TCP implementations MUST assume a default
		// send MSS" RFC 9293, Section 3.7.1 (MUST-15). peerMSS holds the default.
		c.peerMSS = max(o.MSS, minMSS)
	}
	c.negotiateECN(h.Flags)
	c.opt.sack = c.opt.sack && o.SACKPermitted
	c.opt.timestamps = c.opt.timestamps && o.HasTimestamps
	c.opt.scaling = c.opt.scaling && o.HasWindowScale
	if c.opt.scaling {
		c.snd.scale = o.WindowScale
	} else {
		// "a TCP that has not received a Window Scale option in the initial <SYN> [...] sets both [shifts]
		// to zero" in the sense of RFC 7323, Section 2.2.
		c.snd.scale, c.rcv.scale = 0, 0
	}
	if c.opt.timestamps {
		c.rcv.tsRecent, c.rcv.tsRecentAt, c.rcv.tsValid = o.TSVal, now, true
	}
	c.updateMSS()
}

// receiveSimultaneous reports whether h is the second SYN of a simultaneous open (RFC 9293, Section 3.5,
// Figure 8, line 5), which acknowledges ours. Its SYN lies before the window.
func (c *Conn) receiveSimultaneous(h *Header) bool {
	return h.Flags&(SYN|ACK|RST|FIN) == SYN|ACK && h.Seq == c.rcv.irs && h.Ack == c.snd.iss+1 && !c.shut.passive
}
