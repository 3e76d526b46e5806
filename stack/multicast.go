package stack

import (
	"net/netip"
	"slices"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/ethernet"
	"github.com/ztstack/ztstack/icmp"
	"github.com/ztstack/ztstack/internal/be"
	"github.com/ztstack/ztstack/internal/cksum"
	"github.com/ztstack/ztstack/ipv4"
	"github.com/ztstack/ztstack/ipv6"
)

// A group is a multicast group that an interface listens to.
type group struct {
	addr netip.Addr
	refs int // sockets and addresses that need it
}

// A membership is a group that a socket has joined.
type membership struct {
	ifc   Interface
	group netip.Addr
}

var (
	allHosts4 = netip.AddrFrom4(ipv4.AllHosts)
	allNodes6 = netip.AddrFrom16(ipv6.AllNodes)
)

// joinAllNodes makes ifc a member of the groups that every host is in for ever.
func (s *Stack) joinAllNodes(ifc *iface) {
	ifc.groups = append(ifc.groups, group{allHosts4, 1}, group{allNodes6, 1})
	ifc.groupsChanged = true
}

// member reports whether ifc listens to a group.
func (ifc *iface) member(a netip.Addr) bool {
	for i := range ifc.groups {
		if ifc.groups[i].addr == a {
			return true
		}
	}
	return false
}

// joinGroup makes ifc listen to a group and reports it to routers.
func (s *Stack) joinGroup(now clock.Time, ifc *iface, a netip.Addr) {
	for i := range ifc.groups {
		if ifc.groups[i].addr == a {
			ifc.groups[i].refs++
			return
		}
	}
	ifc.groups = append(ifc.groups, group{a, 1})
	ifc.groupsChanged = true
	s.reportGroup(now, ifc, a, icmp.MLDToExclude)
}

// leaveGroup undoes one joinGroup.
func (s *Stack) leaveGroup(now clock.Time, ifc *iface, a netip.Addr) {
	for i := range ifc.groups {
		if ifc.groups[i].addr != a {
			continue
		}
		if ifc.groups[i].refs--; ifc.groups[i].refs == 0 {
			ifc.groups = append(ifc.groups[:i], ifc.groups[i+1:]...)
			ifc.groupsChanged = true
			s.reportGroup(now, ifc, a, icmp.MLDToInclude)
		}
		return
	}
}

// Groups returns the Ethernet multicast addresses that interface i listens to, sorted. The broadcast
// address is not among them.
func (s *Stack) Groups(i Interface) []ethernet.Addr {
	ifc := s.iface(i)
	if ifc == nil || ifc.linkLen == 0 {
		return nil
	}
	list := make([]ethernet.Addr, 0, len(ifc.groups))
	for _, g := range ifc.groups {
		hw, _ := groupAddr(ifc, g.addr)
		list = append(list, hw)
	}
	slices.SortFunc(list, func(a, b ethernet.Addr) int { return slices.Compare(a[:], b[:]) })
	return slices.Compact(list)
}

// GroupsChanged returns an interface whose Groups have changed since it was last returned here, or
// ok false for none.
func (s *Stack) GroupsChanged() (i Interface, ok bool) {
	for _, ifc := range s.ifaces {
		if ifc != nil && ifc.groupsChanged {
			ifc.groupsChanged = false
			return ifc.id, true
		}
	}
	return 0, false
}

// JoinGroup receives datagrams sent to a multicast group on interface i; 0 chooses by route.
func (u *UDP) JoinGroup(now clock.Time, i Interface, a netip.Addr) error {
	ifc, a, err := u.s.groupInterface(i, a)
	if err != nil {
		return err
	}
	if u.joined(ifc.id, a) {
		return ErrInUse
	}
	u.groups = append(u.groups, membership{ifc.id, a})
	u.s.joinGroup(now, ifc, a)
	return nil
}

// LeaveGroup undoes JoinGroup.
func (u *UDP) LeaveGroup(now clock.Time, i Interface, a netip.Addr) error {
	ifc, a, err := u.s.groupInterface(i, a)
	if err != nil {
		return err
	}
	for j, g := range u.groups {
		if g == (membership{ifc.id, a}) {
			u.groups = append(u.groups[:j], u.groups[j+1:]...)
			u.s.leaveGroup(now, ifc, a)
			return nil
		}
	}
	return ErrNotAvailable
}

// joined reports whether u has joined a group on an interface.
func (u *UDP) joined(i Interface, a netip.Addr) bool {
	return slices.Contains(u.groups, membership{i, a})
}

func (s *Stack) groupInterface(i Interface, a netip.Addr) (*iface, netip.Addr, error) {
	a = a.Unmap()
	if !a.IsMulticast() {
		return nil, a, ErrInvalid
	}
	if i == 0 {
		i = s.zone(a)
	}
	a = a.WithZone("")
	if i == 0 {
		p, ok := s.lookup(a, 0)
		if !ok {
			return nil, a, ErrNoRoute
		}
		return p.ifc, a, nil
	}
	ifc := s.iface(i)
	if ifc == nil {
		return nil, a, ErrNoInterface
	}
	return ifc, a, nil
}

