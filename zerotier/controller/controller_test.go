package controller

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/packet"
	"github.com/ztstack/ztstack/zerotier/vl2"
)

func readJSON(t testing.TB, name string, v any) {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatal(err)
	}
}

func ident(t testing.TB, name string) *identity.Identity {
	t.Helper()
	var file struct {
		Identities []struct{ Name, Secret string }
	}
	readJSON(t, "identities.json", &file)
	for _, e := range file.Identities {
		if e.Name == name {
			id, err := identity.Parse(e.Secret)
			if err != nil {
				t.Fatal(err)
			}
			return &id
		}
	}
	t.Fatalf("no identity %q", name)
	return nil
}

// someone returns an identity with an address that nobody derived; the controller leaves validation to VL1.
func someone(a identity.Address) *identity.Identity {
	return &identity.Identity{Address: a, Public: [64]byte{byte(a >> 8), byte(a), 1}}
}

const (
	rootNetwork = vl2.NetworkID(0x71bfb6ed76000001)
	clockBase   = int64(1_790_000_000_000)
)

func newController(t testing.TB, n Network) *Controller {
	t.Helper()
	c, err := New(Config{Identity: ident(t, "root"), Rand: rand.New(rand.NewPCG(1, 2)), ClockBase: clockBase})
	if err != nil {
		t.Fatal(err)
	}
	n.ID = rootNetwork
	if err := c.SetNetwork(1, n); err != nil {
		t.Fatal(err)
	}
	c.Event()
	return c
}

// request has a node ask, and returns what the controller sends.
func request(c *Controller, now clock.Time, from *identity.Identity, dict string) []vl2.Send {
	r := packet.ConfigRequest{Network: uint64(rootNetwork), Dict: packet.Dict(dict)}
	c.Receive(now, &vl2.Message{From: from.Address, Verb: packet.VerbNetworkConfigRequest, ID: 77, Payload: r.Append(nil)}, from)
	return sends(c)
}

func sends(c *Controller) (list []vl2.Send) {
	for s, ok := c.Output(); ok; s, ok = c.Output() {
		list = append(list, s)
	}
	return list
}

// modern is what a member that speaks the current format says.
const modern = "v=7\nrevr=1"

// config returns the configuration in a message, whose chunk must be signed and whole.
func config(t testing.TB, c *Controller, s vl2.Send) *vl2.NetworkConfig {
	t.Helper()
	var chunk packet.ConfigChunk
	if !chunk.Parse(s.Payload) || int(chunk.Total) != len(chunk.Data) || chunk.UpdateID == 0 {
		t.Fatalf("not a whole configuration: %+v", s)
	}
	if !c.cfg.Identity.Verify(chunk.Signed, chunk.Signature) {
		t.Fatal("bad signature of a chunk")
	}
	conf, ok := vl2.ParseNetworkConfig(chunk.Data)
	if !ok {
		t.Fatal("the configuration does not parse")
	}
	return conf
}

// TestLikeTheReference issues what the reference's controller issued for the same records at the same time, byte for byte.
func TestLikeTheReference(t *testing.T) {
	var list []struct {
		To  string
		Raw string `json:"dictionaryRawHex"`
	}
	readJSON(t, "netconf.json", &list)
	for i, e := range list {
		want, err := hex.DecodeString(e.Raw)
		if err != nil {
			t.Fatal(err)
		}
		given, ok := vl2.ParseNetworkConfig(want)
		if !ok {
			t.Fatalf("configuration %d does not parse", i)
		}
		c := newController(t, Network{
			Name: given.Name, Broadcast: true, MTU: given.MTU, MulticastMax: given.MulticastMax, AssignRFC4193: true, AssignSixPlane: true,
			Routes: given.Routes, Rules: given.Rules, DNS: given.DNS, TraceTarget: given.TraceTarget, TraceLevel: given.TraceLevel,
		})
		nw := c.networks[rootNetwork]
		nw.rec.Revision = given.Revision
		id := ident(t, e.To)
		m := Member{Network: rootNetwork, Address: id.Address, Identity: id.WithoutSecret(), Authorized: true}
		for _, p := range given.Addresses[2:] {
			m.Addresses = append(m.Addresses, p.Addr())
		}
		for _, v := range given.Tags {
			m.Tags = append(m.Tags, Tag{v.ID, v.Value})
		}
		for _, v := range given.Capabilities {
			m.Capabilities = append(m.Capabilities, v.ID)
			nw.rec.Capabilities = append(nw.rec.Capabilities, Capability{ID: v.ID, Rules: v.Rules})
		}
		for _, s := range given.Specialists {
			m.ActiveBridge = m.ActiveBridge || s.Address == id.Address && s.Flags == vl2.SpecialistBridge
		}
		mem := nw.addMember(m)
		if got := c.build(given.Timestamp, nw, mem).AppendDict(nil); !bytes.Equal(got, want) {
			t.Errorf("configuration %d:\n%q, want\n%q", i, got, want)
		}
	}
}

