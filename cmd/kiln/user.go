package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"kiln/auth/account"
	"kiln/auth/smart/server"
	"kiln/store"
)

// directory is where people are administered: in a store that no server runs on, or through one that does.
type directory interface {
	AddPerson(ctx context.Context, change server.PersonChange) (server.Person, error)
	ChangePerson(ctx context.Context, name string, change server.PersonChange) (server.Person, error)
	People(ctx context.Context) ([]server.Person, error)
	Close() error
}

func newUser() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "user",
		Short: "Administer the people who sign in",
		Long: `Administers the people who sign in: in a store that no server runs on (--store), or through a running server
(--url with --token-file, the access token of somebody whose rank has the power users).`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	for _, sub := range []func(*administered) *cobra.Command{newUserAdd, newUserList, newUserDisable, newUserEnable, newUserPassword, newUserRank, newUserLink} {
		t := &administered{}
		c := asUsage(sub(t))
		t.flags(c)
		cmd.AddCommand(c)
	}
	return cmd
}

// onPeople runs an act of administration.
func (t *administered) onPeople(cmd *cobra.Command, act func(d directory) error) error {
	d, err := t.directory(cmd.Context())
	if err != nil {
		return err
	}
	return errors.Join(act(d), d.Close())
}

func newUserAdd(t *administered) *cobra.Command {
	t.makes = true
	cmd := &cobra.Command{
		Use:     "add NAME",
		Short:   "Add somebody who may sign in",
		Example: "  kiln user add ada --rank nurse --fhir-user Practitioner/ada",
		Args:    cobra.ExactArgs(1),
	}
	var change server.PersonChange
	rank := cmd.Flags().String("rank", "", "the rank: "+strings.Join(rankNames(), ", "))
	cmd.Flags().StringVar(&change.FHIRUser, "fhir-user", "", "the person as a resource: Practitioner/ID, Patient/ID or RelatedPerson/ID")
	cmd.Flags().StringVar(&change.Title, "title", "", "how pages call the person")
	piped := cmd.Flags().Bool("password-stdin", false, "read the password from standard input instead of the terminal")
	none := cmd.Flags().Bool("no-password", false, "without a password, for somebody who signs in at an identity provider alone")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if *rank == "" {
			return wrongUsage("--rank is missing; expected one of %s", strings.Join(rankNames(), ", "))
		}
		switch {
		case *none && *piped:
			return wrongUsage("--no-password and --password-stdin are both given; expected one of them")
		case !*none:
			password, err := readPassword(cmd, *piped)
			if err != nil {
				return err
			}
			change.Password = &password
		}
		change.Name, change.Rank = args[0], rank
		return t.onPeople(cmd, func(d directory) error {
			p, err := d.AddPerson(cmd.Context(), change)
			if err == nil {
				fmt.Fprintf(cmd.OutOrStdout(), "added %s, %s\n", p.Name, p.Rank)
			}
			return err
		})
	}
	return cmd
}

func newUserList(t *administered) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the people who may sign in",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return t.onPeople(cmd, func(d directory) error {
				people, err := d.People(cmd.Context())
				if err != nil {
					return err
				}
				w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
				fmt.Fprintln(w, "NAME\tRANK\tFHIR USER\tSIGNS IN BY\tSTATE\tSINCE")
				for _, p := range people {
					state := "active"
					if p.Disabled {
						state = "disabled"
					}
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", p.Name, p.Rank, p.FHIRUser, p.Level, state, p.Created.Format(time.DateOnly))
				}
				return w.Flush()
			})
		},
	}
}

// userChange is a command that changes one account.
func userChange(t *administered, use, short string, args cobra.PositionalArgs, change func(cmd *cobra.Command, args []string) (server.PersonChange, string, error)) *cobra.Command {
	return &cobra.Command{Use: use, Short: short, Args: args, RunE: func(cmd *cobra.Command, args []string) error {
		what, said, err := change(cmd, args)
		if err != nil {
			return err
		}
		return t.onPeople(cmd, func(d directory) error {
			p, err := d.ChangePerson(cmd.Context(), args[0], what)
			if err == nil {
				fmt.Fprintf(cmd.OutOrStdout(), "%s %s\n", p.Name, said)
			}
			return err
		})
	}}
}

func newUserDisable(t *administered) *cobra.Command {
	return userChange(t, "disable NAME", "Keep somebody from signing in, and end their sessions and tokens", cobra.ExactArgs(1),
		func(*cobra.Command, []string) (server.PersonChange, string, error) {
			yes := true
			return server.PersonChange{Disabled: &yes}, "is disabled; sessions and tokens have ended", nil
		})
}

func newUserEnable(t *administered) *cobra.Command {
	return userChange(t, "enable NAME", "Let somebody sign in again who was disabled", cobra.ExactArgs(1),
		func(*cobra.Command, []string) (server.PersonChange, string, error) {
			no := false
			return server.PersonChange{Disabled: &no}, "may sign in", nil
		})
}

