package stack

import (
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/ethernet"
	"github.com/ztstack/ztstack/icmp"
	"github.com/ztstack/ztstack/ipv6"
)

const (
	// dadProbes is DupAddrDetectTransmits, and retransTimer RetransTimer, of RFC 4862 and RFC 4861.
	dadProbes    = 1
	retransTimer = time.Second
	// defendInterval is DEFEND_INTERVAL of RFC 5227.
	defendInterval = 10 * time.Second
)

// announce begins the use of a new address on an Ethernet interface: IPv6 duplicate address detection
// where it is on, an announcement otherwise.
func (s *Stack) announce(now clock.Time, a *ifaceAddr) {
	switch {
	case a.is4:
		// "[...] the host [...] MUST then announce its commencing to use that address by broadcasting
		// ARP Announcements" RFC 5227, Section 2.3. One will do where addresses are managed.
		s.sendARPAnnouncement(now, a)
	case !a.ifc.noDAD:
		a.state = addrTentative
		for i := range a.nonce {
			a.nonce[i] = byte(s.rand.Uint32())
		}
		s.dadTimer(now, a)
	}
}

// dadTimer sends the next solicitation for a tentative address, or ends the detection.
func (s *Stack) dadTimer(now clock.Time, a *ifaceAddr) {
	if a.state != addrTentative {
		return
	}
	if a.probes < dadProbes {
		a.probes++
		s.sendDADProbe(now, a)
		s.wheel.Arm(&a.timer, now.Add(retransTimer))
		return
	}
	a.state = addrValid
	s.changed()
	s.kickAll(now)
}

// sendDADProbe sends a solicitation for a from the unspecified address (RFC 4862, Section 5.4.2), with
// a nonce by which to recognise it if it comes back (RFC 7527).
func (s *Stack) sendDADProbe(now clock.Time, a *ifaceAddr) {
	ns := icmp.NeighborSolicitation{Target: a.a16}
	ns.Options.Nonce = a.nonce[:]
	s.sendNDP(now, a.ifc, ipv6.Unspecified, ipv6.SolicitedNode(a.a16), ethernet.Multicast6(ipv6.SolicitedNode(a.a16)), &ns)
}

// dadConflict handles a solicitation or advertisement that shows that another host has, or is about to
// take, the tentative address a.
func (s *Stack) dadConflict(a *ifaceAddr) {
	a.state = addrDuplicate
	s.wheel.Disarm(&a.timer)
	s.drop(DropDuplicateAddress)
}

// defend answers a conflicting ARP packet for our address a with an announcement, at most one in ten
// seconds (RFC 5227, Section 2.4 (c)).
func (s *Stack) defend(now clock.Time, a *ifaceAddr) {
	if a.defended != clock.Never && now.Sub(a.defended) < defendInterval {
		return
	}
	a.defended = now
	s.sendARPAnnouncement(now, a)
}
