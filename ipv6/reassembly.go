package ipv6

import (
	"cmp"
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/internal/be"
	"github.com/ztstack/ztstack/internal/reassembly"
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
	TooMany     uint64 // packets discarded because of MaxFragments, or for being too long
	Evicted     uint64 // packets discarded to make room
	Late        uint64 // fragments of packets discarded before
	TimedOut    uint64 // packets discarded after Timeout
	ECN         uint64 // packets discarded because fragments' ECN fields contradict (RFC 3168 Section 5.3)
}

// A Reassembler puts fragments together. It holds no memory until the first fragment arrives, and
// gives it back when none has arrived for Timeout.
type Reassembler struct {
	buffer  reassembly.Buffer[key]
	invalid uint64
}

// key tells packets apart. The protocol is not part of it: "The Next Header values in the Fragment
// headers of different fragments of the same original packet may differ." RFC 8200, Section 4.5.
type key struct {
	src, dst [16]byte
	id       uint32
}

// Init prepares r. It must be called once, before any other method.
func (r *Reassembler) Init(cfg ReassemblyConfig) {
	*r = Reassembler{}
	r.buffer.Init(reassembly.Config{
		MaxBytes:     cmp.Or(cfg.MaxBytes, 1<<20),
		MaxDatagrams: cmp.Or(cfg.MaxDatagrams, 64),
		MaxFragments: cmp.Or(cfg.MaxFragments, 128),
		MaxLen:       HeaderLen + MaxPayload + FragmentHeaderLen,
		Timeout:      cmp.Or(cfg.Timeout, 60*time.Second),
	})
}

// Receive takes one fragment: packet is a whole packet without padding, for which Walk returned c and
// the action Reassemble. The verdict is Deliver when the fragment completes a packet, which is then
// returned, fixed header included, as if it had never been fragmented: walk it anew. It is valid
// until the next call to a method of r and may be overwritten. Otherwise the verdict is ParamProblem,
// for the packet passed in, or Drop.
func (r *Reassembler) Receive(now clock.Time, packet []byte, c *Chain) (datagram []byte, v Verdict) {
	var x FragmentHeader
	if c.Off > len(packet) || x.Parse(packet[c.Off:]) < 0 {
		r.invalid++
		return nil, Verdict{Action: Drop, Reason: Truncated}
	}
	data := packet[c.Off+FragmentHeaderLen:]
	if v := checkFragment(&x, data, c.Off); v.Action != Deliver {
		r.invalid++
		return nil, v
	}
	f := reassembly.Fragment[key]{
		Key:  key{[16]byte(packet[8:24]), [16]byte(packet[24:40]), x.ID},
		Off:  x.Off,
		Data: data,
		More: x.More,
		ECN:  packet[1] >> 4 & 3,
	}
	if x.Off == 0 {
		f.Head = packet[:c.Off+FragmentHeaderLen]
	}
	whole, headLen, ce := r.buffer.Add(now, &f)
	if whole == nil {
		return nil, Verdict{Action: Drop, Reason: Stored}
	}
	return defragment(whole, headLen, ce), Verdict{Action: Deliver}
}

// checkFragment examines a fragment whose Fragment header x begins at off.
func checkFragment(x *FragmentHeader, data []byte, off int) Verdict {
	// "If the length of a fragment, as derived from the fragment packet's Payload Length field, is not a
	// multiple of 8 octets and the M flag of that fragment is 1, then that fragment must be discarded and
	// an ICMP Parameter Problem, Code 0, message should be sent to the source of the fragment, pointing to
	// the Payload Length field of the fragment packet." RFC 8200, Section 4.5.
	if x.More && len(data)%8 != 0 {
		return Verdict{Action: ParamProblem, Reason: FragmentLength, Code: CodeField, Pointer: 4}
	}
	// "If the length and offset of a fragment are such that the Payload Length of the packet reassembled
	// from that fragment would exceed 65,535 octets, then that fragment must be discarded and an ICMP
	// Parameter Problem, Code 0, message should be sent to the source of the fragment, pointing to the
	// Fragment Offset field of the fragment packet." RFC 8200, Section 4.5.
	if off-HeaderLen+x.Off+len(data) > MaxPayload {
		return Verdict{Action: ParamProblem, Reason: FragmentBeyond, Code: CodeField, Pointer: uint32(off + 2)}
	}
	if len(data) == 0 {
		return Verdict{Action: Drop, Reason: FragmentLength}
	}
	if x.Off == 0 {
		return checkFirst(x.Next, data)
	}
	return Verdict{Action: Deliver}
}

// defragment turns what was put together, the first headLen bytes of which end with the first
// fragment's Fragment header, into a packet without one.
func defragment(whole []byte, headLen int, ce bool) []byte {
	at, off := nextHeaderField, HeaderLen
	for off < headLen-FragmentHeaderLen {
		at = off
		off += 8 + 8*int(whole[off+1])
	}
	whole[at] = whole[off]
	copy(whole[FragmentHeaderLen:], whole[:off])
	whole = whole[FragmentHeaderLen:]
	be.PutUint16(whole[4:], uint16(len(whole)-HeaderLen))
	if ce {
		whole[1] |= 3 << 4
	}
	return whole
}

// Poll discards packets that have waited too long and returns the next deadline, or clock.Never.
func (r *Reassembler) Poll(now clock.Time) (next clock.Time) { return r.buffer.Poll(now) }

// Expired returns, once per packet that timed out after its first fragment had been seen, that
// fragment to be quoted in an ICMPv6 Time Exceeded, code 1. Call it after Poll until ok is false. The
// bytes are valid until the next call to a method of r.
func (r *Reassembler) Expired() (quote []byte, ok bool) { return r.buffer.Expired() }

// Stats returns the counters.
func (r *Reassembler) Stats() ReassemblyStats {
	s := r.buffer.Stats()
	s.Invalid = r.invalid
	return ReassemblyStats(s)
}

// Held returns how many bytes of fragments are stored, and how many packets are remembered.
func (r *Reassembler) Held() (bytes, packets int) { return r.buffer.Held() }
