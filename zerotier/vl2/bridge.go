package vl2

import (
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/ethernet"
	"github.com/ztstack/ztstack/zerotier/identity"
)

// Limits of bridging (PROTOCOL 28); the reference bounds the table likewise.
const (
	maxBridgeSpam   = 32 // active bridges that get a frame for an unknown address
	maxBridgeRoutes = 1 << 14
	bridgeTimeout   = 10 * time.Minute
)

// bridgeRoute says behind which member a MAC address was seen.
type bridgeRoute struct {
	via  identity.Address
	seen clock.Time
}

// learnBridge notes behind which bridge a MAC address is.
func (n *Networks) learnBridge(now clock.Time, nw *network, mac ethernet.Addr, via identity.Address) {
	if r := nw.bridges.find(mac); r != nil {
		*r = bridgeRoute{via, now}
		return
	}
	if nw.bridges.len() >= maxBridgeRoutes {
		nw.bridges.deleteAt(0)
	}
	nw.bridges.put(mac, bridgeRoute{via, now})
}

// sendBridged sends a frame whose destination is not a member's own address: to the bridge behind which it was seen, else to
// all active bridges up to a limit (PROTOCOL 22).
func (n *Networks) sendBridged(now clock.Time, nw *network, s *scene) (Unicast, bool) {
	if r := nw.bridges.find(s.dstMAC); r != nil && now.Sub(r.seen) <= bridgeTimeout && nw.cfg.isBridge(r.via) {
		return n.sendUnicast(now, nw, s, r.via)
	}
	if _, ok := n.filterOut(now, nw, s, true); !ok {
		return Unicast{}, false
	}
	sent := 0
	for _, b := range nw.cfg.Specialists {
		if b.Flags&SpecialistBridge == 0 || b.Address == n.self || sent == maxBridgeSpam {
			continue
		}
		mem := n.memberOf(now, nw, b.Address)
		if mem == nil || mem.refusedOut() {
			continue
		}
		s.dst, s.theirs = b.Address, mem.theirs
		if to, ok := n.filterOut(now, nw, s, false); !ok || to != b.Address {
			continue
		}
		n.pushIfDue(now, nw, mem)
		n.sendExtFrame(now, nw, s, b.Address, 0, s.frame)
		sent++
	}
	if sent == 0 {
		n.drop(DropNoBridge)
	}
	return Unicast{}, false
}
