package tcp

import (
	"time"

	"github.com/ztstack/ztstack/clock"
)

// defaultMaxBuffer is how far a buffer grows by itself.
const defaultMaxBuffer = 6 << 20

// A meter measures how much goes through one direction of a connection in a round trip: the bandwidth-delay product.
//
// A buffer larger than twice that makes nothing faster, and one that falls out of the processor's cache makes everything
// slower. Hence buffers grow by what is measured and never just because there is memory. The least round-trip time is what
// counts: else the queue that a large window makes in the network would ask for a larger window.
type meter struct {
	begin clock.Time // of the interval; Never before the first
	bytes uint32     // since then
}

// add counts n bytes, and at the end of an interval of at least a round trip returns the bytes that went through in one round
// trip; 0 otherwise.
func (m *meter) add(now clock.Time, n int, rtt time.Duration) (product int) {
	m.bytes += uint32(n)
	took := now.Sub(m.begin)
	if m.begin != clock.Never && took < rtt {
		return 0
	}
	// An interval that began long ago says nothing: there was a pause.
	if m.begin != clock.Never && rtt > 0 && took < 4*rtt {
		product = int(int64(m.bytes) * int64(rtt) / int64(took))
	}
	m.begin, m.bytes = now, 0
	return product
}

// grown returns limit, or what suits the product better, up to most.
func grown(limit, most int32, product int) int32 {
	if want := 2 * product; want > int(limit) {
		return int32(min(want, int(most)))
	}
	return limit
}

// noteConsumed is called when the application has taken n bytes of what was received: dynamic right-sizing. The window may
// then grow for what the application takes in a round trip, so that a window which is the bottleneck doubles each time.
func (c *Conn) noteConsumed(now clock.Time, n int) {
	r := &c.rcv
	r.consumed = true
	if r.limit < r.most {
		r.limit = grown(r.limit, r.most, r.meter.add(now, n, c.rtt.minimum))
	}
}

// noteDelivered is called when the peer has acknowledged n bytes: what is written ahead may cover two windows.
func (c *Conn) noteDelivered(now clock.Time, n int) {
	if s := &c.snd; s.limit < s.most {
		s.limit = grown(s.limit, s.most, s.meter.add(now, n, c.rtt.minimum))
	}
}

// buffers returns the size of a buffer, to begin with and at most, as Config gives them.
func buffers(size, most int) (int, int) {
	if most == 0 && size == 0 {
		most = defaultMaxBuffer
	}
	size = clampBuffer(size)
	return size, max(size, min(most, maxBuffer))
}
