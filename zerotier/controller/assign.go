package controller

import (
	"net/netip"
	"slices"

	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/vl2"
)

// addr is an address that one member of a network can have.
type addr = netip.Addr

// maxProbes bounds the search for a free address.
const maxProbes = 1 << 16

// claim notes that a member has its addresses.
func (nw *network) claim(m *Member) {
	for _, a := range m.Addresses {
		nw.assigned[a.Unmap()] = m.Address
	}
}

// release notes that a member no longer has its addresses.
func (nw *network) release(m *Member) {
	for _, a := range m.Addresses {
		if nw.assigned[a.Unmap()] == m.Address {
			delete(nw.assigned, a.Unmap())
		}
	}
}

// prefix returns a with the length of the narrowest route that contains it; an address outside of all routes cannot be
// managed (PROTOCOL 24).
func (nw *network) prefix(a netip.Addr) (netip.Prefix, bool) {
	bits := -1
	for _, r := range nw.rec.Routes {
		// A route through a gateway leads elsewhere: its addresses are not on this network.
		if !r.Via.IsValid() && r.Target.Contains(a) {
			bits = max(bits, r.Target.Bits())
		}
	}
	return netip.PrefixFrom(a, bits), bits >= 0
}

// addresses returns the managed addresses of a member in the reference's order: RFC 4193, 6PLANE, then those of its record.
func (nw *network) addresses(mem *member) []netip.Prefix {
	var list []netip.Prefix
	if nw.rec.AssignRFC4193 {
		list = append(list, vl2.RFC4193(nw.rec.ID, mem.rec.Address))
	}
	if nw.rec.AssignSixPlane {
		list = append(list, vl2.SixPlane(nw.rec.ID, mem.rec.Address))
	}
	for _, a := range mem.rec.Addresses {
		if p, ok := nw.prefix(a.Unmap()); ok {
			list = append(list, p)
		}
	}
	return list
}

// assign gives a member an address of each family that the network assigns, unless it has one. What is assigned is
// stored, so it stays.
func (c *Controller) assign(nw *network, mem *member) {
	if mem.rec.NoAutoAssign {
		return
	}
	changed := false
	give := func(enabled, v4 bool) {
		if !enabled || !nw.hasPool(v4) {
			return
		}
		for _, a := range mem.rec.Addresses {
			if _, ok := nw.prefix(a.Unmap()); ok && a.Unmap().Is4() == v4 {
				return
			}
		}
		a, ok := nw.free(mem.rec.Address, v4)
		if !ok {
			c.event(Event{Kind: EventPoolExhausted, Network: nw.rec.ID, Member: mem.rec.Address})
			return
		}
		mem.rec.Addresses = append(slices.Clone(mem.rec.Addresses), a)
		nw.assigned[a] = mem.rec.Address
		changed = true
	}
	give(nw.rec.AssignV6, false)
	give(nw.rec.AssignV4, true)
	if changed {
		mem.rec.Revision++
		c.storeMember(mem)
	}
}

func (nw *network) hasPool(v4 bool) bool {
	for _, p := range nw.rec.Pools {
		if p.First.Is4() == v4 {
			return true
		}
	}
	return false
}

// free returns an unassigned address from the pools of a family. The search begins at a place that depends on the member's
// address, so that a controller that lost its records tends to assign the same again.
func (nw *network) free(member identity.Address, v4 bool) (netip.Addr, bool) {
	for _, p := range nw.rec.Pools {
		if p.First.Is4() != v4 || p.Last.Is4() != v4 || p.Last.Less(p.First) {
			continue
		}
		size := distance(p.First, p.Last)
		a := advance(p.First, uint64(member)%size)
		for range min(size, maxProbes) {
			if _, taken := nw.assigned[a]; !taken && nw.assignable(a) {
				return a, true
			}
			if a == p.Last {
				a = p.First
			} else {
				a = a.Next()
			}
		}
	}
	return netip.Addr{}, false
}

// assignable reports whether a host may have a: it is on a route, and is neither the network's own address nor its
// broadcast address.
func (nw *network) assignable(a netip.Addr) bool {
	p, ok := nw.prefix(a)
	if !ok {
		return false
	}
	if !a.Is4() || p.Bits() >= 31 {
		return true
	}
	return a != p.Masked().Addr() && p.Contains(a.Next())
}

// distance returns how many addresses there are from a to b, or 2^62 if more.
func distance(a, b netip.Addr) uint64 {
	const most = 1 << 62
	x, y := a.As16(), b.As16()
	var hi, lo uint64
	for i := range 8 {
		hi = hi<<8 | uint64(y[i]-x[i])
	}
	if string(x[:8]) != string(y[:8]) {
		return most
	}
	var u, v uint64
	for i := 8; i < 16; i++ {
		u, v = u<<8|uint64(x[i]), v<<8|uint64(y[i])
	}
	if lo = v - u; hi != 0 || lo >= most {
		return most
	}
	return lo + 1
}

// advance returns a + n, staying within the lower 64 bits.
func advance(a netip.Addr, n uint64) netip.Addr {
	b := a.As16()
	for i := 15; i >= 8 && n != 0; i-- {
		n += uint64(b[i])
		b[i] = byte(n)
		n >>= 8
	}
	return netip.AddrFrom16(b).Unmap()
}
