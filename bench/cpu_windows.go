package main

import (
	"syscall"
	"time"
)

// cpuTime returns the processor time that this process has used, in user and kernel mode together.
func cpuTime() time.Duration {
	self, err := syscall.GetCurrentProcess()
	if err != nil {
		return 0
	}
	var created, exited, kernel, user syscall.Filetime
	if err := syscall.GetProcessTimes(self, &created, &exited, &kernel, &user); err != nil {
		return 0
	}
	// A duration in a Filetime counts steps of 100 ns.
	steps := func(f syscall.Filetime) int64 { return int64(f.HighDateTime)<<32 + int64(f.LowDateTime) }
	return time.Duration(100 * (steps(kernel) + steps(user)))
}
