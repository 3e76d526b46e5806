package vl1

import (
	"net/netip"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/zerotier/packet"
)

// ReceiveWhole is Receive for a packet addressed to this node whose head and fragments the caller has put together
// already, though it has not opened it.
func (s *Switch) ReceiveWhole(now clock.Time, local int, from netip.AddrPort, pkt []byte) (m Message, ok bool) {
	s.stats.Datagrams++
	s.stats.BytesIn += uint64(len(pkt))
	if len(pkt) < packet.HeaderLen || len(pkt) > packet.MaxLen || packet.Dst(pkt) != s.self.Address {
		s.drop(DropGarbage)
		return Message{}, false
	}
	if src := packet.Src(pkt); src == s.self.Address || src.IsReserved() {
		s.drop(DropGarbage)
		return Message{}, false
	}
	m, ok = s.whole(now, now, PathID{local, unmap(from)}, pkt)
	s.settle(now)
	return m, ok
}
