package store

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/netip"
	"slices"
	"time"

	"github.com/ztstack/ztstack/zerotier/controller"
	"github.com/ztstack/ztstack/zerotier/rules"
	"github.com/ztstack/ztstack/zerotier/vl2"
)

// networkFields are the fields of a network's record that controller.Network determines.
var networkFields = map[string]bool{
	"authTokens": true, "capabilities": true, "certificateTimeoutWindowSize": true, "dns": true, "enableBroadcast": true, "id": true,
	"ipAssignmentPools": true, "mtu": true, "multicastLimit": true, "name": true, "nwid": true, "objtype": true, "private": true, "remoteTraceLevel": true,
	"remoteTraceTarget": true, "revision": true, "routes": true, "rules": true, "tags": true, "v4AssignMode": true, "v6AssignMode": true,
}

// networkDefaults are fields that stock controllers give to new networks and that have no meaning here.
var networkDefaults = map[string]string{
	"authorizationEndpoint": `""`, "clientId": `""`, "rulesSource": `""`, "ssoEnabled": "false",
}

// Limits on what is read. Those of PROTOCOL 28 are on what members get.
const (
	maxRoutes        = 128
	maxPools         = 1024
	maxTokens        = 1024
	maxServers       = 4
	defaultMulticast = 32
)

type capabilityJSON struct {
	Default bool            `json:"default"`
	ID      uint32          `json:"id"`
	Rules   json.RawMessage `json:"rules"`
}

type tagJSON struct {
	Default *uint32 `json:"default"`
	ID      uint32  `json:"id"`
}

type poolJSON struct {
	End   netip.Addr `json:"ipRangeEnd"`
	Start netip.Addr `json:"ipRangeStart"`
}

type routeJSON struct {
	Flags  uint16       `json:"flags,omitempty"`
	Metric uint16       `json:"metric,omitempty"`
	Target netip.Prefix `json:"target"`
	Via    *netip.Addr  `json:"via"`
}

type dnsJSON struct {
	Domain  string       `json:"domain"`
	Servers []netip.Addr `json:"servers"`
}

// AppendNetwork appends the record of a network as stock controllers have it (PROTOCOL 25).
func AppendNetwork(b []byte, n *controller.Network) []byte {
	o := networkObject(n)
	o.defaults(networkDefaults)
	return o.append(b)
}

// mergeNetwork returns the record of a network that was old, or nil, before.
func mergeNetwork(old object, n *controller.Network, now time.Time) object {
	if old == nil {
		old = object{"creationTime": milliseconds(now)}
	}
	var before object
	if was, err := networkFrom(old); err == nil {
		before = networkObject(&was)
	}
	old.merge(networkFields, before, networkObject(n))
	old.defaults(networkDefaults)
	return old
}

