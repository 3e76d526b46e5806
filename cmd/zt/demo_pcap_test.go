package main

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ztstack/ztstack/pcap"
)

// readFrames reads a capture to its end and counts its frames.
func readFrames(t *testing.T, name string) (n int) {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := pcap.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for {
		switch _, err := r.Next(); {
		case errors.Is(err, io.EOF):
			return n
		case err != nil:
			t.Fatalf("after %d frames: %v", n, err)
		}
		n++
	}
}

// tshark reads a capture with every checksum checked, and returns what it prints.
func tshark(t *testing.T, name string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath("tshark")
	if err != nil {
		t.Skip("tshark is not installed: it would read the capture")
	}
	cmd := exec.Command(path, append([]string{"-r", name, "-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE",
		"-o", "tcp.check_checksum:TRUE"}, args...)...)
	var out, diag strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &diag
	if err := cmd.Run(); err != nil {
		t.Fatalf("tshark: %v\n%s", err, &diag)
	}
	for line := range strings.Lines(diag.String()) {
		if !strings.HasPrefix(line, "Running as user ") {
			t.Errorf("tshark warns: %s", line)
		}
	}
	return out.String()
}

// TestDemoPcap lets tshark judge the frames of both families.
func TestDemoPcap(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "frames.pcapng")
	runZT(t, 0, "demo", "--json", "--bytes", "300000", "--pings", "5", "--pcap", name)
	if n := readFrames(t, name); n < 200 {
		t.Errorf("%d frames, want some hundred", n)
	}
	frames := tshark(t, name, "-T", "fields", "-e", "frame.number", "-e", "frame.protocols", "-e", "icmp.type", "-e", "icmpv6.type",
		"-e", "http.response.code", "-e", "_ws.malformed", "-e", "_ws.expert.severity", "-e", "_ws.expert.message", "-E", "separator=|")
	kinds := make(map[string]int)
	for line := range strings.Lines(frames) {
		f := strings.Split(strings.TrimSpace(line), "|")
		// frame.protocols is "eth:ethertype:ip:…"; what comes after that differs between versions of tshark.
		kinds[strings.Split(f[1], ":")[2]+" "+strings.Join(f[2:5], "|")]++
		if malformed := f[5] != ""; malformed || slices.Contains(strings.Split(f[6], ","), expertError) {
			t.Errorf("tshark finds fault with frame %s: %s", f[0], line)
		}
	}
	for _, kind := range []string{
		"arp ||", "ip 8||", "ip 0||", "ip ||", "ip ||200", "ipv6 |135|", "ipv6 |136|", "ipv6 |128|", "ipv6 |129|", "ipv6 ||", "ipv6 ||200",
	} {
		if kinds[kind] == 0 {
			t.Errorf("there is no frame of the kind %q among %v", kind, kinds)
		}
	}
}

// expertError is tshark's severity of what is wrong: bad checksums and lengths, and what cannot be decoded.
const expertError = "8388608"

// TestDemoPcapNotBegun fails at the start: no empty capture is left.
func TestDemoPcapNotBegun(t *testing.T) {
	name := filepath.Join(t.TempDir(), "frames.pcapng")
	p := runZT(t, exitUsage, "demo", "--pcap", name, "--mtu", "3")
	p.contains(p.err, "--mtu 3")
	if _, err := os.Stat(name); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a capture was made: %v", err)
	}
}
