package icmp

import (
	"bytes"
	"slices"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"pgregory.net/rapid"

	"github.com/ztstack/ztstack/ethernet"
)

var (
	mac       = ethernet.Addr{2, 0, 0, 0, 0, 1}
	target    = addr6("2001:db8::9")
	solicited = addr6("ff02::1:ff00:9")
	router    = addr6("2001:db8::fe")
)

// An ndpCase is a message with its envelope. parse reads it into a value of its type.
type ndpCase struct {
	m Message
	e Envelope
}

func ns() ndpCase {
	p := NeighborSolicitation{Target: target, Options: NDPOptions{SourceLink: mac, HasSourceLink: true}}
	return ndpCase{p.Message(nil), Envelope{Src: us, Dst: solicited, HopLimit: 255}}
}

func dad() ndpCase {
	p := NeighborSolicitation{Target: target, Options: NDPOptions{Nonce: []byte{1, 2, 3, 4, 5, 6}}}
	return ndpCase{p.Message(nil), Envelope{Dst: solicited, HopLimit: 255}}
}

func na() ndpCase {
	p := NeighborAdvertisement{Solicited: true, Override: true, Target: target, Options: NDPOptions{TargetLink: mac, HasTargetLink: true}}
	return ndpCase{p.Message(nil), Envelope{Src: us, Dst: them, HopLimit: 255}}
}

func rs() ndpCase {
	p := RouterSolicitation{Options: NDPOptions{SourceLink: mac, HasSourceLink: true}}
	return ndpCase{p.Message(nil), Envelope{Src: us, Dst: addr6("ff02::2"), HopLimit: 255}}
}

func ra() ndpCase {
	p := RouterAdvertisement{
		HopLimit: 64, Other: true, Preference: 1, Lifetime: 1800, Reachable: 30000, Retrans: 1000,
		Options: NDPOptions{SourceLink: mac, HasSourceLink: true, HasMTU: true, MTU: 1400},
	}
	prefixes := []PrefixInfo{{Prefix: addr6("2001:db8::"), Bits: 64, OnLink: true, Auto: true, Valid: 86400, Preferred: 14400}}
	return ndpCase{p.Message(nil, prefixes), Envelope{Src: them, Dst: addr6("ff02::1"), HopLimit: 255}}
}

func redirect() ndpCase {
	p := Redirect{Target: us, Dst: router, Options: NDPOptions{TargetLink: mac, HasTargetLink: true, Redirected: make([]byte, 64)}}
	return ndpCase{p.Message(nil), Envelope{Src: them, Dst: us, HopLimit: 255}}
}

func (c *ndpCase) parse() bool {
	switch c.m.Type {
	case Type6NeighborSolicit:
		return new(NeighborSolicitation).Parse(&c.m, &c.e)
	case Type6NeighborAdvert:
		return new(NeighborAdvertisement).Parse(&c.m, &c.e)
	case Type6RouterSolicit:
		return new(RouterSolicitation).Parse(&c.m, &c.e)
	case Type6RouterAdvert:
		return new(RouterAdvertisement).Parse(&c.m, &c.e)
	case Type6Redirect:
		return new(Redirect).Parse(&c.m, &c.e)
	}
	return false
}

var ndpMessages = map[string]func() ndpCase{"NS": ns, "DAD": dad, "NA": na, "RS": rs, "RA": ra, "Redirect": redirect}

func TestNDPValid(t *testing.T) {
	for name, make := range ndpMessages {
		c := make()
		if !c.parse() {
			t.Errorf("%s: a valid message is refused", name)
		}
	}
}

