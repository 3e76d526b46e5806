package stack

import (
	"net/netip"
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/internal/table"
)

const (
	// maxPMTU bounds the destinations whose path MTU is remembered.
	maxPMTU = 1024
	// pmtuLifetime is after how long a path is given another chance: "The recommended setting for this
	// timer is twice the minimum value above (10 minutes)" RFC 8201, Section 4; RFC 1191, Section 6.3.
	pmtuLifetime = 10 * time.Minute
	// minPMTU4 is the least path MTU that IPv4 believes in: lower ones are more likely an attack than a
	// link (RFC 5927, Section 7).
	minPMTU4 = 552
)

// A pmtuCache remembers the MTU of paths that are narrower than their first link.
type pmtuCache struct {
	entries table.Table[table.Key4, pmtuEntry]
	order   []netip.Addr // ring of the destinations in entries; the oldest gives way
	next    int
}

type pmtuEntry struct {
	mtu     int
	expires clock.Time
}

// addrKey packs an address of either family.
func addrKey(a netip.Addr) table.Key4 { return table.Key4(a.As16()) }

// pathMTU returns the largest packet for dst out of ifc. Expiry is lazy: expirePMTU does it.
func (s *Stack) pathMTU(dst netip.Addr, ifc *iface) int {
	if s.pmtu.entries.Len() != 0 {
		if e, ok := s.pmtu.entries.Get(addrKey(dst)); ok {
			return min(e.mtu, ifc.info.MTU)
		}
	}
	return ifc.info.MTU
}

// learnPMTU takes an ICMP message's word that packets to dst larger than mtu do not pass. It reports
// whether that is news.
func (s *Stack) learnPMTU(now clock.Time, dst netip.Addr, mtu int) bool {
	p, ok := s.lookup(dst, 0)
	if !ok || p.ifc.loopback {
		return false
	}
	if dst.Is4() {
		mtu = max(mtu, minPMTU4)
	} else if mtu < minMTU6 {
		return false // RFC 8201, Section 4: a node MUST ignore these.
	}
	if mtu >= p.mtu {
		return false
	}
	c, key := &s.pmtu, addrKey(dst)
	if _, ok := c.entries.Get(key); !ok {
		if len(c.order) < maxPMTU {
			c.order = append(c.order, dst)
		} else {
			c.entries.Delete(addrKey(c.order[c.next]))
			c.order[c.next] = dst
			c.next = (c.next + 1) % maxPMTU
		}
	}
	c.entries.Put(key, pmtuEntry{mtu, now.Add(pmtuLifetime)})
	s.changed()
	return true
}

// freshPMTU forgets what is remembered of dst's path if that is too old.
func (s *Stack) freshPMTU(now clock.Time, dst netip.Addr) {
	if s.pmtu.entries.Len() == 0 {
		return
	}
	key := addrKey(dst)
	e, ok := s.pmtu.entries.Get(key)
	if !ok || !e.expires.Expired(now) {
		return
	}
	s.pmtu.entries.Delete(key)
	for i, a := range s.pmtu.order {
		if a == dst {
			s.pmtu.order = append(s.pmtu.order[:i], s.pmtu.order[i+1:]...)
			s.pmtu.next = 0
			break
		}
	}
	s.changed()
}
