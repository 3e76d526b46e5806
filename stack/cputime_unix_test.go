//go:build unix

package stack

import (
	"syscall"
	"time"
)

// cpuTime returns the processor time that the process has used: what is left of a benchmark's meaning on
// a machine that does other things as well.
func cpuTime() time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
