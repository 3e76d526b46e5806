package vl2

import (
	"net/netip"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/zerotier/identity"
)

// joinAdHoc configures a network that has no controller (PROTOCOL 23), or reports that there is no such network.
func (n *Networks) joinAdHoc(now clock.Time, nw *network) {
	c := adHocConfig(nw.id, n.self)
	if c == nil {
		nw.status = StatusNotFound
		n.event(EventNotFound, nw)
		return
	}
	n.adopt(now, nw, c)
}

// adHocConfig returns the configuration that an ad-hoc network's ID stands for, or nil.
func adHocConfig(id NetworkID, self identity.Address) *NetworkConfig {
	c := &NetworkConfig{ID: id, IssuedTo: self, Public: true, MTU: DefaultMTU, Revision: 1, Flags: FlagNDPEmulation, Addresses: []netip.Prefix{SixPlane(id, self)}}
	switch {
	case id&0xffffff == 0:
		first, last := uint16(id>>40), uint16(id>>24)
		if last < first {
			return nil
		}
		b := append([]byte("adhoc-"), appendHex(nil, uint64(first), 4)...)
		c.Name = string(appendHex(append(b, '-'), uint64(last), 4))
		c.Rules = adHocRules(first, last)
	case id&0xff == 1:
		network := byte(id >> 48)
		c.MulticastMax = 1024
		c.Rules = []Rule{NewRule(ActionAccept)}
		v4 := netip.AddrFrom4([4]byte{network, byte(self >> 16), byte(self >> 8), byte(self)})
		c.Addresses = append(c.Addresses, netip.PrefixFrom(v4, 8))
		c.Name = string(appendDecimal([]byte("adhoc-"), uint64(network))) + ".0.0.0"
	default:
		return nil
	}
	return c
}

// adHocRules let nothing pass but ICMPv6, TCP and UDP to a range of ports, and answers of TCP.
func adHocRules(first, last uint16) []Rule {
	not := func(r Rule) Rule { r.Not = true; return r }
	or := func(r Rule) Rule { r.Or = true; return r }
	accept, drop := NewRule(ActionAccept), NewRule(ActionDrop)
	ether := NewRule(MatchEtherType, etherIPv6>>8, etherIPv6&0xff)
	proto := func(p byte) Rule { return NewRule(MatchIPProtocol, p) }
	port := NewRule(MatchDestPort, byte(first>>8), byte(first), byte(last>>8), byte(last))
	flags := func(f byte) Rule { return NewRule(MatchCharacteristics, 0, 0, 0, 0, 0, 0, 0, f) }
	syn, ack := flags(0x02), flags(0x10)
	return []Rule{
		not(ether), drop,
		proto(protoICMPv6), accept,
		proto(protoTCP), or(proto(protoUDP)), port, accept,
		proto(protoTCP), not(syn), accept,
		proto(protoTCP), syn, ack, accept,
		drop,
	}
}
