package stack

import "net/netip"

// A Route sends packets for Dst out of interface If, straight to the destination if Via is the zero
// Addr, otherwise through the router Via. Among routes of equal length the smallest Metric wins.
type Route struct {
	Dst    netip.Prefix
	Via    netip.Addr
	If     Interface // 0: the interface that Via is on-link on
	Metric int
}

// AddRoute adds r. A route with equal Dst, Via and If replaces the older one.
func (s *Stack) AddRoute(r Route) error { panic("TODO") }

// RemoveRoute removes the route with r's Dst, Via and If.
func (s *Stack) RemoveRoute(r Route) error { panic("TODO") }

// Routes returns all routes, the longest prefix first.
func (s *Stack) Routes() []Route { panic("TODO") }
