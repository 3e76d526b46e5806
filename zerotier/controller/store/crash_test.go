package store

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/ztstack/ztstack/zerotier/controller"
	"github.com/ztstack/ztstack/zerotier/identity"
)

// fill puts a network and members numbered from..to.
func fill(t testing.TB, f *File, from, to int) {
	t.Helper()
	if err := f.PutNetwork(controller.Network{ID: testNetwork, Name: "crash", Revision: uint64(to)}); err != nil {
		t.Fatal(err)
	}
	for a := from; a <= to; a++ {
		if err := f.PutMember(controller.Member{Network: testNetwork, Address: identity.Address(a), Authorized: true}); err != nil {
			t.Fatal(err)
		}
	}
}

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// summary says what a file has.
func summary(t testing.TB, f *File) string {
	t.Helper()
	networks, members := load(t, f)
	s := ""
	for _, n := range networks {
		s += fmt.Sprintf("%v %s revision %d\n", n.ID, n.Name, n.Revision)
	}
	for _, m := range members {
		s += fmt.Sprintf("%v %v %v\n", m.Network, m.Address, m.Authorized)
	}
	return s
}

// A crash in the middle of a commit leaves the state before or the state after, whichever pages had reached the disk. The tree writes its
// data pages, waits for the disk, and then writes one of two pages that say where the tree begins; so before the second step, any
// of the data pages may be there, and in it, any part of that page.
func TestTornCommit(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "controller.bolt")
	f := openTest(t, path)
	fill(t, f, 1, 150) // enough for pages below the root
	before, wantBefore := readFile(t, path), summary(t, f)
	err := f.update("test", func(tx *bbolt.Tx) error { return deleteNetwork(tx, testNetwork) })
	if err != nil {
		t.Fatal(err)
	}
	after, wantAfter := readFile(t, path), summary(t, f)
	f.Close()

	page := os.Getpagesize()
	before = append(before, make([]byte, max(0, len(after)-len(before)))...)
	var changed []int
	meta := -1
	for off := 0; off < len(after); off += page {
		switch end := min(off+page, len(after)); {
		case bytes.Equal(before[off:end], after[off:end]):
		case off < 2*page:
			meta = off
		default:
			changed = append(changed, off)
		}
	}
	if meta < 0 || len(changed) < 2 {
		t.Fatalf("the commit changed %d data pages, and the first page at %d", len(changed), meta)
	}
	try := func(name string, content []byte, want ...string) {
		t.Helper()
		torn := filepath.Join(dir, "torn.db")
		if err := os.WriteFile(torn, content, 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := Open(torn)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		defer f.Close()
		got := summary(t, f)
		for _, w := range want {
			if got == w {
				return
			}
		}
		t.Errorf("%s: neither the state before nor the state after:\n%s", name, got)
	}
	rnd := rand.New(rand.NewPCG(3, 4))
	for i := range 40 {
		content := bytes.Clone(before)
		for _, off := range changed {
			if rnd.IntN(2) == 0 {
				n := page
				if rnd.IntN(3) == 0 {
					n = rnd.IntN(page) // a page that is torn itself
				}
				copy(content[off:min(off+n, len(after))], after[off:])
			}
		}
		try(fmt.Sprint("data pages, try ", i), content, wantBefore)
	}
	for n := 0; n <= 96; n += 8 {
		content := bytes.Clone(after)
		copy(content[meta+n:meta+page], before[meta+n:])
		try(fmt.Sprint("first page up to byte ", n), content, wantBefore, wantAfter)
	}
	try("all of it", after, wantAfter)
}

// A process that is killed while it writes has kept what it said it had.
func TestKill(t *testing.T) {
	const variable = "STORE_TEST_KILL"
	if path := os.Getenv(variable); path != "" {
		f, err := Open(path)
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		for a := 1; ; a++ {
			if err := f.PutMember(controller.Member{Network: testNetwork, Address: identity.Address(a), Authorized: true}); err != nil {
				fmt.Println(err)
				os.Exit(1)
			}
			fmt.Println("kept")
		}
	}
	path := filepath.Join(t.TempDir(), "controller.bolt")
	first := openTest(t, path)
	fill(t, first, 1, 0)
	first.Close()
	for round, stop := range []int{1, 7, 30} {
		cmd := exec.Command(os.Args[0], "-test.run=^TestKill$")
		cmd.Env = append(os.Environ(), variable+"="+path)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines, kept := bufio.NewScanner(out), 0
		for kept < stop && lines.Scan() {
			if lines.Text() != "kept" {
				t.Fatalf("the process says %q", lines.Text())
			}
			kept++
		}
		cmd.Process.Kill()
		for lines.Scan() {
			kept++ // what it said before it died
		}
		if cmd.Wait() == nil || kept < stop {
			t.Fatalf("round %d: the process ended by itself after %d", round, kept)
		}
		f := openTest(t, path)
		if _, members := load(t, f); len(members) < kept {
			t.Errorf("round %d: %d members, want the %d that were kept", round, len(members), kept)
		}
		f.Close()
	}
}