// Every rule that all messages share, broken once in each of them.
func TestNDPCommonRules(t *testing.T) {
	for name, make := range ndpMessages {
		for rule, breakIt := range map[string]func(*ndpCase){
			"hop limit 254":          func(c *ndpCase) { c.e.HopLimit = 254 },
			"hop limit 0":            func(c *ndpCase) { c.e.HopLimit = 0 },
			"code 1":                 func(c *ndpCase) { c.m.Code = 1 },
			"fragment header":        func(c *ndpCase) { c.e.Fragmented = true },
			"option of length 0":     func(c *ndpCase) { c.m.Body = append(c.m.Body, 200, 0, 0, 0, 0, 0, 0, 0) },
			"option past the end":    func(c *ndpCase) { c.m.Body = append(c.m.Body, 200, 2, 0, 0, 0, 0, 0, 0) },
			"half an option":         func(c *ndpCase) { c.m.Body = append(c.m.Body, 200, 1, 0, 0) },
			"one byte":               func(c *ndpCase) { c.m.Body = append(c.m.Body, 200) },
			"long link address":      func(c *ndpCase) { c.m.Body = append(append(c.m.Body, 2, 2), bytes.Repeat([]byte{2}, 14)...) },
			"group link address":     func(c *ndpCase) { c.m.Body = append(c.m.Body, 2, 1, 0x33, 0x33, 0, 0, 0, 1) },
			"broadcast link address": func(c *ndpCase) { c.m.Body = append(c.m.Body, 1, 1, 255, 255, 255, 255, 255, 255) },
		} {
			c := make()
			breakIt(&c)
			if c.parse() {
				t.Errorf("%s with %s is taken", name, rule)
			}
		}
		// Unknown options are passed over.
		c := make()
		c.m.Body = append(c.m.Body, 200, 1, 0, 0, 0, 0, 0, 0)
		if !c.parse() {
			t.Errorf("%s with an unknown option is refused", name)
		}
		// What is cut short lacks part of an option, or has fewer of them.
		c = make()
		least := map[string]int{"NS": 16, "DAD": 16, "NA": 16, "RS": 0, "RA": 8, "Redirect": 32}[name]
		optionEnds := map[int]bool{least: true}
		for rest := c.m.Body[least:]; ; {
			_, _, next, ok := NextOption(rest)
			if !ok {
				break
			}
			rest = next
			optionEnds[len(c.m.Body)-len(rest)] = true
		}
		for i := range c.m.Body {
			short := c
			short.m.Body = c.m.Body[:i]
			if got := short.parse(); got != optionEnds[i] {
				t.Errorf("%s cut to %d bytes: taken %v", name, i, got)
			}
		}
	}
}

func TestNDPRules(t *testing.T) {
	for _, test := range []struct {
		name   string
		make   func() ndpCase
		defect func(*ndpCase)
	}{
		{"NS for a group", ns, func(c *ndpCase) { c.m.Body[0] = 0xff }},
		{"NS for nobody", ns, func(c *ndpCase) { clear(c.m.Body[:16]) }},
		{"NS from nobody with a source link address", ns, func(c *ndpCase) { c.e.Src = [16]byte{} }},
		{"NS from nobody to a unicast address", dad, func(c *ndpCase) { c.e.Dst = target }},
		{"NS from nobody to all nodes", dad, func(c *ndpCase) { c.e.Dst = addr6("ff02::1") }},
		{"NS of another type", ns, func(c *ndpCase) { c.m.Type = Type6NeighborAdvert; c.m.Body[0] = 0xff }},
		{"NA for a group", na, func(c *ndpCase) { c.m.Body[0] = 0xff }},
		{"solicited NA to a group", na, func(c *ndpCase) { c.e.Dst = addr6("ff02::1") }},
		{"RS from nobody with a source link address", rs, func(c *ndpCase) { c.e.Src = [16]byte{} }},
		{"RA from a global address", ra, func(c *ndpCase) { c.e.Src = router }},
		{"RA from nobody", ra, func(c *ndpCase) { c.e.Src = [16]byte{} }},
		{"Redirect from a global address", redirect, func(c *ndpCase) { c.e.Src = router }},
		{"Redirect for a group", redirect, func(c *ndpCase) { c.m.Body[16] = 0xff }},
		{"Redirect to a third party", redirect, func(c *ndpCase) { copy(c.m.Body, target[:]) }},
	} {
		c := test.make()
		if !c.parse() {
			t.Fatalf("%s: refused before anything was wrong", test.name)
		}
		test.defect(&c)
		if c.parse() {
			t.Errorf("%s is taken", test.name)
		}
	}
	// These are the exceptions.
	c := redirect()
	copy(c.m.Body[:16], router[:]) // on-link: target and destination are the same
	if !c.parse() {
		t.Error("a Redirect that says that the destination is on the link is refused")
	}
	c = na()
	c.m.Rest, c.e.Dst = 0, addr6("ff02::1")
	if !c.parse() {
		t.Error("an unsolicited NA to a group is refused")
	}
	c = rs()
	c.e.Src, c.m.Body = [16]byte{}, nil
	if !c.parse() {
		t.Error("an RS from nobody is refused")
	}
}

