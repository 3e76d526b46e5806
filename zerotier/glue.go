package zerotier

import (
	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/internal/be"
	"github.com/ztstack/ztstack/link"
	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/packet"
	"github.com/ztstack/ztstack/zerotier/vl1"
	"github.com/ztstack/ztstack/zerotier/vl2"
)

// message gives one message of vl1 to whom it concerns, and returns the frame that it carried, if any.
func (n *Node) message(now clock.Time, m *vl1.Message) (Frame, bool) {
	v := vl2.Message{
		From: m.From, Verb: m.Verb, ID: m.ID, Hops: m.Hops, Payload: m.Payload,
		InRe: m.InRe, InReID: m.InReID, Code: m.Code,
	}
	if m.Verb == packet.VerbNetworkConfigRequest {
		n.configRequest(now, &v)
		return Frame{}, false
	}
	f, verdict := n.vl2.Receive(now, &v)
	switch verdict {
	case vl2.DoneTrusted:
		n.vl1.Trust(now, m.From)
	case vl2.Retry:
		n.vl1.Retry(now, m)
	case vl2.HasFrame:
		n.vl1.Trust(now, m.From)
		if m.Hops > 0 {
			n.stats.FramesRelayed++
		}
		return n.frame(&f, m.Packet), true
	}
	return Frame{}, false
}

// frame makes the Ethernet frame of f. Its header goes over the end of the packet's header when the payload lies at the
// end of pkt, as it does in every verb that carries frames; else the frame is copied.
func (n *Node) frame(f *vl2.Frame, pkt []byte) Frame {
	n.stats.FramesIn++
	at := len(pkt) - len(f.Payload) - ethernetHeaderLen
	if len(f.Payload) == 0 || at < 0 || &pkt[at+ethernetHeaderLen] != &f.Payload[0] {
		if cap(n.scratch) < ethernetHeaderLen+len(f.Payload) {
			n.scratch = make([]byte, packet.MaxLen)
		}
		pkt, at = n.scratch[:ethernetHeaderLen+len(f.Payload)], 0
		copy(pkt[ethernetHeaderLen:], f.Payload)
	}
	f.PutHeader(pkt[at:])
	return Frame{
		Network: f.Network,
		From:    f.From,
		Buf:     link.Buf{B: pkt, Off: at, Len: len(pkt) - at},
	}
}

// configRequest gives a NETWORK_CONFIG_REQUEST to the controller, or says that there is none.
func (n *Node) configRequest(now clock.Time, m *vl2.Message) {
	if n.ctl == nil {
		n.stats.NoController++
		if len(m.Payload) >= 8 && m.From != n.self.Address {
			n.vl1.SendError(now, m.From, m.Verb, m.ID, packet.ErrorUnsupported, m.Payload[:8])
		}
		return
	}
	id := &n.self
	if m.From != n.self.Address {
		var ok bool
		if id, ok = n.vl1.IdentityOf(now, m.From); !ok {
			n.stats.UnknownRequesters++
			return
		}
	}
	n.ctl.Receive(now, m, id)
}

// settle carries messages, identities and events between vl1, vl2 and the controller until none is left.
func (n *Node) settle(now clock.Time) {
	for again := true; again; {
		again = n.settleVL1(now)
		again = n.settleVL2(now) || again
		if n.ctl != nil {
			again = n.settleController(now) || again
		}
	}
}

func (n *Node) settleVL1(now clock.Time) (any bool) {
	for {
		e, ok := n.vl1.Event()
		if !ok {
			return any
		}
		any = true
		n.vl1Event(now, &e)
	}
}

func (n *Node) settleVL2(now clock.Time) (any bool) {
	for {
		a, ok := n.vl2.NeedIdentity()
		if !ok {
			break
		}
		any = true
		if id, ok := n.vl1.IdentityOf(now, a); ok {
			n.vl2.Learn(now, id)
		}
	}
	for {
		s, ok := n.vl2.Output()
		if !ok {
			break
		}
		any = true
		n.send(now, &s)
	}
	for {
		e, ok := n.vl2.Event()
		if !ok {
			return any
		}
		any = true
		n.vl2Event(&e)
	}
}

func (n *Node) settleController(now clock.Time) (any bool) {
	for {
		s, ok := n.ctl.Output()
		if !ok {
			break
		}
		any = true
		n.send(now, &s)
	}
	for {
		id, member, ok := n.ctl.Configured()
		if !ok {
			return any
		}
		any = true
		n.vl2.Configured(now, id, member)
	}
}

// send passes a message of vl2 or of the controller on.
func (n *Node) send(now clock.Time, s *vl2.Send) {
	switch {
	case s.To == n.self.Address:
		n.sendSelf(now, s)
	case s.Verb == packet.VerbOK:
		n.vl1.SendOK(now, s.To, s.InRe, s.InReID, s.Payload)
	case s.Verb == packet.VerbError:
		n.vl1.SendError(now, s.To, s.InRe, s.InReID, s.Code, s.Payload)
	default:
		n.vl1.Send(now, s.To, s.Verb, s.Payload)
	}
}

// sendSelf delivers a message to this node itself: it may be the controller of a network that it is on.
func (n *Node) sendSelf(now clock.Time, s *vl2.Send) {
	n.selfID++
	m := vl2.Message{
		From: n.self.Address, Verb: s.Verb, ID: n.selfID, Payload: append([]byte(nil), s.Payload...),
		InRe: s.InRe, InReID: s.InReID, Code: s.Code,
	}
	if m.Verb == packet.VerbNetworkConfigRequest {
		if n.ctl == nil && len(m.Payload) >= 8 {
			m = vl2.Message{
				From: m.From, Verb: packet.VerbError, ID: m.ID, Payload: m.Payload[:8],
				InRe: m.Verb, InReID: m.ID, Code: packet.ErrorUnsupported,
			}
			n.vl2.Receive(now, &m)
			return
		}
		n.configRequest(now, &m)
		return
	}
	n.vl2.Receive(now, &m)
}