// A damaged file is put aside as it was, what is readable is kept, and the error names both files.
func TestDamage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "controller.bolt")
	f := openTest(t, path)
	fill(t, f, 1, 200)
	f.Close()
	sound := readFile(t, path)
	page := os.Getpagesize()
	// The record of one member, wherever pages have it.
	oneRecord := bytes.ReplaceAll(sound, []byte(`"id":"0000000042"`), []byte(`"id":"00000000!2"`))
	if bytes.Equal(oneRecord, sound) {
		t.Fatal("the record is not in the file")
	}
	for _, tt := range []struct {
		name              string
		content           []byte
		networks, members int // that are kept
	}{
		{"no tree at all", []byte(strings.Repeat("not a tree\n", 1000)), 0, 0},
		{"zeros", make([]byte, len(sound)), 0, 0},
		{"short", sound[:page/2], 0, 0},
		{"two pages", sound[:2*page], 0, 0},
		{"both first pages", append(make([]byte, 2*page), sound[2*page:]...), 0, 0},
		{"one record", oneRecord, 1, 199},
	} {
		path := filepath.Join(t.TempDir(), "controller.bolt")
		if err := os.WriteFile(path, tt.content, 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := Open(path)
		var d *DamagedError
		if !errors.As(err, &d) || f == nil {
			t.Errorf("%s: Open = %v, %v, want a File and a DamagedError", tt.name, f, err)
			continue
		}
		aside := path + ".damaged"
		if d.Path != path || d.Aside != aside || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), aside) {
			t.Errorf("%s: error %v, want both names, the second one %s", tt.name, err, aside)
		}
		if !bytes.Equal(readFile(t, aside), tt.content) {
			t.Errorf("%s: the file that was put aside was changed", tt.name)
		}
		networks, members := load(t, f)
		if len(networks) != tt.networks || len(members) != tt.members || d.Networks != tt.networks || d.Members != tt.members {
			t.Errorf("%s: %d networks and %d members, the error says %d and %d, want %d and %d",
				tt.name, len(networks), len(members), d.Networks, d.Members, tt.networks, tt.members)
		}
		if err := f.PutMember(controller.Member{Network: testNetwork, Address: 0xfe00000000}); err != nil {
			t.Errorf("%s: the new file takes nothing: %v", tt.name, err)
		}
		f.Close()
		f, err = Open(path)
		if err != nil {
			t.Fatalf("%s: the new file: %v", tt.name, err)
		}
		f.Close()
	}
}

// Files that were put aside before stay.
func TestDamageTwice(t *testing.T) {
	path := filepath.Join(t.TempDir(), "controller.bolt")
	for _, want := range []string{".damaged", ".damaged-2", ".damaged-3"} {
		if err := os.WriteFile(path, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := Open(path)
		if f == nil || err == nil || string(readFile(t, path+want)) != want {
			t.Fatalf("Open = %v, %v, want the file put aside as %s", f, err, want)
		}
		f.Close()
	}
}

// Whatever is wrong with a file, there is no panic, and records are whole or missing.
func TestDamageAnywhere(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "controller.bolt")
	f := openTest(t, path)
	fill(t, f, 1, 120)
	f.Close()
	sound := readFile(t, path)
	rnd := rand.New(rand.NewPCG(5, 6))
	damaged := 0
	for i := range 150 {
		content := bytes.Clone(sound)
		for range 1 + rnd.IntN(4) {
			off := rnd.IntN(len(content))
			if rnd.IntN(3) == 0 {
				off = off / os.Getpagesize() * os.Getpagesize() // the head of a page
				off += rnd.IntN(16)
			}
			content[off] ^= byte(1 + rnd.IntN(255))
		}
		one := filepath.Join(dir, fmt.Sprint(i))
		if err := os.WriteFile(one, content, 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := Open(one)
		var d *DamagedError
		if f == nil || err != nil && !errors.As(err, &d) {
			t.Fatalf("try %d: Open = %v, %v, want a File", i, f, err)
		}
		if err != nil {
			damaged++
		}
		_, members := load(t, f)
		for _, m := range members {
			if m.Network != testNetwork || m.Address < 1 || m.Address > 120 || !m.Authorized {
				t.Errorf("try %d: member %+v was never put", i, m)
			}
		}
		_ = f.PutMember(controller.Member{Network: testNetwork, Address: 200})
		f.Close()
	}
	if damaged < 20 {
		t.Errorf("only %d of 150 files were found damaged: the test damages too little", damaged)
	}
}
