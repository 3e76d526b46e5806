package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"
	"pgregory.net/rapid"

	"github.com/ztstack/ztstack/zerotier/controller"
	"github.com/ztstack/ztstack/zerotier/identity"
	"github.com/ztstack/ztstack/zerotier/vl2"
)

const testNetwork = vl2.NetworkID(0x71bfb6ed76000001)

// openTest opens a file without damage, to be closed at the end of the test.
func openTest(t testing.TB, path string) *File {
	t.Helper()
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	f.now = func() time.Time { return time.UnixMilli(1_790_000_000_000) }
	t.Cleanup(func() { f.Close() })
	return f
}

func reopen(t testing.TB, f *File) *File {
	t.Helper()
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return openTest(t, f.path)
}

func load(t testing.TB, f *File) ([]controller.Network, []controller.Member) {
	t.Helper()
	networks, members, err := f.Load()
	if err != nil {
		t.Fatal(err)
	}
	return networks, members
}

func drawAddr(t *rapid.T) netip.Addr {
	if rapid.Bool().Draw(t, "v4") {
		return netip.AddrFrom4([4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "addr")))
	}
	b := [16]byte(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "addr"))
	b[0] = 0xfd
	return netip.AddrFrom16(b)
}

// several returns a slice of at most three, nil if there are none.
func several[T any](t *rapid.T, label string, one func(*rapid.T) T) (list []T) {
	for range rapid.IntRange(0, 3).Draw(t, label) {
		list = append(list, one(t))
	}
	return list
}

func drawRules(t *rapid.T) []vl2.Rule {
	r := vl2.NewRule(vl2.MatchDestPort, rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "field")...)
	r.Not, r.Or = rapid.Bool().Draw(t, "not"), rapid.Bool().Draw(t, "or")
	return []vl2.Rule{r, vl2.NewRule(vl2.ActionDrop), vl2.NewRule(vl2.ActionAccept)}
}

func drawNetwork(t *rapid.T, id vl2.NetworkID) controller.Network {
	flag := func() bool { return rapid.Bool().Draw(t, "flag") }
	n := controller.Network{
		ID: id, Name: rapid.String().Draw(t, "name"), Public: flag(), Broadcast: flag(), MTU: rapid.IntRange(1280, 10000).Draw(t, "mtu"),
		MulticastMax: rapid.IntRange(0, 1000).Draw(t, "multicast"), MaxDelta: rapid.Int64Range(0, 1<<40).Draw(t, "delta"),
		AssignV4: flag(), AssignV6: flag(), AssignRFC4193: flag(), AssignSixPlane: flag(), Rules: drawRules(t),
		TraceTarget: identity.Address(rapid.Uint64Range(0, 1<<40-1).Draw(t, "target")), TraceLevel: rapid.Uint64().Draw(t, "level"),
		Revision: rapid.Uint64().Draw(t, "revision"),
	}
	n.Pools = several(t, "pools", func(t *rapid.T) controller.Pool { return controller.Pool{First: drawAddr(t), Last: drawAddr(t)} })
	n.Routes = several(t, "routes", func(t *rapid.T) vl2.Route {
		r := vl2.Route{Target: netip.PrefixFrom(drawAddr(t), rapid.IntRange(0, 32).Draw(t, "bits")), Flags: rapid.Uint16().Draw(t, "flags"), Metric: rapid.Uint16().Draw(t, "metric")}
		if rapid.Bool().Draw(t, "via") {
			r.Via = drawAddr(t)
		}
		return r
	})
	n.Capabilities = several(t, "capabilities", func(t *rapid.T) controller.Capability {
		return controller.Capability{ID: rapid.Uint32().Draw(t, "id"), Default: rapid.Bool().Draw(t, "default"), Rules: drawRules(t)}
	})
	n.Tags = several(t, "tags", drawTag)
	for i := range rapid.IntRange(0, 3).Draw(t, "tokens") {
		n.Tokens = append(n.Tokens, fmt.Sprint("token", i))
	}
	n.DNS.Domain = rapid.StringMatching(`[a-z.]{0,9}`).Draw(t, "domain")
	n.DNS.Servers = several(t, "servers", drawAddr)
	return n
}

func drawTag(t *rapid.T) controller.Tag {
	return controller.Tag{ID: rapid.Uint32().Draw(t, "id"), Value: rapid.Uint32().Draw(t, "value")}
}