// reportGroup tells routers that ifc has begun (icmp.MLDToExclude), goes on (MLDIsExclude) or has ceased
// (MLDToInclude) to listen to a group: MLDv2 (RFC 3810) or IGMPv2 (RFC 2236).
func (s *Stack) reportGroup(now clock.Time, ifc *iface, a netip.Addr, record uint8) {
	if !ifc.up || a == allHosts4 || a == allNodes6 {
		return // "[...] the all-systems group [...] is never reported" RFC 2236, Section 6; RFC 3810, Section 6.
	}
	if a.Is4() {
		s.reportIGMP(now, ifc, a, record == icmp.MLDToInclude)
		return
	}
	var buf [64]byte
	m, _ := icmp.MLDReport(buf[:], []icmp.MLDRecord{{Type: record, Group: a.As16()}})
	src := ipv6.Unspecified
	for _, b := range ifc.addrs {
		if !b.is4 && b.state == addrValid && ipv6.IsLinkLocal(b.a16) {
			src = b.a16
		}
	}
	// A Hop-by-Hop Options header with a Router Alert: RFC 3810, Section 5; RFC 2711.
	alert := [8]byte{ipv6.ProtoICMPv6, 0, 5, 2, 0, 0, 1, 0}
	dst := netip.AddrFrom16(ipv6.AllMLDv2)
	f, body := s.newPacket(dst, len(alert)+m.Len())
	copy(body, alert[:])
	m.Put6(body[len(alert):], src, ipv6.AllMLDv2)
	s.stats.ICMPOut++
	s.sendPacket(now, path{ifc, dst, ifc.info.MTU}, &packet{src: netip.AddrFrom16(src), dst: dst, proto: ipv6.ProtoHopByHop, ttl: 1}, f)
}

// inputMLD answers queries at once with one report for each group asked about. What other hosts listen
// to does not matter to us (RFC 3810, Section 6).
func (s *Stack) inputMLD(now clock.Time, in *inbound, m *icmp.Message) {
	if m.Type != icmp.Type6MLDQuery {
		return
	}
	var q icmp.MLDQuery
	e := icmp.Envelope{Src: in.src6, Dst: in.dst6, HopLimit: in.ttl, Fragmented: in.fragmented, RouterAlert: in.routerAlert}
	if !q.Parse(m, &e) {
		s.drop(DropNDP)
		return
	}
	s.answerQuery(now, in.ifc, netip.AddrFrom16(q.Group))
}

// answerQuery reports the group a, or all groups of a's family if it is unspecified.
func (s *Stack) answerQuery(now clock.Time, ifc *iface, a netip.Addr) {
	if !s.errRate.Allow(now) {
		s.drop(DropICMPRate)
		return
	}
	for i := range ifc.groups {
		if g := ifc.groups[i].addr; g == a || a.IsUnspecified() && a.Is4() == g.Is4() {
			s.reportGroup(now, ifc, g, icmp.MLDIsExclude)
		}
	}
}

// IGMP message types (RFC 2236, Section 2.1).
const (
	igmpQuery  = 0x11
	igmpReport = 0x16
	igmpLeave  = 0x17
)

// inputIGMP answers IGMP queries as inputMLD does MLD's.
func (s *Stack) inputIGMP(now clock.Time, in *inbound, b []byte) {
	if len(b) < 8 || cksum.Sum(b) != 0xffff || in.ttl != 1 {
		s.drop(DropICMP)
		return
	}
	if b[0] == igmpQuery {
		s.answerQuery(now, in.ifc, netip.AddrFrom4([4]byte(b[4:8])))
	}
}

// reportIGMP sends an IGMPv2 report or leave message.
func (s *Stack) reportIGMP(now clock.Time, ifc *iface, a netip.Addr, leave bool) {
	src := bestSource(ifc, a)
	if src == nil {
		return
	}
	typ, dst := byte(igmpReport), a
	if leave {
		typ, dst = igmpLeave, netip.AddrFrom4(ipv4.AllRouters)
	}
	f := s.frames.get(headerRoom + 24 + 8)
	f.off, f.n = headerRoom, 24+8
	// A Router Alert option: RFC 2236, Section 2; RFC 2113.
	h := ipv4.Header{Proto: ipv4.ProtoIGMP, TTL: 1, TOS: 0xc0, TotalLen: f.n, Src: src.a4, Dst: dst.As4(), Options: []byte{148, 4, 0, 0}}
	n := h.Put(f.buf[f.off:])
	b := f.buf[f.off+n : f.off+n+8]
	clear(b)
	b[0] = typ
	group := a.As4()
	copy(b[4:], group[:])
	be.PutUint16(b[2:], ^cksum.Sum(b))
	s.transmit(now, ifc, dst, f)
}
