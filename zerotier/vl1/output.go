package vl1

import (
	"net/netip"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/zerotier/packet"
)

// Bounds of the queue of datagrams that wait for Output.
const (
	maxOutDatagrams = 8192
	maxOutBytes     = 8 << 20
)

// An outQueue holds datagrams until Output fetches them. Their bytes lie one after the other in one
// buffer, which starts anew whenever the queue has run empty.
type outQueue struct {
	bytes   []byte
	entries []outEntry
	head    int
}

type outEntry struct {
	local    int
	to       netip.AddrPort
	off, len int
	ttl      int
}

// add queues a datagram made of two parts and reports whether there was room.
func (q *outQueue) add(local int, to netip.AddrPort, ttl int, head, body []byte) bool {
	if q.head == len(q.entries) {
		q.entries, q.bytes, q.head = q.entries[:0], q.bytes[:0], 0
	}
	if len(q.entries) >= maxOutDatagrams || len(q.bytes)+len(head)+len(body) > maxOutBytes {
		return false
	}
	off := len(q.bytes)
	q.bytes = append(append(q.bytes, head...), body...)
	q.entries = append(q.entries, outEntry{local, to, off, len(head) + len(body), ttl})
	return true
}

// release gives back memory that a burst has left behind. It does nothing while something waits.
func (q *outQueue) release() {
	if q.head == len(q.entries) && cap(q.bytes) > 256<<10 {
		*q = outQueue{}
	}
}

// Output copies the next datagram to be sent into dst, which has room for MaxDatagram bytes. Call it
// until it returns false after each batch of other calls.
func (s *Switch) Output(_ clock.Time, dst []byte) (d Datagram, ok bool) {
	for s.out.head < len(s.out.entries) {
		e := &s.out.entries[s.out.head]
		s.out.head++
		if e.len > len(dst) {
			s.drop(DropSendTooLong)
			continue
		}
		n := copy(dst, s.out.bytes[e.off:e.off+e.len])
		s.stats.DatagramsOut++
		s.stats.BytesOut += uint64(n)
		return Datagram{Local: e.local, To: e.to, Data: dst[:n], TTL: e.ttl}, true
	}
	return Datagram{}, false
}

// emit queues a sealed packet, cut into pieces datagrams of size bytes (PROTOCOL 8).
func (s *Switch) emit(local int, to netip.AddrPort, p []byte, pieces, size int) {
	if pieces <= 1 {
		s.put(local, to, 0, p, nil)
		return
	}
	s.put(local, to, 0, p[:size], nil)
	rest := p[size:]
	var head [packet.FragmentHeaderLen]byte
	for no := 1; no < pieces; no++ {
		n := min(len(rest), size-packet.FragmentHeaderLen)
		packet.PutFragmentHeader(head[:], packet.ID(p), packet.Dst(p), pieces, no)
		s.put(local, to, 0, head[:], rest[:n])
		rest = rest[n:]
	}
}

func (s *Switch) put(local int, to netip.AddrPort, ttl int, head, body []byte) {
	if !s.out.add(local, to, ttl, head, body) {
		s.drop(DropOutputFull)
	}
}