func drawMember(t *rapid.T, id vl2.NetworkID, a identity.Address) controller.Member {
	flag := func() bool { return rapid.Bool().Draw(t, "flag") }
	m := controller.Member{
		Network: id, Address: a, Authorized: flag(), ActiveBridge: flag(), Anchor: flag(), Replicator: flag(), NoAutoAssign: flag(), Revision: rapid.Uint64().Draw(t, "revision"),
	}
	if flag() {
		m.Identity = identity.Identity{Address: a, Public: [64]byte(rapid.SliceOfN(rapid.Byte(), 64, 64).Draw(t, "public"))}
	}
	m.Addresses = several(t, "addresses", drawAddr)
	m.Capabilities = several(t, "capabilities", func(t *rapid.T) uint32 { return rapid.Uint32().Draw(t, "id") })
	m.Tags = several(t, "tags", drawTag)
	return m
}

// What is kept is what is found again, after any sequence of changes.
func TestRecords(t *testing.T) {
	dir := t.TempDir()
	run := 0
	rapid.Check(t, func(rt *rapid.T) {
		run++
		f := openTest(t, filepath.Join(dir, fmt.Sprint(run)))
		defer f.Close()
		networks := make(map[vl2.NetworkID]controller.Network)
		members := make(map[[2]uint64]controller.Member)
		for range rapid.IntRange(1, 12).Draw(rt, "changes") {
			id := testNetwork + vl2.NetworkID(rapid.IntRange(0, 2).Draw(rt, "network"))
			a := identity.Address(rapid.IntRange(1, 3).Draw(rt, "member"))
			key := [2]uint64{uint64(id), uint64(a)}
			var err error
			switch rapid.IntRange(0, 5).Draw(rt, "change") {
			case 0, 1:
				networks[id] = drawNetwork(rt, id)
				err = f.PutNetwork(networks[id])
			case 2, 3:
				members[key] = drawMember(rt, id, a)
				err = f.PutMember(members[key])
			case 4:
				delete(members, key)
				err = f.DeleteMember(id, a)
			case 5:
				delete(networks, id)
				for a := range uint64(4) {
					delete(members, [2]uint64{uint64(id), a})
				}
				err = f.DeleteNetwork(id)
			}
			if err != nil {
				rt.Fatal(err)
			}
		}
		if rapid.Bool().Draw(rt, "reopen") {
			f = reopen(t, f)
			defer f.Close()
		}
		gotNetworks, gotMembers := load(t, f)
		if len(gotNetworks) != len(networks) || len(gotMembers) != len(members) {
			rt.Fatalf("%d networks and %d members, want %d and %d", len(gotNetworks), len(gotMembers), len(networks), len(members))
		}
		for i, n := range gotNetworks {
			if !reflect.DeepEqual(n, networks[n.ID]) {
				rt.Fatalf("network %+v, want %+v", n, networks[n.ID])
			}
			if i > 0 && gotNetworks[i-1].ID >= n.ID {
				rt.Fatalf("network %v after %v", n.ID, gotNetworks[i-1].ID)
			}
		}
		for _, m := range gotMembers {
			if want := members[[2]uint64{uint64(m.Network), uint64(m.Address)}]; !reflect.DeepEqual(m, want) {
				rt.Fatalf("member %+v, want %+v", m, want)
			}
		}
	})
}

// A controller over a File is the same after a restart.
func TestController(t *testing.T) {
	path := filepath.Join(t.TempDir(), "home", "controller.bolt")
	f := openTest(t, path)
	self := sampleIdentity(t)
	config := controller.Config{Identity: self, Rand: rand.New(rand.NewPCG(1, 2)), Store: f}
	c, err := controller.New(config)
	if err != nil {
		t.Fatal(err)
	}
	id := c.NewNetworkID()
	if err := c.SetNetwork(1, controller.Network{ID: id, Name: "lab", Broadcast: true, MulticastMax: 32}); err != nil {
		t.Fatal(err)
	}
	if err := c.Authorize(1, id, 0x08c349852a, true); err != nil {
		t.Fatal(err)
	}
	f = reopen(t, f)
	config.Store = f
	again, err := controller.New(config)
	if err != nil {
		t.Fatal(err)
	}
	n, ok := again.Network(id)
	m, okMember := again.Member(id, 0x08c349852a)
	if !ok || !okMember || n.Name != "lab" || n.Revision != 1 || !m.Authorized || m.Revision != 1 {
		t.Errorf("after a restart: network %v %+v, member %v %+v", ok, n, okMember, m)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v: mode %v, want 0600", err, info.Mode())
	}
}

