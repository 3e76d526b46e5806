package ipv6

import (
	"time"

	"github.com/ztstack/ztstack/clock"
)

// ReassemblyConfig bounds a Reassembler. Zero fields mean the defaults.
type ReassemblyConfig struct {
	MaxBytes     int           // bytes of stored fragments, overhead included; 0 means 1 MiB
	MaxDatagrams int           // packets under reassembly; 0 means 64
	MaxFragments int           // fragments per packet; 0 means 128
	Timeout      time.Duration // 0 means the 60 s of RFC 8200 Section 4.5
}

// ReassemblyStats counts what became of fragments and packets.
type ReassemblyStats struct {
	Fragments   uint64 // received
	Reassembled uint64 // packets completed
	Duplicates  uint64 // fragments received twice, byte for byte
	Invalid     uint64 // fragments dropped for their offset or length, or an incomplete header chain
	Overlaps    uint64 // packets discarded because fragments overlapped or disagreed
	TooMany     uint64 // packets discarded because of MaxFragments
	Evicted     uint64 // packets discarded to make room
	Late        uint64 // fragments of packets discarded before
	TimedOut    uint64 // packets discarded after Timeout
	ECN         uint64 // packets discarded because fragments' ECN fields contradict (RFC 3168 Section 5.3)
}

// A Reassembler puts fragments together. It holds no memory until the first fragment arrives.
type Reassembler struct {
	_ int
}

// Init prepares r. It must be called once, before any other method.
func (r *Reassembler) Init(cfg ReassemblyConfig) { panic("TODO") }

// Receive takes one fragment: packet is a whole packet without padding, for which Walk returned c and
// the action Reassemble. The verdict is Deliver when the fragment completes a packet, which is then
// returned, fixed header included, as if it had never been fragmented: walk it anew. It is valid
// until the next call to a method of r and may be overwritten. Otherwise the verdict is ParamProblem,
// for the packet passed in, or Drop.
func (r *Reassembler) Receive(now clock.Time, packet []byte, c *Chain) (datagram []byte, v Verdict) {
	panic("TODO")
}

// Poll discards packets that have waited too long and returns the next deadline, or clock.Never.
func (r *Reassembler) Poll(now clock.Time) (next clock.Time) { panic("TODO") }

// Expired returns, once per packet that timed out after its first fragment had been seen, that
// fragment to be quoted in an ICMPv6 Time Exceeded, code 1. Call it after Poll until ok is false. The
// bytes are valid until the next call to a method of r.
func (r *Reassembler) Expired() (quote []byte, ok bool) { panic("TODO") }

// Stats returns the counters.
func (r *Reassembler) Stats() ReassemblyStats { panic("TODO") }
