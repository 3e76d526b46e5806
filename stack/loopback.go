package stack

import (
	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/link"
)

// loopbackBuffer returns room for one packet of the loopback interface.
func (s *Stack) loopbackBuffer() []byte {
	if s.lo == nil {
		s.lo = make([]byte, 65536+headerRoom)
	}
	return s.lo
}

// runLoopback carries packets that the host sends to itself. What is left over the bound waits for the
// next call.
func (s *Stack) runLoopback(now clock.Time) {
	lo := s.ifaces[0]
	for range loopbackPerCall {
		if !lo.pending() {
			return
		}
		b := link.Buf{B: s.loopbackBuffer()}
		if !s.output(now, lo, &b) {
			return
		}
		if s.cfg.Tap != nil {
			s.cfg.Tap(now, 0, true, b.Frame())
		}
		s.Receive(now, 0, &b)
	}
}