// sampleIdentity returns an identity with a secret.
func sampleIdentity(t testing.TB) *identity.Identity {
	t.Helper()
	b, err := os.ReadFile("testdata/identity.secret")
	if err != nil {
		t.Fatal(err)
	}
	id, err := identity.Parse(strings.TrimSpace(string(b)))
	if err != nil {
		t.Fatal(err)
	}
	return &id
}

func TestOpenTwice(t *testing.T) {
	path := filepath.Join(t.TempDir(), "controller.bolt")
	first := openTest(t, path)
	if err := first.PutNetwork(controller.Network{ID: testNetwork}); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path)
	if f != nil || !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), path) {
		t.Fatalf("second Open: %v, %v, want ErrInUse with the name of the file", f, err)
	}
	if n, _ := load(t, first); len(n) != 1 {
		t.Errorf("the first one has %d networks, want 1", len(n))
	}
	first.Close()
	openTest(t, path)
}

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(file, "controller.bolt"), dir} {
		f, err := Open(path)
		var d *DamagedError
		if f != nil || err == nil || errors.As(err, &d) || !strings.Contains(err.Error(), path) {
			t.Errorf("Open(%s) = %v, %v, want an error with the name, and nothing put aside", path, f, err)
		}
	}
	path := filepath.Join(dir, "newer.db")
	f := openTest(t, path)
	if err := f.update("test", func(tx *bbolt.Tx) error { return tx.Bucket(metaBucket).Put(versionKey, []byte("2")) }); err != nil {
		t.Fatal(err)
	}
	f.Close()
	if f, err := Open(path); f != nil || !errors.Is(err, ErrVersion) {
		t.Errorf("Open of a newer file: %v, %v, want ErrVersion", f, err)
	}
}

func TestClosed(t *testing.T) {
	f := openTest(t, filepath.Join(t.TempDir(), "controller.bolt"))
	f.Close()
	_, _, load := f.Load()
	_, field := f.Field(testNetwork, "rulesSource")
	for name, err := range map[string]error{
		"PutNetwork": f.PutNetwork(controller.Network{ID: testNetwork}), "PutMember": f.PutMember(controller.Member{Network: testNetwork, Address: 1}),
		"DeleteNetwork": f.DeleteNetwork(testNetwork), "DeleteMember": f.DeleteMember(testNetwork, 1), "Load": load, "Field": field,
		"SetField": f.SetField(testNetwork, "x", nil), "Export": f.Export(t.TempDir()), "Backup": f.Backup(filepath.Join(t.TempDir(), "b")),
	} {
		if err == nil || !strings.Contains(err.Error(), f.path) {
			t.Errorf("%s on a closed File: %v, want an error with the name of the file", name, err)
		}
	}
	if err := f.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
}

// What could not be read again is refused when it is put.
func TestPutRefuses(t *testing.T) {
	f := openTest(t, filepath.Join(t.TempDir(), "controller.bolt"))
	unknown, _ := vl2.ParseRules([]byte{0x3f, 0}, 1)
	for want, n := range map[string]controller.Network{
		"ipRangeStart": {Pools: []controller.Pool{{}}},
		"target":       {Routes: []vl2.Route{{}}},
		"unknown type": {Rules: append(unknown, vl2.NewRule(vl2.ActionAccept))},
		"unknown typ":  {Capabilities: []controller.Capability{{Rules: unknown}}},
		"tags":         {Tags: make([]controller.Tag, vl2.MaxTags+1)},
	} {
		n.ID = testNetwork
		if err := f.PutNetwork(n); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "71bfb6ed76000001") {
			t.Errorf("PutNetwork(%+v): %v, want %q and the ID", n, err, want)
		}
	}
	for want, m := range map[string]controller.Member{
		"identity":    {Address: 1, Identity: identity.Identity{Address: 2}},
		"ZeroTier":    {},
		"IP addresse": {Address: 1, Addresses: []netip.Addr{{}}},
	} {
		m.Network = testNetwork
		if err := f.PutMember(m); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("PutMember(%+v): %v, want %q", m, err, want)
		}
	}
	if n, m := load(t, f); len(n)+len(m) != 0 {
		t.Errorf("%d networks and %d members, want none", len(n), len(m))
	}
}