func TestAnswers(t *testing.T) {
	c := newController(t, Network{Name: "n"})
	a := ident(t, "a")
	now := clock.Time(1e9)
	check := func(got []vl2.Send, verb packet.Verb, code packet.ErrorCode) {
		t.Helper()
		if len(got) != 1 || got[0].Verb != verb || got[0].Code != code || got[0].To != a.Address || got[0].InRe != packet.VerbNetworkConfigRequest || got[0].InReID != 77 {
			t.Errorf("answer %+v, want verb %#x, code %d", got, verb, code)
		}
	}
	check(request(c, now, a, modern), packet.VerbError, packet.ErrorAccessDenied)
	if e, ok := c.Event(); !ok || e.Kind != EventMemberSeen || e.Member != a.Address {
		t.Errorf("event %v", e)
	}
	if got := request(c, now.Add(time.Second-1), a, modern); got != nil {
		t.Errorf("answered twice within a second: %+v", got)
	}
	check(request(c, now.Add(time.Second), a, "v=5"), packet.VerbError, packet.ErrorUnsupported)
	now = now.Add(3 * time.Second)
	if err := c.Authorize(now, rootNetwork, a.Address, true); err != nil {
		t.Fatal(err)
	}
	pushed := sends(c)
	if len(pushed) != 1 || pushed[0].Verb != packet.VerbNetworkConfig {
		t.Fatalf("after authorising: %+v", pushed)
	}
	config(t, c, pushed[0])
	if id, who, ok := c.Configured(); !ok || id != rootNetwork || who != a.Address {
		t.Error("not reported as configured")
	}
	got := request(c, now, a, modern)
	check(got, packet.VerbOK, 0)
	if conf := config(t, c, got[0]); conf.IssuedTo != a.Address || conf.Timestamp != c.unix(now) || len(conf.Rules) != 1 || !conf.COM.Verify(c.cfg.Identity) {
		t.Errorf("configuration %+v", conf)
	}
	if err := c.DeleteNetwork(now, rootNetwork); err != nil {
		t.Fatal(err)
	}
	check(sends(c), packet.VerbError, packet.ErrorNotFound)
	check(request(c, now.Add(2*time.Second), a, modern), packet.VerbError, packet.ErrorNotFound)
}

func TestOldMemberGetsNoRules(t *testing.T) {
	c := newController(t, Network{Public: true, Rules: []vl2.Rule{vl2.NewRule(vl2.ActionDrop)}})
	if conf := config(t, c, request(c, 1e9, ident(t, "a"), "v=6")[0]); len(conf.Rules) != 1 || conf.Rules[0].Type != vl2.ActionAccept {
		t.Errorf("rules %v", conf.Rules)
	}
	if conf := config(t, c, request(c, 1e9, ident(t, "b"), modern)[0]); len(conf.Rules) != 1 || conf.Rules[0].Type != vl2.ActionDrop {
		t.Errorf("rules %v", conf.Rules)
	}
}

func TestForeignRequestsAreIgnored(t *testing.T) {
	c := newController(t, Network{Public: true})
	a := ident(t, "a")
	r := packet.ConfigRequest{Network: uint64(a.Address)<<24 | 1, Dict: packet.Dict(modern)}
	m := vl2.Message{From: a.Address, Verb: packet.VerbNetworkConfigRequest, Payload: r.Append(nil)}
	if v := c.Receive(1e9, &m, a); v != vl2.Drop {
		t.Errorf("another controller's network: verdict %d", v)
	}
	m.Verb = packet.VerbFrame
	c.Receive(1e9, &m, a)
	m.Verb, m.Payload = packet.VerbNetworkConfigRequest, m.Payload[:9]
	c.Receive(1e9, &m, a)
	r.Network = uint64(rootNetwork)
	m.Payload = r.Append(nil)
	c.Receive(1e9, &m, ident(t, "b"))
	if got := sends(c); got != nil {
		t.Errorf("answered %+v", got)
	}
}