func newUserPassword(t *administered) *cobra.Command {
	var piped *bool
	cmd := userChange(t, "password NAME", "Set a password, and end the sessions and tokens of before", cobra.ExactArgs(1),
		func(cmd *cobra.Command, _ []string) (server.PersonChange, string, error) {
			password, err := readPassword(cmd, *piped)
			return server.PersonChange{Password: &password}, "has a new password; sessions and tokens have ended", err
		})
	piped = cmd.Flags().Bool("password-stdin", false, "read the password from standard input instead of the terminal")
	return cmd
}

func newUserRank(t *administered) *cobra.Command {
	return userChange(t, "rank NAME RANK", "Give somebody another rank, and end their sessions and tokens", cobra.ExactArgs(2),
		func(_ *cobra.Command, args []string) (server.PersonChange, string, error) {
			return server.PersonChange{Rank: &args[1]}, "is " + args[1] + " now; sessions and tokens have ended", nil
		})
}

func newUserLink(t *administered) *cobra.Command {
	var link server.Link
	cmd := userChange(t, "link NAME", "Let a person at an identity provider sign in to an account, and end its sessions and tokens", cobra.ExactArgs(1),
		func(*cobra.Command, []string) (server.PersonChange, string, error) {
			if (link.Issuer == "") != (link.Subject == "") {
				return server.PersonChange{}, "", wrongUsage("--issuer and --subject go together; without both the link ends")
			}
			said := "is linked to that person; sessions and tokens have ended"
			if link.Issuer == "" {
				said = "is not linked to an identity provider any more"
			}
			return server.PersonChange{Link: &link}, said, nil
		})
	cmd.Long = "Links an account to a person at an identity provider, named by the provider's issuer and the person's sub there, instead of\nthe one before; without both, ends the link."
	cmd.Example = "  kiln user link ada --issuer https://id.hospital.example --subject 7f3c21aa"
	cmd.Flags().StringVar(&link.Issuer, "issuer", "", "the issuer of the provider, as in the file of --identity-providers")
	cmd.Flags().StringVar(&link.Subject, "subject", "", "the sub of the person there")
	return cmd
}

// readPassword reads a line from standard input, or asks twice on the terminal, which does not show it.
func readPassword(cmd *cobra.Command, piped bool) (string, error) {
	if piped {
		line, err := bufio.NewReader(io.LimitReader(cmd.InOrStdin(), 4096)).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", err
		}
		return strings.TrimRight(line, "\r\n"), nil
	}
	terminal := int(os.Stdin.Fd())
	if !term.IsTerminal(terminal) {
		return "", wrongUsage("standard input is no terminal; expected --password-stdin")
	}
	var typed [2]string
	for i, question := range [...]string{"Password: ", "Once more: "} {
		fmt.Fprint(os.Stderr, question)
		text, err := term.ReadPassword(terminal)
		fmt.Fprintln(os.Stderr)
		if err != nil {
			return "", err
		}
		typed[i] = string(text)
	}
	if typed[0] != typed[1] {
		return "", errors.New("the two passwords differ")
	}
	return typed[0], nil
}

// localDirectory administers a store that the command opened.
type localDirectory struct {
	people  *account.People
	records func(bucket string) store.Records
	close   func() error
}

func (d localDirectory) Close() error { return d.close() }

func (d localDirectory) AddPerson(ctx context.Context, c server.PersonChange) (server.Person, error) {
	if err := knownRank(*c.Rank); err != nil {
		return server.Person{}, err
	}
	password := ""
	if c.Password != nil {
		password = *c.Password
	}
	if err := d.people.Add(ctx, account.Account{Name: c.Name, Title: c.Title, Rank: *c.Rank, FHIRUser: c.FHIRUser}, password); err != nil {
		return server.Person{}, fmt.Errorf("adding %s: %w", c.Name, err)
	}
	return d.person(ctx, c.Name)
}

func (d localDirectory) person(ctx context.Context, name string) (server.Person, error) {
	a, err := d.people.Get(ctx, name)
	if err != nil {
		return server.Person{}, fmt.Errorf("%s: %w", name, err)
	}
	return server.PersonOf(a), nil
}

func (d localDirectory) ChangePerson(ctx context.Context, name string, c server.PersonChange) (server.Person, error) {
	var err error
	if c.Rank != nil {
		if err = knownRank(*c.Rank); err == nil {
			err = d.people.SetRank(ctx, name, *c.Rank)
		}
	}
	if err == nil && c.Disabled != nil {
		err = d.people.SetDisabled(ctx, name, *c.Disabled)
	}
	if err == nil && c.Password != nil {
		err = d.people.SetPassword(ctx, name, *c.Password)
	}
	if err == nil && c.Link != nil {
		err = d.people.Link(ctx, name, c.Link.Named())
	}
	if err != nil {
		return server.Person{}, fmt.Errorf("%s: %w", name, err)
	}
	return d.person(ctx, name)
}

func (d localDirectory) People(ctx context.Context) ([]server.Person, error) {
	all, err := d.people.List(ctx)
	people := make([]server.Person, len(all))
	for i := range all {
		people[i] = server.PersonOf(&all[i])
	}
	return people, err
}

func knownRank(rank string) error {
	for _, known := range rankNames() {
		if rank == known {
			return nil
		}
	}
	return wrongUsage("there is no rank %q; expected one of %s", rank, strings.Join(rankNames(), ", "))
}
