// Package clock defines the time that the core works with.
//
// The core never reads a clock: whoever drives it reads one once per batch and passes the
// reading down. A simulated world passes a virtual reading, and everything replays.
package clock

import "time"

// Time is an instant in nanoseconds on some monotonic scale that the driver chooses.
// The zero Time means "never": it is what Poll returns when no deadline is pending, and
// what a timer that is not running holds. A driver therefore starts its scale above zero.
type Time int64

// Never is the zero Time.
const Never Time = 0

// Add returns t+d. It does not saturate; d is expected to be days at most.
func (t Time) Add(d time.Duration) Time { return t + Time(d) }

// Sub returns t-u.
func (t Time) Sub(u Time) time.Duration { return time.Duration(t - u) }

// Before reports whether t is earlier than u. Neither may be Never.
func (t Time) Before(u Time) bool { return t < u }

// After reports whether t is later than u. Neither may be Never.
func (t Time) After(u Time) bool { return t > u }

// Expired reports whether a deadline t has been reached at now. Never does not expire.
func (t Time) Expired(now Time) bool { return t != Never && t <= now }

// Milliseconds returns t in whole milliseconds.
func (t Time) Milliseconds() int64 { return int64(t) / 1e6 }

// Min returns the earlier of two deadlines, where Never is later than any other.
func Min(t, u Time) Time {
	if t == Never || (u != Never && u < t) {
		return u
	}
	return t
}
