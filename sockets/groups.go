package sockets

import (
	"sync"

	"github.com/ztstack/ztstack/ethernet"
)

// A grouper is a device that is told which Ethernet groups the host listens to, as a NIC's filter is.
type grouper interface{ SetGroups(groups []ethernet.Addr) }

// A groupFilter keeps what a link's device was told last in the order of the changes.
type groupFilter struct {
	changes uint64 // counted under the shard's lock

	mu   sync.Mutex
	told uint64 // the change that the device knows; guarded by mu
}

// A regrouping is news for a link's device: the groups after a change.
type regrouping struct {
	link   *Link // nil: there is no news
	groups []ethernet.Addr
	change uint64
}

// regroup returns the news for a device whose host's groups have changed. The caller holds s.mu.
func (s *shard) regroup() (r regrouping) {
	ifc, ok := s.st.GroupsChanged()
	if !ok {
		return r
	}
	for _, l := range *s.links.Load() {
		if _, wants := l.dev.(grouper); wants && l.ifc == ifc {
			l.groups.changes++
			return regrouping{link: l, groups: s.st.Groups(ifc), change: l.groups.changes}
		}
	}
	return r
}

// tell tells the device, unless it knows a later change already. The shard's lock is not held.
func (r *regrouping) tell() {
	f := &r.link.groups
	f.mu.Lock()
	defer f.mu.Unlock()
	if r.change > f.told {
		f.told = r.change
		r.link.dev.(grouper).SetGroups(r.groups)
	}
}
