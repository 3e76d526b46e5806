package stack

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/ztstack/ztstack/ipv6"
)

// A Route sends packets for Dst out of interface If, straight to the destination if Via is the zero
// Addr, otherwise through the router Via. Among routes of equal length the smallest Metric wins.
type Route struct {
	Dst    netip.Prefix
	Via    netip.Addr
	If     Interface // 0: the interface that Via is on-link on
	Metric int
}

// AddRoute adds r. A route with equal Dst, Via and If replaces the older one.
func (s *Stack) AddRoute(r Route) error {
	r.Dst = plain(r.Dst).Masked()
	if !r.Dst.IsValid() {
		return ErrInvalid
	}
	if r.Via.IsValid() {
		r.Via = r.Via.Unmap()
		if r.Via.Is4() != r.Dst.Addr().Is4() || r.Via.IsMulticast() || r.Via.IsUnspecified() {
			return ErrInvalid
		}
		if r.If == 0 {
			hop, ok := s.lookup(r.Via, s.zone(r.Via))
			if !ok || hop.next != r.Via.WithZone("") {
				return ErrNoRoute
			}
			r.If = hop.ifc.id
		}
		r.Via = r.Via.WithZone("")
	}
	if s.iface(r.If) == nil || r.If == 0 {
		return ErrNoInterface
	}
	s.insertRoute(r)
	s.changed()
	return nil
}

// RemoveRoute removes the route with r's Dst, Via and If.
func (s *Stack) RemoveRoute(r Route) error {
	r.Dst = plain(r.Dst).Masked()
	if r.Via.IsValid() {
		r.Via = r.Via.Unmap().WithZone("")
	}
	if !s.deleteRoute(r) {
		return ErrNoRoute
	}
	s.changed()
	return nil
}

// Routes returns all routes, the longest prefix first, then the smallest metric.
func (s *Stack) Routes() []Route {
	all := make([]Route, 0, s.routes4.n+s.routes6.n)
	add := func(set *routeSet) { all = append(all, set.routes...) }
	s.routes6.walk(add)
	s.routes4.walk(add)
	slices.SortStableFunc(all, func(a, b Route) int {
		return cmp.Or(b.Dst.Bits()-a.Dst.Bits(), a.Metric-b.Metric, a.Dst.Addr().Compare(b.Dst.Addr()))
	})
	return all
}

// trie returns the trie for addresses of a's family.
func (s *Stack) trie(a netip.Addr) *routeTrie {
	if a.Is4() {
		return &s.routes4
	}
	return &s.routes6
}

// insertRoute adds r, in the place of what has the same Dst, Via and If.
func (s *Stack) insertRoute(r Route) {
	s.deleteRoute(r)
	s.trie(r.Dst.Addr()).insert(r)
}

// deleteRoute removes the route with r's Dst and Via, and with r's If unless that is 0.
func (s *Stack) deleteRoute(r Route) bool { return s.trie(r.Dst.Addr()).remove(r) }

// deleteRoutesOf removes the routes of interface i.
func (s *Stack) deleteRoutesOf(i Interface) {
	for _, r := range s.Routes() {
		if r.If == i {
			s.deleteRoute(r)
		}
	}
}

// A path is the way to a destination.
type path struct {
	ifc  *iface
	next netip.Addr // the neighbour that packets are handed to
	mtu  int        // bytes of the largest packet that passes
}

// lookup returns the path to dst. Interface via, if not 0, restricts it, as scoped addresses need.
func (s *Stack) lookup(dst netip.Addr, via Interface) (path, bool) {
	var own *ifaceAddr
	var ours bool
	t := &s.routes4
	if dst.Is4() {
		own, ours = s.local4(dst.As4())
	} else {
		dst, t = dst.WithZone(""), &s.routes6
		own, ours = s.local6(dst.As16())
	}
	if ours && (via == 0 || via == own.ifc.id) {
		lo := s.ifaces[0]
		return path{lo, dst, lo.info.MTU}, true
	}
	// A route chooses the interface for groups and the limited broadcast address, but no router.
	everybody := dst.IsMulticast() || dst == limitedBroadcast
	if next, ifc := s.bestRoute(t, keyOf(dst), via); ifc != nil {
		p := path{ifc, dst, ifc.info.MTU}
		if next.IsValid() && !everybody {
			p.next = *next
		}
		if s.pmtu.entries.Len() != 0 {
			p.mtu = s.pathMTU(dst, ifc)
		}
		return p, true
	}
	// Without a route the first interface that is up will do for them.
	if everybody || via != 0 && isLinkLocal(dst) {
		if ifc := s.iface(via); via != 0 && ifc != nil && ifc.up {
			return path{ifc, dst, ifc.info.MTU}, true
		}
		if via == 0 {
			for _, ifc := range s.ifaces[1:] {
				if ifc != nil && ifc.up && len(ifc.addrs) > 0 {
					return path{ifc, dst, ifc.info.MTU}, true
				}
			}
		}
	}
	return path{}, false
}

// bestRoute returns where the best route to k leads, of those that lead out of an interface that is up, and out of via unless
// that is 0. The next hop is not valid if the destination is on the link.
func (s *Stack) bestRoute(t *routeTrie, k trieKey, via Interface) (next *netip.Addr, out *iface) {
	set := t.fallback
	if h := t.lookup(k); h != nil {
		if out = s.outOf(h.ifc, via); out != nil {
			return &h.via, out
		}
		set = t.shorter(k, 128)
	}
	for ; set != nil; set = t.shorter(k, set.bits-1) {
		for i := range set.routes {
			if out = s.outOf(set.routes[i].If, via); out != nil {
				return &set.routes[i].Via, out
			}
		}
	}
	return nil, nil
}

// outOf returns interface i if packets may leave by it: it is up, and is via unless that is 0.
func (s *Stack) outOf(i, via Interface) *iface {
	if ifc := s.iface(i); ifc != nil && ifc.up && (via == 0 || i == via) {
		return ifc
	}
	return nil
}

// zone returns the interface that a's zone names, or 0.
func (s *Stack) zone(a netip.Addr) Interface {
	if z := a.Zone(); z != "" {
		if ifc := s.ifaceByName(z); ifc != nil {
			return ifc.id
		}
	}
	return 0
}

var limitedBroadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})

func isLinkLocal(a netip.Addr) bool { return a.Is6() && ipv6.IsLinkLocal(a.As16()) }
