package tcp

import (
	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/internal/bytequeue"
)

// sendState holds the send sequence variables (RFC 9293, Section 3.3.1) and the bytes behind them.
type sendState struct {
	una, nxt Seq
	wnd      uint32 // SND.WND, in bytes
	maxWnd   uint32 // the largest window the peer has offered: Max(SND.WND), MAX.SND.WND of RFC 5961
	wl1, wl2 Seq
	small    Seq   // end of the last segment sent that was not full: see nagle
	mss      int32 // payload bytes of a full segment; timestamps are deducted, SACK blocks never sent with data
	limit    int32 // most bytes that buf holds
	most     int32 // how far limit may grow: see autotune.go
	scale    uint8 // Snd.Wind.Shift
	closed   bool  // the application has said that it will write no more
	finSent  bool  // a FIN has been sent, and nxt counts it
	probe    bool  // the timer of a closed or silly window has expired: send something whatever the window
	starved  bool  // Write has returned less than it was given
	noDelay  bool
	syns     uint8 // SYNs sent
	again    bool  // an old connection of the peer's has answered the first SYN, which was then sent anew

	lastSent clock.Time // when data was last sent; never, if not lately
	progress clock.Time // when una last moved, or when the first byte after una was first sent
	buf      bytequeue.Queue
	meter    meter
	iss      Seq
}

func (s *sendState) init(limit, most int, iss Seq) {
	s.iss, s.una, s.nxt, s.small = iss, iss, iss, iss
	s.limit, s.most = int32(limit), int32(most)
}

// flight returns how much sequence space has been sent and not acknowledged.
func (s *sendState) flight() int { return int(s.nxt - s.una) }

// unsent returns how many bytes of buf have never been sent.
func (s *sendState) unsent() int {
	if s.finSent {
		return 0
	}
	return s.buf.Len() - int(s.nxt-s.una)
}

// finDue reports whether a FIN waits to be sent.
func (s *sendState) finDue() bool { return s.closed && !s.finSent }

// finAcked reports whether the peer has acknowledged our FIN.
func (s *sendState) finAcked() bool { return s.finSent && s.una == s.nxt }
