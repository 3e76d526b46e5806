package archtest

import (
	"strings"
	"testing"
	"testing/fstest"
)

// A module with one defect in each file: every rule is seen to hold.
func TestDefectsAreFound(t *testing.T) {
	const head = "package x\nimport \"" + module + "/"
	for name, tt := range map[string]struct {
		file, src string
		want      string // part of the only problem, or "" for none
	}{
		"allowed":              {"tcp/a.go", head + "clock\"\nvar _ clock.Time\n", ""},
		"upwards":              {"tcp/a.go", head + "stack\"\n", "the table does not let tcp import it"},
		"sideways":             {"zerotier/vl1/a.go", head + "zerotier/vl2\"\n", "the table does not let zerotier/vl1 import it"},
		"sockets in stack":     {"stack/a.go", head + "sockets\"\n", "the table does not let stack import it"},
		"zerotier in stack":    {"stack/a.go", head + "zerotier/packet\"\n", "the table does not let stack import it"},
		"internal of zerotier": {"zerotier/packet/a.go", head + "zerotier/internal/aesgmac\"\n", ""},
		"driver in sim":        {"sim/a.go", head + "zerotier/driver\"\n", "not in the core"},
		"stack in sim":         {"sim/a.go", head + "stack\"\n", ""},
		"anything in cmd":      {"cmd/zt/a.go", head + "zerotier/driver\"\n", ""},
		"unknown package":      {"newcore/a.go", "package newcore\n", "newcore: no rule"},
		"unknown internal":     {"internal/util/a.go", "package util\n", "internal/util: no rule"},
		"fmt":                  {"tcp/a.go", "package x\nimport \"fmt\"\n", "the core must not"},
		"unsafe":               {"tcp/a.go", "package x\nimport _ \"unsafe\"\n", "the core must not"},
		"for another system":   {"tcp/a_windows.go", "package x\nimport \"os\"\n", "the core must not"},
		"crypto in tcp":        {"tcp/a.go", "package x\nimport \"crypto/sha256\"\n", "the core must not"},
		"crypto in identity":   {"zerotier/identity/a.go", "package x\nimport \"crypto/sha512\"\n", ""},
		"a foreign module":     {"udp/a.go", "package x\nimport \"example.org/x\"\n", "the core must not"},
		"fmt above the core":   {"link/tap/a.go", "package x\nimport \"fmt\"\n", ""},
		"fmt in a test":        {"tcp/a_test.go", "package x\nimport \"fmt\"\n", ""},
		"fmt in testdata":      {"tcp/testdata/a.go", "package x\nimport \"fmt\"\n", ""},
		"clock":                {"tcp/a.go", "package x\nimport \"time\"\nvar _ = time.Now()\n", "time.Now"},
		"duration":             {"tcp/a.go", "package x\nimport \"time\"\nvar _ = 3 * time.Second\n", ""},
		"clock renamed":        {"tcp/a.go", "package x\nimport t \"time\"\nvar _ = t.Now()\n", "time.Now"},
		"no package":           {"tcp/a.go", "package x\nvar time struct{ Now int }\nvar _ = time.Now\n", ""},
		"global random":        {"tcp/a.go", "package x\nimport \"math/rand/v2\"\nvar _ = rand.Int()\n", "rand.Int"},
		"seeded random":        {"tcp/a.go", "package x\nimport \"math/rand/v2\"\nvar _ = rand.New(rand.NewPCG(1, 2))\n", ""},
		"goroutine":            {"tcp/a.go", "package x\nfunc f() { go f() }\n", "goroutine"},
		"channel":              {"tcp/a.go", "package x\nvar c chan int\n", "channel"},
		"select":               {"tcp/a.go", "package x\nfunc f() { select {} }\n", "channel"},
		"range over map":       {"tcp/a.go", "package x\nfunc f() { for range map[int]int{} { } }\n", "over a map"},
		"range over field":     {"tcp/a.go", "package x\ntype m map[undefined.X]int\ntype s struct{ m m }\nfunc (s *s) f() { for k := range s.m { _ = k } }\n", "over a map"},
		"range over parameter": {"tcp/a.go", "package x\nfunc f[M map[K]V | map[V]K, K, V comparable](m M) { for range m { } }\n", "over a map"},
		"range over slice":     {"tcp/a.go", "package x\nfunc f(b []map[int]int) { for range b { } }\n", ""},
		"range over map above": {"sockets/a.go", "package x\nfunc f() { for range map[int]int{} { } }\n", ""},
		"assembly":             {"tcp/a.s", "", "assembly is for"},
		"assembly in cksum":    {"internal/cksum/a.s", "", ""},
		"long":                 {"tcp/a.go", "package x\n" + strings.Repeat("\n", maxLines), "601 lines"},
		"long enough":          {"tcp/a.go", "package x\n" + strings.Repeat("\n", maxLines-1), ""},
		"long test":            {"tcp/a_test.go", "package x\n" + strings.Repeat("\n", maxTestLines), "1001 lines"},
		"another module":       {"bench/a.go", "package x\nimport \"fmt\"\n", ""},
		"not Go":               {"tcp/a.go", "package\n", "expected"},
	} {
		m, err := load(fstest.MapFS{
			tt.file:        {Data: []byte(tt.src)},
			"bench/go.mod": {Data: []byte("module bench\n")},
			"clock/c.go":   {Data: []byte("package clock\ntype Time int64\n")},
		})
		if err != nil {
			t.Fatal(err)
		}
		got := m.check(rules)
		if tt.want == "" && len(got) > 0 || tt.want != "" && (len(got) != 1 || !strings.Contains(got[0], tt.want)) {
			t.Errorf("%s: problems %q, want %q", name, got, tt.want)
		}
	}
}

// A map that comes from another package of the core is found too.
func TestMapOfAnotherPackage(t *testing.T) {
	m, err := load(fstest.MapFS{
		"clock/c.go": {Data: []byte("package clock\ntype Set struct{ All map[int]int }\n")},
		"tcp/a.go":   {Data: []byte("package tcp\nimport \"" + module + "/clock\"\nfunc f(s clock.Set) { for range s.All { } }\n")},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := m.check(rules); len(got) != 1 || !strings.Contains(got[0], "over a map") {
		t.Errorf("problems %q, want one", got)
	}
}