// pool returns a network with an IPv4 pool and its route.
func pool(first, last, route string) Network {
	return Network{
		Public: true, AssignV4: true, Routes: []vl2.Route{{Target: netip.MustParsePrefix(route)}},
		Pools: []Pool{{netip.MustParseAddr(first), netip.MustParseAddr(last)}},
	}
}

func TestPool(t *testing.T) {
	c := newController(t, pool("10.0.0.0", "10.0.0.255", "10.0.0.0/24"))
	seen := make(map[netip.Addr]bool)
	now := clock.Time(1e9)
	for i := range 254 {
		got := request(c, now, someone(identity.Address(0x1000000000)+identity.Address(i)), modern)
		conf := config(t, c, got[0])
		if len(conf.Addresses) != 1 {
			t.Fatalf("member %d has addresses %v", i, conf.Addresses)
		}
		p := conf.Addresses[0]
		if seen[p.Addr()] || p.Bits() != 24 || p.Addr() == netip.MustParseAddr("10.0.0.0") || p.Addr() == netip.MustParseAddr("10.0.0.255") {
			t.Fatalf("member %d got %s", i, p)
		}
		seen[p.Addr()] = true
		if len(conf.Ownership) != 1 || !conf.Ownership[0].Owns(vl2.ThingOf(p.Addr())) {
			t.Errorf("member %d has no certificate for %s", i, p)
		}
	}
	last := someone(0x2000000000)
	if conf := config(t, c, request(c, now, last, modern)[0]); len(conf.Addresses) != 0 {
		t.Errorf("got %v from an exhausted pool", conf.Addresses)
	}
	exhausted := false
	for e, ok := c.Event(); ok; e, ok = c.Event() {
		exhausted = exhausted || e.Kind == EventPoolExhausted && e.Member == last.Address
	}
	if !exhausted {
		t.Error("no event about the exhausted pool")
	}
	// Sticky, and free again when a member is deleted.
	first, _ := c.Member(rootNetwork, 0x1000000000)
	now = now.Add(time.Minute)
	if conf := config(t, c, request(c, now, someone(0x1000000000), modern)[0]); conf.Addresses[0].Addr() != first.Addresses[0] {
		t.Errorf("%s, then %s", first.Addresses[0], conf.Addresses[0])
	}
	if err := c.DeleteMember(now, rootNetwork, 0x1000000000); err != nil {
		t.Fatal(err)
	}
	if conf := config(t, c, request(c, now, last, modern)[0]); len(conf.Addresses) != 1 || conf.Addresses[0].Addr() != first.Addresses[0] {
		t.Errorf("got %v, want the only free address %s", conf.Addresses, first.Addresses[0])
	}
}

func TestAddressesByHand(t *testing.T) {
	n := pool("10.0.0.1", "10.0.0.9", "10.0.0.0/24")
	n.AssignV6 = true
	n.Routes = append(n.Routes, vl2.Route{Target: netip.MustParsePrefix("fd12::/64")},
		vl2.Route{Target: netip.MustParsePrefix("192.168.0.0/16"), Via: netip.MustParseAddr("10.0.0.1")})
	n.Pools = append(n.Pools, Pool{netip.MustParseAddr("fd12::"), netip.MustParseAddr("fd12::ffff:ffff:ffff:ffff")})
	c := newController(t, n)
	a, b := ident(t, "a"), ident(t, "b")
	hand := []netip.Addr{netip.MustParseAddr("10.0.0.77"), netip.MustParseAddr("172.16.0.1"), netip.MustParseAddr("192.168.1.1")}
	if err := c.SetMember(1e9, Member{Network: rootNetwork, Address: a.Address, Authorized: true, Addresses: hand}); err != nil {
		t.Fatal(err)
	}
	conf := config(t, c, request(c, 1e9, a, modern)[0])
	if len(conf.Addresses) != 2 || conf.Addresses[0].String() != "10.0.0.77/24" || !netip.MustParsePrefix("fd12::/64").Contains(conf.Addresses[1].Addr()) || conf.Addresses[1].Bits() != 64 {
		t.Errorf("addresses %v: those outside of the routes do not count, the family without one gets one", conf.Addresses)
	}
	if err := c.SetMember(1e9, Member{Network: rootNetwork, Address: b.Address, Authorized: true, NoAutoAssign: true}); err != nil {
		t.Fatal(err)
	}
	if conf := config(t, c, request(c, 1e9, b, modern)[0]); len(conf.Addresses) != 0 {
		t.Errorf("addresses %v in spite of NoAutoAssign", conf.Addresses)
	}
}