// vl1Event tells vl2 and the user what vl1 reports.
func (n *Node) vl1Event(now clock.Time, e *vl1.Event) {
	switch e.Kind {
	case vl1.EventOnline:
		n.vl2.Online(now)
		n.event(Event{Kind: EventOnline})
	case vl1.EventOffline:
		n.event(Event{Kind: EventOffline})
	case vl1.EventIdentity:
		n.learn(now, e)
	case vl1.EventPeer:
		n.learn(now, e)
		for _, id := range n.gated[e.Peer] {
			n.republic.push(flowKey{e.Peer, id})
		}
	case vl1.EventDirect:
		n.event(Event{Kind: EventPeerDirect, Peer: e.Peer, Path: e.Path.Remote})
		n.storePeer(now, e.Peer)
	case vl1.EventRelayed:
		n.event(Event{Kind: EventPeerRelayed, Peer: e.Peer})
	case vl1.EventUnreachable, vl1.EventLost:
		n.event(Event{Kind: EventPeerUnreachable, Peer: e.Peer})
	case vl1.EventPathUp:
		n.event(Event{Kind: EventPath, Peer: e.Peer, Path: e.Path.Remote})
	case vl1.EventPathDown:
		n.event(Event{Kind: EventPathDead, Peer: e.Peer, Path: e.Path.Remote})
	case vl1.EventWorld:
		n.vl2.SetUpstreams(now, n.vl1.Upstreams())
		kind := EventStorePlanet
		if e.World.Type == vl1.Moon {
			kind = EventStoreMoon
		}
		n.event(Event{Kind: kind, World: e.World.ID, Data: e.World.Append(nil)})
	case vl1.EventCollision:
		n.event(Event{Kind: EventIdentityCollision})
	}
}

func (n *Node) learn(now clock.Time, e *vl1.Event) {
	if e.Identity != nil {
		n.vl2.Learn(now, e.Identity)
	}
}

// vl2Event tells the user what vl2 reports.
func (n *Node) vl2Event(e *vl2.Event) {
	kinds := [...]EventKind{
		vl2.EventRequesting:             EventNetworkRequesting,
		vl2.EventOK:                     EventNetworkOK,
		vl2.EventConfigChanged:          EventNetworkConfigChanged,
		vl2.EventDenied:                 EventNetworkDenied,
		vl2.EventNotFound:               EventNetworkNotFound,
		vl2.EventTooOld:                 EventNetworkTooOld,
		vl2.EventAuthenticationRequired: EventNetworkAuthentication,
		vl2.EventDown:                   EventNetworkDown,
	}
	if int(e.Kind) >= len(kinds) {
		return
	}
	n.event(Event{Kind: kinds[e.Kind], Network: e.Network, Config: e.Config})
	if e.Config != nil && (e.Kind == vl2.EventOK || e.Kind == vl2.EventConfigChanged) {
		n.event(Event{Kind: EventStoreNetwork, Network: e.Network, Config: e.Config, Data: e.Config.AppendDict(nil)})
	}
}

// event queues an event; when nobody asks for them, the newest is dropped and counted.
func (n *Node) event(e Event) {
	if !n.events.push(e) {
		n.stats.DroppedEvents++
	}
}

// storePeer offers what is worth remembering of a peer: the form of the files in peers.d (PROTOCOL 26).
func (n *Node) storePeer(now clock.Time, a identity.Address) {
	p, ok := n.vl1.Peer(now, a)
	s := n.vl1.Session(a)
	if !ok || s == nil {
		return
	}
	id, ok := n.vl1.IdentityOf(now, a)
	if !ok {
		return
	}
	b := id.AppendBinary([]byte{peerFormat})
	b = append(b, make([]byte, 10)...)
	v := b[len(b)-10:]
	be.PutUint16(v, uint16(p.Protocol))
	be.PutUint16(v[2:], uint16(p.Version.Major))
	be.PutUint16(v[4:], uint16(p.Version.Minor))
	be.PutUint16(v[6:], p.Version.Revision)
	be.PutUint16(v[8:], uint16(len(p.Paths)))
	for i := range p.Paths {
		b = packet.AppendInetAddress(b, p.Paths[i].Remote)
	}
	n.event(Event{Kind: EventStorePeer, Peer: a, Data: b})
}

// peerFormat is the first byte of a file in peers.d.
const peerFormat = 2

// loadPeer makes a peer of an earlier life known, and tries where it was. What is malformed is ignored.
func (n *Node) loadPeer(now clock.Time, b []byte) {
	if len(b) < 1 || b[0] != peerFormat {
		n.stats.BadPeers++
		return
	}
	id, k := identity.ParseBinary(b[1:])
	if k < 0 || len(b) < 1+k+10 || !n.vl1.Learn(now, id) {
		n.stats.BadPeers++
		return
	}
	b = b[1+k:]
	paths := int(be.Uint16(b[8:]))
	b = b[10:]
	for range paths {
		at, k := packet.ParseInetAddress(b)
		if k < 0 {
			n.stats.BadPeers++
			return
		}
		b = b[k:]
		if at.IsValid() {
			n.vl1.TryPath(now, id.Address, vl1.AllSockets, at)
		}
	}
}
