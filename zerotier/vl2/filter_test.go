package vl2

import (
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"github.com/ztstack/ztstack/ethernet"
	"github.com/ztstack/ztstack/internal/be"
	"github.com/ztstack/ztstack/zerotier/identity"
)

// The members of the filter tests, and the network.
const (
	us    = identity.Address(0x0100000001)
	them  = identity.Address(0x0200000002)
	third = identity.Address(0x0300000003)
	netID = NetworkID(0x0900000009000001)
)

// Builders of rules that read like the rules language.
func not(r Rule) Rule { r.Not = true; return r }
func or(r Rule) Rule  { r.Or = true; return r }

func etherType(v uint16) Rule { return NewRule(MatchEtherType, byte(v>>8), byte(v)) }
func proto(p byte) Rule       { return NewRule(MatchIPProtocol, p) }
func ports(t RuleType, lo, hi uint16) Rule {
	return NewRule(t, byte(lo>>8), byte(lo), byte(hi>>8), byte(hi))
}
func tagRule(t RuleType, id, value uint32) Rule {
	return NewRule(t, append32(append32(nil, id), value)...)
}
func forwardRule(t RuleType, to identity.Address, length uint16) Rule {
	return NewRule(t, append16(append32(append64(nil, uint64(to)), 0), length)...)
}
func characteristics(v uint64) Rule { return NewRule(MatchCharacteristics, append64(nil, v)...) }
func addresses(t RuleType, prefix string) Rule {
	p := netip.MustParsePrefix(prefix)
	return NewRule(t, append(p.Addr().AsSlice(), byte(p.Bits()))...)
}

var (
	accept = NewRule(ActionAccept)
	drop   = NewRule(ActionDrop)
	stop   = NewRule(ActionBreak)
)

// tcp4 is an IPv4 packet with a TCP header from port 1000 to port 53, with SYN and ACK.
func tcp4() []byte {
	p := make([]byte, 40)
	copy(p, []byte{0x45, 0x08, 0, 40, 0, 0, 0, 0, 64, protoTCP, 0, 0, 10, 1, 2, 3, 10, 1, 3, 4})
	be.PutUint16(p[20:], 1000)
	be.PutUint16(p[22:], 53)
	p[32], p[33] = 0x50, 0x12
	return p
}

// udp6 is an IPv6 packet with a hop-by-hop and a destination header before UDP, from port 7 to port 4000.
func udp6() []byte {
	p := make([]byte, 40+8+8+8)
	copy(p, []byte{0x60, 0x80, 0, 0, 0, 24, 0, 64})
	src, dst := netip.MustParseAddr("fd00::1").As16(), netip.MustParseAddr("fd00:0:0:1::2").As16()
	copy(p[8:], src[:])
	copy(p[24:], dst[:])
	p[40], p[48] = 60, protoUDP
	be.PutUint16(p[56:], 7)
	be.PutUint16(p[58:], 4000)
	return p
}

func icmp4() []byte {
	p := tcp4()
	p[9] = protoICMP
	p[20], p[21] = 8, 0
	return p
}

// view is a scene of a frame from them to us, or the other way.
func view(inbound bool, ether uint16, frame []byte) *scene {
	s := &scene{cfg: &NetworkConfig{ID: netID}, theirs: &noCredentials, self: us, inbound: inbound, etherType: ether, frame: frame, random: rand.New(rand.NewPCG(1, 1))}
	s.src, s.dst = us, them
	if inbound {
		s.src, s.dst = them, us
	}
	s.srcMAC, s.dstMAC = MAC(s.src, netID), MAC(s.dst, netID)
	return s
}