func TestPoolWithoutRoute(t *testing.T) {
	c := newController(t, pool("10.0.0.1", "10.0.0.9", "10.9.0.0/24"))
	if conf := config(t, c, request(c, 1e9, ident(t, "a"), modern)[0]); len(conf.Addresses) != 0 {
		t.Errorf("addresses %v outside of all routes", conf.Addresses)
	}
}

func TestDistanceAndAdvance(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want uint64
	}{
		{"10.0.0.1", "10.0.0.1", 1},
		{"10.0.0.1", "10.0.1.1", 257},
		{"fd00::", "fd00::ffff", 65536},
		{"fd00::", "fd01::", 1 << 62},
		{"fd00::", "fd00::ffff:ffff:ffff:ffff", 1 << 62},
	} {
		a, b := netip.MustParseAddr(tt.a), netip.MustParseAddr(tt.b)
		got := distance(a, b)
		if got != tt.want {
			t.Errorf("distance(%s, %s) = %d, want %d", a, b, got, tt.want)
		}
		if got < 1<<62 && advance(a, got-1) != b {
			t.Errorf("advance(%s, %d) = %s", a, got-1, advance(a, got-1))
		}
	}
}

func TestRevocationIsSentOnce(t *testing.T) {
	c := newController(t, Network{})
	a, b, f := ident(t, "a"), ident(t, "b"), ident(t, "f")
	now := clock.Time(1e9)
	for _, id := range []*identity.Identity{a, b, f} {
		if err := c.Authorize(now, rootNetwork, id.Address, true); err != nil {
			t.Fatal(err)
		}
	}
	request(c, now, a, modern)
	issuedAt := config(t, c, request(c, now, b, modern)[0]).COM.Timestamp()
	if err := c.Authorize(now, rootNetwork, b.Address, false); err != nil {
		t.Fatal(err)
	}
	got := sends(c)
	if len(got) != 2 || got[0].To != a.Address || got[0].Verb != packet.VerbNetworkCredentials || got[1].To != b.Address || got[1].Code != packet.ErrorAccessDenied {
		t.Fatalf("sent %+v, want the revocation to a and the denial to b", got)
	}
	var p packet.Credentials
	var v vl2.Revocation
	if !p.Parse(got[0].Payload) || len(p.Revocations) != 1 || v.Parse(p.Revocations[0]) < 0 || !v.Verify(c.cfg.Identity) {
		t.Fatal("no revocation")
	}
	if v.Target != b.Address || v.Threshold < issuedAt || v.Type != vl2.CredentialCOM || v.Flags != vl2.RevocationFastPropagate {
		t.Errorf("revocation %+v", v)
	}
	// f was offline; it is told with its configuration, once.
	count := func(list []vl2.Send) int {
		return len(slices.DeleteFunc(list, func(s vl2.Send) bool { return s.Verb != packet.VerbNetworkCredentials }))
	}
	if n := count(request(c, now, f, modern)); n != 1 {
		t.Errorf("f was told %d times", n)
	}
	now = now.Add(time.Minute)
	if n := count(request(c, now, f, modern)) + count(request(c, now, a, modern)); n != 0 {
		t.Errorf("told again %d times", n)
	}
	// A certificate that is issued at the same instant counts.
	if err := c.Authorize(now, rootNetwork, a.Address, false); err != nil {
		t.Fatal(err)
	}
	sends(c)
	if err := c.Authorize(now, rootNetwork, a.Address, true); err != nil {
		t.Fatal(err)
	}
	if conf := config(t, c, sends(c)[0]); conf.COM.Timestamp() <= c.networks[rootNetwork].revokedUpTo {
		t.Error("the new certificate is as old as the revocation")
	}
}

