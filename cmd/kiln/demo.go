package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"kiln/auth"
	"kiln/auth/account"
	"kiln/auth/scope"
	"kiln/auth/smart"
	"kiln/auth/smart/server"
	"kiln/cmd/kiln/sample"
	"kiln/fhir"
	"kiln/fhir/rest"
	"kiln/resources"
	"kiln/store"
)

func newDemo() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Serve a sample hospital to try Kiln with",
		Long: `Serves an invented hospital on an address of this machine: wards, staff, twelve patients with their records, people who
sign in, and a small SMART app. It prints who they are, a password for all of them that is made anew each time, and a
request to begin with. Without --data everything is gone when it ends.`,
		Example: "  kiln demo\n  kiln demo --data ./hospital --listen 127.0.0.1:9090",
		Args:    cobra.NoArgs,
	}
	folder := cmd.Flags().String("data", "", "folder that keeps the hospital (default: a fresh one, which goes when the demo ends)")
	listen := cmd.Flags().String("listen", "127.0.0.1:8080", "HTTP address, of this machine only")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if !loopback(*listen) {
			return wrongUsage("--listen is %q; expected an address of this machine, such as 127.0.0.1:8081: a demo prints its passwords", *listen)
		}
		return runDemo(cmd.Context(), cmd.OutOrStdout(), *folder, *listen)
	}
	return cmd
}

// runDemo serves the hospital from a folder, or from one that is made for it and goes with it.
func runDemo(ctx context.Context, out io.Writer, folder, listen string) (err error) {
	kept := folder != ""
	if kept {
		err = onlyDemo(ctx, folder)
	} else {
		folder, err = os.MkdirTemp("", "kiln-demo-")
		defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	}
	if err != nil {
		return err
	}
	logger, err := newLogger(os.Stderr, "text", "warn")
	if err != nil {
		return err
	}
	d := &demo{out: out, folder: folder, kept: kept, password: newPassword()}
	c := serving{
		plan:   plan{Store: folder, Validation: "base", Integrity: "deletes", Zone: time.UTC, Logger: logger},
		Listen: listen, MaxBody: 64 << 20, RequestTimeout: time.Minute, AccessTokenLives: time.Hour,
		Prepare: d.prepare, Pages: demoPages, Started: d.tell,
	}
	return c.run(ctx)
}

// demoBucket holds, for each bundle of the hospital, that it is in, so that nothing is added twice, and shows that a store
// is a demo at all.
const demoBucket = "demo"

// onlyDemo keeps the people and the password of a demo, which everybody can know, out of a store that is no demo.
func onlyDemo(ctx context.Context, folder string) error {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, os.ErrNotExist) || err == nil && len(entries) == 0 {
		return nil
	}
	if err != nil {
		return fmt.Errorf("--data: %w", err)
	}
	s, _, err := openEmbedded(folder, false)
	if err != nil {
		return fmt.Errorf("--data: %w", err)
	}
	_, err = s.Records(demoBucket).Get(ctx, "bundle-0")
	if errors.Is(err, store.ErrNotFound) {
		err = wrongUsage("--data %s holds something else than a demo; expected a folder that is new, or an earlier demo's", folder)
	}
	return errors.Join(err, s.Close())
}

// newPassword is 80 random bits in letters that are easily told apart.
func newPassword() string { return rand.Text()[:16] }

// demo is one run.
type demo struct {
	out      io.Writer
	folder   string
	kept     bool
	password string
	token    string
}

// prepare puts the hospital, its people and its app into the store, where they are not in it yet.
func (d *demo) prepare(ctx context.Context, a *assembly, address string) error {
	ctx = auth.NewContext(ctx, auth.Itself())
	if err := loadDemo(ctx, a); err != nil {
		return fmt.Errorf("loading the sample hospital: %w", err)
	}
	for _, person := range sample.Accounts() {
		if err := d.person(ctx, a.Guard.people, person); err != nil {
			return fmt.Errorf("adding %s: %w", person.Name, err)
		}
	}
	app := server.AppChange{App: server.App{
		ID: demoApp, Name: "Vital signs", Means: smart.Public, Redirects: []string{address + demoPath}, Launch: address + demoPath, Scopes: demoScopes + " " + scope.Administration,
	}}
	client, err := app.Client(time.Now())
	if err == nil {
		err = server.PutClient(ctx, a.Store.Records, client)
	}
	if err == nil {
		d.token, err = server.IssueToken(ctx, a.Guard.people, a.Store.Records, server.Issue{
			User: demoNurse, Client: demoApp, Scopes: "user/*.rs", Lives: demoTokenLives,
		}, time.Now())
	}
	if err != nil {
		return fmt.Errorf("connecting the app: %w", err)
	}
	a.Guard.told(ctx, demoApp, "was given a token")
	return nil
}

// loadDemo carries out the transactions that no earlier demo carried out.
func loadDemo(ctx context.Context, a *assembly) error {
	for i, bundle := range sample.Bundles(time.Now()) {
		key := fmt.Sprintf("bundle-%d", i)
		_, err := a.Store.Records(demoBucket).Get(ctx, key)
		if err == nil {
			continue
		}
		if !errors.Is(err, store.ErrNotFound) {
			return err
		}
		doc, err := resources.Parse(bundle)
		if err != nil {
			return err
		}
		once := store.RecordChange{Bucket: demoBucket, Key: key, Value: []byte{1}, Revision: store.AnyRevision}
		if _, err := a.Service.Process(ctx, fhir.BundleRequest{Bundle: doc, Records: []store.RecordChange{once}, Status: rest.Status}); err != nil {
			return err
		}
	}
	return nil
}

// person adds somebody, or gives who is there the password of this run.
func (d *demo) person(ctx context.Context, people *account.People, a sample.Account) error {
	err := people.Add(ctx, account.Account{Name: a.Name, Title: a.Title, Rank: a.Rank, FHIRUser: a.FHIRUser}, d.password)
	if errors.Is(err, account.ErrExists) {
		err = people.SetPassword(ctx, a.Name, d.password)
	}
	return err
}

// tell prints what there is to try.
func (d *demo) tell(address string) {
	fmt.Fprintf(d.out, "A sample hospital is at %s/fhir; nobody in it exists.\n\nThese people sign in, all with the password %s\n\n", address, d.password)
	w := tabwriter.NewWriter(d.out, 2, 0, 2, ' ', 0)
	fmt.Fprintln(w, "  NAME\tRANK\tWHO")
	for _, a := range sample.Accounts() {
		fmt.Fprintf(w, "  %s\t%s\t%s\n", a.Name, a.Rank, a.Title)
	}
	_ = w.Flush()
	fmt.Fprintf(d.out, `
An app that asks them to sign in:               %[1]s%[2]s
What they allowed apps, codes and passkeys:     %[1]s/auth/manage and %[1]s/auth/person

What the nurse %[3]s sees of the patients, by a token that lives %[4]d minutes:

  curl -s -H 'Authorization: Bearer %[5]s' '%[1]s/fhir/Patient?_pretty=true'

`, address, demoPath, demoNurse, int(demoTokenLives.Minutes()), d.token)
	if d.kept {
		fmt.Fprintf(d.out, "Ctrl-C ends it; `kiln demo --data %s` goes on with the same hospital.\n", d.folder)
	} else {
		fmt.Fprintln(d.out, "Ctrl-C ends it, and all of it is gone then.")
	}
}

// demoNurse is whom the printed request is made for.
const (
	demoNurse      = "lindqvist"
	demoTokenLives = 30 * time.Minute
)
