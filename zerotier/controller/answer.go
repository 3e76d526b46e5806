package controller

import (
	"slices"
	"strings"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/packet"
	"github.com/ztstack/ztstack/zerotier/vl2"
)

// minFormat is the oldest configuration format that we issue.
const minFormat = 6

// answer answers a request (PROTOCOL 24).
func (c *Controller) answer(now clock.Time, m *vl2.Message, from *identity.Identity, id vl2.NetworkID, dict packet.Dict) {
	nw := c.networks[id]
	if nw == nil {
		c.sendError(m.From, m.ID, packet.ErrorNotFound, id)
		return
	}
	if dict.Uint("v", 0) < minFormat {
		c.sendError(m.From, m.ID, packet.ErrorUnsupported, id)
		return
	}
	mem := c.meet(nw, from)
	if mem == nil {
		c.sendError(m.From, m.ID, packet.ErrorAccessDenied, id)
		return
	}
	mem.lastRequest, mem.requestID = now, m.ID
	mem.rec.LastSeen = c.unix(now)
	mem.oldRules = dict.Uint("revr", 0) < 1
	if !mem.rec.Authorized && nw.accepts(dict.Text("a")) {
		c.authorize(nw, mem)
	}
	if !mem.rec.Authorized && !nw.rec.Public {
		c.sendError(m.From, m.ID, packet.ErrorAccessDenied, id)
		return
	}
	c.configure(now, nw, mem, vl2.Send{To: m.From, Verb: packet.VerbOK, InRe: packet.VerbNetworkConfigRequest, InReID: m.ID})
}

// meet returns the member with an identity, making a record on first contact, or nil: when the address is another identity's, or
// too many strangers have asked already.
func (c *Controller) meet(nw *network, from *identity.Identity) *member {
	mem := nw.members[from.Address]
	if mem == nil {
		if nw.pending >= maxPending {
			return nil
		}
		mem = nw.addMember(Member{Network: nw.rec.ID, Address: from.Address})
		for i := range nw.rec.Capabilities {
			if nw.rec.Capabilities[i].Default {
				mem.rec.Capabilities = append(mem.rec.Capabilities, nw.rec.Capabilities[i].ID)
			}
		}
		c.event(Event{Kind: EventMemberSeen, Network: nw.rec.ID, Member: from.Address})
	}
	public := from.WithoutSecret()
	switch {
	case mem.rec.Identity.IsZero():
		mem.rec.Identity = public
		c.storeMember(mem)
	case mem.rec.Identity != public:
		c.event(Event{Kind: EventIdentityMismatch, Network: nw.rec.ID, Member: from.Address})
		return nil
	}
	return mem
}

// accepts reports whether what a member presented is one of the network's tokens.
func (nw *network) accepts(auth string) bool {
	token, ok := strings.CutPrefix(auth, "token:")
	return ok && token != "" && slices.Contains(nw.rec.Tokens, token)
}

// authorize makes a node a member.
func (c *Controller) authorize(nw *network, mem *member) {
	mem.rec.Authorized = true
	mem.rec.Revision++
	nw.pending--
	c.storeMember(mem)
	c.event(Event{Kind: EventMemberAuthorized, Network: nw.rec.ID, Member: mem.rec.Address})
}

// storeMember stores a record and turns an error into an event.
func (c *Controller) storeMember(mem *member) error {
	err := c.cfg.Store.PutMember(mem.rec)
	if err != nil {
		c.event(Event{Kind: EventStoreFailed, Network: mem.rec.Network, Member: mem.rec.Address, Err: err})
	}
	return err
}

// sendError sends an error that names the network.
func (c *Controller) sendError(to identity.Address, inRe uint64, code packet.ErrorCode, id vl2.NetworkID) {
	p := make([]byte, 8)
	for i := range p {
		p[i] = byte(id >> (56 - 8*i))
	}
	c.out = append(c.out, vl2.Send{To: to, Verb: packet.VerbError, InRe: packet.VerbNetworkConfigRequest, InReID: inRe, Code: code, Payload: p})
}

// configure builds a member's configuration and sends it in signed chunks (PROTOCOL 17.2), with the revocations that the
// member may not have heard of.
func (c *Controller) configure(now clock.Time, nw *network, mem *member, s vl2.Send) {
	c.assign(nw, mem)
	conf := c.build(c.unix(now), nw, mem)
	dict := conf.AppendDict(nil)
	update := c.cfg.Rand.Uint64() | 1
	for off := 0; off < len(dict); off += packet.MaxConfigChunk {
		chunk := packet.ConfigChunk{
			Network: uint64(nw.rec.ID), Data: dict[off:min(len(dict), off+packet.MaxConfigChunk)],
			UpdateID: update, Total: uint32(len(dict)), Offset: uint32(off),
		}
		sig := c.cfg.Identity.Sign(chunk.AppendSigned(nil))
		chunk.Signature = sig[:]
		s.Payload = chunk.Append(nil)
		c.out = append(c.out, s)
	}
	c.tell(nw, mem)
	if len(c.configured) < maxEvents {
		c.configured = append(c.configured, memberKey{nw.rec.ID, mem.rec.Address})
	}
}

// push has a member's configuration sent, if it is online and may have one.
func (c *Controller) push(now clock.Time, nw *network, mem *member) {
	c.now = now
	if mem.pushQueued || !mem.online(now) || !mem.rec.Authorized && !nw.rec.Public {
		return
	}
	mem.pushQueued = true
	c.pushes = append(c.pushes, memberKey{nw.rec.ID, mem.rec.Address})
}

// pushNow builds and sends a configuration that push asked for.
func (c *Controller) pushNow(k memberKey) {
	nw := c.networks[k.network]
	if nw == nil || nw.members[k.member] == nil {
		return
	}
	mem := nw.members[k.member]
	mem.pushQueued = false
	if mem.rec.Authorized || nw.rec.Public {
		c.configure(c.now, nw, mem, vl2.Send{To: k.member, Verb: packet.VerbNetworkConfig})
	}
}