func TestRouterAdvertisementFields(t *testing.T) {
	c := ra()
	var p RouterAdvertisement
	if !p.Parse(&c.m, &c.e) {
		t.Fatal("refused")
	}
	if p.HopLimit != 64 || p.Managed || !p.Other || p.Preference != 1 || p.Lifetime != 1800 || p.Reachable != 30000 || p.Retrans != 1000 {
		t.Errorf("%+v", p)
	}
	if o := p.Options; !o.HasMTU || o.MTU != 1400 || !o.HasSourceLink || o.SourceLink != mac || o.HasTargetLink {
		t.Errorf("%+v", o)
	}
	prefix, rest, ok := NextPrefix(p.Options.Raw)
	want := PrefixInfo{Prefix: addr6("2001:db8::"), Bits: 64, OnLink: true, Auto: true, Valid: 86400, Preferred: 14400}
	if !ok || prefix != want {
		t.Errorf("NextPrefix = %+v, %v, want %+v", prefix, ok, want)
	}
	if _, _, ok := NextPrefix(rest); ok {
		t.Error("a second prefix")
	}
	for bits, want := range map[uint32]int8{0: 0, 1: 1, 2: 0, 3: -1} {
		c.m.Rest = c.m.Rest&^(3<<preferenceShift) | bits<<preferenceShift
		if p.Parse(&c.m, &c.e); p.Preference != want {
			t.Errorf("preference %02b is %d, want %d", bits, p.Preference, want)
		}
	}
	if m := (&RouterAdvertisement{Preference: -1}).Message(nil, nil); m.Rest != 3<<preferenceShift {
		t.Errorf("low preference is %#x", m.Rest)
	}
}

func TestMalformedPrefixes(t *testing.T) {
	good := PrefixInfo{Prefix: addr6("2001:db8::"), Bits: 64}
	bad := PrefixInfo{Prefix: addr6("2001:db8::"), Bits: 129}
	raw := append(bad.append(nil), OptPrefix, 1, 64, 0xc0, 0, 0, 0, 0) // too long, and too short an option
	raw = good.append(raw)
	p, rest, ok := NextPrefix(raw)
	if !ok || p != good || len(rest) != 0 {
		t.Errorf("NextPrefix = %+v, %v", p, ok)
	}
	for i := range 32 {
		if p, _, ok := NextPrefix(good.append(nil)[:i]); ok {
			t.Errorf("NextPrefix of %d bytes = %+v", i, p)
		}
	}
}

// A Redirect quotes as much as the minimum MTU allows, padded to a multiple of 8 bytes.
func TestRedirectQuote(t *testing.T) {
	for _, n := range []int{1, 40, 64, 2000} {
		p := Redirect{Target: us, Dst: router, Options: NDPOptions{HasTargetLink: true, TargetLink: mac, Redirected: bytes.Repeat([]byte{7}, n)}}
		m := p.Message(nil)
		if m.Len() > 1240 || m.Len()%8 != 0 {
			t.Errorf("message of %d bytes", m.Len())
		}
		var got Redirect
		if !got.Parse(&m, &Envelope{Src: them, Dst: us, HopLimit: 255}) {
			t.Fatal("refused")
		}
		if want := bytes.Repeat([]byte{7}, min(n, 1184)); !bytes.HasPrefix(got.Options.Redirected, want) || len(got.Options.Redirected)-len(want) >= 8 {
			t.Errorf("%d of %d bytes are quoted", len(got.Options.Redirected), n)
		}
		if got.Target != us || got.Dst != router || got.Options.TargetLink != mac {
			t.Errorf("%+v", got)
		}
	}
}

func drawOptions(t *rapid.T) (o NDPOptions, theirs layers.ICMPv6Options) {
	if rapid.Bool().Draw(t, "source") {
		o.HasSourceLink, o.SourceLink = true, mac
		theirs = append(theirs, layers.ICMPv6Option{Type: layers.ICMPv6OptSourceAddress, Data: mac[:]})
	}
	if rapid.Bool().Draw(t, "target") {
		o.HasTargetLink, o.TargetLink = true, mac
		theirs = append(theirs, layers.ICMPv6Option{Type: layers.ICMPv6OptTargetAddress, Data: mac[:]})
	}
	if rapid.Bool().Draw(t, "mtu") {
		o.HasMTU, o.MTU = true, rapid.Uint32().Draw(t, "mtu value")
		theirs = append(theirs, layers.ICMPv6Option{Type: layers.ICMPv6OptMTU, Data: appendUint32([]byte{0, 0}, o.MTU)})
	}
	if rapid.Bool().Draw(t, "nonce") {
		o.Nonce = rapid.SliceOfN(rapid.Byte(), 6, 6).Draw(t, "nonce value")
		theirs = append(theirs, layers.ICMPv6Option{Type: layers.ICMPv6Opt(OptNonce), Data: o.Nonce})
	}
	slices.Reverse(theirs) // gopacket writes options from the last to the first
	return o, theirs
}

func sameOptions(a, b NDPOptions) bool {
	return a.HasSourceLink == b.HasSourceLink && a.SourceLink == b.SourceLink && a.HasTargetLink == b.HasTargetLink && a.TargetLink == b.TargetLink &&
		a.HasMTU == b.HasMTU && a.MTU == b.MTU && bytes.Equal(a.Nonce, b.Nonce) && bytes.Equal(a.Redirected, b.Redirected)
}

