//go:build amd64 && !purego

package cksum

// vector is the sum in assembly, or nil where the processor cannot run it.
var vector = func() func([]byte) uint16 {
	if !hasAVX2 {
		return nil
	}
	return sumVector
}()
