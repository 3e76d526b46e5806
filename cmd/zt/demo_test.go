package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// checkResult checks what every successful demonstration must report.
func checkResult(t *testing.T, r result) {
	t.Helper()
	if !r.OK || r.Error != "" || len(r.Nodes) != 4 || len(r.Transfers) != 2 {
		t.Fatalf("result %+v, want ok, 4 nodes and 2 transfers", r)
	}
	for i, x := range r.Transfers {
		if x.Family != []string{"IPv4", "IPv6"}[i] || x.Retransmits == nil || x.Cipher != "AES-GMAC-SIV" || !strings.HasSuffix(x.Path, "direct") {
			t.Errorf("transfer %+v, want its family, retransmits, cipher AES-GMAC-SIV and a path that ends direct", x)
		}
		if x.RTTp50 <= 0 || x.RTTp99 < x.RTTp50 || (x.ThroughputBPS > 0) != (r.Bytes > 0) {
			t.Errorf("transfer %+v: want round trips and a throughput", x)
		}
	}
	var relayedAt, directAt float64
	for _, x := range slices.Backward(r.Meeting.Routes) {
		switch {
		case x.From == "b" && x.What == "relayed":
			relayedAt = x.AtMS
		case x.From == "b" && x.What == "direct":
			directAt = x.AtMS
		}
	}
	if relayedAt == 0 || directAt < relayedAt {
		t.Errorf("b's route to a was relayed at %v ms and direct at %v ms, want both in this order: %+v", relayedAt, directAt, r.Meeting)
	}
	if m := r.Meeting; m.FramesRelayed == 0 || m.FramesRelayed > m.Frames {
		t.Errorf("%d frames of %d came through the root, want some of them", m.FramesRelayed, m.Frames)
	}
}

func TestDemo(t *testing.T) {
	for _, args := range [][]string{
		{"--bytes", "1MiB"},
		{"--bytes", "1MiB", "--processes"},
		{"--bytes", "100000", "--mtu", "1280", "--delay", "1ms", "--processes"},
		{"--bytes", "100000", "--mtu", "10000", "--loss", "2"},
	} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			t.Parallel()
			p := runZT(t, 0, append([]string{"demo", "--json", "--pings", "20"}, args...)...)
			r := p.json()
			checkResult(t, r)
			pids := make(map[int]bool)
			for _, n := range r.Nodes {
				pids[n.PID] = true
			}
			if want := map[bool]int{false: 1, true: 4}[slices.Contains(args, "--processes")]; len(pids) != want {
				t.Errorf("%d processes, want %d", len(pids), want)
			}
			p.contains(p.err, "4 ", "online", "network", "joined", "direct path", "IPv4: ", "IPv6: ")
		})
	}
}

// TestDemoTable reads what people see when the output is no terminal.
func TestDemoTable(t *testing.T) {
	t.Parallel()
	p := runZT(t, 0, "demo", "--bytes", "64KiB", "--pings", "5")
	p.contains(p.out, "NODE", "controller", "10.147.20.", "FAMILY", "THROUGHPUT", "PING p50", "RETRANSMITS", "AES-GMAC-SIV",
		"relayed, then direct", "Path from b to a: relayed by root 127.0.0.1:", ", direct to 127.0.0.1:", "Frames that came through the root: ", "SHA-256",
		"in all: start ")
	if s := p.err.String(); s != "" {
		t.Errorf("standard error: %s", s)
	}
	if strings.ContainsAny(p.out.String(), "\r\x1b") {
		t.Errorf("there are control characters in %q", p.out)
	}
}

func TestDemoSizes(t *testing.T) {
	dir := t.TempDir()
	for _, n := range []int{0, 1, 1000003} {
		data := bytes.Repeat([]byte("an odd text, "), n/13+1)[:n]
		name := filepath.Join(dir, "file")
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
		r := runZT(t, 0, "demo", "--json", "--pings", "1", "--file", name).json()
		checkResult(t, r)
		if sum := sha256.Sum256(data); r.Bytes != int64(n) || r.SHA256 != hex.EncodeToString(sum[:]) {
			t.Errorf("%d bytes with SHA-256 %s, want %d with %x", r.Bytes, r.SHA256, n, sum)
		}
	}
	for _, n := range []string{"0", "1"} {
		checkResult(t, runZT(t, 0, "demo", "--json", "--pings", "1", "--bytes", n).json())
	}
}