func TestMatches(t *testing.T) {
	v4, v6, icmp := func() *scene { return view(true, etherIPv4, tcp4()) }, func() *scene { return view(true, etherIPv6, udp6()) }, func() *scene { return view(true, etherIPv4, icmp4()) }
	usMAC, themMAC := MAC(us, netID), MAC(them, netID)
	for _, tt := range []struct {
		name string
		s    *scene
		r    Rule
		want match
	}{
		{"source", v4(), NewRule(MatchSourceZT, them.Append(nil)...), matched},
		{"source", v4(), NewRule(MatchSourceZT, us.Append(nil)...), unmatched},
		{"destination", v4(), NewRule(MatchDestZT, us.Append(nil)...), matched},
		{"VLAN 0", v4(), NewRule(MatchVLANID, 0, 0), matched},
		{"VLAN 5", v4(), NewRule(MatchVLANID, 0, 5), unmatched},
		{"PCP 0", v4(), NewRule(MatchVLANPCP, 0), matched},
		{"DEI 1", v4(), NewRule(MatchVLANDEI, 1), unmatched},
		{"source MAC", v4(), NewRule(MatchSourceMAC, themMAC[:]...), matched},
		{"destination MAC", v4(), NewRule(MatchDestMAC, usMAC[:]...), matched},
		{"ethertype", v4(), etherType(etherIPv4), matched},
		{"ethertype", v4(), etherType(etherIPv6), unmatched},
		{"IPv4 source", v4(), addresses(MatchSourceIPv4, "10.1.2.0/24"), matched},
		{"IPv4 source", v4(), addresses(MatchSourceIPv4, "10.1.3.0/24"), unmatched},
		{"IPv4 source, odd length", v4(), addresses(MatchSourceIPv4, "10.1.0.0/22"), matched},
		{"IPv4 destination", v4(), addresses(MatchDestIPv4, "10.1.3.4/32"), matched},
		{"IPv4 on IPv6", v6(), addresses(MatchDestIPv4, "0.0.0.0/0"), hardNo},
		{"IPv6 source", v6(), addresses(MatchSourceIPv6, "fd00::/64"), matched},
		{"IPv6 destination", v6(), addresses(MatchDestIPv6, "fd00::/64"), unmatched},
		{"IPv6 destination", v6(), addresses(MatchDestIPv6, "fd00::/63"), matched},
		{"IPv6 on IPv4", v4(), addresses(MatchDestIPv6, "::/0"), hardNo},
		{"short", view(true, etherIPv4, tcp4()[:19]), addresses(MatchSourceIPv4, "0.0.0.0/0"), hardNo},
		{"TOS", v4(), NewRule(MatchTOS, 0xfc, 8, 16), matched},
		{"TOS below", v4(), NewRule(MatchTOS, 0xfc, 9, 16), unmatched},
		{"traffic class", v6(), NewRule(MatchTOS, 0xff, 8, 8), matched},
		{"TOS of ARP", view(true, etherARP, make([]byte, 28)), NewRule(MatchTOS, 0, 0, 0), hardNo},
		{"protocol", v4(), proto(protoTCP), matched},
		{"protocol behind extensions", v6(), proto(protoUDP), matched},
		{"protocol behind extensions", v6(), proto(0), unmatched},
		{"protocol of ARP", view(true, etherARP, make([]byte, 28)), proto(0), hardNo},
		{"ICMP type", icmp(), NewRule(MatchICMP, 8, 9, 0), matched},
		{"ICMP code", icmp(), NewRule(MatchICMP, 8, 9, 1), unmatched},
		{"ICMP code", icmp(), NewRule(MatchICMP, 8, 0, 1), matched},
		{"ICMP of TCP", v4(), NewRule(MatchICMP, 8, 0, 0), hardNo},
		{"source port", v4(), ports(MatchSourcePort, 1000, 1000), matched},
		{"source port", v4(), ports(MatchSourcePort, 1001, 2000), unmatched},
		{"destination port", v4(), ports(MatchDestPort, 50, 53), matched},
		{"destination port, IPv6", v6(), ports(MatchDestPort, 4000, 4000), matched},
		{"port of ICMP", icmp(), ports(MatchDestPort, 0, 65535), unmatched},
		{"port of ARP", view(true, etherARP, make([]byte, 28)), ports(MatchDestPort, 0, 65535), hardNo},
		{"frame size", v4(), ports(MatchFrameSize, 40, 40), matched},
		{"frame size", v4(), ports(MatchFrameSize, 41, 1500), unmatched},
		{"always", v4(), NewRule(MatchRandom, 255, 255, 255, 255), matched},
		{"hardly ever", v4(), NewRule(MatchRandom, 0, 0, 0, 0), unmatched},
		{"inbound", v4(), characteristics(charInbound), matched},
		{"inbound", view(false, etherIPv4, tcp4()), characteristics(charInbound), unmatched},
		{"SYN", v4(), characteristics(2), matched},
		{"RST", v4(), characteristics(4), unmatched},
		{"multicast", v4(), characteristics(charMulticast | charBroadcast), unmatched},
		{"big-endian byte", v4(), integer(protoTCP, protoTCP, 9-7, 7), matched},
		{"big-endian 16 bits", v4(), integer(1000, 1001, 20-6, 15), matched},
		{"little-endian 16 bits", v4(), integer(0xe803, 0xe803, 20, 0x80|15), matched},
		{"big-endian, lower 4 bits", v4(), integer(5, 5, 0, 3), unmatched},
		{"beyond the frame", v4(), integer(0, 0, 40, 7), matched},
		{"unknown", v4(), Rule{Type: 60}, unmatched},
	} {
		if got := tt.s.match(&tt.r); got != tt.want {
			t.Errorf("%s (%s): %d, want %d", tt.name, tt.r.Type, got, tt.want)
		}
	}
	lenient := v4()
	lenient.cfg.Flags = FlagUnsupportedOK
	if got := lenient.match(&Rule{Type: 60}); got != matched {
		t.Errorf("unknown type with the flag: %d", got)
	}
}

