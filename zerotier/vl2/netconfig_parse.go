package vl2

import (
	"net/netip"

	"github.com/ztstack/ztstack/internal/be"
	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/packet"
)

// formatVersion is the configuration format we write, minFormatVersion the oldest we read.
const (
	formatVersion    = 7
	minFormatVersion = 6
)

// ParseNetworkConfig parses a configuration dictionary. It fails on one that names no network or member, is older than
// format version 6, or has a field that cannot be parsed. Signatures of credentials are not verified.
func ParseNetworkConfig(dict []byte) (*NetworkConfig, bool) {
	d := packet.Dict(dict)
	if d.Uint("v", 0) < minFormatVersion {
		return nil, false
	}
	c := &NetworkConfig{
		ID:           NetworkID(d.Uint("nwid", 0)),
		Timestamp:    int64(d.Uint("ts", 0)),
		MaxDelta:     int64(d.Uint("ctmd", 0)),
		Revision:     d.Uint("r", 0),
		IssuedTo:     dictAddress(d, "id"),
		TraceTarget:  dictAddress(d, "tt"),
		TraceLevel:   d.Uint("tl", 0),
		Flags:        d.Uint("f", 0),
		MulticastMax: int(min(d.Uint("ml", 0), 1<<16)),
		Public:       d.Uint("t", 0) == 1,
		Name:         d.Text("n"),
		MTU:          int(min(max(d.Uint("mtu", DefaultMTU), MinMTU), MaxMTU)),
		SSOVersion:   d.Uint("ssov", 0),
		SSO:          d.Bool("ssoe", false),
		AuthURL:      d.Text("aurl"),
		AuthExpiry:   int64(d.Uint("aexpt", 0)),
	}
	if c.ID == 0 || c.IssuedTo.IsReserved() || c.MaxDelta < 0 {
		return nil, false
	}
	c.Name = c.Name[:min(len(c.Name), maxName)]
	var buf []byte
	ok := parseCredentialKeys(d, c, &buf)
	ok = ok && parseList(d, "S", &buf, &c.Specialists, maxSpecialists, parseSpecialist)
	ok = ok && parseList(d, "RT", &buf, &c.Routes, maxRoutes, parseRoute)
	ok = ok && parseList(d, "I", &buf, &c.Addresses, maxAddresses, parsePrefix)
	if !ok {
		return nil, false
	}
	if v, has := d.Get(buf[:0], "R"); has {
		if c.Rules, ok = ParseRules(v, MaxRules); !ok {
			return nil, false
		}
	}
	if v, has := d.Get(buf[:0], "DNS"); has && !c.DNS.parse(v) {
		return nil, false
	}
	return c, true
}

// dictAddress returns an address, or zero when there is none or it is longer than 40 bits.
func dictAddress(d packet.Dict, key string) identity.Address {
	if v := d.Uint(key, 0); v>>40 == 0 {
		return identity.Address(v)
	}
	return 0
}

// parseCredentialKeys parses what the controller signed for this member.
func parseCredentialKeys(d packet.Dict, c *NetworkConfig, buf *[]byte) bool {
	if v, has := d.Get((*buf)[:0], "C"); has && len(v) > 0 {
		if c.COM.Parse(v) < 0 {
			return false
		}
	}
	return parseList(d, "CAP", buf, &c.Capabilities, MaxCapabilities, (*Capability).Parse) &&
		parseList(d, "TAG", buf, &c.Tags, MaxTags, (*Tag).Parse) &&
		parseList(d, "COO", buf, &c.Ownership, MaxOwnership, (*Ownership).Parse)
}

// parseList parses the value of key as a concatenation; what exceeds limit is left out.
func parseList[T any](d packet.Dict, key string, buf *[]byte, list *[]T, limit int, parse func(*T, []byte) int) bool {
	v, _ := d.Get((*buf)[:0], key)
	*buf = v
	for len(v) > 0 && len(*list) < limit {
		var t T
		n := parse(&t, v)
		if n <= 0 {
			return false
		}
		*list = append(*list, t)
		v = v[n:]
	}
	return true
}

func parseSpecialist(s *Specialist, b []byte) int {
	if len(b) < 8 {
		return -1
	}
	const addressMask = 1<<40 - 1
	v := be.Uint64(b)
	*s = Specialist{Address: identity.Address(v & addressMask), Flags: v &^ addressMask}
	return 8
}

func parseRoute(r *Route, b []byte) int {
	n := parsePrefix(&r.Target, b)
	if n < 0 || !r.Target.IsValid() {
		return -1
	}
	via, m := packet.ParseInetAddress(b[n:])
	if m < 0 || len(b) < n+m+4 {
		return -1
	}
	r.Via = via.Addr()
	r.Flags, r.Metric = be.Uint16(b[n+m:]), be.Uint16(b[n+m+2:])
	return n + m + 4
}

// parsePrefix parses an address whose port is a prefix length.
func parsePrefix(p *netip.Prefix, b []byte) int {
	a, n := packet.ParseInetAddress(b)
	if n < 0 || int(a.Port()) > a.Addr().BitLen() {
		return -1
	}
	*p = netip.PrefixFrom(a.Addr(), int(a.Port()))
	return n
}

func (d *DNS) parse(b []byte) bool {
	if len(b) == 0 {
		return true
	}
	if len(b) < maxDomain {
		return false
	}
	name := b[:maxDomain]
	for i, c := range name {
		if c == 0 {
			name = name[:i]
			break
		}
	}
	d.Domain = string(name)
	b = b[maxDomain:]
	for range maxServers {
		a, n := packet.ParseInetAddress(b)
		if n < 0 {
			return false
		}
		if a.Addr().IsValid() {
			d.Servers = append(d.Servers, a.Addr())
		}
		b = b[n:]
	}
	return true
}
