package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The lines that separate the steps, as startLong awaits them.
var stepLines = []string{"up, ", "online", "joined", "created", "direct path", "IPv4: "}

// children returns the processes that a process has started, by the last word of their command lines.
func children(t *testing.T, parent int) map[string]int {
	t.Helper()
	found := make(map[string]int)
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range dirs {
		stat, err := os.ReadFile(dir + "/stat")
		if err != nil {
			continue // it has ended meanwhile
		}
		// "pid (name) state ppid …": the name may hold anything but the last parenthesis.
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		if fields[1] != strconv.Itoa(parent) {
			continue
		}
		line, err := os.ReadFile(dir + "/cmdline")
		words := strings.Split(strings.TrimRight(string(line), "\x00"), "\x00")
		pid, perr := strconv.Atoi(filepath.Base(dir))
		if err == nil && perr == nil {
			found[words[len(words)-1]] = pid
		}
	}
	return found
}

// TestDemoLosesNode kills a node's process, each at another step: everybody says so and ends.
func TestDemoLosesNode(t *testing.T) {
	names := []string{"root", "controller", "a", "b"}
	for i, line := range stepLines {
		victim := names[i%len(names)]
		t.Run(fmt.Sprintf("%s after %q", victim, line), func(t *testing.T) {
			t.Parallel()
			p := startLong(t, line, "--processes")
			pid := children(t, p.cmd.Process.Pid)[victim]
			if pid == 0 {
				t.Fatalf("node %s has no process:\n%s", victim, p.err)
			}
			killed := time.Now()
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			p.wait(exitFailed)
			p.within(time.Second, killed)
			lost := fmt.Sprintf("lost node %s (process %d: signal: killed)", victim, pid)
			for _, name := range names {
				if name != victim {
					p.contains(p.err, fmt.Sprintf("zt: node %s: %s; stopping", name, lost))
				}
			}
			p.contains(p.err, "zt: demo failed while ", " on node "+victim+", after ", "check who or what ended it")
			if r := p.json(); r.OK || r.Node != victim || r.Step == "" || r.Error != lost || r.Check == "" {
				t.Errorf("result %+v, want that node %s was lost", r, victim)
			}
		})
	}
}

// TestDemoLosesConductor kills the process that leads: the nodes say so and end.
func TestDemoLosesConductor(t *testing.T) {
	for _, line := range []string{"up, ", "direct path"} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			p := startLong(t, line, "--processes")
			killed := time.Now()
			if err := p.cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			p.wait(-1)
			p.within(time.Second, killed)
			if got := p.err.lines("the conductor is gone; stopping"); len(got) != 4 {
				t.Errorf("%d nodes said that the conductor is gone, want 4:\n%s", len(got), p.err)
			}
		})
	}
}

// TestDemoNodeTerminated ends a node politely: that is a loss for the others.
func TestDemoNodeTerminated(t *testing.T) {
	t.Parallel()
	p := startLong(t, "direct path", "--processes")
	killed := time.Now()
	if err := syscall.Kill(children(t, p.cmd.Process.Pid)["a"], syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	p.wait(exitFailed)
	p.within(time.Second, killed)
	p.contains(p.err, "zt: node a: terminated; stopping", "zt: node b: lost node a (process ", "exit status 1")
}

// TestDemoInterrupted interrupts the demonstration at every step, in every way, in one process and in five.
func TestDemoInterrupted(t *testing.T) {
	signals := []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP}
	for i, line := range stepLines {
		s, mode := signals[i%3], []string{"--processes", "--processes=false"}[i/3]
		t.Run(fmt.Sprintf("%v after %q %s", s, line, mode), func(t *testing.T) {
			t.Parallel()
			p := startLong(t, line, mode)
			sent := time.Now()
			if err := p.cmd.Process.Signal(s); err != nil {
				t.Fatal(err)
			}
			p.wait(exitInterrupted)
			p.within(time.Second, sent)
			if r := p.json(); r.OK || !strings.HasPrefix(r.Error, "interrupted") || r.Step == "" {
				t.Errorf("result %+v, want that it was interrupted", r)
			}
			if got := p.err.lines("everything is stopped"); len(got) != 1 {
				t.Errorf("standard error does not say that everything is stopped:\n%s", p.err)
			}
		})
	}
}

// TestDemoOutputClosed reads one line and goes away, as head does.
func TestDemoOutputClosed(t *testing.T) {
	for _, mode := range []string{"--processes", "--processes=false"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			cmd := exec.Command(zt, "demo", "--bytes", "1GiB", "--delay", "10ms", mode)
			cmd.Stdout = w
			p := startCmd(t, cmd)
			w.Close()
			if _, err := r.Read(make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
			r.Close()
			p.wait(exitInterrupted)
			p.contains(p.err, "nobody reads the output any more")
		})
	}
}

// TestDemoOutputFull writes to a device that is full.
func TestDemoOutputFull(t *testing.T) {
	t.Parallel()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	defer full.Close()
	cmd := exec.Command(zt, "demo", "--bytes", "1KiB", "--pings", "1")
	cmd.Stdout = full
	p := startCmd(t, cmd)
	p.wait(exitFailed)
	p.contains(p.err, "printing the result", "no space left")
	p = runZT(t, exitFailed, "demo", "--bytes", "1MiB", "--pings", "1", "--pcap", "/dev/full", "--json")
	if r := p.json(); r.OK || r.Step != "writing the frames to /dev/full" || !strings.Contains(r.Error, "no space left") {
		t.Errorf("result %+v, want that the frames could not be written", r)
	}
}

// TestDemoPcapComplete stops the demonstration while it writes frames: the file ends with a whole block.
func TestDemoPcapComplete(t *testing.T) {
	for _, test := range []struct {
		mode string
		stop os.Signal
		code int
	}{
		{"--processes=false", os.Interrupt, exitInterrupted},
		{"--processes", os.Interrupt, exitInterrupted},
		{"--processes", os.Kill, -1}, // the node that writes is another process
	} {
		t.Run(fmt.Sprint(test.mode, test.stop), func(t *testing.T) {
			t.Parallel()
			name := filepath.Join(t.TempDir(), "frames.pcapng")
			p := startLong(t, "IPv4: ", "--pcap", name, test.mode) // that comes after a second of downloading
			if err := p.cmd.Process.Signal(test.stop); err != nil {
				t.Fatal(err)
			}
			p.wait(test.code)
			if n := readFrames(t, name); n < 1000 {
				t.Errorf("%d frames, want more", n)
			}
		})
	}
}
