package ipv4

import (
	"cmp"
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/internal/reassembly"
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
	TooMany     uint64 // datagrams discarded because of MaxFragments, or for being too long
	Evicted     uint64 // datagrams discarded to make room
	Late        uint64 // fragments of datagrams discarded before
	TimedOut    uint64 // datagrams discarded after Timeout
	ECN         uint64 // datagrams discarded because fragments' ECN fields contradict (RFC 3168 Section 5.3)
}

// A Reassembler puts fragments together. It holds no memory until the first fragment arrives, and
// gives it back when none has arrived for Timeout.
//
// Fragments that overlap discard their datagram and what follows of it, as RFC 5722 has it for IPv6:
// no datagram is ever made of bytes that somebody else contradicts (RFC 1858, RFC 3128).
type Reassembler struct {
	buffer  reassembly.Buffer[key]
	invalid uint64
}

// key tells datagrams apart: by identification, source, destination and protocol (RFC 791 Section 3.2).
type key struct {
	src, dst [4]byte
	id       uint16
	proto    uint8
}

// Init prepares r. It must be called once, before any other method.
func (r *Reassembler) Init(cfg ReassemblyConfig) {
	*r = Reassembler{}
	r.buffer.Init(reassembly.Config{
		MaxBytes:     cmp.Or(cfg.MaxBytes, 1<<20),
		MaxDatagrams: cmp.Or(cfg.MaxDatagrams, 64),
		MaxFragments: cmp.Or(cfg.MaxFragments, 128),
		MaxLen:       MaxLen,
		Timeout:      cmp.Or(cfg.Timeout, 60*time.Second),
	})
}

// Receive takes one fragment: a packet for which h.IsFragment, and its payload. If that completes a
// datagram it returns the whole packet, header included, as if it had never been fragmented. The
// packet is valid until the next call to a method of r and may be overwritten.
func (r *Reassembler) Receive(now clock.Time, h *Header, payload []byte) (datagram []byte, ok bool) {
	n := h.Len()
	if len(payload) == 0 || h.MF && len(payload)%8 != 0 || n+h.FragOff+len(payload) > MaxLen {
		r.invalid++
		return nil, false
	}
	f := reassembly.Fragment[key]{
		Key:  key{h.Src, h.Dst, h.ID, h.Proto},
		Off:  h.FragOff,
		Data: payload,
		More: h.MF,
		ECN:  h.TOS & 3,
	}
	var head [MaxHeaderLen]byte
	if h.FragOff == 0 {
		first := *h
		first.TotalLen = n + len(payload)
		f.Head = head[:first.Put(head[:])]
	}
	datagram, headLen, ce := r.buffer.Add(now, &f)
	if datagram == nil {
		return nil, false
	}
	var whole Header
	if whole.ParseQuote(datagram[:headLen]) != headLen {
		panic("BUG: ipv4: stored header does not parse")
	}
	whole.TotalLen = len(datagram)
	whole.MF = false
	if ce {
		whole.TOS |= 3
	}
	whole.Put(datagram)
	return datagram, true
}

// Poll discards datagrams that have waited too long and returns the next deadline, or clock.Never.
func (r *Reassembler) Poll(now clock.Time) (next clock.Time) { return r.buffer.Poll(now) }

// Expired returns, once per datagram that timed out after its first fragment had been seen, that
// fragment's header and data to be quoted in an ICMP Time Exceeded, code 1. Call it after Poll until
// ok is false. The bytes are valid until the next call to a method of r.
func (r *Reassembler) Expired() (quote []byte, ok bool) { return r.buffer.Expired() }

// Stats returns the counters.
func (r *Reassembler) Stats() ReassemblyStats {
	s := r.buffer.Stats()
	s.Invalid = r.invalid
	return ReassemblyStats(s)
}

// Held returns how many bytes of fragments are stored, and how many datagrams are remembered.
func (r *Reassembler) Held() (bytes, datagrams int) { return r.buffer.Held() }
