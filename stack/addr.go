package stack

import (
	"net/netip"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/ethernet"
	"github.com/ztstack/ztstack/internal/wheel"
	"github.com/ztstack/ztstack/ipv4"
	"github.com/ztstack/ztstack/ipv6"
)

// minMTU6 is the least MTU of a link that carries IPv6 (RFC 8200, Section 5).
const minMTU6 = ipv6.MinMTU

// An addrState says whether an address may be used.
type addrState uint8

const (
	addrValid     addrState = iota
	addrTentative           // duplicate address detection is under way (RFC 4862, Section 5.4)
	addrDuplicate           // another host has it: not used
)

// An ifaceAddr is an address of an interface.
type ifaceAddr struct {
	ifc   *iface
	addr  netip.Addr
	bits  int
	state addrState
	is4   bool
	a4    [4]byte  // of an IPv4 address
	a16   [16]byte // of an IPv6 address

	probes   int         // solicitations sent by duplicate address detection
	nonce    [6]byte     // in those solicitations (RFC 7527)
	timer    wheel.Timer // of duplicate address detection
	defended clock.Time  // when the address was last defended (RFC 5227, Section 2.4)
}

func newIfaceAddr(ifc *iface, p netip.Prefix) *ifaceAddr {
	a := &ifaceAddr{ifc: ifc, addr: p.Addr(), bits: p.Bits(), is4: p.Addr().Is4()}
	if a.is4 {
		a.a4 = a.addr.As4()
	} else {
		a.a16 = a.addr.As16()
	}
	a.timer.Owner, a.timer.Kind = a, timerDAD
	return a
}

// prefix returns the address with its prefix length.
func (a *ifaceAddr) prefix() netip.Prefix { return netip.PrefixFrom(a.addr, a.bits) }

func linkLocalPrefix(a ethernet.Addr) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom16(ipv6.LinkLocal(a.EUI64())), 64)
}

// AddAddress gives interface i the address p and the on-link route to p's prefix.
func (s *Stack) AddAddress(now clock.Time, i Interface, p netip.Prefix) error {
	ifc := s.iface(i)
	if ifc == nil {
		return ErrNoInterface
	}
	p = plain(p)
	a := p.Addr()
	if !p.IsValid() || a.IsUnspecified() || a.IsMulticast() || a == netip.AddrFrom4(ipv4.Broadcast) ||
		a.IsLoopback() && !ifc.loopback {
		return ErrInvalid
	}
	if a.Is4() && p.Bits() < 31 && ipv4.IsBroadcast(a.As4(), a.As4(), p.Bits()) {
		return ErrInvalid
	}
	if a.Is6() && ifc.info.MTU < minMTU6 {
		return ErrInterfaceMTU
	}
	for _, b := range ifc.addrs {
		if b.addr == a {
			return ErrInUse
		}
	}
	n := newIfaceAddr(ifc, p)
	ifc.addrs = append(ifc.addrs, n)
	s.listAddrs()
	if p.Bits() < a.BitLen() {
		s.insertRoute(Route{Dst: p.Masked(), If: i})
	}
	if a.Is6() && !ifc.loopback {
		s.joinGroup(now, ifc, netip.AddrFrom16(ipv6.SolicitedNode(n.a16)))
	}
	s.changed()
	if ifc.linkLen != 0 {
		s.announce(now, n)
	}
	s.kickAll(now)
	return nil
}

// RemoveAddress undoes AddAddress. Connections from that address are aborted.
func (s *Stack) RemoveAddress(now clock.Time, i Interface, p netip.Prefix) error {
	ifc := s.iface(i)
	if ifc == nil {
		return ErrNoInterface
	}
	p = plain(p)
	for j, a := range ifc.addrs {
		if a.addr != p.Addr() {
			continue
		}
		ifc.addrs = append(ifc.addrs[:j], ifc.addrs[j+1:]...)
		s.listAddrs()
		s.wheel.Disarm(&a.timer)
		s.dropOnLink(ifc, a)
		if !a.is4 && !ifc.loopback {
			s.leaveGroup(now, ifc, netip.AddrFrom16(ipv6.SolicitedNode(a.a16)))
		}
		s.changed()
		if _, still := s.local(a.addr); !still {
			s.abortFrom(now, a.addr)
		}
		return nil
	}
	return ErrNotAvailable
}

