package controller

import (
	"slices"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/packet"
	"github.com/ztstack/ztstack/zerotier/vl2"
)

// NewNetworkID returns an unused network ID of this controller.
func (c *Controller) NewNetworkID() vl2.NetworkID {
	for {
		id := vl2.NetworkID(c.self)<<24 | vl2.NetworkID(c.cfg.Rand.Uint32N(1<<24-1)+1)
		if c.networks[id] == nil {
			return id
		}
	}
}

// Network returns a network.
func (c *Controller) Network(id vl2.NetworkID) (Network, bool) {
	nw := c.networks[id]
	if nw == nil {
		return Network{}, false
	}
	return nw.rec, true
}

// Networks returns the IDs of all networks, ascending.
func (c *Controller) Networks() []vl2.NetworkID { return slices.Clone(c.ids) }

// SetNetwork creates or replaces a network; its online members get the new configuration.
func (c *Controller) SetNetwork(now clock.Time, n Network) error {
	switch {
	case n.ID.Controller() != c.self:
		return ErrForeignNetwork
	case len(n.Rules) > vl2.MaxRules, len(n.Capabilities) > vl2.MaxCapabilities, len(n.Tags) > vl2.MaxTags,
		n.MTU != 0 && (n.MTU < vl2.MinMTU || n.MTU > vl2.MaxMTU), n.MulticastMax < 0:
		return ErrBadRecord
	}
	for i := range n.Capabilities {
		if len(n.Capabilities[i].Rules) > vl2.MaxCapabilityRules {
			return ErrBadRecord
		}
	}
	nw := c.networks[n.ID]
	if nw != nil {
		n.Revision = nw.rec.Revision + 1
	} else {
		n.Revision = 1
	}
	if err := c.cfg.Store.PutNetwork(n); err != nil {
		return err
	}
	if nw == nil {
		nw = c.addNetwork(n)
	}
	nw.rec = n
	c.event(Event{Kind: EventNetworkChanged, Network: n.ID})
	c.pushAll(now, nw)
	return nil
}

// pushAll has the configuration of every online member sent.
func (c *Controller) pushAll(now clock.Time, nw *network) {
	for _, a := range nw.order {
		c.push(now, nw, nw.members[a])
	}
}

// DeleteNetwork deletes a network with its members, who learn it at once if they are online.
func (c *Controller) DeleteNetwork(now clock.Time, id vl2.NetworkID) error {
	nw := c.networks[id]
	if nw == nil {
		return ErrNoNetwork
	}
	if err := c.cfg.Store.DeleteNetwork(id); err != nil {
		return err
	}
	for _, a := range nw.order {
		if m := nw.members[a]; m.online(now) {
			c.sendError(a, m.requestID, packet.ErrorNotFound, id)
		}
	}
	delete(c.networks, id)
	if i, ok := slices.BinarySearch(c.ids, id); ok {
		c.ids = slices.Delete(c.ids, i, i+1)
	}
	c.event(Event{Kind: EventNetworkDeleted, Network: id})
	return nil
}

// Member returns a member.
func (c *Controller) Member(id vl2.NetworkID, a identity.Address) (Member, bool) {
	nw := c.networks[id]
	if nw == nil || nw.members[a] == nil {
		return Member{}, false
	}
	return nw.members[a].rec, true
}

// Members returns the addresses of all members of a network, ascending: also of those that are not authorised.
func (c *Controller) Members(id vl2.NetworkID) []identity.Address {
	nw := c.networks[id]
	if nw == nil {
		return nil
	}
	return slices.Clone(nw.order)
}

// SetMember creates or replaces a member. Taking away its authorisation revokes its certificate; any change is pushed. A zero
// Identity keeps the one that is known.
func (c *Controller) SetMember(now clock.Time, r Member) error {
	nw := c.networks[r.Network]
	switch {
	case nw == nil:
		return ErrNoNetwork
	case r.Address.IsReserved(), !r.Identity.IsZero() && r.Identity.Address != r.Address,
		len(r.Tags) > vl2.MaxTags, len(r.Capabilities) > vl2.MaxCapabilities:
		return ErrBadRecord
	}
	r.Identity = r.Identity.WithoutSecret()
	var before Member
	mem := nw.members[r.Address]
	if mem != nil {
		before = mem.rec
		if r.Identity.IsZero() {
			r.Identity = before.Identity
		}
		r.LastSeen = before.LastSeen
	}
	r.Revision = before.Revision + 1
	if err := c.cfg.Store.PutMember(r); err != nil {
		return err
	}
	if mem == nil {
		mem = nw.addMember(r)
	} else {
		nw.release(&before)
		nw.claim(&r)
		mem.rec = r
		if before.Authorized != r.Authorized && r.Authorized {
			nw.pending--
		} else if before.Authorized != r.Authorized {
			nw.pending++
		}
	}
	c.memberChanged(now, nw, mem, &before)
	return nil
}

// memberChanged does what a changed record calls for.
func (c *Controller) memberChanged(now clock.Time, nw *network, mem *member, before *Member) {
	kind := EventMemberChanged
	switch {
	case mem.rec.Authorized && !before.Authorized:
		kind = EventMemberAuthorized
	case !mem.rec.Authorized && before.Authorized:
		kind = EventMemberRevoked
		if !nw.rec.Public {
			c.revoke(now, nw, mem)
		}
	}
	c.event(Event{Kind: kind, Network: nw.rec.ID, Member: mem.rec.Address})
	functions := mem.rec.ActiveBridge != before.ActiveBridge || mem.rec.Anchor != before.Anchor || mem.rec.Replicator != before.Replicator
	special := mem.rec.ActiveBridge || mem.rec.Anchor || mem.rec.Replicator
	if functions || special && mem.rec.Authorized != before.Authorized {
		c.pushAll(now, nw) // everybody has to know who is a bridge
		return
	}
	c.push(now, nw, mem)
}

// Authorize sets only the authorisation of a member, which need not have been seen yet.
func (c *Controller) Authorize(now clock.Time, id vl2.NetworkID, a identity.Address, authorized bool) error {
	r, ok := c.Member(id, a)
	if !ok {
		r = Member{Network: id, Address: a}
		if nw := c.networks[id]; nw != nil {
			for i := range nw.rec.Capabilities {
				if nw.rec.Capabilities[i].Default {
					r.Capabilities = append(r.Capabilities, nw.rec.Capabilities[i].ID)
				}
			}
		}
	}
	if ok && r.Authorized == authorized {
		return nil
	}
	r.Authorized = authorized
	return c.SetMember(now, r)
}

// DeleteMember deletes a member, as if it had never been seen.
func (c *Controller) DeleteMember(now clock.Time, id vl2.NetworkID, a identity.Address) error {
	nw := c.networks[id]
	if nw == nil {
		return ErrNoNetwork
	}
	mem := nw.members[a]
	if mem == nil {
		return ErrNoMember
	}
	if err := c.cfg.Store.DeleteMember(id, a); err != nil {
		return err
	}
	if mem.rec.Authorized && !nw.rec.Public {
		c.revoke(now, nw, mem)
	}
	nw.removeMember(mem)
	c.event(Event{Kind: EventMemberDeleted, Network: id, Member: a})
	return nil
}
