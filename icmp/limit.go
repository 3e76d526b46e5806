package icmp

import "github.com/ztstack/ztstack/clock"

// A RateLimit is a token bucket, as RFC 4443 Section 2.4(f) wants one before ICMP errors. The zero
// RateLimit allows nothing: see Init.
//
// It stores, instead of a level, the time at which the bucket will be full again.
type RateLimit struct {
	interval  clock.Time // per token; zero before Init
	tolerance clock.Time // how far full may lie ahead
	full      clock.Time
}

// Init allows perSecond events a second in the long run, and burst at once. Both are at least 1.
func (l *RateLimit) Init(perSecond, burst int) {
	*l = RateLimit{interval: 1e9 / clock.Time(max(1, perSecond))}
	l.interval = max(1, l.interval)
	l.tolerance = l.interval * clock.Time(max(1, burst)-1)
}

// Allow reports whether an event may happen now, and counts it if so.
func (l *RateLimit) Allow(now clock.Time) bool {
	if l.interval == 0 {
		return false
	}
	full := max(l.full, now)
	if full-now > l.tolerance {
		return false
	}
	l.full = full + l.interval
	return true
}
