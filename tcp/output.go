package tcp

import "github.com/ztstack/ztstack/clock"

// Output writes the next segment (header, options, payload) into dst and returns its length, or 0 when
// there is nothing to send now. If maxSegs > 1 it may write a super-segment of up to that many segments; gso is then the
// payload length of each but the last. The checksum field holds the folded sum of the segment without the
// pseudo-header, not complemented; with Config.NoSum it holds zero. dst has room for a full segment, and at least for
// MaxHeaderLen bytes.
//
// Output is the only place where a segment is built. It asks the state what is due, in order of urgency.
func (c *Conn) Output(now clock.Time, dst []byte, maxSegs int) (n, gso int) {
	c.ecn.ect = false
	if c.reset.due {
		return c.outputReset(dst), 0
	}
	if c.state < StateEstablished {
		if c.state >= StateSynSent && c.snd.nxt == c.snd.iss {
			return c.outputSYN(now, dst), 0
		}
		if c.state == StateSynReceived && c.rcv.ackNow {
			return c.outputACK(now, dst), 0 // a challenge
		}
		return 0, 0
	}
	if c.bbr == nil || c.paced(now) {
		if c.sent.lost > c.sent.resent {
			if n = c.outputLost(now, dst); n > 0 {
				return n, 0
			}
		}
		if n, gso = c.outputNew(now, dst, maxSegs); n > 0 {
			return n, gso
		}
	}
	if c.ackDue() {
		return c.outputACK(now, dst), 0
	}
	if c.keepAlive.probe {
		return c.outputKeepAlive(now, dst), 0
	}
	return 0, 0
}

// outputSYN sends our SYN, which has not been sent or is to be sent again.
func (c *Conn) outputSYN(now clock.Time, dst []byte) int {
	h := Header{SrcPort: c.srcPort, DstPort: c.dstPort, Seq: c.snd.iss, Flags: SYN | c.synECN(), Window: uint16(c.rcv.synWindow())}
	if c.state == StateSynReceived {
		h.Flags |= ACK
		h.Ack = c.rcv.nxt
		c.rcv.acked = c.rcv.nxt
		c.rcv.right = maxSeq(c.rcv.right, c.rcv.nxt.Add(c.rcv.synWindow()))
	}
	h.Options = Options{
		HasMSS: true, MSS: c.routeMSS,
		SACKPermitted:  c.opt.sack,
		HasWindowScale: c.opt.scaling, WindowScale: c.rcv.scale,
		HasTimestamps: c.opt.timestamps, TSVal: c.timestamp(now), TSEcr: c.rcv.tsRecent,
	}
	c.snd.nxt = c.snd.iss + 1
	c.snd.syns = min(c.snd.syns, 254) + 1
	c.snd.lastSent = now
	c.setTimer(timerRTO, now.Add(c.timeout()))
	c.stats.SegsOut++
	return c.sum(dst, h.Put(dst))
}

// outputLost sends the first of the segments that are lost, if the congestion window allows.
func (c *Conn) outputLost(now clock.Time, dst []byte) int {
	s := &c.snd
	i, ok := c.sent.nextLost()
	if !ok || s.wnd == 0 && !s.probe {
		return 0
	}
	r := c.sent.at(i)
	mss := min(int(s.mss), len(dst)-c.headerLen())
	n := r.len()
	if mss <= 0 {
		return 0
	}
	if n > mss {
		n = mss
		if s.wnd == 0 {
			n = min(n, 1)
		}
	}
	if c.hole.probing {
		c.hole.probeLost(now, r)
	}
	pipe := c.pipe()
	if !c.rec.force && pipe > 0 && pipe+n > c.cwnd.CWND {
		return 0
	}
	if n < r.len() {
		c.sent.split(i, r.start.Add(n))
		r = c.sent.at(i)
	}
	c.rec.force = false
	s.probe = false
	flags := ACK
	if r.flags&recordFIN != 0 {
		flags |= FIN
		n--
	}
	off := r.start.Sub(s.una)
	if n > 0 && off+n == s.buf.Len() {
		flags |= PSH
	}
	c.sent.markResent(i, now)
	if c.bbr != nil {
		c.bbr.noteSent(now, &c.sent, i, c.pipe(), n)
	}
	if c.opt.timestamps {
		c.eifel.resent(c.timestamp(now), r.start == s.una)
	}
	c.rec.prr.out += uint32(n)
	if i == c.sent.head {
		c.timers[timerRTO] = clock.Never // it is for this segment that it is to run
	}
	c.stats.Retransmits++
	c.stats.BytesRetransmitted += uint64(n)
	c.count.retransmit()
	if c.timers[timerRTO] == clock.Never {
		c.armRTO(now)
	}
	s.lastSent = now
	return c.build(now, dst, r.start, flags, off, n)
}

