package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"
)

// A runner runs measurements one after another.
type runner struct {
	opt     *options
	report  *report
	failed  int
	started time.Time
}

func newRunner(opt *options, r *report) *runner {
	return &runner{opt: opt, report: r, started: time.Now()}
}

// all runs the measurements. One that fails is reported on standard error and does not keep the others from running.
func (r *runner) all(ms []*measurement) error {
	type task struct {
		m     *measurement
		procs int
	}
	var tasks []task
	for _, m := range ms {
		switch {
		case !m.inMemory:
			tasks = append(tasks, task{m, runtime.NumCPU()})
		case m.still:
			tasks = append(tasks, task{m, r.opt.procs[len(r.opt.procs)-1]})
		default:
			for _, p := range r.opt.procs {
				tasks = append(tasks, task{m, p})
			}
		}
	}
	for i, t := range tasks {
		var until time.Time
		if r.opt.budget > 0 {
			left := r.opt.budget - time.Since(r.started)
			until = time.Now().Add(max(0, left) / time.Duration(len(tasks)-i))
		}
		if err := r.one(t.m, t.procs, until); err != nil {
			return err
		}
	}
	if r.failed > 0 {
		return fmt.Errorf("%d sides of measurements failed; those above are what there is", r.failed)
	}
	return nil
}

// A contender is a side under measurement.
type contender struct {
	side
	subject subject
	samples []sample
	err     error
}

// one runs one measurement at one GOMAXPROCS and reports it. No round begins after until, but the first.
func (r *runner) one(m *measurement, procs int, until time.Time) error {
	before := runtime.GOMAXPROCS(procs)
	defer runtime.GOMAXPROCS(before)
	var sides []*contender
	for _, s := range m.ours {
		sides = append(sides, &contender{side: s})
	}
	ours := len(sides)
	if !r.opt.solo {
		for _, s := range m.peers {
			sides = append(sides, &contender{side: s})
		}
	}
	for _, c := range sides {
		if c.subject, c.err = c.open(); c.err == nil {
			defer c.subject.close()
		}
	}
	r.rounds(m, sides, until)
	for _, c := range sides {
		if c.err != nil {
			r.failed++
			fmt.Fprintf(os.Stderr, "bench: %s, GOMAXPROCS %d, %s: %v\n", m.name, procs, c.label(), c.err)
		}
	}
	var errs []error
	for _, us := range sides[:ours] {
		for _, metric := range m.metrics {
			if us.err != nil {
				continue
			}
			if r.opt.solo {
				errs = append(errs, r.report.write(compare(m.name+us.suffix, metric, procs, "", us.samples, nil)))
			}
			for _, them := range sides[ours:] {
				if them.err == nil {
					errs = append(errs, r.report.write(compare(m.name+us.suffix, metric, procs, them.peer, us.samples, them.samples)))
				}
			}
		}
	}
	return errors.Join(errs...)
}

// rounds lets every side run once a round, so that whatever slows the machine down for a while slows down all. Who begins
// changes from round to round.
func (r *runner) rounds(m *measurement, sides []*contender, until time.Time) {
	runs := r.opt.runs
	if m.still {
		runs = min(runs, 3)
	}
	for round := range runs {
		began := time.Now()
		for i := range sides {
			c := sides[(i+round)%len(sides)]
			if c.err != nil {
				continue
			}
			runtime.GC() // what others have left behind is not this side's work
			s, err := c.subject.run(r.opt.warmup, r.opt.duration)
			if err != nil {
				c.err = err
				continue
			}
			c.samples = append(c.samples, s)
		}
		if !until.IsZero() && time.Now().Add(time.Since(began)).After(until) {
			return
		}
	}
}

// label names a side in messages.
func (c *contender) label() string {
	if c.peer != "" {
		return c.peer
	}
	if c.suffix != "" {
		return "ours through " + c.suffix[1:]
	}
	return "ours through sockets"
}