func integer(from, to uint64, offset uint16, format byte) Rule {
	return NewRule(MatchIntegerRange, append(append16(append64(append64(nil, from), to), offset), format)...)
}

func TestSenderAuthenticated(t *testing.T) {
	c := &NetworkConfig{ID: netID, Flags: FlagNDPEmulation}
	owned := &credentials{ownership: []Ownership{{Things: []Thing{ThingOf(netip.MustParseAddr("10.1.2.3")), ThingOfMAC(MAC(them, netID))}}}}
	six := udp6()
	addr := SixPlane(netID, them).Addr().As16()
	copy(six[8:], addr[:])
	arp := make([]byte, 28)
	copy(arp[14:], []byte{10, 1, 2, 3})
	solicitation := make([]byte, 64)
	solicitation[0], solicitation[6], solicitation[40] = 0x60, protoICMPv6, ndpSolicitation
	for _, tt := range []struct {
		name   string
		ether  uint16
		frame  []byte
		theirs *credentials
		mask   uint64
		want   bool
	}{
		{"owned", etherIPv4, tcp4(), owned, charSenderIP, true},
		{"not owned", etherIPv4, tcp4(), &noCredentials, charSenderIP, false},
		{"owned MAC", etherIPv4, tcp4(), owned, charSenderMAC, true},
		{"ARP", etherARP, arp, owned, charSenderIP, true},
		{"made from the address", etherIPv6, six, &noCredentials, charSenderIP, true},
		{"foreign IPv6", etherIPv6, udp6(), owned, charSenderIP, false},
		{"solicitation", etherIPv6, solicitation, &noCredentials, charSenderIP, true},
		{"other", 0x1234, tcp4(), owned, charSenderIP, false},
	} {
		s := view(true, tt.ether, tt.frame)
		s.cfg, s.theirs = c, tt.theirs
		r := characteristics(tt.mask)
		if got := s.match(&r) == matched; got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}

func TestTags(t *testing.T) {
	ours, theirs := []Tag{{ID: 1, Value: 6}}, &credentials{tags: []Tag{{ID: 1, Value: 3}, {ID: 2, Value: 9}}}
	for _, tt := range []struct {
		r       Rule
		inbound bool
		theirs  *credentials
		want    match
	}{
		{tagRule(MatchTagsDifference, 1, 3), true, theirs, matched},
		{tagRule(MatchTagsDifference, 1, 2), true, theirs, unmatched},
		{tagRule(MatchTagsAnd, 1, 2), true, theirs, matched},
		{tagRule(MatchTagsOr, 1, 7), true, theirs, matched},
		{tagRule(MatchTagsXor, 1, 5), true, theirs, matched},
		{tagRule(MatchTagsEqual, 1, 6), true, theirs, unmatched},
		{tagRule(MatchTagsEqual, 1, 6), true, &credentials{tags: []Tag{{ID: 1, Value: 6}}}, matched},
		{tagRule(MatchTagsAnd, 2, 9), true, theirs, hardNo}, // we have no such tag
		{tagRule(MatchTagsAnd, 1, 2), true, &noCredentials, hardNo},
		{tagRule(MatchTagsAnd, 1, 2), false, &noCredentials, hardYes},
		{tagRule(MatchTagSender, 1, 3), true, theirs, matched},
		{tagRule(MatchTagSender, 1, 6), false, theirs, matched},
		{tagRule(MatchTagReceiver, 1, 6), true, theirs, matched},
		{tagRule(MatchTagReceiver, 1, 3), false, theirs, matched},
		{tagRule(MatchTagSender, 1, 3), true, &noCredentials, hardNo},
		{tagRule(MatchTagReceiver, 1, 3), false, &noCredentials, hardYes},
		{tagRule(MatchTagReceiver, 5, 3), true, theirs, hardNo},
	} {
		s := view(tt.inbound, etherIPv4, tcp4())
		s.cfg.Tags, s.theirs = ours, tt.theirs
		if got := s.match(&tt.r); got != tt.want {
			t.Errorf("%s inbound %v: %d, want %d", tt.r.Type, tt.inbound, got, tt.want)
		}
	}
}

func TestEvaluation(t *testing.T) {
	yes, no := etherType(etherIPv4), etherType(etherIPv6)
	hard := addresses(MatchSourceIPv6, "::/0") // does not apply to IPv4
	missing := tagRule(MatchTagsEqual, 1, 1)   // we have it, they do not
	for _, tt := range []struct {
		name    string
		rules   []Rule
		inbound bool
		want    verdict
	}{
		{"none", nil, true, verdictNone},
		{"accept", []Rule{accept}, true, verdictAccept},
		{"drop", []Rule{drop, accept}, true, verdictDrop},
		{"break", []Rule{stop, accept}, true, verdictNone},
		{"priority", []Rule{NewRule(ActionPriority)}, true, verdictAccept},
		{"matched", []Rule{yes, accept}, true, verdictAccept},
		{"set starts anew", []Rule{no, drop, accept}, true, verdictAccept},
		{"and", []Rule{yes, no, accept, drop}, true, verdictDrop},
		{"or", []Rule{no, or(yes), accept}, true, verdictAccept},
		{"skipped while false", []Rule{no, yes, accept}, true, verdictNone},
		{"or after skipped", []Rule{no, yes, or(yes), accept}, true, verdictAccept},
		{"or with false keeps true", []Rule{yes, or(no), accept}, true, verdictAccept},
		{"not", []Rule{not(no), accept}, true, verdictAccept},
		{"not matched", []Rule{not(yes), accept}, true, verdictNone},
		{"hard no", []Rule{not(hard), accept}, true, verdictNone},
		{"hard yes skips one drop", []Rule{not(missing), drop, accept}, false, verdictAccept},
		{"hard yes skips only one drop", []Rule{missing, drop, drop}, false, verdictDrop},
		{"missing tag inbound", []Rule{not(missing), drop, accept}, true, verdictAccept},
		{"default rules", []Rule{not(etherType(etherIPv4)), not(etherType(etherARP)), not(etherType(etherIPv6)), drop, accept}, true, verdictAccept},
		{"redirect", []Rule{forwardRule(ActionRedirect, third, 0)}, true, verdictRedirect},
		{"redirect to the source", []Rule{forwardRule(ActionRedirect, them, 0), drop}, true, verdictDrop},
		{"redirect to us inbound", []Rule{forwardRule(ActionRedirect, us, 0)}, true, verdictSuper},
		{"redirect to us outbound", []Rule{forwardRule(ActionRedirect, us, 0), accept}, false, verdictAccept},
		{"redirect to the destination", []Rule{forwardRule(ActionRedirect, them, 0), accept}, false, verdictAccept},
		{"target of a set that did not match", []Rule{no, forwardRule(ActionTee, us, 0), accept}, true, verdictSuper},
		{"the same outbound", []Rule{no, forwardRule(ActionTee, us, 0), accept}, false, verdictAccept},
		{"tee keeps the state", []Rule{forwardRule(ActionTee, third, 0), accept}, true, verdictAccept},
		{"unknown action", []Rule{{Type: 9}, accept}, true, verdictAccept},
	} {
		s := view(tt.inbound, etherIPv4, tcp4())
		s.cfg.Tags = []Tag{{ID: 1, Value: 1}}
		var e effect
		if got := s.evaluate(tt.rules, &e, nil); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
		if (e.target != 0) != (tt.want == verdictRedirect) {
			t.Errorf("%s: target %s", tt.name, e.target)
		}
	}
}

func TestCopies(t *testing.T) {
	var e effect
	s := view(true, etherIPv4, tcp4())
	s.evaluate([]Rule{forwardRule(ActionWatch, third, 64), accept}, &e, nil)
	if e.copyTo != third || e.length != 64 || !e.watch {
		t.Errorf("effect %+v", e)
	}
}

func TestCapabilities(t *testing.T) {
	c4 := []Capability{{ID: 1, Rules: []Rule{drop}}, {ID: 2, Rules: []Rule{etherType(etherIPv4), accept}}}
	for _, tt := range []struct {
		name         string
		rules        []Rule
		ours, theirs []Capability
		inbound      bool
		want         verdict
	}{
		{"nothing accepts", []Rule{stop}, nil, nil, true, verdictDrop},
		{"the sender's, inbound", []Rule{stop}, nil, c4, true, verdictAccept},
		{"ours, inbound", []Rule{stop}, c4, nil, true, verdictDrop},
		{"ours, outbound", []Rule{stop}, c4, nil, false, verdictAccept},
		{"the receiver's, outbound", []Rule{stop}, nil, c4, false, verdictDrop},
		{"not asked after a drop", []Rule{drop}, c4, c4, true, verdictDrop},
	} {
		s := view(tt.inbound, etherIPv4, tcp4())
		s.cfg.Rules, s.cfg.Capabilities, s.theirs = tt.rules, tt.ours, &credentials{capabilities: tt.theirs}
		if got, _, _ := s.judge(nil); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
	}
}

func TestTrace(t *testing.T) {
	s := view(true, etherIPv4, tcp4())
	s.cfg.Rules = []Rule{not(etherType(etherIPv4)), or(proto(protoUDP)), drop}
	s.theirs = &credentials{capabilities: []Capability{{ID: 7, Rules: []Rule{accept}}}}
	var tr Trace
	v, _, _ := s.judge(&tr)
	tr.end(v)
	want := "rules 0 not MATCH_ETHERTYPE false\nrules 1 or MATCH_IP_PROTOCOL false\nrules 2 ACTION_DROP false\ncapability 7 0 ACTION_ACCEPT true\naccept"
	if got := tr.String(); got != want {
		t.Errorf("trace\n%s\nwant\n%s", got, want)
	}
}

func TestAdHocNetworks(t *testing.T) {
	id, _ := ParseNetworkID("ff00160050000000")
	c := adHocConfig(id, us)
	if c.Name != "adhoc-0016-0050" || len(c.Addresses) != 1 || c.Addresses[0] != SixPlane(id, us) || !c.Public || c.MulticastMax != 0 || c.Flags != FlagNDPEmulation {
		t.Errorf("configuration %+v", c)
	}
	judge := func(ether uint16, frame []byte) verdict {
		s := view(true, ether, frame)
		s.cfg = c
		v, _, _ := s.judge(nil)
		return v
	}
	tcp := func(port uint16, flags byte) []byte {
		p := make([]byte, 60)
		p[0], p[6], p[53] = 0x60, protoTCP, flags
		be.PutUint16(p[42:], port)
		return p
	}
	for _, tt := range []struct {
		name  string
		ether uint16
		frame []byte
		want  verdict
	}{
		{"IPv4", etherIPv4, tcp4(), verdictDrop},
		{"ICMPv6", etherIPv6, func() []byte { p := tcp(0, 0); p[6] = protoICMPv6; return p }(), verdictAccept},
		{"SYN to a port in the range", etherIPv6, tcp(0x20, 2), verdictAccept},
		{"SYN to a port beyond", etherIPv6, tcp(0x51, 2), verdictDrop},
		{"SYN and ACK", etherIPv6, tcp(0x51, 0x12), verdictAccept},
		{"data", etherIPv6, tcp(0x51, 0x10), verdictAccept},
		{"UDP beyond", etherIPv6, func() []byte { p := tcp(0x51, 0); p[6] = protoUDP; return p }(), verdictDrop},
	} {
		if got := judge(tt.ether, tt.frame); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
	}
	id, _ = ParseNetworkID("ff0a08c349852a01")
	self, _ := identity.ParseAddress("08c349852a")
	c = adHocConfig(id, self)
	if c.Name != "adhoc-10.0.0.0" || c.Addresses[1].String() != "10.73.133.42/8" || c.Addresses[0].String() != "fcb6:8f22:c208:c349:852a::1/40" || c.MulticastMax != 1024 {
		t.Errorf("configuration %+v", c)
	}
	for _, s := range []string{"ff00500016000000", "ff0a08c349852a02"} {
		id, _ = ParseNetworkID(s)
		if adHocConfig(id, us) != nil {
			t.Errorf("%s has a configuration", s)
		}
	}
	n := New(Config{Self: &identity.Identity{Address: us}}, 1)
	n.Join(2, id, "")
	if info, _ := n.Info(id); info.Status != StatusNotFound {
		t.Errorf("%s", info.Status)
	}
	id, _ = ParseNetworkID("ff00160050000000")
	n.Join(2, id, "")
	if info, _ := n.Info(id); info.Status != StatusOK {
		t.Errorf("%s", info.Status)
	}
	if s, ok := n.Output(); ok {
		t.Errorf("an ad-hoc network asked for something: %+v", s)
	}
}

// TestNoAllocs: frames between two members cost no garbage, whether the rules look at them or not.
func TestNoAllocs(t *testing.T) {
	n, nw := publicNetwork([]Rule{accept})
	message := Message{From: them, Verb: 6, Payload: append(append16(append64(nil, uint64(netID)), etherIPv4), tcp4()...)}
	src, dst := MAC(us, netID), MAC(them, netID)
	out := append(append(append([]byte(nil), dst[:]...), src[:]...), 8, 0)
	out = append(out, tcp4()...)
	check := func(name string) {
		t.Helper()
		if got := testing.AllocsPerRun(100, func() {
			if _, v := n.Receive(2, &message); v != HasFrame {
				t.Fatal("no frame")
			}
			if _, ok := n.SendFrame(2, netID, out); !ok {
				t.Fatal("not sent")
			}
		}); got != 0 {
			t.Errorf("%s: %v allocations", name, got)
		}
	}
	check("accept all")
	nw.cfg.Rules = []Rule{not(etherType(etherIPv4)), drop, characteristics(4), proto(protoUDP), drop, accept}
	check("rules")
	g := n.Gate(them, netID)
	if got := testing.AllocsPerRun(100, func() {
		if g.In(3, etherIPv4, tcp4Frame) != GateAccept || g.Out(3, etherIPv4, tcp4Frame) != GateAccept {
			t.Fatal("gate")
		}
	}); got != 0 {
		t.Errorf("gate: %v allocations", got)
	}
}

var tcp4Frame = tcp4()

// publicNetwork returns a node on a public network with rules.
func publicNetwork(rules []Rule) (*Networks, *network) {
	n := New(Config{Self: &identity.Identity{Address: us}, Rand: rand.New(rand.NewPCG(1, 1))}, 1)
	n.Join(1, netID, "")
	for _, ok := n.Output(); ok; _, ok = n.Output() {
	}
	nw := n.byID[netID]
	n.adopt(1, nw, &NetworkConfig{ID: netID, IssuedTo: us, Public: true, MTU: 2800, MulticastMax: 32, Rules: rules})
	return n, nw
}

func BenchmarkGate(b *testing.B) {
	for name, rules := range map[string][]Rule{
		"accept":  {accept},
		"default": {not(etherType(etherIPv4)), not(etherType(etherARP)), not(etherType(etherIPv6)), drop, accept},
	} {
		b.Run(name, func(b *testing.B) {
			n, nw := publicNetwork(rules)
			mem := n.memberOf(1, nw, them)
			n.openGate(1, nw, mem)
			g := mem.gate
			b.ReportAllocs()
			for b.Loop() {
				if g.In(2, etherIPv4, tcp4Frame) != GateAccept {
					b.Fatal("gate")
				}
			}
		})
	}
}

func BenchmarkReceiveFrame(b *testing.B) {
	n, _ := publicNetwork([]Rule{accept})
	m := Message{From: them, Verb: 6, Payload: append(append16(append64(nil, uint64(netID)), etherIPv4), tcp4()...)}
	b.ReportAllocs()
	for b.Loop() {
		if _, v := n.Receive(2, &m); v != HasFrame {
			b.Fatal("no frame")
		}
	}
}

func TestNDPEmulation(t *testing.T) {
	n, nw := publicNetwork([]Rule{accept})
	nw.cfg.Flags = FlagNDPEmulation
	nw.cfg.Addresses = []netip.Prefix{SixPlane(netID, us), RFC4193(netID, us)}
	solicit := func(target netip.Addr, src netip.Addr) (Frame, bool, bool) {
		p := make([]byte, 72)
		p[0], p[5], p[6], p[7] = 0x60, 32, protoICMPv6, 255
		a, b := src.As16(), target.As16()
		copy(p[8:], a[:])
		copy(p[24:], []byte{0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, b[13], b[14], b[15]})
		p[40] = ndpSolicitation
		copy(p[48:], b[:])
		dst, mac := ethernet.Addr{0x33, 0x33, 0xff, b[13], b[14], b[15]}, MAC(us, netID)
		n.SendFrame(2, netID, append(append(append(append([]byte(nil), dst[:]...), mac[:]...), 0x86, 0xdd), p...))
		f, ok := n.Deliver()
		sent := false
		for _, ok := n.Output(); ok; _, ok = n.Output() {
			sent = true
		}
		return f, ok, sent
	}
	own := SixPlane(netID, us).Addr()
	for _, target := range []netip.Addr{SixPlane(netID, them).Addr(), RFC4193(netID, them).Addr()} {
		f, ok, sent := solicit(target, own)
		if !ok || sent || f.Src != MAC(them, netID) || f.Dst != MAC(us, netID) || f.Type != etherIPv6 {
			t.Fatalf("solicitation for %s: %+v, %v, sent %v", target, f, ok, sent)
		}
		if sum := checksum(f.Payload); sum != 0xffff {
			t.Errorf("checksum %#x", sum)
		}
		b := target.As16()
		if [16]byte(f.Payload[48:64]) != b || f.Payload[40] != ndpAdvertisement || f.Payload[44] != 0x60 || ethernet.Addr(f.Payload[66:72]) != f.Src {
			t.Errorf("advertisement %x", f.Payload)
		}
	}
	if _, ok, sent := solicit(own, netip.IPv6Unspecified()); ok || sent {
		t.Error("a probe for our own address was answered or sent")
	}
	if _, ok, sent := solicit(SixPlane(netID, them).Addr(), netip.IPv6Unspecified()); ok || sent {
		t.Error("a probe was answered")
	}
	n.SetUpstreams(2, []identity.Address{third})
	if _, ok, sent := solicit(netip.MustParseAddr("fe80::1"), own); ok || !sent {
		t.Error("a solicitation for another address was not gathered for")
	}
	nw.cfg.Flags = 0
	if _, ok, _ := solicit(RFC4193(netID, them).Addr(), own); ok {
		t.Error("answered although emulation is off")
	}
}

// checksum sums an ICMPv6 message with its pseudo-header.
func checksum(p []byte) uint16 {
	sum := uint32(len(p)-40) + protoICMPv6
	for i := 8; i+1 < len(p); i += 2 {
		sum += uint32(be.Uint16(p[i:]))
	}
	for sum > 0xffff {
		sum = sum&0xffff + sum>>16
	}
	return uint16(sum)
}

func TestTextOfThings(t *testing.T) {
	for _, s := range []string{StatusOK.String(), EventConfigChanged.String(), DropRules.String(), MatchICMP.String()} {
		if s == "" || strings.Contains(s, "unknown") {
			t.Errorf("name %q", s)
		}
	}
	for r := range DropReason(numDropReasons) {
		if r.String() == "unknown" {
			t.Errorf("drop reason %d has no name", r)
		}
	}
}
