package vl2

import (
	"net/netip"
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/ethernet"
	"github.com/ztstack/ztstack/internal/be"
	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/packet"
)

// network is one joined network.
type network struct {
	id     NetworkID
	mac    ethernet.Addr
	token  string
	status Status
	url    string
	cfg    *NetworkConfig // nil until the first, and after a denial

	nextRequest clock.Time
	tries       int // requests since the last answer
	assemblies  [maxAssemblies]assembly

	credentials [][]byte // our own, as payloads of NETWORK_CREDENTIALS
	ownerIn     bool     // our rules may only be evaluated by Networks itself, inbound
	ownerOut    bool     // likewise with our capabilities, outbound
	members     register[identity.Address, *member]

	subscriptions []subscription
	extra         []netip.Addr // addresses of the host beside the managed ones
	nextAnnounce  clock.Time
	queued        []queuedMulticast
	bridges       register[ethernet.Addr, bridgeRoute]
}

func newNetwork(id NetworkID, self identity.Address) *network {
	return &network{id: id, mac: MAC(self, id)}
}

// usable reports whether frames may pass at all: there is a configuration, and the controller has not taken it back.
func (nw *network) usable() bool { return nw.cfg != nil }

// Times of configuration requests (PROTOCOL 14). A controller ignores requests that follow each other within a
// second, so the first retry comes a little later.
const (
	requestPeriod = 60 * time.Second
	firstRetry    = 1100 * time.Millisecond
	maxRetry      = 5 * time.Second
)

// request asks the controller for the configuration and sets the time to ask again.
func (n *Networks) request(now clock.Time, nw *network) {
	b := n.out.begin()
	r := packet.ConfigRequest{Network: uint64(nw.id), Dict: n.requestDict(nw)}
	if nw.cfg != nil {
		r.Revision, r.Timestamp = nw.cfg.Revision, uint64(nw.cfg.Timestamp)
	}
	n.out.commit(r.Append(b))
	n.send(Send{To: nw.id.Controller(), Verb: packet.VerbNetworkConfigRequest})
	retry := min(maxRetry, firstRetry<<min(nw.tries, 3))
	nw.tries++
	nw.nextRequest = now.Add(retry)
	n.wakeAt(nw.nextRequest)
}

// requestDict returns what a member tells about itself (PROTOCOL 17.1).
func (n *Networks) requestDict(nw *network) packet.Dict {
	const (
		vendorZeroTier  = 1
		protocolVersion = 12
		rulesRevision   = 1
	)
	var d packet.Dict
	d.PutUint("v", formatVersion)
	d.PutUint("vend", vendorZeroTier)
	d.PutUint("pv", protocolVersion)
	d.PutUint("majv", uint64(n.cfg.Major))
	d.PutUint("minv", uint64(n.cfg.Minor))
	d.PutUint("revv", uint64(n.cfg.Revision))
	d.PutUint("mr", MaxRules)
	d.PutUint("mc", MaxCapabilities)
	d.PutUint("mcr", MaxCapabilityRules)
	d.PutUint("mt", MaxTags)
	d.PutUint("f", 0)
	d.PutUint("revr", rulesRevision)
	d.PutText("o", n.cfg.Platform)
	if nw.token != "" {
		d.PutText("a", "token:"+nw.token)
	}
	return d
}

// Restore gives a joined network the configuration that it had in an earlier life, until the controller's answer comes. It
// reports whether the dictionary was one for this node; the caller vouches that it is what an event's Config was.
func (n *Networks) Restore(now clock.Time, id NetworkID, dict []byte) bool {
	nw := n.byID[id]
	c, ok := ParseNetworkConfig(dict)
	if nw == nil || nw.cfg != nil || !ok || c.ID != id || c.IssuedTo != n.self {
		return false
	}
	again := nw.nextRequest
	n.adopt(now, nw, c)
	nw.nextRequest = again
	n.wakeAt(again)
	return true
}

// receiveOK processes an answer.
func (n *Networks) receiveOK(now clock.Time, m *Message) Verdict {
	switch m.InRe {
	case packet.VerbNetworkConfigRequest:
		return n.receiveChunk(now, m)
	case packet.VerbMulticastGather:
		return n.receiveGathered(now, m)
	case packet.VerbMulticastFrame:
		return n.receiveImplicitlyGathered(now, m)
	}
	return Done
}