// networkObject returns the fields that n determines.
func networkObject(n *controller.Network) object {
	o := object{
		"id": encode(n.ID.String()), "nwid": encode(n.ID.String()), "objtype": encode("network"), "name": encode(n.Name), "private": encode(!n.Public),
		"enableBroadcast": encode(n.Broadcast), "mtu": encode(n.MTU), "multicastLimit": encode(n.MulticastMax), "revision": encode(n.Revision),
		"v4AssignMode":     encode(map[string]bool{"zt": n.AssignV4}),
		"v6AssignMode":     encode(map[string]bool{"zt": n.AssignV6, "rfc4193": n.AssignRFC4193, "6plane": n.AssignSixPlane}),
		"remoteTraceLevel": encode(n.TraceLevel), "remoteTraceTarget": encode(nil),
		"dns": encode([]int{}), "rules": rules.AppendJSON(nil, n.Rules), "authTokens": encode([]any{nil}),
	}
	if n.MTU == 0 {
		o["mtu"] = encode(vl2.DefaultMTU)
	}
	if n.MaxDelta != 0 {
		o["certificateTimeoutWindowSize"] = encode(n.MaxDelta)
	}
	if n.TraceTarget != 0 {
		o["remoteTraceTarget"] = encode(n.TraceTarget.String())
	}
	if len(n.Rules) == 0 {
		o["rules"] = rules.AppendJSON(nil, []vl2.Rule{vl2.NewRule(vl2.ActionAccept)})
	}
	if len(n.Tokens) > 0 {
		tokens := make(map[string]int)
		for _, t := range n.Tokens {
			tokens[t] = 0 // it does not expire
		}
		o["authTokens"] = encode(tokens)
	}
	if n.DNS.Domain != "" || len(n.DNS.Servers) > 0 {
		o["dns"] = encode(dnsJSON{n.DNS.Domain, append([]netip.Addr{}, n.DNS.Servers...)})
	}
	pools, routes := []poolJSON{}, []routeJSON{}
	for _, p := range n.Pools {
		pools = append(pools, poolJSON{Start: p.First, End: p.Last})
	}
	for _, r := range n.Routes {
		j := routeJSON{Flags: r.Flags, Metric: r.Metric, Target: r.Target}
		if r.Via.IsValid() {
			j.Via = &r.Via
		}
		routes = append(routes, j)
	}
	capabilities, tags := []capabilityJSON{}, []tagJSON{}
	for i := range n.Capabilities {
		c := &n.Capabilities[i]
		capabilities = append(capabilities, capabilityJSON{c.Default, c.ID, rules.AppendJSON(nil, c.Rules)})
	}
	for i := range n.Tags {
		tags = append(tags, tagJSON{&n.Tags[i].Value, n.Tags[i].ID})
	}
	o["ipAssignmentPools"], o["routes"], o["capabilities"], o["tags"] = encode(pools), encode(routes), encode(capabilities), encode(tags)
	return o
}

// ParseNetwork parses the record of a network. What is not there is what stock controllers give to new networks.
func ParseNetwork(b []byte) (controller.Network, error) {
	o, err := parseObject(b)
	if err != nil {
		return controller.Network{}, fmt.Errorf("network: %w", err)
	}
	n, err := networkFrom(o)
	if err != nil {
		return controller.Network{}, fmt.Errorf("network %s: %w", o["id"], err)
	}
	return n, nil
}

func networkFrom(o object) (n controller.Network, err error) {
	r := reader{o: o}
	if n.ID, err = vl2.ParseNetworkID(r.text("id")); err != nil {
		r.fail("id", "16 hexadecimal digits")
	}
	if r.boolean("ssoEnabled", false) {
		r.fail("ssoEnabled", "false: there is no single sign-on here, and without it members would be admitted unasked")
	}
	n.Name = r.text("name")
	n.Public = !r.boolean("private", true)
	n.Broadcast = r.boolean("enableBroadcast", true)
	n.MTU = min(max(int(r.number("mtu", math.MaxInt32, vl2.DefaultMTU)), vl2.MinMTU), vl2.MaxMTU)
	n.MulticastMax = int(r.number("multicastLimit", math.MaxInt32, defaultMulticast))
	n.MaxDelta = int64(r.number("certificateTimeoutWindowSize", math.MaxInt64, 0))
	n.Revision = r.number("revision", math.MaxUint64, 0)
	n.TraceTarget, n.TraceLevel = r.address("remoteTraceTarget"), r.number("remoteTraceLevel", math.MaxUint64, 0)
	v4, v6 := reader{o: r.object("v4AssignMode")}, reader{o: r.object("v6AssignMode")}
	// The API also takes the name of the mode instead of an object.
	n.AssignV4 = v4.boolean("zt", v4.o == nil && r.plain("v4AssignMode") == "zt")
	n.AssignV6, n.AssignRFC4193, n.AssignSixPlane = v6.boolean("zt", false), v6.boolean("rfc4193", false), v6.boolean("6plane", false)
	r.pools(&n)
	r.routes(&n)
	r.rules(&n)
	r.capabilities(&n)
	r.tags(&n)
	r.tokens(&n)
	r.dns(&n)
	for _, sub := range [...]*reader{&v4, &v6} {
		if r.err == nil {
			r.err = sub.err
		}
	}
	return n, r.err
}

