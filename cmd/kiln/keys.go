package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"kiln/auth/smart/server"
)

func newKeys() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "Show and replace the keys that sign id_tokens",
		Long: `Shows and replaces the keys that sign id_tokens: in a store that no server runs on (--store), or through a running server
(--url with --token-file, the access token of somebody whose rank has the power keys). They change by themselves every 90
days, each published a day before it signs; replacing them is for when one may have been seen.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	for _, act := range []struct {
		use, short, method string
		here               func(localDirectory, context.Context) ([]server.SigningKey, error)
	}{
		{"list", "List the keys that are published", http.MethodGet, localDirectory.keys},
		{"replace", "Let a new key sign at once, and withdraw all others", http.MethodPost, localDirectory.replaceKeys},
	} {
		t := &administered{}
		c := asUsage(&cobra.Command{Use: act.use, Short: act.short, Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
			return t.onKeys(cmd, act.here, act.method)
		}})
		t.flags(c)
		cmd.AddCommand(c)
	}
	return cmd
}

func (d localDirectory) keys(ctx context.Context) ([]server.SigningKey, error) {
	return server.SigningKeys(ctx, d.records)
}

func (d localDirectory) replaceKeys(ctx context.Context) ([]server.SigningKey, error) {
	return server.ReplaceSigningKeys(ctx, d.records, time.Now())
}

// onKeys acts on a store or a running server, and prints the keys that there are then.
func (t *administered) onKeys(cmd *cobra.Command, here func(localDirectory, context.Context) ([]server.SigningKey, error), method string) error {
	var list []server.SigningKey
	if t.url != "" || t.token != "" {
		r, err := t.remote()
		if err == nil {
			err = r.call(cmd.Context(), method, "keys", nil, &list)
		}
		if err != nil {
			return err
		}
	} else {
		d, err := t.local(cmd.Context())
		if err != nil {
			return err
		}
		list, err = here(d, cmd.Context())
		if err = errors.Join(err, d.Close()); err != nil {
			return err
		}
	}
	return printKeys(cmd.OutOrStdout(), list, time.Now())
}

func printKeys(out io.Writer, list []server.SigningKey, now time.Time) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "KEY\tFROM\tSTATE")
	for i, k := range list {
		state := "signs"
		switch {
		case now.Before(k.From):
			state = "is next"
		case i+1 < len(list) && !now.Before(list[i+1].From):
			state = "verifies what it signed"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", k.ID, k.From.UTC().Format(time.RFC3339), state)
	}
	return w.Flush()
}
