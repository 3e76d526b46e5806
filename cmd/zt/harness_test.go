package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// zt is the program, built once.
var zt string

func TestMain(m *testing.M) { os.Exit(buildAndRun(m)) }

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "zt-test")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	zt = filepath.Join(dir, "zt.exe")
	if out, err := exec.Command("go", "build", "-o", zt, ".").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// patience is how long a test waits for something that takes a second or two on an idle machine.
const patience = 30 * time.Second

// A program is zt, running or ended.
type program struct {
	t       *testing.T
	cmd     *exec.Cmd
	out     *output
	err     *output
	ended   chan struct{} // closed when it and every process that holds its output have ended
	endedAt time.Time
}

// start starts zt.
func start(t *testing.T, args ...string) *program {
	t.Helper()
	return startCmd(t, exec.Command(zt, args...))
}

func startCmd(t *testing.T, cmd *exec.Cmd) *program {
	t.Helper()
	p := &program{t: t, cmd: cmd, out: newOutput(), err: newOutput(), ended: make(chan struct{})}
	if cmd.Stdout == nil {
		cmd.Stdout = p.out
	}
	if cmd.Stderr == nil {
		cmd.Stderr = p.err
	}
	cmd.Env = append(os.Environ(), "TMPDIR="+t.TempDir())
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		cmd.Wait()
		p.endedAt = time.Now()
		close(p.ended)
		p.out.end()
		p.err.end()
	}()
	t.Cleanup(func() {
		cmd.Process.Kill()
		<-p.ended
		if left, err := os.ReadDir(strings.TrimPrefix(cmd.Env[len(cmd.Env)-1], "TMPDIR=")); err != nil || len(left) > 0 {
			t.Errorf("temporary files are left: %v %v", left, err)
		}
	})
	return p
}

// startLong starts a demonstration that takes seconds, and waits until it has written a line.
func startLong(t *testing.T, line string, args ...string) *program {
	t.Helper()
	p := start(t, append([]string{"demo", "--json", "--bytes", "64MiB", "--delay", "10ms", "--pings", "3"}, args...)...)
	p.err.await(t, line)
	return p
}

// runZT runs zt to its end and checks the exit code.
func runZT(t *testing.T, code int, args ...string) *program {
	t.Helper()
	p := start(t, args...)
	p.wait(code)
	return p
}

// wait waits for the end of the program and of all that it has started, and checks the exit code.
func (p *program) wait(code int) {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(patience):
		p.t.Fatalf("%v: still running after %v\n%s\n%s", p.cmd.Args[1:], patience, p.out, p.err)
	}
	if got := p.cmd.ProcessState.ExitCode(); got != code {
		p.t.Fatalf("%v: exit code %d, want %d\n%s\n%s", p.cmd.Args[1:], got, code, p.out, p.err)
	}
}

// within checks that the program has ended less than a second after since.
func (p *program) within(d time.Duration, since time.Time) {
	p.t.Helper()
	if took := p.endedAt.Sub(since); took > d {
		p.t.Errorf("%v: it took %v to end, want at most %v", p.cmd.Args[1:], took, d)
	}
}

// result is what zt demo --json prints, as its users read it.
type result struct {
	OK     bool
	Bytes  int64
	SHA256 string
	Nodes  []struct {
		Name, Address, UDP string
		PID                int
	}
	Meeting struct {
		Frames        uint64
		FramesRelayed uint64 `json:"frames_relayed"`
		Routes        []struct {
			AtMS           float64 `json:"at_ms"`
			From, To, What string
		}
	}
	Transfers []struct {
		Family        string
		ThroughputBPS float64 `json:"throughput_bps"`
		RTTp50        float64 `json:"rtt_p50_us"`
		RTTp99        float64 `json:"rtt_p99_us"`
		Cipher, Path  string
		Retransmits   *int
	}
	Step, Node, Error, Check string
}

// json checks that standard output is one JSON object, and returns it.
func (p *program) json() (r result) {
	p.t.Helper()
	d := json.NewDecoder(strings.NewReader(p.out.String()))
	if err := d.Decode(&r); err != nil {
		p.t.Fatalf("%v: standard output is no JSON object: %v\n%s\n%s", p.cmd.Args[1:], err, p.out, p.err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		p.t.Errorf("%v: there is more than one JSON object:\n%s", p.cmd.Args[1:], p.out)
	}
	return r
}

// contains checks that an output has all of some texts.
func (p *program) contains(o *output, texts ...string) {
	p.t.Helper()
	for _, text := range texts {
		if !strings.Contains(o.String(), text) {
			p.t.Errorf("%v: %q is missing from\n%s", p.cmd.Args[1:], text, o)
		}
	}
}

// An output collects what a program writes.
type output struct {
	mu      sync.Mutex
	b       bytes.Buffer  // guarded by mu
	changed chan struct{} // closed and replaced when there is more; guarded by mu
	over    bool          // guarded by mu
}

func newOutput() *output { return &output{changed: make(chan struct{})} }

// Write implements io.Writer.
func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.b.Write(b)
	close(o.changed)
	o.changed = make(chan struct{})
	return len(b), nil
}

func (o *output) end() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.over = true
	close(o.changed)
	o.changed = make(chan struct{})
}

// String returns what was written so far.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// lines returns the lines that contain a text.
func (o *output) lines(text string) (lines []string) {
	for s := bufio.NewScanner(strings.NewReader(o.String())); s.Scan(); {
		if strings.Contains(s.Text(), text) {
			lines = append(lines, s.Text())
		}
	}
	return lines
}

// await waits until a text was written.
func (o *output) await(t *testing.T, text string) {
	t.Helper()
	for deadline := time.After(patience); ; {
		o.mu.Lock()
		has, over, changed := strings.Contains(o.b.String(), text), o.over, o.changed
		o.mu.Unlock()
		if has {
			return
		}
		if over {
			t.Fatalf("%q was never written, but\n%s", text, o)
		}
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("%q was not written in %v, but\n%s", text, patience, o)
		}
	}
}
