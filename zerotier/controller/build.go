package controller

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"github.com/ztstack/ztstack/zerotier/vl2"
)

// How far apart credentials may be (PROTOCOL 24), in ms.
const (
	defaultMaxDelta = int64(30 * time.Minute / time.Millisecond)
	minMaxDelta     = int64(5 * time.Minute / time.Millisecond)
	maxMaxDelta     = int64(2 * time.Hour / time.Millisecond)
)

func (r *Network) maxDelta() int64 {
	if r.MaxDelta == 0 {
		return defaultMaxDelta
	}
	return min(max(r.MaxDelta, minMaxDelta), maxMaxDelta)
}

// build returns a member's configuration with credentials issued at a time in Unix ms.
func (c *Controller) build(unix int64, nw *network, mem *member) *vl2.NetworkConfig {
	r := &nw.rec
	// A certificate issued right after a revocation must be newer than it.
	unix = max(unix, nw.revokedUpTo+1)
	conf := &vl2.NetworkConfig{
		ID: r.ID, Timestamp: unix, MaxDelta: r.maxDelta(), Revision: r.Revision, IssuedTo: mem.rec.Address,
		TraceTarget: r.TraceTarget, TraceLevel: r.TraceLevel, MulticastMax: r.MulticastMax, Public: r.Public, Name: r.Name,
		MTU: r.MTU, Specialists: nw.specialists(), Routes: r.Routes, Rules: r.Rules, DNS: r.DNS,
	}
	if conf.MTU == 0 {
		conf.MTU = vl2.DefaultMTU
	}
	if r.Broadcast {
		conf.Flags |= vl2.FlagBroadcast
	}
	if r.AssignRFC4193 || r.AssignSixPlane {
		conf.Flags |= vl2.FlagNDPEmulation
	}
	if len(r.Rules) == 0 || mem.oldRules {
		conf.Rules = []vl2.Rule{vl2.NewRule(vl2.ActionAccept)}
	}
	conf.Addresses = nw.addresses(mem)
	conf.COM = vl2.NewCOM(unix, conf.MaxDelta, r.ID, &mem.rec.Identity)
	conf.COM.Sign(c.cfg.Identity)
	conf.Capabilities = c.capabilities(unix, nw, mem)
	conf.Tags = c.tags(unix, nw, mem)
	conf.Ownership = c.ownership(unix, nw, mem, conf.Addresses)
	return conf
}

// specialists lists the members that have a function.
func (nw *network) specialists() []vl2.Specialist {
	var list []vl2.Specialist
	for _, a := range nw.order {
		m := &nw.members[a].rec
		if !m.Authorized {
			continue
		}
		var flags uint64
		if m.ActiveBridge {
			flags |= vl2.SpecialistBridge
		}
		if m.Anchor {
			flags |= vl2.SpecialistAnchor
		}
		if m.Replicator {
			flags |= vl2.SpecialistReplicator
		}
		if flags != 0 {
			list = append(list, vl2.Specialist{Address: a, Flags: flags})
		}
	}
	return list
}

// capabilities issues the capabilities that a member has, in the order of their IDs.
func (c *Controller) capabilities(unix int64, nw *network, mem *member) []vl2.Capability {
	var list []vl2.Capability
	for _, id := range slices.Sorted(slices.Values(mem.rec.Capabilities)) {
		for i := range nw.rec.Capabilities {
			def := &nw.rec.Capabilities[i]
			if def.ID != id || len(list) == vl2.MaxCapabilities || len(list) > 0 && list[len(list)-1].ID == id {
				continue
			}
			v := vl2.Capability{Network: nw.rec.ID, Timestamp: unix, ID: id, Rules: def.Rules, MaxCustody: 1}
			v.Sign(c.cfg.Identity, mem.rec.Address)
			list = append(list, v)
		}
	}
	return list
}

// tags issues a member's tags: its own, and the network's for those it has none of, in the order of their IDs.
func (c *Controller) tags(unix int64, nw *network, mem *member) []vl2.Tag {
	all := slices.Clone(mem.rec.Tags)
	for _, t := range nw.rec.Tags {
		if !slices.ContainsFunc(all, func(o Tag) bool { return o.ID == t.ID }) {
			all = append(all, t)
		}
	}
	slices.SortFunc(all, func(a, b Tag) int { return cmp.Compare(a.ID, b.ID) })
	var list []vl2.Tag
	for _, t := range all[:min(len(all), vl2.MaxTags)] {
		v := vl2.Tag{Network: nw.rec.ID, Timestamp: unix, ID: t.ID, Value: t.Value, IssuedTo: mem.rec.Address}
		v.Sign(c.cfg.Identity)
		list = append(list, v)
	}
	return list
}

// ownership issues the certificate that the managed addresses are the member's.
func (c *Controller) ownership(unix int64, nw *network, mem *member, addresses []netip.Prefix) []vl2.Ownership {
	if len(addresses) == 0 {
		return nil
	}
	o := vl2.Ownership{Network: nw.rec.ID, Timestamp: unix, ID: 1, IssuedTo: mem.rec.Address}
	for _, p := range addresses[:min(len(addresses), vl2.MaxThings)] {
		o.Things = append(o.Things, vl2.ThingOf(p.Addr()))
	}
	o.Sign(c.cfg.Identity)
	return []vl2.Ownership{o}
}
