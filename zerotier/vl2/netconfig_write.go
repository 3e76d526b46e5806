package vl2

import (
	"net/netip"

	"github.com/ztstack/ztstack/zerotier/packet"
)

// AppendDict appends the configuration as a dictionary, with the keys and in the order that the reference's
// controller uses.
func (c *NetworkConfig) AppendDict(b []byte) []byte {
	d := packet.Dict(b)
	d.PutUint("v", formatVersion)
	d.PutUint("nwid", uint64(c.ID))
	d.PutUint("ts", uint64(c.Timestamp))
	d.PutUint("ctmd", uint64(c.MaxDelta))
	d.PutUint("r", c.Revision)
	d.PutAddress("id", c.IssuedTo)
	d.PutAddress("tt", c.TraceTarget)
	d.PutUint("tl", c.TraceLevel)
	d.PutUint("f", c.Flags)
	d.PutUint("ml", uint64(c.MulticastMax))
	public := uint64(0)
	if c.Public {
		public = 1
	}
	d.PutUint("t", public)
	d.PutText("n", c.Name)
	d.PutUint("mtu", uint64(c.MTU))
	if !c.COM.IsZero() {
		d.Put("C", c.COM.Append(nil))
	}
	putList(&d, "CAP", c.Capabilities, (*Capability).Append)
	putList(&d, "TAG", c.Tags, (*Tag).Append)
	putList(&d, "COO", c.Ownership, (*Ownership).Append)
	putList(&d, "S", c.Specialists, (*Specialist).append)
	putList(&d, "RT", c.Routes, (*Route).append)
	putList(&d, "I", c.Addresses, appendPrefix)
	if len(c.Rules) > 0 {
		d.Put("R", AppendRules(nil, c.Rules))
	}
	d.Put("DNS", c.DNS.append(nil))
	d.PutUint("ssov", c.SSOVersion)
	d.PutBool("ssoe", c.SSO)
	if c.AuthURL != "" {
		d.PutText("aurl", c.AuthURL)
		d.PutUint("aexpt", uint64(c.AuthExpiry))
	}
	return d
}

// putList puts a concatenation, unless it would be empty.
func putList[T any](d *packet.Dict, key string, list []T, appendTo func(*T, []byte) []byte) {
	var v []byte
	for i := range list {
		v = appendTo(&list[i], v)
	}
	if len(v) > 0 {
		d.Put(key, v)
	}
}

func (s *Specialist) append(b []byte) []byte { return append64(b, s.Flags|uint64(s.Address)) }

func (r *Route) append(b []byte) []byte {
	b = appendPrefix(&r.Target, b)
	b = packet.AppendInetAddress(b, netip.AddrPortFrom(r.Via, 0))
	return append16(append16(b, r.Flags), r.Metric)
}

func appendPrefix(p *netip.Prefix, b []byte) []byte {
	return packet.AppendInetAddress(b, netip.AddrPortFrom(p.Addr(), uint16(p.Bits())))
}

func (d *DNS) append(b []byte) []byte {
	var name [maxDomain]byte
	copy(name[:maxDomain-1], d.Domain)
	b = append(b, name[:]...)
	for i := range maxServers {
		var a netip.Addr
		if i < len(d.Servers) {
			a = d.Servers[i]
		}
		b = packet.AppendInetAddress(b, netip.AddrPortFrom(a, 0))
	}
	return b
}
