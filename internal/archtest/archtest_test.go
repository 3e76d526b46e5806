package archtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/ztstack/ztstack"

// root is the module's directory.
const root = "../.."

func TestRules(t *testing.T) {
	m, err := load(os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	if len(m.packages) < 20 {
		t.Fatalf("found %d packages only: is %s the module?", len(m.packages), root)
	}
	for _, p := range m.check(rules) {
		t.Error(p)
	}
}

// The table itself: it is a hierarchy, and core packages import core packages alone.
func TestTable(t *testing.T) {
	depth := make(map[string]int) // 0 unknown, -1 being visited
	var visit func(r rule) int
	visit = func(r rule) int {
		switch d := depth[r.pkg]; {
		case d == -1:
			t.Fatalf("%s imports itself through other packages", r.pkg)
		case d > 0:
			return d
		}
		depth[r.pkg] = -1
		d := 1
		for _, imp := range r.imports {
			if imp == r.pkg || imp == "..." || imp == "core" || strings.HasPrefix(imp, "zerotier/...") {
				continue
			}
			below, ok := find(rules, strings.TrimSuffix(imp, "/..."))
			if !ok {
				t.Errorf("%s may import %s, for which there is no rule", r.pkg, imp)
				continue
			}
			if r.core && !below.core {
				t.Errorf("%s is core and may import %s, which is not", r.pkg, imp)
			}
			if below.pkg != r.pkg { // link/internal is of link/...
				d = max(d, 1+visit(below))
			}
		}
		depth[r.pkg] = d
		return d
	}
	for _, r := range rules {
		visit(r)
	}
}

// What is linked into a program with a core package, all told, has no reflection, no files, no network.
func TestCoreLinksNothingHeavy(t *testing.T) {
	gotool, err := exec.LookPath("go")
	if err != nil {
		t.Skip("the go command is not in PATH")
	}
	m, err := load(os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"list", "-deps", "-e", "-json=ImportPath,Imports"}
	var core []string
	for _, p := range m.packages {
		if r, ok := find(rules, p.path); ok && r.core && !usesCryptography(r) {
			core = append(core, module+"/"+p.path)
		}
	}
	cmd := exec.Command(gotool, append(args, core...)...)
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	imports := make(map[string][]string)
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		imports[p.ImportPath] = p.Imports
	}
	for _, pkg := range core {
		if _, ok := imports[pkg]; !ok {
			t.Errorf("go list does not know %s", pkg)
		}
		for _, h := range heavy {
			if chain := importChain(imports, pkg, h); chain != nil {
				t.Errorf("%s links %s, which the core must not: %s", pkg, h, strings.Join(chain, " -> "))
			}
		}
	}
}

func usesCryptography(r rule) bool {
	return slices.ContainsFunc(r.others, func(s string) bool { return strings.HasPrefix(s, "crypto/") })
}

// importChain returns a shortest chain of imports from one package to another, or nil.
func importChain(imports map[string][]string, from, to string) []string {
	cameFrom := map[string]string{from: ""}
	for queue := []string{from}; len(queue) > 0; queue = queue[1:] {
		if queue[0] == to {
			var chain []string
			for p := to; p != ""; p = cameFrom[p] {
				chain = append(chain, p)
			}
			slices.Reverse(chain)
			return chain
		}
		for _, p := range imports[queue[0]] {
			if _, seen := cameFrom[p]; !seen {
				cameFrom[p] = queue[0]
				queue = append(queue, p)
			}
		}
	}
	return nil
}

func TestImportChain(t *testing.T) {
	imports := map[string][]string{"a": {"b", "c"}, "b": {"d"}, "c": {"b", "a"}}
	if got := strings.Join(importChain(imports, "a", "d"), " "); got != "a b d" {
		t.Errorf("chain %q, want a b d", got)
	}
	if got := importChain(imports, "b", "a"); got != nil {
		t.Errorf("chain %v, want none", got)
	}
}

// matches reports whether a package is named by a pattern: its path, or a directory above it or itself
// followed by "/...".
func matches(pattern, pkg string) bool {
	if dir, ok := strings.CutSuffix(pattern, "/..."); ok {
		return pkg == dir || strings.HasPrefix(pkg, dir+"/")
	}
	return pattern == "..." || pattern == pkg
}

func anyMatches(patterns []string, pkg string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return matches(p, pkg) })
}

// find returns the first rule for pkg.
func find(rules []rule, pkg string) (rule, bool) {
	i := slices.IndexFunc(rules, func(r rule) bool { return matches(r.pkg, pkg) })
	if i < 0 {
		return rule{}, false
	}
	return rules[i], true
}

// load reads the Go files of a module.
func load(fsys fs.FS) (*modfiles, error) {
	m := &modfiles{}
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := path.Base(name)
		if d.IsDir() {
			if name != "." && (base == "testdata" || base == "vendor" || base[0] == '.' || base[0] == '_') {
				return fs.SkipDir
			}
			if _, err := fs.Stat(fsys, path.Join(name, "go.mod")); err == nil && name != "." {
				return fs.SkipDir // another module
			}
			return nil
		}
		if ext := path.Ext(name); ext == ".go" || ext == ".s" {
			return m.add(fsys, name)
		}
		return nil
	})
	return m, err
}