func TestRecordsAreChecked(t *testing.T) {
	c := newController(t, Network{})
	for name, err := range map[string]error{
		"foreign network":  c.SetNetwork(1, Network{ID: 1 << 24}),
		"MTU":              c.SetNetwork(1, Network{ID: rootNetwork, MTU: 100}),
		"too many rules":   c.SetNetwork(1, Network{ID: rootNetwork, Rules: make([]vl2.Rule, 1025)}),
		"no network":       c.SetMember(1, Member{Network: rootNetwork + 1, Address: 5}),
		"reserved address": c.SetMember(1, Member{Network: rootNetwork, Address: 0xff00000000}),
		"identity":         c.SetMember(1, Member{Network: rootNetwork, Address: 5, Identity: *someone(6)}),
		"no member":        c.DeleteMember(1, rootNetwork, 5),
		"no such network":  c.DeleteNetwork(1, rootNetwork+1),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := New(Config{Identity: someone(1)}); !errors.Is(err, ErrNoSecret) {
		t.Errorf("without a secret: %v", err)
	}
	if id := c.NewNetworkID(); id.Controller() != c.self || id == rootNetwork {
		t.Errorf("new network %s", id)
	}
}

// broken is a store that fails.
type broken struct{ Memory }

var errBroken = errors.New("disk full")

func (broken) PutMember(Member) error   { return errBroken }
func (broken) PutNetwork(Network) error { return errBroken }

func TestStoreFails(t *testing.T) {
	c := newController(t, Network{Public: true})
	c.cfg.Store = broken{}
	if err := c.SetNetwork(1, Network{ID: rootNetwork, Name: "new"}); !errors.Is(err, errBroken) {
		t.Errorf("%v", err)
	}
	if n, _ := c.Network(rootNetwork); n.Name == "new" {
		t.Error("the record changed although it was not kept")
	}
	request(c, 1e9, ident(t, "a"), modern)
	failed := false
	for e, ok := c.Event(); ok; e, ok = c.Event() {
		failed = failed || e.Kind == EventStoreFailed && errors.Is(e.Err, errBroken)
	}
	if !failed {
		t.Error("no event")
	}
}

// remembering is a store that holds what it was given.
type remembering struct {
	Memory
	networks []Network
	members  []Member
}

func (r *remembering) Load() ([]Network, []Member, error) { return r.networks, r.members, nil }
func (r *remembering) PutNetwork(n Network) error         { r.networks = []Network{n}; return nil }
func (r *remembering) PutMember(m Member) error {
	r.members = append(slices.DeleteFunc(r.members, func(o Member) bool { return o.Address == m.Address }), m)
	return nil
}

func TestRestart(t *testing.T) {
	store := &remembering{}
	cfg := Config{Identity: ident(t, "root"), Rand: rand.New(rand.NewPCG(1, 2)), ClockBase: clockBase, Store: store}
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	n := pool("10.0.0.1", "10.0.0.254", "10.0.0.0/24")
	n.ID, n.Public = rootNetwork, false
	if err := c.SetNetwork(1, n); err != nil {
		t.Fatal(err)
	}
	a, b := ident(t, "a"), ident(t, "b")
	c.Authorize(1, rootNetwork, a.Address, true)
	before := config(t, c, request(c, 1e9, a, modern)[0])
	if c, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	after := config(t, c, request(c, 2e9, a, modern)[0])
	if !slices.Equal(before.Addresses, after.Addresses) {
		t.Errorf("%v before, %v after the restart", before.Addresses, after.Addresses)
	}
	c.Authorize(2e9, rootNetwork, b.Address, true)
	if conf := config(t, c, request(c, 2e9, b, modern)[0]); conf.Addresses[0] == after.Addresses[0] {
		t.Error("the same address twice")
	}
	if got := c.Members(rootNetwork); !slices.Equal(got, []identity.Address{min(a.Address, b.Address), max(a.Address, b.Address)}) {
		t.Errorf("members %v", got)
	}
}

func FuzzReceive(f *testing.F) {
	c := newController(f, Network{Tokens: []string{"t"}, AssignRFC4193: true})
	a := ident(f, "a")
	r := packet.ConfigRequest{Network: uint64(rootNetwork), Dict: packet.Dict(modern + "\na=token:t")}
	f.Add(r.Append(nil))
	now := clock.Time(1e9)
	f.Fuzz(func(t *testing.T, b []byte) {
		now = now.Add(2 * time.Second)
		c.Receive(now, &vl2.Message{From: a.Address, Verb: packet.VerbNetworkConfigRequest, Payload: b}, a)
		for _, s := range sends(c) {
			if s.To != a.Address {
				t.Fatalf("answered %s", s.To)
			}
		}
		for _, ok := c.Event(); ok; _, ok = c.Event() {
		}
		for _, _, ok := c.Configured(); ok; _, _, ok = c.Configured() {
		}
	})
}

func BenchmarkAnswer(b *testing.B) {
	c := newController(b, pool("10.0.0.1", "10.0.255.254", "10.0.0.0/16"))
	a := ident(b, "a")
	now := clock.Time(1e9)
	b.ReportAllocs()
	for b.Loop() {
		now = now.Add(2 * time.Second)
		request(c, now, a, modern)
	}
}
