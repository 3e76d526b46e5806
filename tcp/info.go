package tcp

import (
	"time"

	"github.com/ztstack/ztstack/clock"
)

// Info describes a connection at one instant.
type Info struct {
	State                          State
	SRTT, RTTVar, RTO, MinRTT      time.Duration
	CWND, SSThresh                 int // bytes
	Flight                         int // bytes sent and not cumulatively acknowledged
	Pipe                           int // bytes of them estimated to be in the network
	SACKed, Lost, Resent           int // the other bytes of them, as RFC 6675 counts
	SendWindow, ReceiveWindow      int // bytes
	MSS                            int // bytes of payload in a full segment
	PeerMSS                        int // what the peer's SYN announced
	SendQueued, ReceiveQueued      int // bytes
	SendBuffer, ReceiveBuffer      int // most bytes queued, now
	SendScale, ReceiveScale        uint8
	WindowScaling, SACK, Timestamp bool
	ECN                            bool
	InRecovery                     bool // fast recovery, or repair after a timeout
	Congestion                     string
	Pacing                         int // bytes per second; 0 if what is sent is not paced
	ISS, IRS                       Seq
	SndUNA, SndNXT                 Seq
	RcvNXT, RcvRight               Seq // RcvRight is the right edge of the window as advertised
	Stats                          Stats
}

// Info returns the connection's state.
func (c *Conn) Info() Info {
	pacing := 0
	if c.bbr != nil {
		pacing = int(c.bbr.pacer.rate)
	}
	return Info{
		State: c.state,
		SRTT:  c.rtt.srtt, RTTVar: c.rtt.rttvar, RTO: c.timeout(), MinRTT: c.rtt.minimum,
		CWND: c.cwnd.CWND, SSThresh: c.cwnd.SSThresh,
		Flight: c.snd.flight(), Pipe: c.pipe(),
		SACKed: int(c.sent.sacked), Lost: int(c.sent.lost), Resent: int(c.sent.resent),
		SendWindow: int(c.snd.wnd), ReceiveWindow: c.rcv.window(),
		MSS: int(c.snd.mss), PeerMSS: int(c.peerMSS),
		SendBuffer: int(c.snd.limit), ReceiveBuffer: int(c.rcv.limit),
		SendQueued: c.snd.buf.Len(), ReceiveQueued: c.rcv.buf.Len(),
		SendScale: c.snd.scale, ReceiveScale: c.rcv.scale,
		WindowScaling: c.opt.scaling, SACK: c.opt.sack, Timestamp: c.opt.timestamps,
		ECN:        c.ecn.on,
		InRecovery: c.rec.phase != phaseOpen,
		Congestion: controlNames[c.control], Pacing: pacing,
		ISS: c.snd.iss, IRS: c.rcv.irs,
		SndUNA: c.snd.una, SndNXT: c.snd.nxt,
		RcvNXT: c.rcv.nxt, RcvRight: c.rcv.right,
		Stats: c.stats,
	}
}

// Progress returns a number that changes whenever the peer has acknowledged something new or sent something new: both show
// that what we send arrives (RFC 4861, Section 7.3.1).
func (c *Conn) Progress() uint32 { return uint32(c.snd.una-c.snd.iss) + uint32(c.rcv.nxt-c.rcv.irs) }

// A TraceEvent is the state of loss recovery at one instant.
type TraceEvent struct {
	Now            clock.Time
	Reason         string // what happened: "ack", "loss", "recovered", "timeout", …
	CWND, SSThresh int    // bytes
	Flight, Pipe   int    // bytes
	SRTT, RTO      time.Duration
	SndUNA, SndNXT Seq
}

// traced tells Config.Trace that something has changed.
func (c *Conn) traced(now clock.Time, reason string) {
	if c.trace == nil {
		return
	}
	c.trace(TraceEvent{
		Now: now, Reason: reason,
		CWND: c.cwnd.CWND, SSThresh: c.cwnd.SSThresh, Flight: c.snd.flight(), Pipe: c.pipe(),
		SRTT: c.rtt.srtt, RTO: c.timeout(), SndUNA: c.snd.una, SndNXT: c.snd.nxt,
	})
}
