package icmp

import "github.com/ztstack/ztstack/clock"

// A RateLimit is a token bucket. The zero RateLimit allows nothing: see Init.
type RateLimit struct {
	interval clock.Time
	burst    clock.Time
	full     clock.Time
}

// Init allows perSecond events a second in the long run, and burst at once. Both are at least 1.
func (l *RateLimit) Init(perSecond, burst int) { panic("TODO") }

// Allow reports whether an event may happen now, and counts it if so.
func (l *RateLimit) Allow(now clock.Time) bool { panic("TODO") }
