package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// A usageError is a mistake on the command line.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// asUsage marks err as a mistake on the command line.
func asUsage(err error) error { return &usageError{err} }

// noArgs refuses arguments: on a command that has others below it, they are mistyped commands.
func noArgs(c *cobra.Command, args []string) error {
	switch {
	case len(args) == 0:
		return nil
	case c.HasAvailableSubCommands():
		return unknownCommand(c, args[0])
	}
	return asUsage(fmt.Errorf("%s takes no arguments: %q\nRun '%s --help' for the flags", c.CommandPath(), args[0], c.CommandPath()))
}

func unknownCommand(c *cobra.Command, name string) error {
	msg := fmt.Sprintf("unknown command %q for %q", name, c.CommandPath())
	var names []string
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() || sub.Name() == "help" {
			names = append(names, sub.Name())
		}
	}
	if near := nearest(names, name); near != "" {
		msg += fmt.Sprintf("; did you mean %q?", near)
	}
	return asUsage(fmt.Errorf("%s\nRun '%s --help' for the commands", msg, c.CommandPath()))
}

// flagError describes what is wrong with the flags of c.
func flagError(c *cobra.Command, err error) error {
	var value *pflag.InvalidValueError
	var unknown *pflag.NotExistError
	msg := err.Error()
	switch {
	case errors.As(err, &value):
		f := value.GetFlag()
		msg = fmt.Sprintf("--%s: %q is not %s", f.Name, value.GetValue(), kinds[f.Value.Type()])
	case errors.As(err, &unknown):
		var names []string
		c.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		if near := nearest(names, unknown.GetSpecifiedName()); near != "" {
			msg += fmt.Sprintf("; did you mean --%s?", near)
		}
	}
	return asUsage(fmt.Errorf("%s\nRun '%s --help' for the flags", msg, c.CommandPath()))
}

// kinds says what a flag wants, by its type.
var kinds = map[string]string{
	"int":      "a whole number",
	"uint64":   "a whole number from 0 on",
	"float64":  "a number",
	"duration": "a time such as 2ms or 1.5s",
	"bool":     "true or false",
}

// nearest returns which of the names the given one was probably meant to be, or "".
func nearest(names []string, name string) (near string) {
	least := 3
	for _, n := range names {
		d := distance(n, name)
		if len(name) > 1 && strings.HasPrefix(n, name) {
			d = 1
		}
		if d < least && d < len(n) {
			near, least = n, d
		}
	}
	return near
}

// distance is how many letters must be put in, taken out, replaced or exchanged with their neighbour to make b of a
// (optimal string alignment).
func distance(a, b string) int {
	d := make([][]int, len(a)+1)
	for i := range d {
		d[i] = make([]int, len(b)+1)
		d[i][0] = i
	}
	for j := range d[0] {
		d[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			d[i][j] = min(d[i-1][j], d[i][j-1], d[i-1][j-1]) + 1
			if a[i-1] == b[j-1] {
				d[i][j] = d[i-1][j-1]
			} else if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d[i][j] = min(d[i][j], d[i-2][j-2]+1)
			}
		}
	}
	return d[len(a)][len(b)]
}
