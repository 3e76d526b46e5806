package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ztstack/ztstack/zerotier/identity"
)

func newIdentity() *cobra.Command {
	c := &cobra.Command{
		Use:   "identity",
		Short: "Make, show and check node identities",
		Long: `An identity is a node's 40-bit address with its keys. Its text form is what zerotier-one keeps in
identity.public (address:0:public) and identity.secret (address:0:public:secret).

Where a command takes an identity, give the text itself, a file that holds it, or - for standard input.`,
		Args: noArgs,
		RunE: showHelp,
	}
	c.AddCommand(newIdentityNew(), newIdentityPublic(), newIdentityValidate())
	return c
}

func newIdentityNew() *cobra.Command {
	var out string
	c := &cobra.Command{
		Use:               "new",
		Short:             "Make a new identity and print it with its secret keys",
		Args:              noArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, _ []string) error {
			id, err := identity.Generate(rand.Reader)
			if err != nil {
				return fmt.Errorf("making an identity: %w", err)
			}
			if out == "" {
				_, err = fmt.Fprintln(c.OutOrStdout(), id.SecretString())
				return err
			}
			if err := writeSecret(out, id.SecretString()); err != nil {
				return err
			}
			_, err = fmt.Fprintln(c.OutOrStdout(), id.PublicString())
			return err
		},
	}
	c.Flags().StringVarP(&out, "out", "o", "", "write the secret form to this new `file`, readable by you alone, and print the public form")
	return c
}

// writeSecret writes text to a file that must not exist yet, with mode 0600.
func writeSecret(name, text string) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s exists already: an identity is never overwritten; choose another name", name)
	}
	if err != nil {
		return fmt.Errorf("writing the identity: %w", err)
	}
	_, err = io.WriteString(f, text+"\n")
	return errors.Join(err, f.Close())
}

func newIdentityPublic() *cobra.Command {
	return &cobra.Command{
		Use:               "public IDENTITY",
		Short:             "Print an identity without its secret keys",
		Args:              oneIdentity,
		ValidArgsFunction: identityFiles,
		RunE: func(c *cobra.Command, args []string) error {
			id, err := readIdentity(c.InOrStdin(), args[0])
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(c.OutOrStdout(), id.PublicString())
			return err
		},
	}
}

func newIdentityValidate() *cobra.Command {
	return &cobra.Command{
		Use:               "validate IDENTITY",
		Short:             "Check that an identity's address follows from its keys",
		Args:              oneIdentity,
		ValidArgsFunction: identityFiles,
		RunE: func(c *cobra.Command, args []string) error {
			id, err := readIdentity(c.InOrStdin(), args[0])
			if err != nil {
				return err
			}
			if !id.Validate() {
				return fmt.Errorf("identity %v is not valid: the address does not follow from the public keys", id.Address)
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "%v is valid\n", id.Address)
			return err
		},
	}
}

// identityFiles completes the one argument as a file name.
func identityFiles(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return nil, cobra.ShellCompDirectiveDefault
}

func oneIdentity(c *cobra.Command, args []string) error {
	if len(args) != 1 {
		return asUsage(fmt.Errorf("%s takes one identity: its text, a file that holds it, or - for standard input", c.CommandPath()))
	}
	return nil
}

// maxIdentityText is more than any identity's text has; what is longer is something else.
const maxIdentityText = 4096

// readIdentity reads an identity from the argument itself, from the file that it names, or from stdin.
func readIdentity(stdin io.Reader, arg string) (identity.Identity, error) {
	if id, err := identity.Parse(arg); err == nil {
		return id, nil
	}
	var id identity.Identity
	from, text := arg, arg
	switch {
	case arg == "":
		return id, asUsage(errors.New("the identity is empty: give its text, a file that holds it, or - for standard input"))
	case arg == "-":
		from = "standard input"
		b, err := io.ReadAll(io.LimitReader(stdin, maxIdentityText))
		if err != nil {
			return id, fmt.Errorf("reading an identity from standard input: %w", err)
		}
		text = string(b)
	case looksLikeIdentity(arg):
		from = "the argument"
	default:
		b, err := readFile(arg)
		if errors.Is(err, fs.ErrNotExist) {
			return id, fmt.Errorf("%q is neither the text of an identity (address:0:public) nor a file", arg)
		}
		if err != nil {
			return id, fmt.Errorf("reading an identity: %w", err)
		}
		text = string(b)
	}
	id, err := identity.Parse(text)
	if err != nil {
		return id, fmt.Errorf("reading an identity from %s: %w", from, err)
	}
	return id, nil
}

// looksLikeIdentity reports whether text begins as an identity does, which no sensible file name does.
func looksLikeIdentity(text string) bool {
	addr, _, ok := strings.Cut(text, ":")
	_, err := identity.ParseAddress(strings.TrimSpace(addr))
	return ok && err == nil
}

// readFile reads the beginning of a file.
func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxIdentityText))
}
