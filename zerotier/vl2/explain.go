package vl2

import (
	"github.com/ztstack/ztstack/ethernet"
	"github.com/ztstack/ztstack/internal/be"
	"github.com/ztstack/ztstack/zerotier/identity"
)

// Explain tells what the rules of a network make of an Ethernet frame to or from a member, rule by rule, without
// sending, counting or changing anything. A REDIRECT or TEE is shown, not carried out.
func (n *Networks) Explain(id NetworkID, member identity.Address, inbound bool, frame []byte) (Trace, bool) {
	nw := n.byID[id]
	if nw == nil || nw.cfg == nil || len(frame) < ethernetHeaderLen {
		return Trace{}, false
	}
	s := scene{
		cfg: nw.cfg, theirs: &noCredentials, self: n.self, src: n.self, dst: member, dstMAC: ethernet.Addr(frame[:6]), srcMAC: ethernet.Addr(frame[6:12]),
		etherType: be.Uint16(frame[12:]), frame: frame[ethernetHeaderLen:], random: n.cfg.Rand, inbound: inbound,
	}
	if inbound {
		s.src, s.dst = member, n.self
	}
	if m, ok := nw.members.get(member); ok {
		s.theirs = m.theirs
	}
	var t Trace
	v, _, _ := s.judge(&t)
	t.end(v)
	return t, true
}
