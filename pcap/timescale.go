package pcap

import (
	"math"
	"math/bits"

	"github.com/ztstack/ztstack/clock"
)

// A timescale says what the time stamps of an interface mean: pcapng, Section 4.2.
type timescale struct {
	// resolution is the option if_tsresol: a unit of 10^-n s, or of 2^-n s if the top bit is set.
	resolution byte
	// offset is the option if_tsoffset in seconds.
	offset int64
}

// time returns the time stamp ts in nanoseconds since 1970; beyond the years 1678 to 2262 it stays at
// the end of what a clock.Time can be.
func (s timescale) time(ts uint64) clock.Time {
	hi, lo := s.nanoseconds(ts)
	if hi != 0 || lo > math.MaxInt64 {
		lo = math.MaxInt64
	}
	const most = math.MaxInt64 / 1_000_000_000
	off := min(max(s.offset, -most), most) * 1_000_000_000
	if off > 0 && int64(lo) > math.MaxInt64-off {
		return math.MaxInt64
	}
	return clock.Time(int64(lo) + off)
}

// nanoseconds returns ts in nanoseconds, as a number of 128 bits.
func (s timescale) nanoseconds(ts uint64) (hi, lo uint64) {
	if n := uint(s.resolution &^ 0x80); s.resolution&0x80 != 0 {
		hi, lo = bits.Mul64(ts, 1e9)
		if n >= 64 {
			return 0, hi >> (n - 64)
		}
		return hi >> n, lo>>n | hi<<(64-n)
	}
	n := int(s.resolution)
	if n <= 9 {
		return bits.Mul64(ts, power10(9-n))
	}
	if n-9 > 19 {
		return 0, 0 // The unit is so small that 2^64 of them are no nanosecond.
	}
	return 0, ts / power10(n-9)
}

// power10 returns 10^n for n up to 19.
func power10(n int) uint64 {
	p := uint64(1)
	for range n {
		p *= 10
	}
	return p
}