// TestDemoFileChanges changes the file between the moment its hash is taken and its arrival.
func TestDemoFileChanges(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, make([]byte, 4<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, "demo", "--json", "--pings", "3", "--delay", "20ms", "--file", name)
	p.err.await(t, "direct path") // the hash takes milliseconds, the pings and the download ten times as long
	p.err.await(t, "IPv4: ")
	if err := os.WriteFile(name, []byte("something else"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.wait(1)
	if r := p.json(); r.OK || r.Node != "a" || !strings.Contains(r.Error, "was changed while it was sent") {
		t.Errorf("result %+v, want that the file was changed", r)
	}
}

// TestDemoRefuses checks that what cannot work is refused before anything starts, as text and as JSON.
func TestDemoRefuses(t *testing.T) {
	dir := t.TempDir()
	readable := filepath.Join(dir, "file")
	unreadable := filepath.Join(dir, "unreadable")
	for name, mode := range map[string]os.FileMode{readable: 0o600, unreadable: 0} {
		if err := os.WriteFile(name, []byte("x"), mode); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct{ args, want string }{
		{"--mtu 1279", "--mtu 1279: a ZeroTier network's MTU is 1280 to 10000 bytes"},
		{"--mtu 10001", "1280 to 10000"},
		{"--mtu big", `--mtu: "big" is not a whole number`},
		{"--loss -1", "a percentage from 0 to 20"},
		{"--loss 21", "a percentage from 0 to 20"},
		{"--loss NaN", "a percentage from 0 to 20"},
		{"--loss x", `--loss: "x" is not a number`},
		{"--delay -1s", "a time from 0 to 1s"},
		{"--delay 2s", "a time from 0 to 1s"},
		{"--delay 5", `--delay: "5" is not a time such as 2ms or 1.5s`},
		{"--stall 1ms", "at least 1s"},
		{"--pings -1", "0 to 100000"},
		{"--bytes -1", "is not a size such as"},
		{"--bytes NaN", "is not a size such as"},
		{"--bytes 1.5", "is not a size such as"},
		{"--bytes 256MB", "is not a size such as"},
		{"--bytes 99999999GiB", "is more than"},
		{"--bytes 1 --file " + readable, "it cannot go with --file"},
		{"--file " + filepath.Join(dir, "none"), "no such file"},
		{"--file " + dir, "not a regular file"},
		{"--pcap " + dir, "directory"},
		{"--pcap " + filepath.Join(dir, "none", "frames"), "no such file"},
		{"--file " + readable + " --pcap " + readable, "this is the file to be sent"},
		{"--proceses", "did you mean --processes?"},
		{"file", "to send a file use --file"},
	}
	if f, err := os.Open(unreadable); err != nil {
		tests = append(tests, struct{ args, want string }{"--file " + unreadable, "permission denied"})
	} else {
		f.Close() // root may read everything
	}
	for _, test := range tests {
		args := append([]string{"demo"}, strings.Fields(test.args)...)
		p := runZT(t, exitUsage, args...)
		p.contains(p.err, "zt: ", test.want)
		if s := p.out.String(); s != "" {
			t.Errorf("%s: standard output: %s", test.args, s)
		}
		p = runZT(t, exitUsage, append(args, "--json")...)
		if r := p.json(); r.OK || !strings.Contains(r.Error, test.want) {
			t.Errorf("%s: result %+v, want the error %q", test.args, r, test.want)
		}
	}
	if data, err := os.ReadFile(readable); err != nil || string(data) != "x" {
		t.Errorf("the file to be sent is now %q, %v", data, err)
	}
}