// dropOnLink removes the on-link route that a brought, unless another address of ifc needs it.
func (s *Stack) dropOnLink(ifc *iface, a *ifaceAddr) {
	dst := a.prefix().Masked()
	for _, b := range ifc.addrs {
		if b.prefix().Masked() == dst {
			return
		}
	}
	s.deleteRoute(Route{Dst: dst, If: ifc.id})
}

// Addresses returns the addresses of interface i, tentative ones included.
func (s *Stack) Addresses(i Interface) []netip.Prefix {
	ifc := s.iface(i)
	if ifc == nil {
		return nil
	}
	list := make([]netip.Prefix, 0, len(ifc.addrs))
	for _, a := range ifc.addrs {
		list = append(list, a.prefix())
	}
	return list
}

// Tentative reports whether address a of any interface is not usable: detection is under way, or
// another host was found to have it.
func (s *Stack) Tentative(a netip.Addr) bool {
	for _, ifc := range s.ifaces {
		if ifc == nil {
			continue
		}
		for _, b := range ifc.addrs {
			if b.addr == a {
				return b.state != addrValid
			}
		}
	}
	return false
}

// plain unmaps an IPv4-mapped prefix and removes zones.
func plain(p netip.Prefix) netip.Prefix {
	a := p.Addr().WithZone("")
	if a.Is4In6() && p.Bits() >= 96 {
		return netip.PrefixFrom(a.Unmap(), p.Bits()-96)
	}
	return netip.PrefixFrom(a, p.Bits())
}

// local returns the usable address that equals a, on whichever interface: the weak end system model of
// RFC 1122, Section 3.3.4.2.
func (s *Stack) local(a netip.Addr) (*ifaceAddr, bool) {
	if a.Is4() {
		return s.local4(a.As4())
	}
	return s.local6(a.As16())
}

func (s *Stack) local4(a [4]byte) (*ifaceAddr, bool) {
	for i := range s.own4 {
		if s.own4[i].a == a {
			return s.own4[i].of, true
		}
	}
	if a[0] == 127 {
		return s.ifaces[0].addrs[0], true // "127.0.0.0/8 [...] should loop back inside the host" RFC 6890.
	}
	return nil, false
}

func (s *Stack) local6(a [16]byte) (*ifaceAddr, bool) {
	for i := range s.own6 {
		if o := &s.own6[i]; o.a == a && o.of.state == addrValid {
			return o.of, true
		}
	}
	return nil, false
}

// An ownAddr is an address of the host, for the question that every packet asks.
type ownAddr[A comparable] struct {
	a  A
	of *ifaceAddr
}

// listAddrs follows a change of any interface's addresses.
func (s *Stack) listAddrs() {
	clear(s.own4)
	clear(s.own6)
	s.own4, s.own6 = s.own4[:0], s.own6[:0]
	for _, ifc := range s.ifaces {
		if ifc == nil {
			continue
		}
		for _, a := range ifc.addrs {
			if a.is4 {
				s.own4 = append(s.own4, ownAddr[[4]byte]{a.a4, a})
			} else {
				s.own6 = append(s.own6, ownAddr[[16]byte]{a.a16, a})
			}
		}
	}
}

// own returns the address of ifc that equals a, whatever its state.
func (ifc *iface) own(a netip.Addr) *ifaceAddr {
	for _, b := range ifc.addrs {
		if b.addr == a {
			return b
		}
	}
	return nil
}

// isBroadcast4 reports whether a is the limited broadcast address or that of a subnet of ifc.
func (ifc *iface) isBroadcast4(a [4]byte) bool {
	if a == ipv4.Broadcast {
		return true
	}
	for _, b := range ifc.addrs {
		if b.is4 && ipv4.IsBroadcast(a, b.a4, b.bits) {
			return true
		}
	}
	return false
}