// receiveError processes an error; each is believed only from whom it may come (PROTOCOL 10.2).
func (n *Networks) receiveError(now clock.Time, m *Message) Verdict {
	if len(m.Payload) < 8 {
		return Done
	}
	nw := n.byID[NetworkID(be.Uint64(m.Payload))]
	if nw == nil {
		return Done
	}
	switch m.Code {
	case packet.ErrorNeedCertificate:
		n.pushWanted(now, nw, m.From)
		return Done
	case packet.ErrorUnwantedMulticast:
		return n.receiveUnwanted(now, nw, m)
	}
	if m.InRe != packet.VerbNetworkConfigRequest || nw.id.IsAdHoc() {
		return Done
	}
	if m.From != nw.id.Controller() {
		return n.drop(DropNotController)
	}
	switch m.Code {
	case packet.ErrorNotFound, packet.ErrorUnsupported:
		n.refused(now, nw, StatusNotFound, EventNotFound)
	case packet.ErrorAccessDenied:
		n.refused(now, nw, StatusDenied, EventDenied)
	case packet.ErrorAuthenticationRequired:
		var a packet.AuthenticationRequired
		nw.url = ""
		if a.Parse(m.Payload) {
			if nw.url = a.Dict.Text("aU"); nw.url == "" {
				nw.url = a.Dict.Text("iU")
			}
		}
		n.refused(now, nw, StatusAuthenticationRequired, EventAuthenticationRequired)
	}
	return Done
}

// refused notes the controller's refusal. Denial ends all traffic at once; after the others what we have goes on, since the
// reference's controller also says "not found" when it is in trouble itself.
func (n *Networks) refused(now clock.Time, nw *network, s Status, kind EventKind) {
	changed := nw.status != s
	nw.status = s
	nw.tries = 0
	nw.nextRequest = now.Add(maxRetry)
	n.wakeAt(nw.nextRequest)
	if s == StatusDenied && nw.cfg != nil {
		for i := range nw.members.len() {
			n.closeGate(nw, *nw.members.at(i))
		}
		nw.cfg, nw.queued, nw.credentials = nil, nil, nil
	}
	if changed {
		n.event(kind, nw)
	}
}

// adopt makes c the configuration of nw.
func (n *Networks) adopt(now clock.Time, nw *network, c *NetworkConfig) {
	old := nw.cfg
	fresh := old == nil || nw.status != StatusOK
	nw.cfg = c
	nw.status, nw.url, nw.tries = StatusOK, "", 0
	nw.nextRequest = clock.Never
	if !nw.id.IsAdHoc() {
		nw.nextRequest = now.Add(requestPeriod)
		n.wakeAt(nw.nextRequest)
	}
	nw.credentials = credentialPayloads(c)
	nw.ownerIn = needsOwner(c.Rules)
	nw.ownerOut = nw.ownerIn || capabilitiesNeedOwner(c.Capabilities)
	for i := range nw.members.len() {
		n.refreshMember(now, nw, *nw.members.at(i))
	}
	n.subscribeManaged(now, nw)
	switch {
	case fresh:
		n.announceSoon(now, nw)
		n.event(EventOK, nw)
	case !old.sameSettings(c):
		n.event(EventConfigChanged, nw)
	}
}

// pollNetwork runs what is due on one network and returns its next deadline.
func (n *Networks) pollNetwork(now clock.Time, nw *network) clock.Time {
	if nw.nextRequest.Expired(now) {
		n.request(now, nw)
	}
	if nw.nextAnnounce.Expired(now) {
		n.announce(now, nw)
	}
	next := clock.Min(nw.nextRequest, nw.nextAnnounce)
	return clock.Min(next, n.pollQueued(now, nw))
}

// send queues a message with the payload last committed.
func (n *Networks) send(s Send) {
	if !n.out.add(s) {
		n.drop(DropQueueFull)
	}
}

// sendOK queues an OK to m.
func (n *Networks) sendOK(m *Message, inRe packet.Verb) {
	n.send(Send{To: m.From, Verb: packet.VerbOK, InRe: inRe, InReID: m.ID})
}