// within reads an element of a list.
func (r *reader) within(name string, raw json.RawMessage, fn func(e *reader)) {
	var e reader
	if e.o, e.err = parseObject(raw); e.err == nil {
		fn(&e)
	}
	if e.err != nil && r.err == nil {
		r.err = fmt.Errorf("%s: %w", name, e.err)
	}
}

func (r *reader) pools(n *controller.Network) {
	for _, raw := range r.list("ipAssignmentPools", maxPools) {
		r.within("ipAssignmentPools", raw, func(e *reader) {
			n.Pools = append(n.Pools, controller.Pool{First: e.ip("ipRangeStart"), Last: e.ip("ipRangeEnd")})
		})
	}
}

func (r *reader) routes(n *controller.Network) {
	for _, raw := range r.list("routes", maxRoutes) {
		r.within("routes", raw, func(e *reader) {
			var route vl2.Route
			var err error
			if route.Target, err = netip.ParsePrefix(e.text("target")); err != nil {
				e.fail("target", "a prefix such as 10.1.0.0/16")
			}
			if e.text("via") != "" {
				route.Via = e.ip("via")
			}
			route.Flags, route.Metric = uint16(e.number("flags", math.MaxUint16, 0)), uint16(e.number("metric", math.MaxUint16, 0))
			n.Routes = append(n.Routes, route)
		})
	}
}

func (r *reader) rules(n *controller.Network) {
	if !r.has("rules") || r.err != nil {
		return
	}
	if n.Rules, r.err = rules.ParseJSON(r.o["rules"], vl2.MaxRules); r.err == nil && len(n.Rules) == 0 {
		n.Rules = []vl2.Rule{vl2.NewRule(vl2.ActionDrop)}
	}
}

func (r *reader) capabilities(n *controller.Network) {
	for _, raw := range r.list("capabilities", vl2.MaxCapabilities) {
		r.within("capabilities", raw, func(e *reader) {
			c := controller.Capability{ID: uint32(e.number("id", math.MaxUint32, 0)), Default: e.boolean("default", false)}
			if e.has("rules") && e.err == nil {
				c.Rules, e.err = rules.ParseJSON(e.o["rules"], vl2.MaxCapabilityRules)
			}
			n.Capabilities = append(n.Capabilities, c)
		})
	}
}

func (r *reader) tags(n *controller.Network) {
	for _, raw := range r.list("tags", vl2.MaxTags) {
		r.within("tags", raw, func(e *reader) {
			t := controller.Tag{ID: uint32(e.number("id", math.MaxUint32, 0)), Value: uint32(e.number("default", math.MaxUint32, 0))}
			if e.has("default") {
				n.Tags = append(n.Tags, t)
			}
		})
	}
}

// tokens reads an object that has the time when each token expires, 0 for never. Those that expire are left out.
func (r *reader) tokens(n *controller.Network) {
	o := r.object("authTokens")
	if len(o) > maxTokens {
		r.fail("authTokens", "at most 1024 tokens")
		return
	}
	for _, token := range slices.Sorted(maps.Keys(o)) {
		if string(o[token]) == "0" && token != "" {
			n.Tokens = append(n.Tokens, token)
		}
	}
}

func (r *reader) dns(n *controller.Network) {
	raw := r.o["dns"]
	if list := r.list("dns", 1); len(list) == 1 {
		raw = list[0]
	}
	if len(raw) == 0 || raw[0] != '{' {
		return
	}
	r.within("dns", raw, func(e *reader) {
		n.DNS.Domain = e.text("domain")
		for _, raw := range e.list("servers", maxServers) {
			var s string
			a, ok := netip.Addr{}, json.Unmarshal(raw, &s) == nil
			if ok {
				a, ok = parseIP(s)
			}
			if !ok {
				e.fail("servers", "IP addresses")
				return
			}
			n.DNS.Servers = append(n.DNS.Servers, a)
		}
	})
}
