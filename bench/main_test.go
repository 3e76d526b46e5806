package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	var out bytes.Buffer
	opt, err := parse([]string{"-quick", "-json", "-run", "bulk", "-procs", "2, 4"}, &out)
	if err != nil {
		t.Fatalf("parse: %v, %s", err, &out)
	}
	if !opt.quick || !opt.json || opt.pattern.String() != "bulk" || !slices.Equal(opt.procs, []int{2, 4}) {
		t.Errorf("parse = %+v", opt)
	}
	if opt.runs != quickRuns || opt.duration != quickTime || opt.budget != quickBudget || opt.warmup >= opt.duration {
		t.Errorf("-quick means %d runs of %v after %v within %v", opt.runs, opt.duration, opt.warmup, opt.budget)
	}
	opt, err = parse([]string{"-runs", "9", "-time", "3s"}, &out)
	if err != nil || opt.runs != 9 || opt.duration != 3*time.Second || opt.budget != 0 {
		t.Errorf("parse = %+v, %v", opt, err)
	}
}

func TestParseMistakes(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want string // in the message
	}{
		{[]string{"-run", "mtu(1500"}, `-run "mtu(1500" is no regular expression`},
		{[]string{"-fast"}, "flag provided but not defined: -fast"},
		{[]string{"tcp-rr"}, `unexpected argument "tcp-rr": select measurements with -run`},
		{[]string{"-procs", "two"}, `"two" is no number of processors`},
		{[]string{"-procs", "0"}, `"0" is no number of processors`},
		{[]string{"-buffer", "12"}, "-buffer is from 4096"},
		{[]string{"-runs", "-1"}, "must not be negative"},
	} {
		var out bytes.Buffer
		if _, err := parse(tt.args, &out); !errors.Is(err, errUsage) {
			t.Errorf("parse(%q): %v, want a usage error", tt.args, err)
		}
		if !strings.Contains(out.String(), tt.want) {
			t.Errorf("parse(%q) says %q, want %q", tt.args, &out, tt.want)
		}
	}
	var out bytes.Buffer
	if _, err := parse([]string{"-h"}, &out); !errors.Is(err, flag.ErrHelp) || !strings.Contains(out.String(), "-list") {
		t.Errorf("-h: %v, %q", err, &out)
	}
}

func TestRunWithoutMatch(t *testing.T) {
	opt, err := parse([]string{"-run", "tcp-bluk"}, &bytes.Buffer{})
	if err != nil {
		t.Fatal(err)
	}
	if err := run(opt, &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), "-list") {
		t.Errorf("run: %v, want an error that tells of -list", err)
	}
}

func TestList(t *testing.T) {
	opt, err := parse([]string{"-list", "-run", "c1/stack"}, &bytes.Buffer{})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := run(opt, &out); err != nil {
		t.Fatal(err)
	}
	if want := "tcp-bulk/mtu1500/c1/stack\ntcp-bulk/mtu2800/c1/stack\ntcp-bulk/mtu9000/c1/stack\n"; out.String() != want {
		t.Errorf("-list prints %q, want %q", &out, want)
	}
}

func TestCompare(t *testing.T) {
	ours := []sample{{"p50": 2}, {"p50": 1}, {"p50": 9}}
	theirs := []sample{{"p50": 20}, {"p50": 10}, {"p50": 60}}
	got := compare("tcp-rr", roundTrip50, 2, "gvisor", ours, theirs)
	want := result{
		Name: "tcp-rr", Metric: "p50", Unit: "us", Procs: 2, Peer: "gvisor", Ours: 2, Theirs: 20, Ratio: 10,
		Min: 1, Max: 9, Runs: 3, TheirsMin: 10, TheirsMax: 60,
	}
	if got != want {
		t.Errorf("compare = %+v, want %+v", got, want)
	}
	if got := compare("tcp-rr", roundTrip50, 2, "", ours, nil); got.Ours != 2 || got.Theirs != 0 || got.Ratio != 0 {
		t.Errorf("compare without peer = %+v", got)
	}
}

// TestReportJSON holds the fields that readers of the output rely on.
func TestReportJSON(t *testing.T) {
	var out bytes.Buffer
	r := newReport(&out, true)
	for range 2 {
		if err := r.write(result{Name: "tcp-rr", Peer: "gvisor"}); err != nil {
			t.Fatal(err)
		}
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 2 {
		t.Fatalf("2 results are %d lines", len(lines))
	}
	var fields map[string]any
	if err := json.Unmarshal([]byte(lines[0]), &fields); err != nil {
		t.Fatal(err)
	}
	for _, f := range []string{"name", "metric", "unit", "peer", "ours", "theirs", "ratio", "min", "max", "runs"} {
		if _, ok := fields[f]; !ok {
			t.Errorf("field %q is missing in %s", f, lines[0])
		}
	}
}

func TestReportTable(t *testing.T) {
	var out bytes.Buffer
	r := newReport(&out, false)
	r.write(compare("tcp-rr", roundTrip50, 1, "gvisor", []sample{{"p50": 0.75}}, []sample{{"p50": 15}}))
	if got := strings.Join(strings.Fields(out.String()), " "); !strings.HasSuffix(got, "tcp-rr 1 p50 0.75 15 20x 0.75..0.75 gvisor us") {
		t.Errorf("the table's row is %q", got)
	}
}

func TestChecker(t *testing.T) {
	data := pattern()
	c := checker{want: data}
	for off := 0; off < checked; {
		n := min(50000, block-off%block)
		if err := c.next(data[off%block : off%block+n]); err != nil {
			t.Fatal(err)
		}
		off += n
	}
	if err := c.next([]byte("not looked at")); err != nil {
		t.Errorf("beyond what is checked: %v", err)
	}
	c = checker{want: data}
	if err := c.next(append([]byte{data[0]}, data[2:]...)); err == nil {
		t.Error("a missing byte is not noticed")
	}
}
