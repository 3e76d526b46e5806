package store

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ztstack/ztstack/zerotier/controller"
	"github.com/ztstack/ztstack/zerotier/rules"
	"github.com/ztstack/ztstack/zerotier/vl2"
)

// sample returns what a stock controller answered, as it writes it to its files.
func sample(t testing.TB, name string) []byte {
	t.Helper()
	var file map[string]json.RawMessage
	if err := json.Unmarshal(readFile(t, "testdata/api_samples.json"), &file); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := json.Compact(&b, file[name]); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// stockDir writes a controller.d as a stock controller does.
func stockDir(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "controller.d")
	put(t, filepath.Join(dir, "network", "71bfb6ed76000001.json"), sample(t, "controller-network"))
	put(t, filepath.Join(dir, "network", "71bfb6ed76000001", "member", "08c349852a.json"), sample(t, "controller-member-a"))
	return dir
}

func put(t testing.TB, path string, content []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// tree returns the files below a directory with their content.
func tree(t testing.TB, dir string) map[string]string {
	t.Helper()
	files := make(map[string]string)
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err == nil && info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, want 0600", path, info.Mode())
		}
		files[strings.TrimPrefix(path, dir)] = string(readFile(t, path))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// What a stock controller wrote, as our records.
func TestStockRecords(t *testing.T) {
	networks, members, err := ReadDir(stockDir(t))
	if err != nil || len(networks) != 1 || len(members) != 1 {
		t.Fatalf("%d networks, %d members, %v", len(networks), len(members), err)
	}
	n := networks[0]
	p, err := rules.Compile(`
		drop not ethertype ipv4 and not ethertype arp and not ethertype ipv6;
		drop icmp 8 -1 and teq 1000 99;
		accept chr tcp_syn and dport 22 and ipsrc 10.147.20.0/24;
		accept;
		cap c id 7 accept ipprotocol tcp and dport 80-443; ;`)
	if err != nil {
		t.Fatal(err)
	}
	want := controller.Network{
		ID: testNetwork, Name: "ztone", Broadcast: true, MTU: 2800, MulticastMax: 32, AssignV4: true, AssignRFC4193: true, AssignSixPlane: true,
		Pools:  []controller.Pool{{First: netip.MustParseAddr("10.147.20.100"), Last: netip.MustParseAddr("10.147.20.250")}},
		Routes: []vl2.Route{{Target: netip.MustParsePrefix("10.147.20.0/24")}}, Rules: p.Rules,
		Capabilities: []controller.Capability{{ID: 7, Rules: p.Capabilities[0].Rules}}, Tags: []controller.Tag{{ID: 1000, Value: 42}},
		DNS:         vl2.DNS{Domain: "zt.test", Servers: []netip.Addr{netip.MustParseAddr("10.147.20.1")}},
		TraceTarget: 0x71bfb6ed76, TraceLevel: 1, Revision: 3,
	}
	if !reflect.DeepEqual(n, want) {
		t.Errorf("network\n%+v, want\n%+v", n, want)
	}
	m := members[0]
	if m.Identity.Address != 0x08c349852a || m.Identity.IsZero() {
		t.Errorf("identity %v", m.Identity)
	}
	wantMember := controller.Member{
		Network: testNetwork, Address: 0x08c349852a, Identity: m.Identity, Authorized: true, ActiveBridge: true,
		Addresses: []netip.Addr{netip.MustParseAddr("10.147.20.11")}, Capabilities: []uint32{7}, Tags: []controller.Tag{{ID: 1000, Value: 42}}, Revision: 4,
	}
	if !reflect.DeepEqual(m, wantMember) {
		t.Errorf("member\n%+v, want\n%+v", m, wantMember)
	}
}

// A directory that is taken over and given back is the same, byte for byte.
func TestTakeOverAndGiveBack(t *testing.T) {
	dir := stockDir(t)
	want := tree(t, dir)
	f := openTest(t, filepath.Join(t.TempDir(), "controller.bolt"))
	networks, members, err := f.Import(dir)
	if err != nil || networks != 1 || members != 1 {
		t.Fatalf("Import: %d networks, %d members, %v", networks, members, err)
	}
	// Putting the same again changes nothing.
	n, m := load(t, f)
	if err := f.PutNetwork(n[0]); err != nil {
		t.Fatal(err)
	}
	if err := f.PutMember(m[0]); err != nil {
		t.Fatal(err)
	}
	for _, out := range []string{filepath.Join(t.TempDir(), "a", "controller.d"), dir} {
		if err := f.Export(out); err != nil {
			t.Fatal(err)
		}
		if got := tree(t, out); !reflect.DeepEqual(got, want) {
			t.Errorf("exported\n%v, want\n%v", got, want)
		}
	}
	// Without a File, too.
	if err := WriteDir(dir, n, m); err != nil {
		t.Fatal(err)
	}
	if got := tree(t, dir); !reflect.DeepEqual(got, want) {
		t.Errorf("written\n%v, want\n%v", got, want)
	}
	// A change touches its own fields alone.
	m[0].Authorized = false
	if err := f.PutMember(m[0]); err != nil {
		t.Fatal(err)
	}
	if err := f.Export(dir); err != nil {
		t.Fatal(err)
	}
	const member = "/network/71bfb6ed76000001/member/08c349852a.json"
	want[member] = strings.Replace(strings.Replace(want[member], `"authorized":true`, `"authorized":false`, 1), `"lastDeauthorizedTime":0`, `"lastDeauthorizedTime":1790000000000`, 1)
	if got := tree(t, dir); !reflect.DeepEqual(got, want) {
		t.Errorf("exported\n%v, want\n%v", got, want)
	}
}

// A record of ours looks like that of a stock controller.
func TestNewRecords(t *testing.T) {
	keys := func(b []byte) []string {
		o, err := parseObject(b)
		if err != nil {
			t.Fatal(err)
		}
		var list []string
		for k := range o {
			list = append(list, k)
		}
		slices.Sort(list)
		return list
	}
	n := controller.Network{ID: testNetwork}
	if got, want := keys(mergeNetwork(nil, &n, time.UnixMilli(1)).append(nil)), keys(sample(t, "controller-network")); !slices.Equal(got, want) {
		t.Errorf("a network has the fields\n%v, want\n%v", got, want)
	}
	_, members, _ := ReadDir(stockDir(t))
	if got, want := keys(mergeMember(nil, &members[0], time.UnixMilli(1)).append(nil)), keys(sample(t, "controller-member-a")); !slices.Equal(got, want) {
		t.Errorf("a member has the fields\n%v, want\n%v", got, want)
	}
	back, err := ParseNetwork(AppendNetwork(nil, &n))
	want := controller.Network{ID: testNetwork, MTU: 2800, Rules: []vl2.Rule{vl2.NewRule(vl2.ActionAccept)}}
	if err != nil || !reflect.DeepEqual(back, want) {
		t.Errorf("%v: network %+v, want %+v", err, back, want)
	}
	again, err := ParseMember(AppendMember(nil, &members[0]))
	if err != nil || !reflect.DeepEqual(again, members[0]) {
		t.Errorf("%v: member %+v, want %+v", err, again, members[0])
	}
}

// Records with less than everything, and with what only older versions or the API say.
func TestParseNetwork(t *testing.T) {
	accept, drop := []vl2.Rule{vl2.NewRule(vl2.ActionAccept)}, []vl2.Rule{vl2.NewRule(vl2.ActionDrop)}
	base := controller.Network{ID: testNetwork, Broadcast: true, MTU: 2800, MulticastMax: 32}
	with := func(change func(*controller.Network)) controller.Network {
		n := base
		change(&n)
		return n
	}
	for fields, want := range map[string]controller.Network{
		"": base,
		`,"private":false,"enableBroadcast":0,"multicastLimit":"5"`: with(func(n *controller.Network) { n.Public, n.Broadcast, n.MulticastMax = true, false, 5 }),
		`,"mtu":100`:                          with(func(n *controller.Network) { n.MTU = 1280 }),
		`,"mtu":100000`:                       with(func(n *controller.Network) { n.MTU = 10000 }),
		`,"rules":[]`:                         with(func(n *controller.Network) { n.Rules = drop }),
		`,"rules":null`:                       base,
		`,"rules":[{"type":"ACTION_ACCEPT"}]`: with(func(n *controller.Network) { n.Rules = accept }),
		`,"v4AssignMode":"zt","v6AssignMode":"none"`:                         with(func(n *controller.Network) { n.AssignV4 = true }),
		`,"v4AssignMode":{"zt":1},"v6AssignMode":{"zt":true}`:                with(func(n *controller.Network) { n.AssignV4, n.AssignV6 = true, true }),
		`,"authTokens":[null]`:                                               base,
		`,"authTokens":{"b":0,"a":0,"expires":1790000000000,"odd":"0","":0}`: with(func(n *controller.Network) { n.Tokens = []string{"a", "b"} }),
		`,"tags":[{"default":null,"id":1},{"id":2},{"default":0,"id":3}]`:    with(func(n *controller.Network) { n.Tags = []controller.Tag{{ID: 3}} }),
		`,"dns":[]`: base,
		`,"dns":[{"domain":"a","servers":["fd00::1"]}]`: with(func(n *controller.Network) {
			n.DNS = vl2.DNS{Domain: "a", Servers: []netip.Addr{netip.MustParseAddr("fd00::1")}}
		}),
		`,"routes":[{"target":"10.0.0.0/8","via":"10.1.1.1","metric":5}],"ssoEnabled":false`: with(func(n *controller.Network) {
			n.Routes = []vl2.Route{{Target: netip.MustParsePrefix("10.0.0.0/8"), Via: netip.MustParseAddr("10.1.1.1"), Metric: 5}}
		}),
		`,"certificateTimeoutWindowSize":60000,"remoteTraceTarget":""`: with(func(n *controller.Network) { n.MaxDelta = 60000 }),
	} {
		n, err := ParseNetwork([]byte(`{"id":"71bfb6ed76000001"` + fields + `}`))
		if err != nil || !reflect.DeepEqual(n, want) {
			t.Errorf("%s: %v, network\n%+v, want\n%+v", fields, err, n, want)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for in, want := range map[string]string{
		``:                           "not a JSON object",
		`[]`:                         "not a JSON object",
		`null`:                       "null",
		`{}`:                         `"id"`,
		`{"id":5}`:                   `"id": expected a string, found 5`,
		`{"id":"71bfb6ed7600000"}`:   "16 hexadecimal digits",
		`"ssoEnabled":true`:          "single sign-on",
		`"private":"maybe"`:          `"private": expected true or false, found "maybe"`,
		`"mtu":-1`:                   `"mtu": expected a number`,
		`"mtu":1e3`:                  `"mtu": expected a number`,
		`"name":{}`:                  `"name": expected a string`,
		`"remoteTraceTarget":"1"`:    "10 hexadecimal digits",
		`"ipAssignmentPools":[{}]`:   `ipAssignmentPools: "ipRangeStart": expected an IP address`,
		`"ipAssignmentPools":[5]`:    "ipAssignmentPools: not a JSON object",
		`"routes":[{"target":"10"}]`: `routes: "target": expected a prefix`,
		`"rules":[{"type":"X"}]`:     `unknown type "X"`,
		`"rules":{}`:                 "expected an array of rules",
		`"capabilities":[{"id":1,"rules":[{"type":"X"}]}]`: "capabilities: rules: entry 0",
		`"tags":[{"id":4294967296,"default":1}]`:           `tags: "id"`,
		`"tags":[` + strings.Repeat("{},", 128) + `{}]`:    "at most 128",
		`"dns":{"servers":["x"]}`:                          `dns: "servers": expected IP addresses`,
		`"v6AssignMode":{"zt":5}`:                          `"zt": expected true or false`,
	} {
		if strings.HasPrefix(in, `"`) {
			in = `{"id":"71bfb6ed76000001",` + in + `}`
		}
		if n, err := ParseNetwork([]byte(in)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.80s: %+v, %v, want %q", in, n, err, want)
		}
	}
	for in, want := range map[string]string{
		`{"id":"08c349852a"}`:         `"nwid"`,
		`{"nwid":"71bfb6ed76000001"}`: `"id": expected the ZeroTier address`,
		`"id":"ff00000000"`:           `"id"`,
		`"identity":"x"`:              `"identity": expected the identity`,
		`"ipAssignments":["x"]`:       "IP addresses",
		`"ipAssignments":[5]`:         "IP addresses",
		`"capabilities":[-1]`:         "numbers of capabilities",
		`"tags":[[1]]`:                "pairs",
		`"tags":[[1,2,3]]`:            "pairs",
		`"authorized":[]`:             "true or false",
		`"identity":"08c349852b:0:` + strings.Repeat("0", 128) + `"`: "08c349852a",
	} {
		if strings.HasPrefix(in, `"`) {
			in = `{"nwid":"71bfb6ed76000001","id":"08c349852a",` + in + `}`
		}
		if m, err := ParseMember([]byte(in)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.80s: %+v, %v, want %q", in, m, err, want)
		}
	}
}

// Files that are broken are named, and do not keep the others from being imported.
func TestImportBroken(t *testing.T) {
	dir := stockDir(t)
	network := filepath.Join(dir, "network")
	put(t, filepath.Join(network, "71bfb6ed76000002.json"), []byte("{"))
	put(t, filepath.Join(network, "71bfb6ed76000002", "member", "08c349852a.json"), sample(t, "controller-member-a"))
	put(t, filepath.Join(network, "71bfb6ed76000003.json"), sample(t, "controller-network")) // another one's record
	put(t, filepath.Join(network, "71bfb6ed76000001", "member", "08c349852b.json"), sample(t, "controller-member-a"))
	put(t, filepath.Join(network, "71bfb6ed76000001", "member", "08c349852c.json"), nil)
	put(t, filepath.Join(network, "71bfb6ed76000001", "member", "08c349852d.json.removed"), nil)
	put(t, filepath.Join(network, "71BFB6ED76000004.json"), nil)
	put(t, filepath.Join(network, "notes.txt"), nil)
	if err := os.MkdirAll(filepath.Join(network, "71bfb6ed76000005.json"), 0o700); err != nil {
		t.Fatal(err)
	}
	f := openTest(t, filepath.Join(t.TempDir(), "controller.bolt"))
	networks, members, err := f.Import(dir)
	if networks != 1 || members != 1 || err == nil {
		t.Fatalf("Import: %d networks, %d members, %v, want 1, 1 and an error", networks, members, err)
	}
	for _, name := range []string{"71bfb6ed76000002.json", "71bfb6ed76000003.json", "08c349852b.json", "08c349852c.json", "71bfb6ed76000005.json"} {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("the error does not name %s: %v", name, err)
		}
	}
	if got := strings.Count(err.Error(), "store: read "); got != 5 {
		t.Errorf("%d errors, want 5: %v", got, err)
	}
	if _, _, err := f.Import(filepath.Join(dir, "none")); err == nil || !strings.Contains(err.Error(), "expected the controller.d") {
		t.Errorf("Import of nothing: %v", err)
	}
}

// What was deleted here does not come back there.
func TestExportRemoves(t *testing.T) {
	dir := stockDir(t)
	network := filepath.Join(dir, "network")
	put(t, filepath.Join(network, "71bfb6ed76000009.json"), []byte("{}"))
	put(t, filepath.Join(network, "71bfb6ed76000009", "member", "08c349852a.json"), []byte("{}"))
	put(t, filepath.Join(network, "notes.txt"), []byte("kept"))
	f := openTest(t, filepath.Join(t.TempDir(), "controller.bolt"))
	if _, _, err := f.Import(stockDir(t)); err != nil {
		t.Fatal(err)
	}
	if err := f.DeleteMember(testNetwork, 0x08c349852a); err != nil {
		t.Fatal(err)
	}
	if err := f.Export(dir); err != nil {
		t.Fatal(err)
	}
	var got []string
	for name := range tree(t, dir) {
		got = append(got, name)
	}
	slices.Sort(got)
	want := []string{
		"/network/71bfb6ed76000001.json", "/network/71bfb6ed76000001/member/08c349852a.json.removed",
		"/network/71bfb6ed76000009.json.removed", "/network/71bfb6ed76000009/member/08c349852a.json.removed", "/network/notes.txt",
	}
	if !slices.Equal(got, want) {
		t.Errorf("files %q, want %q", got, want)
	}
	if err := f.Export(filepath.Join(network, "notes.txt")); err == nil || !strings.Contains(err.Error(), "notes.txt") {
		t.Errorf("Export to a file: %v", err)
	}
}

// Whatever record is read, writing it gives what is read as the same.
func FuzzParseNetwork(f *testing.F) {
	f.Fuzz(func(t *testing.T, in []byte) {
		n, err := ParseNetwork(in)
		if err != nil {
			return
		}
		if len(n.Rules) > vl2.MaxRules || len(n.Tags) > vl2.MaxTags || len(n.Routes) > maxRoutes || n.MTU < vl2.MinMTU || n.MTU > vl2.MaxMTU {
			t.Fatalf("%s: out of limits: %+v", in, n)
		}
		out := AppendNetwork(nil, &n)
		again, err := ParseNetwork(out)
		if err != nil {
			t.Fatalf("%s became %s: %v", in, out, err)
		}
		if twice := AppendNetwork(nil, &again); !bytes.Equal(out, twice) {
			t.Fatalf("%s became %s, then %s", in, out, twice)
		}
		// Putting the record over itself keeps it as it was.
		o, _ := parseObject(in)
		merged := mergeNetwork(o, &n, time.UnixMilli(1))
		if back, err := networkFrom(merged); err != nil || !bytes.Equal(AppendNetwork(nil, &back), out) {
			t.Fatalf("%s became %s: %v", in, merged.append(nil), err)
		}
	})
}

func FuzzParseMember(f *testing.F) {
	f.Fuzz(func(t *testing.T, in []byte) {
		m, err := ParseMember(in)
		if err != nil {
			return
		}
		if m.Identity.HasSecret() || len(m.Addresses) > maxAddresses {
			t.Fatalf("%s: %+v", in, m)
		}
		out := AppendMember(nil, &m)
		again, err := ParseMember(out)
		if err != nil {
			t.Fatalf("%s became %s: %v", in, out, err)
		}
		if twice := AppendMember(nil, &again); !bytes.Equal(out, twice) {
			t.Fatalf("%s became %s, then %s", in, out, twice)
		}
	})
}
