package store

import (
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/ztstack/ztstack/zerotier/controller"
	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/vl2"
)

// memberFields are the fields of a member's record that controller.Member determines.
var memberFields = map[string]bool{
	"activeBridge": true, "address": true, "anchor": true, "authorized": true, "capabilities": true, "id": true, "identity": true, "ipAssignments": true,
	"noAutoAssignIps": true, "nwid": true, "objtype": true, "replicator": true, "revision": true, "tags": true,
}

// memberDefaults are fields that stock controllers give to new members and that have no meaning here.
var memberDefaults = map[string]string{
	"authenticationExpiryTime": "0", "lastAuthorizedCredential": "null", "lastAuthorizedCredentialType": "null", "lastAuthorizedTime": "0",
	"lastDeauthorizedTime": "0", "remoteTraceLevel": "0", "remoteTraceTarget": "null", "ssoExempt": "false",
	"vMajor": "-1", "vMinor": "-1", "vProto": "-1", "vRev": "-1",
}

// maxAddresses bounds the addresses of one member; at most 32 of them reach it.
const maxAddresses = 256

// AppendMember appends the record of a member as stock controllers have it (PROTOCOL 25).
func AppendMember(b []byte, m *controller.Member) []byte {
	o := memberObject(m)
	o.defaults(memberDefaults)
	return o.append(b)
}

// mergeMember returns the record of a member that was old, or nil, before.
func mergeMember(old object, m *controller.Member, now time.Time) object {
	if old == nil {
		old = object{"creationTime": milliseconds(now)}
	}
	var before object
	was, err := memberFrom(old)
	if err == nil {
		before = memberObject(&was)
	}
	switch {
	case m.Authorized && !was.Authorized:
		old["lastAuthorizedTime"], old["lastAuthorizedCredentialType"] = milliseconds(now), encode("api")
	case !m.Authorized && was.Authorized:
		old["lastDeauthorizedTime"] = milliseconds(now)
	}
	old.merge(memberFields, before, memberObject(m))
	old.defaults(memberDefaults)
	return old
}

// memberObject returns the fields that m determines.
func memberObject(m *controller.Member) object {
	o := object{
		"id": encode(m.Address.String()), "address": encode(m.Address.String()), "nwid": encode(m.Network.String()), "objtype": encode("member"),
		"authorized": encode(m.Authorized), "activeBridge": encode(m.ActiveBridge), "noAutoAssignIps": encode(m.NoAutoAssign), "revision": encode(m.Revision),
	}
	if !m.Identity.IsZero() {
		o["identity"] = encode(m.Identity.PublicString())
	}
	if m.Anchor {
		o["anchor"] = encode(true)
	}
	if m.Replicator {
		o["replicator"] = encode(true)
	}
	addresses, capabilities, tags := []string{}, []uint32{}, [][2]uint32{}
	for _, a := range m.Addresses {
		addresses = append(addresses, a.String())
	}
	capabilities = append(capabilities, m.Capabilities...)
	for _, t := range m.Tags {
		tags = append(tags, [2]uint32{t.ID, t.Value})
	}
	o["ipAssignments"], o["capabilities"], o["tags"] = encode(addresses), encode(capabilities), encode(tags)
	return o
}

// ParseMember parses the record of a member. What is not there is what stock controllers give to new members.
func ParseMember(b []byte) (controller.Member, error) {
	o, err := parseObject(b)
	if err != nil {
		return controller.Member{}, fmt.Errorf("member: %w", err)
	}
	m, err := memberFrom(o)
	if err != nil {
		return controller.Member{}, fmt.Errorf("member %s of network %s: %w", o["id"], o["nwid"], err)
	}
	return m, nil
}

func memberFrom(o object) (m controller.Member, err error) {
	r := reader{o: o}
	if m.Network, err = vl2.ParseNetworkID(r.text("nwid")); err != nil {
		r.fail("nwid", "16 hexadecimal digits")
	}
	if m.Address = r.address("id"); m.Address.IsReserved() {
		r.fail("id", "the ZeroTier address of a node, 10 hexadecimal digits")
	}
	if s := r.text("identity"); s != "" {
		if m.Identity, err = identity.Parse(s); err != nil {
			r.fail("identity", "the identity of a node")
		}
		if m.Identity = m.Identity.WithoutSecret(); m.Identity.Address != m.Address {
			r.fail("identity", "that of "+m.Address.String())
		}
	}
	m.Authorized = r.boolean("authorized", false)
	m.ActiveBridge, m.Anchor, m.Replicator = r.boolean("activeBridge", false), r.boolean("anchor", false), r.boolean("replicator", false)
	m.NoAutoAssign = r.boolean("noAutoAssignIps", false)
	m.Revision = r.number("revision", math.MaxUint64, 0)
	for _, raw := range r.list("ipAssignments", maxAddresses) {
		var s string
		if json.Unmarshal(raw, &s) != nil {
			r.fail("ipAssignments", "IP addresses")
		}
		a, ok := parseIP(s)
		if !ok {
			r.fail("ipAssignments", "IP addresses")
		}
		m.Addresses = append(m.Addresses, a)
	}
	for _, raw := range r.list("capabilities", vl2.MaxCapabilities) {
		var id uint32
		if json.Unmarshal(raw, &id) != nil {
			r.fail("capabilities", "numbers of capabilities")
		}
		m.Capabilities = append(m.Capabilities, id)
	}
	for _, raw := range r.list("tags", vl2.MaxTags) {
		var pair []uint32
		if json.Unmarshal(raw, &pair) != nil || len(pair) != 2 {
			r.fail("tags", "pairs of a tag's number and its value")
			break
		}
		m.Tags = append(m.Tags, controller.Tag{ID: pair[0], Value: pair[1]})
	}
	return m, r.err
}
