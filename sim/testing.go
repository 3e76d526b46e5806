package sim

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// captureLimit bounds the memory that a test's capture of one link takes.
const captureLimit = 16 << 20

// ForTest returns a World for a test. If the test fails, the seed is printed and a capture of every link
// that was made with Test.Connect is left in the directory for temporary files.
func ForTest(t testing.TB, seed uint64) *Test {
	x := &Test{World: New(seed), t: t}
	t.Cleanup(x.report)
	return x
}

// A Test is a World that records its links in case the test fails.
type Test struct {
	*World
	t        testing.TB
	captures []*limited
}

// Connect is World.Connect with a capture.
func (x *Test) Connect(cfg LinkConfig, hosts ...*Host) *Link {
	l := x.World.Connect(cfg, hosts...)
	c := &limited{name: l.cfg.Name}
	if err := l.Capture(c); err != nil {
		x.t.Fatalf("capture %s: %v", l.cfg.Name, err)
	}
	x.captures = append(x.captures, c)
	return l
}

func (x *Test) report() {
	if !x.t.Failed() {
		return
	}
	x.t.Logf("seed %d, at virtual time %v", x.seed, x.Elapsed())
	name := strings.NewReplacer("/", "_", " ", "_").Replace(x.t.Name())
	for _, c := range x.captures {
		file := filepath.Join(os.TempDir(), fmt.Sprintf("%s-%s.pcapng", name, c.name))
		if err := os.WriteFile(file, c.Bytes(), 0o644); err != nil {
			x.t.Logf("write capture of %s: %v", c.name, err)
			continue
		}
		x.t.Logf("capture of %s: %s", c.name, file)
	}
}

// limited is a buffer that stops growing.
type limited struct {
	bytes.Buffer
	name string
}

func (l *limited) Write(b []byte) (int, error) {
	if l.Len()+len(b) <= captureLimit {
		l.Buffer.Write(b)
	}
	return len(b), nil
}
