package ipv4

import (
	"time"

	"github.com/ztstack/ztstack/clock"
)

// ReassemblyConfig bounds a Reassembler. Zero fields mean the defaults.
type ReassemblyConfig struct {
	MaxBytes     int           // bytes of stored fragments, overhead included; 0 means 1 MiB
	MaxDatagrams int           // datagrams under reassembly; 0 means 64
	MaxFragments int           // fragments per datagram; 0 means 128
	Timeout      time.Duration // 0 means 60 s ("a value [...] between 60 seconds and 120 seconds", RFC 1122 Section 3.3.2)
}

// ReassemblyStats counts what became of fragments and datagrams.
type ReassemblyStats struct {
	Fragments   uint64 // received
	Reassembled uint64 // datagrams completed
	Duplicates  uint64 // fragments received twice, byte for byte
	Invalid     uint64 // fragments dropped for their offset or length
	Overlaps    uint64 // datagrams discarded because fragments overlapped or disagreed
	TooMany     uint64 // datagrams discarded because of MaxFragments
	Evicted     uint64 // datagrams discarded to make room
	Late        uint64 // fragments of datagrams discarded before
	TimedOut    uint64 // datagrams discarded after Timeout
	ECN         uint64 // datagrams discarded because fragments' ECN fields contradict (RFC 3168 Section 5.3)
}

// A Reassembler puts fragments together. It holds no memory until the first fragment arrives.
type Reassembler struct {
	_ int
}

// Init prepares r. It must be called once, before any other method.
func (r *Reassembler) Init(cfg ReassemblyConfig) { panic("TODO") }

// Receive takes one fragment: a packet for which h.IsFragment, and its payload. If that completes a
// datagram it returns the whole packet, header included, as if it had never been fragmented. The
// packet is valid until the next call to a method of r and may be overwritten.
func (r *Reassembler) Receive(now clock.Time, h *Header, payload []byte) (datagram []byte, ok bool) {
	panic("TODO")
}

// Poll discards datagrams that have waited too long and returns the next deadline, or clock.Never.
func (r *Reassembler) Poll(now clock.Time) (next clock.Time) { panic("TODO") }

// Expired returns, once per datagram that timed out after its first fragment had been seen, that
// fragment's header and data to be quoted in an ICMP Time Exceeded, code 1. Call it after Poll until
// ok is false. The bytes are valid until the next call to a method of r.
func (r *Reassembler) Expired() (quote []byte, ok bool) { panic("TODO") }

// Stats returns the counters.
func (r *Reassembler) Stats() ReassemblyStats { panic("TODO") }