// outputNew sends data that has not been sent, or the FIN.
func (c *Conn) outputNew(now clock.Time, dst []byte, maxSegs int) (n, gso int) {
	s := &c.snd
	if s.finSent {
		return 0, 0
	}
	flight := s.flight()
	unsent := s.buf.Len() - flight
	if unsent == 0 && !s.closed {
		if c.bbr != nil {
			c.noteLimited()
		}
		return 0, 0
	}
	if c.sent.n >= uint32(max(256, s.limit>>8)) {
		// So many small segments are outstanding that their records would outgrow the data.
		return 0, 0
	}
	mss := int(s.mss)
	if c.hole.full != 0 {
		if big := c.probeSize(now, mss, unsent); big != mss {
			mss, maxSegs = big, 1
		}
	}
	if c.ecn.cwr {
		maxSegs = 1 // CWR belongs to one segment
	}
	room := max(0, min(len(dst)-c.headerLen(), mss*max(maxSegs, 1)))
	if c.bbr != nil {
		if unsent < mss {
			c.noteLimited()
		}
		room = min(room, max(c.bbr.pacer.burst()/mss, 1)*mss)
	}
	if flight == 0 && s.lastSent != clock.Never && now.Sub(s.lastSent) > c.rtt.rto {
		if c.cc != nil {
			c.cc.Idle(&c.cwnd, now)
		} else {
			c.cwnd.restart()
		}
		s.lastSent = clock.Never
	}
	n, fin := c.sendable(unsent, flight, mss, room)
	if n == 0 && !fin {
		if flight == 0 && c.timers[timerRTO] == clock.Never {
			// The window is closed, or so small that to use it would be silly. Nothing in flight will bring
			// news of it.
			s.progress = now
			c.setTimer(timerRTO, now.Add(c.timeout()))
		}
		return 0, 0
	}
	flags := ACK
	if n == unsent && n > 0 {
		flags |= PSH
	}
	if fin {
		flags |= FIN
	}
	if c.ecn.on && n > 0 && s.wnd > 0 {
		c.ecn.ect = true
		if c.ecn.cwr {
			flags |= CWR
			c.ecn.cwr = false
		}
	}
	start := s.nxt
	c.noteSent(now, flight, n, mss, fin)
	if n > int(c.snd.mss) && mss > int(c.snd.mss) {
		c.hole.probeSent(s.nxt)
	}
	if n > mss {
		gso = mss
	}
	return c.build(now, dst, start, flags, flight, n), gso
}

// noteSent notes that n bytes, and a FIN or not, are sent for the first time.
func (c *Conn) noteSent(now clock.Time, flight, n, mss int, fin bool) {
	s := &c.snd
	end := s.nxt.Add(n)
	if n%mss != 0 {
		s.small = end
	}
	var kind recordFlags
	if fin {
		kind = recordFIN
		end++
		s.finSent = true
	}
	c.sent.push(now, s.nxt, end, kind)
	if c.control == controlBBR {
		c.paceNew(now, flight, n)
	}
	if c.sent.buf != nil && c.timers[timerRelease] == clock.Never {
		c.setTimer(timerRelease, now.Add(releaseAfter))
	}
	s.nxt = end
	if flight == 0 {
		s.progress = now
	}
	if two := 2 * mss; flight == 0 || c.timers[timerRTO] == clock.Never || flight < two && flight+n >= two {
		// "Every time a packet containing data is sent (including a retransmission), if the timer is not running,
		// start it" RFC 6298, Section 5 (5.1). With nothing in flight it can only run for a probe of the window, and with
		// two segments the time for a loss probe becomes shorter.
		c.armRTO(now)
	}
	c.rec.force = false
	s.probe = false
	s.lastSent = now
	c.stats.BytesOut += uint64(n)
	c.rec.prr.out += uint32(n)
}

