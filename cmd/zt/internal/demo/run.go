package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// ErrInterrupted says that the user ended the demonstration. The message of an error that wraps it says how and when.
var ErrInterrupted = errors.New("interrupted")

// interruptions says how each signal is reported.
var interruptions = map[os.Signal]error{
	os.Interrupt:    ErrInterrupted,
	syscall.SIGTERM: fmt.Errorf("%w (terminated)", ErrInterrupted),
	syscall.SIGHUP:  fmt.Errorf("%w (the terminal was closed)", ErrInterrupted),
	syscall.SIGPIPE: fmt.Errorf("%w (nobody reads the output any more)", ErrInterrupted),
}

// run runs the demonstration and prints how it went.
func run(opt Options) error {
	ctx, stop := interruptible()
	defer stop()
	out := newPrinter(os.Stdout)
	if opt.JSON {
		out = newPrinter(os.Stderr)
	}
	c := &conductor{opt: opt, out: out}
	err := c.run(ctx)
	opt.discardPcap()
	switch {
	case opt.JSON:
		err = errors.Join(err, unprinted(c.result.printJSON(os.Stdout)))
	case err == nil:
		err = unprinted(c.result.printTable(os.Stdout))
	}
	return err
}

// interruptible returns a context that a signal ends. A second one ends the program at once.
func interruptible() (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	sig := make(chan os.Signal, 1)
	for s := range interruptions {
		if s == syscall.SIGHUP && signal.Ignored(s) {
			continue // nohup: the program is to outlive the terminal
		}
		signal.Notify(sig, s)
	}
	go func() {
		select {
		case s := <-sig:
			cancel(interruptions[s])
			signal.Reset(os.Interrupt, syscall.SIGTERM)
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		cancel(nil)
		signal.Stop(sig)
	}
}

// refuse returns err, which keeps the demonstration from starting, having printed it as JSON if that is wanted.
func refuse(asJSON bool, err error) error {
	if !asJSON {
		return err
	}
	r := Result{Error: err.Error()}
	return errors.Join(err, unprinted(r.printJSON(os.Stdout)))
}

func unprinted(err error) error {
	if err != nil {
		return fmt.Errorf("printing the result: %w", err)
	}
	return nil
}
