package demo

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// TestConductorLeavesNothing runs the demonstration in this process, to its end and until after each of its lines, and counts
// goroutines afterwards.
func TestConductorLeavesNothing(t *testing.T) {
	lines := []string{"never", "nodes up", "online", "created", "joined", "first echo", "direct path", "IPv4: "}
	if testing.Short() {
		lines = []string{"direct path"} // new identities take seconds under the race detector
	}
	for _, line := range lines {
		t.Run(line, func(t *testing.T) {
			defer goleak.VerifyNone(t)
			ctx, cancel := context.WithCancelCause(context.Background())
			defer cancel(nil)
			c := &conductor{
				opt: Options{Bytes: 1 << 20, MTU: 2800, Seed: 1, Stall: 10 * time.Second, Pings: 3, Delay: time.Millisecond},
				out: &printer{w: writerFunc(func(b []byte) {
					if strings.Contains(string(b), line) {
						// A little later, in the middle of the next step.
						time.AfterFunc(2*time.Millisecond, func() { cancel(ErrInterrupted) })
					}
				})},
			}
			err := c.run(ctx)
			switch {
			case line == "never" && (err != nil || !c.result.OK):
				t.Errorf("%v, result %+v", err, c.result)
			case line != "never" && (!errors.Is(err, ErrInterrupted) || c.result.OK):
				t.Errorf("error %v, want that it was interrupted", err)
			}
		})
	}
}

type writerFunc func(b []byte)

func (f writerFunc) Write(b []byte) (int, error) {
	f(b)
	return len(b), nil
}

func TestDescribe(t *testing.T) {
	seq := func(whats ...string) (changes []RouteChange) {
		for _, w := range whats {
			changes = append(changes, RouteChange{What: w})
		}
		return changes
	}
	for _, test := range []struct {
		changes []RouteChange
		relayed uint64
		want    string
	}{
		{nil, 0, ""},
		{seq(direct), 0, "direct"},
		{seq(relayed, direct), 4, "relayed, then direct"},
		{seq(relayed, direct), 0, "direct"},
		{seq(relayed, direct, direct), 1, "relayed, then direct"},
		{seq(relayed, direct, relayed, direct), 9, "relayed, then direct, then relayed, then direct"},
		{seq(direct, unreachable), 0, "direct, then unreachable"},
	} {
		if got := describe(test.changes, test.relayed); got != test.want {
			t.Errorf("describe(%v, %d) = %q, want %q", test.changes, test.relayed, got, test.want)
		}
	}
}

func TestPercentile(t *testing.T) {
	var times []time.Duration
	for i := range 100 {
		times = append(times, time.Duration(i+1)*time.Microsecond)
	}
	for _, test := range []struct {
		times []time.Duration
		p     int
		want  float64
	}{{times, 50, 50}, {times, 99, 99}, {times[:1], 50, 1}, {times[:1], 99, 1}, {times[:2], 50, 1}, {times[:3], 50, 2}, {nil, 50, 0}} {
		if got := percentile(test.times, test.p); got != test.want {
			t.Errorf("the %d-th percentile of %d times is %v, want %v", test.p, len(test.times), got, test.want)
		}
	}
}

func TestParseSize(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "1": 1, " 12 ": 12, "7B": 7, "64KiB": 65536, "64k": 65536, "1.5GiB": 3 << 29, "256MiB": 256 << 20, "256M": 256 << 20, "1e6": 1000000,
		"1048576GiB": maxBytes,
	} {
		if got, err := parseSize(text); err != nil || got != want {
			t.Errorf("parseSize(%q) = %d, %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "x", "-1", "1.5", "1MB", "1KiBiB", "NaN", "inf", "2097152GiB", "1 2"} {
		if got, err := parseSize(text); err == nil {
			t.Errorf("parseSize(%q) = %d, want an error", text, got)
		}
	}
}
