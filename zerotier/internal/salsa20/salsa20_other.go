//go:build !amd64

package salsa20

// best returns the fastest implementation that this machine can run.
func best() Implementation { return Generic }

// xorVector does the part of XOR that vector code is good for and returns its length.
func (s *Stream) xorVector(dst, src []byte, counter uint64) int { return 0 }