// Fields that the controller does not know are kept beside those that it does.
func TestField(t *testing.T) {
	f := openTest(t, filepath.Join(t.TempDir(), "controller.bolt"))
	if err := f.SetField(testNetwork, "rulesSource", json.RawMessage(`"accept;"`)); !errors.Is(err, controller.ErrNoNetwork) {
		t.Errorf("SetField of no network: %v, want ErrNoNetwork", err)
	}
	if err := f.PutNetwork(controller.Network{ID: testNetwork, Name: "a"}); err != nil {
		t.Fatal(err)
	}
	if err := f.SetField(testNetwork, "rulesSource", json.RawMessage(`"accept;"`)); err != nil {
		t.Fatal(err)
	}
	if err := f.PutNetwork(controller.Network{ID: testNetwork, Name: "b"}); err != nil {
		t.Fatal(err)
	}
	if v, err := f.Field(testNetwork, "rulesSource"); err != nil || string(v) != `"accept;"` {
		t.Errorf("field %s, %v, want what was set", v, err)
	}
	if v, err := f.Field(testNetwork, "creationTime"); err != nil || string(v) != "1790000000000" {
		t.Errorf("creationTime %s, %v, want the time of the first Put", v, err)
	}
	if err := f.SetField(testNetwork, "rulesSource", nil); err != nil {
		t.Fatal(err)
	}
	if v, err := f.Field(testNetwork, "rulesSource"); v != nil || err != nil {
		t.Errorf("field %s, %v, want none", v, err)
	}
	if err := f.SetField(testNetwork, "name", json.RawMessage(`"x"`)); err == nil {
		t.Error("SetField set a field of the controller's")
	}
	if err := f.SetField(testNetwork, "x", json.RawMessage(`{`)); err == nil {
		t.Error("SetField took what is no JSON")
	}
}

// The times of a member's record follow its authorisation.
func TestTimes(t *testing.T) {
	m := controller.Member{Network: testNetwork, Address: 1}
	var o object
	for i, authorized := range []bool{false, true, true, false} {
		m.Authorized = authorized
		o = mergeMember(o, &m, time.UnixMilli(int64(100+i)))
	}
	for name, want := range map[string]string{
		"creationTime": "100", "lastAuthorizedTime": "101", "lastDeauthorizedTime": "103", "lastAuthorizedCredentialType": `"api"`, "vMajor": "-1",
	} {
		if string(o[name]) != want {
			t.Errorf("%s is %s, want %s", name, o[name], want)
		}
	}
}

// A backup is a file like the first one, and nothing is left when it fails.
func TestBackup(t *testing.T) {
	dir := t.TempDir()
	f := openTest(t, filepath.Join(dir, "controller.bolt"))
	if err := f.PutNetwork(controller.Network{ID: testNetwork, Name: "before"}); err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(dir, "backup.db")
	if err := f.Backup(copied); err != nil {
		t.Fatal(err)
	}
	if err := f.PutNetwork(controller.Network{ID: testNetwork, Name: "after"}); err != nil {
		t.Fatal(err)
	}
	n, _ := load(t, openTest(t, copied))
	if len(n) != 1 || n[0].Name != "before" {
		t.Errorf("the backup has %+v, want the network as it was", n)
	}
	if err := f.Backup(filepath.Join(dir, "none", "backup.db")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("backup to nowhere: %v", err)
	}
	entries, _ := filepath.Glob(filepath.Join(dir, ".new-*"))
	if len(entries) > 0 {
		t.Errorf("left behind: %v", entries)
	}
}

func BenchmarkPutMember(b *testing.B) {
	f := openTest(b, filepath.Join(b.TempDir(), "controller.bolt"))
	m := controller.Member{Network: testNetwork, Authorized: true, Addresses: []netip.Addr{netip.MustParseAddr("10.1.2.3")}}
	b.ReportAllocs()
	for b.Loop() {
		m.Address++
		if err := f.PutMember(m); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	f := openTest(b, filepath.Join(b.TempDir(), "controller.bolt"))
	m := controller.Member{Network: testNetwork, Authorized: true, Addresses: []netip.Addr{netip.MustParseAddr("10.1.2.3")}}
	err := f.update("test", func(tx *bbolt.Tx) error {
		for a := range 10_000 {
			m.Address = identity.Address(a + 1)
			key := memberKey(m.Network, m.Address)
			if err := tx.Bucket(membersBucket).Put(key, f.seal(key, AppendMember(nil, &m))); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, members := load(b, f); len(members) != 10_000 {
			b.Fatal(len(members))
		}
	}
}
