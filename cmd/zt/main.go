// Command zt runs ztstack's nodes and tools. See zt --help.
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/ztstack/ztstack/cmd/zt/internal/demo"
)

// Exit codes. They are documented in the help of the commands that use them.
const (
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130
)

func main() { os.Exit(run(os.Args[1:])) }

func run(args []string) int {
	root := newRoot()
	root.SetArgs(args)
	err := root.Execute()
	var usage *usageError
	var failed *demo.Failure
	switch {
	case err == nil:
		return 0
	case errors.Is(err, demo.ErrInterrupted):
		fmt.Fprintln(os.Stderr, "zt: interrupted; everything is stopped")
		return exitInterrupted
	case errors.As(err, &usage):
		fmt.Fprintf(os.Stderr, "zt: %v\n", err)
		return exitUsage
	case errors.As(err, &failed) && failed.Reported:
		return exitFailed
	}
	fmt.Fprintf(os.Stderr, "zt: %v\n", err)
	return exitFailed
}

// A usageError is a mistake on the command line.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "zt",
		Short: "A network inside a program: ZeroTier node, TCP/IP stack and tools",
		Long: `zt runs whole virtual networks in user space, with ztstack's own TCP/IP stack and its own
ZeroTier node: no TUN device, no root, no change to the host.

Exit codes: 0 success, 1 something failed, 2 a mistake on the command line, 130 interrupted.`,
		SilenceUsage:               true,
		SilenceErrors:              true,
		SuggestionsMinimumDistance: 2,
		Args:                       noArgs,
	}
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return &usageError{fmt.Errorf("%w\nRun '%s --help' for the flags", err, c.CommandPath())}
	})
	root.AddCommand(newVersion(), newIdentity(), demo.NewCommand(asUsage), demo.NewAgentCommand())
	return root
}

// asUsage marks err as a mistake on the command line.
func asUsage(err error) error { return &usageError{err} }

// noArgs refuses arguments: on a command that has others below it, they are mistyped commands.
func noArgs(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	msg := fmt.Sprintf("unknown command %q for %q", args[0], c.CommandPath())
	if near := c.SuggestionsFor(args[0]); len(near) > 0 {
		msg += fmt.Sprintf("; did you mean %q?", near[0])
	}
	return asUsage(fmt.Errorf("%s\nRun '%s --help' for the commands", msg, c.CommandPath()))
}