// sendable decides how many of the unsent bytes to send in the next segment, or super-segment, of at most
// room bytes, and whether the FIN goes with them.
func (c *Conn) sendable(unsent, flight, mss, room int) (n int, fin bool) {
	s := &c.snd
	usable := int(s.wnd) - flight // may be negative
	if usable <= 0 {
		if !s.probe {
			return 0, false
		}
		// One octet beyond the window, data or FIN.
		return min(unsent, 1), s.closed && unsent == 0
	}
	n = min(unsent, usable, room)
	if credit := c.cwnd.CWND - c.sent.pipe(flight); n > credit {
		// Whole segments only; but a network with nothing in it takes one, whatever the window.
		n = max(0, credit) / mss * mss
		if n == 0 && (flight == 0 || c.rec.force) {
			n = min(unsent, usable, room, mss)
		}
	}
	if tail := n % mss; tail != 0 && !c.mayBeSmall(n, tail, unsent) {
		n -= tail
	}
	fin = s.closed && n == unsent && n < usable && (n > 0 || unsent == 0)
	return n, fin
}

// mayBeSmall reports whether the last of n bytes to be sent may go in a segment of tail bytes, less than a
// full one. It is the sender's silly window avoidance and Nagle's algorithm: RFC 9293, Sections 3.8.6.2.1
// and 3.7.4. Every write is pushed.
func (c *Conn) mayBeSmall(n, tail, unsent int) bool {
	s := &c.snd
	switch {
	case s.probe:
		// "(4) or if the override timeout occurs."
		return true
	case n < unsent:
		// "(3) [...] or if at least a fraction Fs of the maximum window can be sent", where Fs is 1/2; else more
		// data follows, and the window will open for more.
		return tail >= int(s.maxWnd)/2
	}
	// "(2) or if the data is pushed and all queued data can be sent now", if Nagle's algorithm does not hold it back
	// "until the outstanding data has been acknowledged". What is held back here is a second small segment, not the
	// tail of a large write that follows full ones (RFC 9293, Appendix A.3): else every such write would wait for a
	// delayed ACK.
	return s.noDelay || s.closed || s.small == s.una || tail >= int(s.maxWnd)/2
}

// ackDue reports whether an acknowledgement, or a window update, has to go out by itself.
func (c *Conn) ackDue() bool {
	r := &c.rcv
	if r.ackNow || r.duplicates > 0 {
		return true
	}
	return r.nxt.Sub(r.acked) >= 2*int(r.mss) || r.updateDue()
}

// ackPoint returns the acknowledgement number for a segment without data. It is RCV.NXT, but for the first segments of
// a connection: those are acknowledged two by two even if they came in one batch.
func (c *Conn) ackPoint() Seq {
	r := &c.rcv
	if r.quick > 0 && !r.ackNow && c.ooo == nil {
		if two := 2 * int(r.mss); r.nxt.Sub(r.acked) > two {
			r.quick -= 2
			return r.acked.Add(two)
		}
		r.quick--
	}
	return r.nxt
}

// outputACK sends an acknowledgement without data.
func (c *Conn) outputACK(now clock.Time, dst []byte) int {
	r := &c.rcv
	ack := c.ackPoint()
	if c.ooo == nil && r.dsackStart == r.dsackEnd || !c.opt.sack {
		n := c.header(now, dst, c.snd.nxt, ack, ACK)
		c.acknowledged(now, ack)
		return c.finish(dst, n, 0)
	}
	h := Header{SrcPort: c.srcPort, DstPort: c.dstPort, Seq: c.snd.nxt, Ack: ack, Flags: ACK}
	if c.ecn.echo {
		h.Flags |= ECE
	}
	h.Window = r.advertise(ack)
	limit := 4
	if c.opt.timestamps {
		h.Options.HasTimestamps = true
		h.Options.TSVal, h.Options.TSEcr = c.timestamp(now), r.tsRecent
		limit = 3
	}
	c.sackBlocks(&h.Options, limit)
	c.acknowledged(now, ack)
	c.stats.SegsOut++
	return c.sum(dst, h.Put(dst))
}

// outputKeepAlive sends a segment that the peer must answer: "SEG.SEQ = SND.NXT-1" RFC 9293, Section 3.8.4.
func (c *Conn) outputKeepAlive(now clock.Time, dst []byte) int {
	c.keepAlive.probe = false
	n := c.header(now, dst, c.snd.nxt-1, c.rcv.nxt, ACK)
	c.acknowledged(now, c.rcv.nxt)
	return c.finish(dst, n, 0)
}

// acknowledged notes that a segment goes out that acknowledges ack.
func (c *Conn) acknowledged(now clock.Time, ack Seq) {
	r := &c.rcv
	r.acked = ack
	if r.duplicates > 0 {
		r.duplicates--
	}
	r.ackNow = false
	if ack == r.nxt {
		c.timers[timerDelayedACK] = clock.Never
	} else if c.timers[timerDelayedACK] == clock.Never {
		c.setTimer(timerDelayedACK, now.Add(delayedACK))
	}
}
