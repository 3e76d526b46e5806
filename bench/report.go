package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
)

// A metric is one number that a run yields.
type metric struct {
	name          string
	unit          string
	lowerIsBetter bool
}

// A sample is what one run has yielded: values by the names of metrics.
type sample map[string]float64

// A result is one measurement of one metric against one peer: what -json prints.
type result struct {
	Name   string  `json:"name"`
	Metric string  `json:"metric"`
	Unit   string  `json:"unit"`
	Procs  int     `json:"procs"` // GOMAXPROCS of each process
	Peer   string  `json:"peer"`  // "" with -solo
	Ours   float64 `json:"ours"`  // median
	Theirs float64 `json:"theirs"`
	Ratio  float64 `json:"ratio"` // of the medians; more is better
	Min    float64 `json:"min"`   // of ours
	Max    float64 `json:"max"`
	Runs   int     `json:"runs"` // of each side

	TheirsMin float64 `json:"theirs_min"`
	TheirsMax float64 `json:"theirs_max"`
}

// compare makes a result of what the runs of both sides have yielded. theirs is empty with -solo.
func compare(name string, m metric, procs int, peer string, ours, theirs []sample) result {
	r := result{Name: name, Metric: m.name, Unit: m.unit, Procs: procs, Peer: peer, Runs: len(ours)}
	us := column(ours, m.name)
	r.Ours, r.Min, r.Max = round(median(us)), round(slices.Min(us)), round(slices.Max(us))
	if len(theirs) == 0 {
		return r
	}
	them := column(theirs, m.name)
	r.Theirs, r.TheirsMin, r.TheirsMax = round(median(them)), round(slices.Min(them)), round(slices.Max(them))
	r.Ratio = round(ratio(median(us), median(them), m.lowerIsBetter))
	return r
}

// column returns one metric of each sample.
func column(samples []sample, name string) []float64 {
	out := make([]float64, len(samples))
	for i, s := range samples {
		out[i] = s[name]
	}
	return out
}

// A report writes results as they come, so that a long series can be watched.
type report struct {
	out    io.Writer
	json   bool
	header bool
}

func newReport(out io.Writer, json bool) *report { return &report{out: out, json: json} }

const rowFormat = "%-32s %5s %-20s %10s %10s %8s  %-17s %-16s %s\n"

// write prints one result.
func (r *report) write(x result) error {
	if r.json {
		b, err := json.Marshal(x)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(r.out, "%s\n", b)
		return err
	}
	if !r.header {
		r.header = true
		fmt.Fprintf(r.out, rowFormat, "measurement", "procs", "metric", "ours", "theirs", "ratio", "range of ours", "peer", "unit")
	}
	theirs, times := "-", "-"
	if x.Peer != "" {
		theirs, times = number(x.Theirs), number(x.Ratio)+"x"
	}
	spread := fmt.Sprintf("%s..%s", number(x.Min), number(x.Max))
	_, err := fmt.Fprintf(r.out, rowFormat, x.Name, fmt.Sprint(x.Procs), x.Metric, number(x.Ours), theirs, times, spread, x.Peer, x.Unit)
	return err
}

// number formats a rounded value for the table, without an exponent.
func number(x float64) string {
	s := fmt.Sprintf("%.4f", x)
	if x >= 1000 {
		return fmt.Sprintf("%.0f", x)
	}
	return strings.TrimRight(strings.TrimRight(s, "0"), ".")
}
