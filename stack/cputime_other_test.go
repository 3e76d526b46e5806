//go:build !unix

package stack

import "time"

var began = time.Now()

// cpuTime returns the time, for want of better.
func cpuTime() time.Duration { return time.Since(began) }
