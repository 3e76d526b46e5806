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
	if err == nil {
		return 0
	}
	fmt.Fprintf(os.Stderr, "zt: %v\n", err)
	var usage *usageError
	switch {
	case errors.Is(err, demo.ErrInterrupted):
		return exitInterrupted
	case errors.As(err, &usage):
		return exitUsage
	}
	return exitFailed
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "zt",
		Short: "A network inside a program: ZeroTier node, TCP/IP stack and tools",
		Long: `zt runs whole virtual networks in user space, with ztstack's own TCP/IP stack and its own
ZeroTier node: no TUN device, no root, no change to the host.

Exit codes: 0 success, 1 something failed, 2 a mistake on the command line, 130 interrupted.`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          noArgs,
		RunE:          showHelp,
	}
	root.SetFlagErrorFunc(flagError)
	root.AddCommand(newVersion(), newIdentity(), demo.NewCommand(asUsage, flagError), demo.NewAgentCommand())
	root.SetHelpCommand(newHelp(root))
	root.InitDefaultCompletionCmd()
	if c, _, err := root.Find([]string{"completion"}); err == nil {
		c.Args, c.RunE = noArgs, showHelp
	}
	return root
}

// showHelp runs a command that has others below it and does nothing itself.
func showHelp(c *cobra.Command, _ []string) error { return c.Help() }

func newHelp(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Show the help of a command",
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			var names []string
			if c, _, err := root.Find(args); err == nil {
				for _, sub := range c.Commands() {
					if sub.IsAvailableCommand() {
						names = append(names, sub.Name()+"\t"+sub.Short)
					}
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			c, rest, err := root.Find(args)
			if err != nil {
				return asUsage(err)
			}
			if len(rest) > 0 {
				return unknownCommand(c, rest[0])
			}
			c.InitDefaultHelpFlag()
			return c.Help()
		},
	}
}
