package archtest

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// modfiles is the files of a module, parsed.
type modfiles struct {
	fset     token.FileSet
	packages []*pkgfiles // in the order of their paths
	problems []string
}

// pkgfiles is the files of a directory but for tests, whatever system they are for.
type pkgfiles struct {
	path  string // below the module's
	files []*ast.File
	types *types.Package
	info  types.Info
}

// add reads a file.
func (m *modfiles) add(fsys fs.FS, name string) error {
	dir := path.Dir(name)
	if path.Ext(name) == ".s" {
		if !anyMatches(assembly, dir) {
			m.report("%s: assembly is for %s only", name, strings.Join(assembly, ", "))
		}
		return nil
	}
	src, err := fs.ReadFile(fsys, name)
	if err != nil {
		return err
	}
	test, most := strings.HasSuffix(name, "_test.go"), maxLines
	if test {
		most = maxTestLines
	}
	if n := bytes.Count(src, []byte("\n")); n > most {
		m.report("%s: %d lines, at most %d: one mechanism per file", name, n, most)
	}
	if test {
		return nil
	}
	f, err := parser.ParseFile(&m.fset, name, src, parser.SkipObjectResolution)
	if err != nil {
		// The compiler says it better; a file that is being written must not hide the rest.
		m.report("%v", err)
		return nil
	}
	i, ok := slices.BinarySearchFunc(m.packages, dir, func(p *pkgfiles, dir string) int { return strings.Compare(p.path, dir) })
	if !ok {
		m.packages = slices.Insert(m.packages, i, &pkgfiles{path: dir})
	}
	m.packages[i].files = append(m.packages[i].files, f)
	return nil
}

func (m *modfiles) report(format string, args ...any) {
	m.problems = append(m.problems, fmt.Sprintf(format, args...))
}

// check returns what breaks the rules.
func (m *modfiles) check(rules []rule) []string {
	for _, p := range m.packages {
		r, ok := find(rules, p.path)
		if !ok {
			m.report("%s: no rule for this package: enter it into the table of internal/archtest, below what imports it", p.path)
			continue
		}
		for _, f := range p.files {
			for _, spec := range f.Imports {
				imp, _ := strconv.Unquote(spec.Path.Value)
				if why := forbidden(rules, r, p.path, imp); why != "" {
					m.report("%s: imports %s: %s", m.fset.Position(spec.Pos()), imp, why)
				}
			}
		}
		if r.core {
			m.checkCore(p)
		}
	}
	return m.problems
}

// forbidden says why pkg, whose rule is r, may not import imp, or returns "".
func forbidden(rules []rule, r rule, pkg, imp string) string {
	below, ours := strings.CutPrefix(imp, module+"/")
	switch {
	case ours && anyMatches(r.imports, below):
	case ours && slices.Contains(r.imports, "core"):
		if q, ok := find(rules, below); !ok || !q.core {
			return "it is not in the core"
		}
	case ours:
		return "the table does not let " + pkg + " import it"
	case r.core && !slices.Contains(coreStd, imp) && !anyMatches(r.others, imp):
		return "the core must not: it is not among the packages known to be deterministic and free of I/O"
	}
	return ""
}

// timeAllowed and randAllowed are what core packages may use of time and math/rand/v2: durations and
// generators with a seed, no clock and no global generator.
var (
	timeAllowed = []string{"Duration", "Nanosecond", "Microsecond", "Millisecond", "Second", "Minute", "Hour"}
	randAllowed = []string{"Rand", "New", "Source", "PCG", "NewPCG", "ChaCha8", "NewChaCha8"}
)

// checkCore looks for what makes behaviour depend on more than input: clocks, goroutines and channels,
// global random numbers, the order of a map.
func (m *modfiles) checkCore(p *pkgfiles) {
	m.typecheck(p)
	for _, f := range p.files {
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				m.report("%s: a goroutine in the core", m.fset.Position(n.Pos()))
			case *ast.ChanType, *ast.SelectStmt:
				m.report("%s: a channel in the core", m.fset.Position(n.Pos()))
			case *ast.RangeStmt:
				if t := p.info.TypeOf(n.X); t != nil && isMap(t) {
					m.report("%s: ranges over a map, whose order is random", m.fset.Position(n.Pos()))
				}
			case *ast.SelectorExpr:
				if x, ok := n.X.(*ast.Ident); ok {
					m.checkUse(p, x, n.Sel)
				}
			}
			return true
		})
	}
}

// checkUse checks the expression x.sel, where x may be a package.
func (m *modfiles) checkUse(p *pkgfiles, x, sel *ast.Ident) {
	pkg, ok := p.info.Uses[x].(*types.PkgName)
	if !ok {
		return
	}
	switch imp := pkg.Imported().Path(); {
	case imp == "time" && !slices.Contains(timeAllowed, sel.Name):
		m.report("%s: time.%s in the core: times are clock.Time and come from the caller", m.fset.Position(x.Pos()), sel.Name)
	case imp == "math/rand/v2" && !slices.Contains(randAllowed, sel.Name):
		m.report("%s: rand.%s in the core: random numbers come from a generator with a seed", m.fset.Position(x.Pos()), sel.Name)
	}
}

// isMap reports whether a value of type t may be a map.
func isMap(t types.Type) bool {
	if p, ok := t.(*types.TypeParam); ok {
		t = p.Constraint()
	}
	switch u := t.Underlying().(type) {
	case *types.Map:
		return true
	case *types.Interface:
		for i := range u.NumEmbeddeds() {
			if union, ok := u.EmbeddedType(i).(*types.Union); ok {
				for j := range union.Len() {
					if isMap(union.Term(j).Type()) {
						return true
					}
				}
			}
		}
	}
	return false
}

// typecheck finds the types of p as far as it takes to tell maps. Other packages of the core are known,
// the rest stands for nothing, so errors abound and are ignored.
func (m *modfiles) typecheck(p *pkgfiles) {
	if p.types != nil {
		return
	}
	p.info = types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Uses: map[*ast.Ident]types.Object{}, Defs: map[*ast.Ident]types.Object{}}
	cfg := types.Config{Importer: importer{m}, Error: func(error) {}, IgnoreFuncBodies: false}
	p.types = types.NewPackage(module+"/"+p.path, p.files[0].Name.Name) // for imports in a circle
	if pkg, _ := cfg.Check(module+"/"+p.path, &m.fset, p.files, &p.info); pkg != nil {
		p.types = pkg
	}
}

type importer struct{ m *modfiles }

func (i importer) Import(imp string) (*types.Package, error) {
	if below, ours := strings.CutPrefix(imp, module+"/"); ours {
		for _, p := range i.m.packages {
			if p.path == below {
				i.m.typecheck(p)
				return p.types, nil
			}
		}
	}
	name := path.Base(imp)
	if len(name) > 1 && name[0] == 'v' && '0' <= name[1] && name[1] <= '9' {
		name = path.Base(path.Dir(imp))
	}
	pkg := types.NewPackage(imp, name)
	pkg.MarkComplete()
	return pkg, nil
}
