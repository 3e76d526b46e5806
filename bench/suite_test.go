package main

import (
	"os"
	"regexp"
	"runtime"
	"slices"
	"testing"
	"time"
)

// TestMain lets the test binary be what a child is started from.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == childArg {
		os.Exit(childMain())
	}
	os.Exit(m.Run())
}

// names returns the full names of what ms measure.
func names(ms []*measurement) []string {
	var out []string
	for _, m := range ms {
		for _, o := range m.ours {
			out = append(out, m.name+o.suffix)
		}
	}
	return out
}

func TestChoose(t *testing.T) {
	all := suite(&options{})
	for _, tt := range []struct {
		pattern string
		want    []string
	}{
		{"^tcp-bulk/mtu1500/c1", []string{"tcp-bulk/mtu1500/c1", "tcp-bulk/mtu1500/c1/stack"}},
		{"^tcp-bulk/mtu1500/c1$", []string{"tcp-bulk/mtu1500/c1"}},
		{"mtu9000/c8/stack", []string{"tcp-bulk/mtu9000/c8/stack"}},
		{"tcp-c?rr", []string{"tcp-rr", "tcp-rr/stack", "tcp-crr", "tcp-crr/stack"}},
		{"overlay", []string{"overlay-bulk/aes/mtu2800/c1", "overlay-rr"}},
		{"idle$", []string{"tcp-idle"}},
		{"nothing", nil},
	} {
		if got := names(choose(all, regexp.MustCompile(tt.pattern))); !slices.Equal(got, tt.want) {
			t.Errorf("-run %q selects %q, want %q", tt.pattern, got, tt.want)
		}
	}
	if got := len(names(choose(all, regexp.MustCompile("")))); got != len(names(all)) {
		t.Errorf("the empty pattern selects %d of %d", got, len(names(all)))
	}
	if len(all[0].ours) != 2 {
		t.Errorf("choosing has changed the suite: %q has %d sides, want 2", all[0].name, len(all[0].ours))
	}
}

func TestNamesAreUnique(t *testing.T) {
	seen := make(map[string]bool)
	for _, n := range names(suite(&options{})) {
		if seen[n] {
			t.Errorf("%s occurs twice", n)
		}
		seen[n] = true
	}
}

// TestInMemory runs every in-memory measurement for a moment: all sides work, yield what their metrics need, and leave nothing running.
func TestInMemory(t *testing.T) {
	before := runtime.NumGoroutine()
	for _, m := range suite(&options{quick: true, buffer: defaultBytes}) {
		if !m.inMemory || m.still {
			continue
		}
		for _, s := range slices.Concat(m.ours, m.peers) {
			subject, err := s.open()
			if err != nil {
				t.Fatalf("%s%s %s: %v", m.name, s.suffix, s.peer, err)
			}
			got, err := subject.run(0, 10*time.Millisecond)
			if err != nil {
				t.Errorf("%s%s %s: %v", m.name, s.suffix, s.peer, err)
			}
			for _, metric := range m.metrics {
				if err == nil && got[metric.name] <= 0 {
					t.Errorf("%s%s %s: %s = %v, want more than 0", m.name, s.suffix, s.peer, metric.name, got[metric.name])
				}
			}
			subject.close()
		}
	}
	for end := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			buf := make([]byte, 1<<16)
			t.Fatalf("%d goroutines are left, %d before:\n%s", runtime.NumGoroutine(), before, buf[:runtime.Stack(buf, true)])
		}
	}
}

func TestIdle(t *testing.T) {
	const mtu, n = 1500, 200
	for name, j := range map[string]job{
		"sockets": idleOver(hostsWorld(mtu, defaultBytes), n),
		"stack":   stackIdle(mtu, defaultBytes, n),
		"gvisor":  idleOver(gvisorWorld(mtu, defaultBytes), n),
	} {
		s, err := j.run(0, 0)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if b := s[bytesPerConn.name]; b < 100 || b > 100_000 {
			t.Errorf("%s: %v bytes per endpoint, which cannot be", name, b)
		}
	}
}

// TestOverlays starts each overlay's processes, measures for a moment and sees that the processes end.
func TestOverlays(t *testing.T) {
	if testing.Short() {
		t.Skip("starts seven processes; left out by -short")
	}
	for name, kind := range map[string]overlayKind{"kernel": kernelKind, "wireguard-go": wireguardKind, "ours": ztKind(2800)} {
		t.Run(name, func(t *testing.T) {
			s, err := openOverlay(kind, nil, "")()
			if err != nil {
				t.Fatal(err)
			}
			o := s.(*overlay)
			for _, work := range []overlayWork{overlayBulk(1), overlayRoundTrips} {
				o.work = work
				got, err := o.run(50*time.Millisecond, 50*time.Millisecond)
				if err != nil {
					t.Error(err)
				}
				for metric, v := range got {
					if v <= 0 {
						t.Errorf("%s = %v, want more than 0", metric, v)
					}
				}
			}
			began := time.Now()
			o.close()
			if took := time.Since(began); took > 2500*time.Millisecond*time.Duration(len(o.processes)) {
				t.Errorf("the processes had to be killed: stopping them took %v", took)
			}
		})
	}
}
