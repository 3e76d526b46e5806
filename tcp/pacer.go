package tcp

import (
	"time"

	"github.com/ztstack/ztstack/clock"
)

// A pacer spreads what is sent over time. Segments go in bursts, because timers are coarse and many small calls are dear.
type pacer struct {
	rate float64    // bytes per second; 0 means as fast as the window allows
	next clock.Time // when all that has been sent would have left at this rate
	span int64      // a burst lasts so long at this rate, in nanoseconds
	open bool       // a burst has begun and is not over
}

// paceBurst is how much time's worth of data goes in a burst: draft-ietf-ccwg-bbr, Section 4.6.3.
const paceBurst = time.Millisecond

// set sets the rate in bytes per second. A burst is at least two segments.
func (p *pacer) set(rate float64, mss int) {
	p.rate = rate
	p.span = max(int64(paceBurst), int64(float64(2*mss)*1e9/rate))
}

// ready reports whether something may be sent now. If not, it may be at p.next.
func (p *pacer) ready(now clock.Time) bool {
	if p.next <= now {
		p.open = true
	} else if int64(p.next-now) >= p.span {
		p.open = false
	}
	return p.open || p.rate == 0
}

// sent notes that n bytes have been sent. A timer that was late is made up for by one burst.
func (p *pacer) sent(now clock.Time, n int) {
	if p.rate > 0 {
		p.next = max(p.next, now-clock.Time(p.span)) + clock.Time(float64(n)*1e9/p.rate)
	}
}

// burst returns how many bytes may be sent at once.
func (p *pacer) burst() int { return int(p.rate * float64(p.span) / 1e9) }
