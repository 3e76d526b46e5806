package stack

import (
	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/ethernet"
	"github.com/ztstack/ztstack/link"
)

// An inbound is what is known of a packet on its way in.
type inbound struct {
	ifc         *iface
	packet      []byte // from the IP header on, without padding
	group       bool   // the frame was sent to a group or to everybody
	sumOK       bool   // the link does not corrupt: checksums need not be verified
	fragmented  bool   // put together from fragments, or an atomic fragment
	routerAlert bool

	ttl, tos   uint8
	cast       cast // what the destination address is to us
	src4, dst4 [4]byte
	src6, dst6 [16]byte
}

// A cast says what a destination address is to us.
type cast uint8

const (
	castOther cast = iota // not ours
	castUnicast
	castBroadcast
	castMulticast
)

// Receive takes one frame that arrived on interface i. It may overwrite the frame and keeps no
// reference to it. Bad frames are counted in Stats, never reported.
func (s *Stack) Receive(now clock.Time, i Interface, b *link.Buf) {
	frame := b.Frame()
	s.stats.FramesIn++
	s.stats.BytesIn += uint64(len(frame))
	ifc := s.iface(i)
	if ifc == nil || !ifc.up {
		s.drop(DropNoInterface)
		return
	}
	if s.cfg.Tap != nil {
		s.cfg.Tap(now, i, false, frame)
	}
	in := inbound{ifc: ifc, sumOK: b.SumOK && ifc.info.NoSum}
	if ifc.linkLen == 0 {
		if len(frame) == 0 {
			s.drop(DropShortFrame)
			return
		}
		if frame[0]>>4 == 6 {
			s.input6(now, &in, frame)
		} else {
			s.input4(now, &in, frame)
		}
		return
	}
	var h ethernet.Header
	n := h.Parse(frame)
	if n < 0 {
		s.drop(DropShortFrame)
		return
	}
	if h.Dst != ifc.info.Addr {
		if !h.Dst.IsMulticast() {
			s.drop(DropOtherHost)
			return
		}
		in.group = true
	}
	if h.Tagged && h.VLANID() != 0 {
		s.drop(DropVLAN)
		return
	}
	switch h.Type {
	case ethernet.TypeIPv4:
		s.input4(now, &in, frame[n:])
	case ethernet.TypeIPv6:
		s.input6(now, &in, frame[n:])
	case ethernet.TypeARP:
		s.inputARP(now, &in, frame[n:])
	default:
		s.drop(DropEtherType)
	}
}
