// Command bench measures ztstack beside other stacks and overlays: each measurement runs ours and the
// peers' by turns in the same minutes on the same machine, and reports the medians and their ratio.
//
//	go run .                          all measurements, as a table
//	go run . -run tcp-bulk -json      one JSON object per measurement, metric and peer
//	go run . -quick                   within a minute, to see that all is well
//
// README.md says what each measurement does and how to read it.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"runtime"
	"runtime/pprof"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// options are the flags.
type options struct {
	json     bool
	list     bool
	quick    bool
	solo     bool
	pattern  *regexp.Regexp
	runs     int
	duration time.Duration // of one run
	warmup   time.Duration // before it, not measured
	budget   time.Duration // of everything; 0 means no limit
	procs    []int
	buffer   int
	profile  string
}

// errUsage marks mistakes on the command line, which are already reported.
var errUsage = errors.New("usage")

const (
	defaultRuns  = 7
	quickRuns    = 3
	defaultTime  = 600 * time.Millisecond
	quickTime    = 120 * time.Millisecond
	quickBudget  = 50 * time.Second
	defaultBytes = 256 << 10
)

func main() {
	if len(os.Args) == 2 && os.Args[1] == childArg {
		os.Exit(childMain())
	}
	opt, err := parse(os.Args[1:], os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		os.Exit(0)
	case errors.Is(err, errUsage):
		os.Exit(2)
	}
	if err := run(opt, os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		os.Exit(1)
	}
}

// parse reads the command line. Mistakes are reported on stderr.
func parse(args []string, stderr io.Writer) (*options, error) {
	opt := &options{}
	fs := flag.NewFlagSet("bench", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.BoolVar(&opt.json, "json", false, "print one JSON object per line instead of a table")
	fs.BoolVar(&opt.list, "list", false, "list the measurements that -run selects, and measure nothing")
	fs.BoolVar(&opt.quick, "quick", false, "measure less, all of it within a minute: for seeing that it works, not for publishing")
	fs.BoolVar(&opt.solo, "solo", false, "measure ours alone, without the peers: for profiling")
	pattern := fs.String("run", "", "measure what this regular `expression` matches; everything if empty")
	fs.IntVar(&opt.runs, "runs", 0, fmt.Sprintf("runs of each side; 0 means %d, or up to %d with -quick", defaultRuns, quickRuns))
	fs.DurationVar(&opt.duration, "time", 0, fmt.Sprintf("length of each run; 0 means %v, or %v with -quick", defaultTime, quickTime))
	procs := fs.String("procs", "", "values of GOMAXPROCS for measurements within one process, such as 1,2; both if empty, as far as there are processors")
	fs.IntVar(&opt.buffer, "buffer", defaultBytes, "send and receive buffer of each in-memory connection, in bytes, the same for every stack")
	fs.StringVar(&opt.profile, "cpuprofile", "", "write CPU profiles to `file`, and those of overlay processes to file.0, file.1; best with -solo")
	fs.Usage = func() {
		fmt.Fprintln(stderr, "usage: go run . [flags]\n\nMeasures ztstack beside other stacks and overlays. -list shows the measurements.\n\nflags:")
		fs.PrintDefaults()
	}
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil, err
		}
		return nil, errUsage
	}
	fail := func(format string, a ...any) (*options, error) {
		fmt.Fprintf(stderr, "bench: "+format+"\n", a...)
		return nil, errUsage
	}
	if fs.NArg() > 0 {
		return fail("unexpected argument %q: select measurements with -run, see -h", fs.Arg(0))
	}
	var err error
	if opt.pattern, err = regexp.Compile(*pattern); err != nil {
		return fail("-run %q is no regular expression: %v", *pattern, err)
	}
	if opt.procs, err = parseProcs(*procs, runtime.NumCPU()); err != nil {
		return fail("-procs: %v", err)
	}
	if opt.runs < 0 || opt.duration < 0 || opt.buffer < 4096 || opt.buffer > 64<<20 {
		return fail("-runs and -time must not be negative, and -buffer is from 4096 to %d bytes", 64<<20)
	}
	opt.settle()
	return opt, nil
}

// settle fills in what the flags leave open.
func (opt *options) settle() {
	runs, length := defaultRuns, defaultTime
	if opt.quick {
		runs, length, opt.budget = quickRuns, quickTime, quickBudget
	}
	if opt.runs == 0 {
		opt.runs = runs
	}
	if opt.duration == 0 {
		opt.duration = length
	}
	opt.warmup = min(opt.duration/3, 200*time.Millisecond)
}

// parseProcs reads a list of GOMAXPROCS values. The empty list means 1 and 2, as far as there are processors.
func parseProcs(s string, cpus int) ([]int, error) {
	if s == "" {
		if cpus < 2 {
			return []int{1}, nil
		}
		return []int{1, 2}, nil
	}
	var out []int
	for f := range strings.SplitSeq(s, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(f))
		if err != nil || n < 1 {
			return nil, fmt.Errorf("%q is no number of processors: write a list such as 1,2", f)
		}
		out = append(out, n)
	}
	return out, nil
}

// run does what opt says and returns an error if any measurement failed.
func run(opt *options, out io.Writer) error {
	selected := choose(suite(opt), opt.pattern)
	if len(selected) == 0 {
		return fmt.Errorf("-run %q matches no measurement: -list shows their names", opt.pattern)
	}
	if opt.list {
		for _, s := range selected {
			for _, o := range s.ours {
				fmt.Fprintln(out, s.name+o.suffix)
			}
		}
		return nil
	}
	if opt.profile != "" {
		f, err := os.Create(opt.profile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	done := make(chan struct{})
	defer close(done)
	go watchInterrupt(done)
	return newRunner(opt, newReport(out, opt.json)).all(selected)
}

// watchInterrupt ends the program and its children on Ctrl-C, until done is closed.
func watchInterrupt(done <-chan struct{}) {
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(interrupted)
	select {
	case <-interrupted:
		stopChildren()
		fmt.Fprintln(os.Stderr, "bench: interrupted")
		os.Exit(130)
	case <-done:
	}
}
