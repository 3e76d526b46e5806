package stack

import (
	"net/netip"

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

// Routes returns all routes, the longest prefix first.
func (s *Stack) Routes() []Route { return append([]Route(nil), s.routes...) }

// insertRoute keeps the routes in the order in which lookup wants them.
func (s *Stack) insertRoute(r Route) {
	s.deleteRoute(r)
	at := 0
	for at < len(s.routes) && !before(r, s.routes[at]) {
		at++
	}
	s.routes = append(s.routes, Route{})
	copy(s.routes[at+1:], s.routes[at:])
	s.routes[at] = r
}

// before reports whether a is to be preferred to b when both match.
func before(a, b Route) bool {
	if a.Dst.Bits() != b.Dst.Bits() {
		return a.Dst.Bits() > b.Dst.Bits()
	}
	return a.Metric < b.Metric
}

func (s *Stack) deleteRoute(r Route) bool {
	for i, x := range s.routes {
		if x.Dst == r.Dst && x.Via == r.Via && (x.If == r.If || r.If == 0) {
			s.routes = append(s.routes[:i], s.routes[i+1:]...)
			return true
		}
	}
	return false
}

// A path is the way to a destination.
type path struct {
	ifc  *iface
	next netip.Addr // the neighbour that packets are handed to
	mtu  int        // bytes of the largest packet that passes
}

// lookup returns the path to dst. Interface via, if not 0, restricts it, as scoped addresses need.
func (s *Stack) lookup(dst netip.Addr, via Interface) (path, bool) {
	dst = dst.WithZone("")
	if a, ok := s.local(dst); ok && (via == 0 || via == a.ifc.id) {
		lo := s.ifaces[0]
		return path{lo, dst, lo.info.MTU}, true
	}
	// A route chooses the interface for groups and the limited broadcast address, but no router.
	everybody := dst.IsMulticast() || dst == limitedBroadcast
	for i := range s.routes {
		r := &s.routes[i]
		if !r.Dst.Contains(dst) || via != 0 && r.If != via {
			continue
		}
		ifc := s.iface(r.If)
		if ifc == nil || !ifc.up {
			continue
		}
		next := dst
		if r.Via.IsValid() && !everybody {
			next = r.Via
		}
		return path{ifc, next, s.pathMTU(dst, ifc)}, true
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