// TestNDPGopacket compares solicitations and advertisements with an independent codec in both directions.
func TestNDPGopacket(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o, options := drawOptions(t)
		e := Envelope{Src: us, Dst: them, HopLimit: 255}
		var ours Message
		var theirs gopacket.SerializableLayer
		var typ uint8
		var parse func(m *Message) bool
		switch rapid.IntRange(0, 3).Draw(t, "message") {
		case 0:
			p := NeighborSolicitation{Target: target, Options: o}
			ours, typ = p.Message(nil), Type6NeighborSolicit
			theirs = &layers.ICMPv6NeighborSolicitation{TargetAddress: target[:], Options: options}
			parse = func(m *Message) bool {
				var got NeighborSolicitation
				return got.Parse(m, &e) && got.Target == target && sameOptions(got.Options, o)
			}
		case 1:
			flags := rapid.Byte().Draw(t, "flags") & 7
			p := NeighborAdvertisement{Router: flags&4 != 0, Solicited: flags&2 != 0, Override: flags&1 != 0, Target: target, Options: o}
			ours, typ = p.Message(nil), Type6NeighborAdvert
			theirs = &layers.ICMPv6NeighborAdvertisement{Flags: flags << 5, TargetAddress: target[:], Options: options}
			parse = func(m *Message) bool {
				var got NeighborAdvertisement
				return got.Parse(m, &e) && got.Target == target && got.Router == p.Router && got.Solicited == p.Solicited &&
					got.Override == p.Override && sameOptions(got.Options, o)
			}
		case 2:
			p := RouterSolicitation{Options: o}
			ours, typ = p.Message(nil), Type6RouterSolicit
			theirs = &layers.ICMPv6RouterSolicitation{Options: options}
			parse = func(m *Message) bool {
				var got RouterSolicitation
				return got.Parse(m, &e) && sameOptions(got.Options, o)
			}
		case 3:
			p := RouterAdvertisement{
				HopLimit: rapid.Byte().Draw(t, "hop limit"), Managed: rapid.Bool().Draw(t, "managed"), Lifetime: rapid.Uint16().Draw(t, "lifetime"),
				Reachable: rapid.Uint32().Draw(t, "reachable"), Retrans: rapid.Uint32().Draw(t, "retrans"), Options: o,
			}
			ours, typ = p.Message(nil, nil), Type6RouterAdvert
			flags := uint8(0)
			if p.Managed {
				flags = 0x80
			}
			theirs = &layers.ICMPv6RouterAdvertisement{
				HopLimit: p.HopLimit, Flags: flags, RouterLifetime: p.Lifetime, ReachableTime: p.Reachable, RetransTimer: p.Retrans, Options: options,
			}
			parse = func(m *Message) bool {
				var got RouterAdvertisement
				ok := got.Parse(m, &e) && sameOptions(got.Options, o)
				got.Options = p.Options
				return ok && got.HopLimit == p.HopLimit && got.Managed == p.Managed && got.Lifetime == p.Lifetime && got.Reachable == p.Reachable && got.Retrans == p.Retrans
			}
		}
		ip := layers.IPv6{Version: 6, NextHeader: layers.IPProtocolICMPv6, SrcIP: us[:], DstIP: them[:]}
		header := layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(typ, 0)}
		if err := header.SetNetworkLayerForChecksum(&ip); err != nil {
			t.Fatal(err)
		}
		buf := gopacket.NewSerializeBuffer()
		if err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{ComputeChecksums: true, FixLengths: true}, &header, theirs); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, ours.Len())
		ours.Put6(b, us, them)
		if !bytes.Equal(b, buf.Bytes()) {
			t.Fatalf("we write %x, gopacket %x", b, buf.Bytes())
		}
		var m Message
		if m.Parse6(buf.Bytes(), us, them) < 0 || !parse(&m) {
			t.Fatalf("gopacket's message %x is not understood", buf.Bytes())
		}
	})
}

func FuzzNDP(f *testing.F) {
	for _, make := range ndpMessages {
		c := make()
		f.Add(c.m.Type, c.m.Rest, c.m.Body)
	}
	f.Fuzz(func(t *testing.T, typ uint8, rest uint32, body []byte) {
		c := ndpCase{Message{Type: typ, Rest: rest, Body: body}, Envelope{Src: us, Dst: them, HopLimit: 255}}
		c.parse()
		// Whatever options are taken come to an end.
		var o NDPOptions
		if o.parse(body) {
			n := 0
			for raw := o.Raw; len(raw) > 0; n++ {
				_, _, next, ok := NextOption(raw)
				if !ok || n > len(body)/8 {
					t.Fatalf("options %x do not end", body)
				}
				raw = next
			}
		}
		for raw, n := body, 0; ; n++ {
			p, next, ok := NextPrefix(raw)
			if !ok {
				break
			}
			if p.Bits > 128 || n > len(body)/32 {
				t.Fatalf("prefix %+v", p)
			}
			raw = next
		}
	})
}
