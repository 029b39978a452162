package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"kiln/auth/account"
	"kiln/auth/smart"
	"kiln/auth/smart/server"
)

// register is where apps are administered: in a store that no server runs on, or through one that does.
type register interface {
	AddApp(ctx context.Context, change server.AppChange) (server.App, error)
	SetAppState(ctx context.Context, id string, state smart.State) (server.App, error)
	Apps(ctx context.Context) ([]server.App, error)
	Close() error
}

func newClient() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "client",
		Short: "Administer the apps and backend services that may ask for access",
		Long: `Administers apps and backend services: in a store that no server runs on (--store), or through a running server
(--url with --token-file, the access token of somebody whose rank has the power clients).`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	for _, sub := range []func(*administered) *cobra.Command{newClientAdd, newClientList, newClientApprove, newClientDisable} {
		t := &administered{}
		c := asUsage(sub(t))
		t.flags(c)
		cmd.AddCommand(c)
	}
	return cmd
}

// onApps runs an act of administration.
func (t *administered) onApps(cmd *cobra.Command, act func(r register) error) error {
	r, err := t.register(cmd.Context())
	if err != nil {
		return err
	}
	return errors.Join(act(r), r.Close())
}

// meant says how an app proves who it is.
var meant = map[smart.Means]string{
	smart.Public: "a public app without a secret", smart.Secret: "which has a secret", smart.Key: "which signs with its keys",
}

func newClientAdd(t *administered) *cobra.Command {
	t.makes = true
	cmd := &cobra.Command{
		Use:   "add CLIENT_ID",
		Short: "Add an app or a backend service",
		Example: `  kiln client add growth --public --redirect-uri https://growth.example.org/ --scope "launch/patient patient/*.rs"
  kiln client add lab --backend --jwks lab.jwks.json --scope "system/Observation.cu"`,
		Args: cobra.ExactArgs(1),
	}
	f := cmd.Flags()
	var change server.AppChange
	var scopes []string
	f.StringArrayVar(&change.Redirects, "redirect-uri", nil, "where codes may be sent; repeats")
	f.StringArrayVar(&scopes, "scope", nil, "the most that may be granted; repeats")
	f.StringVar(&change.Launch, "launch-uri", "", "where the app is started from an EHR")
	f.StringVar(&change.Name, "name", "", "how pages call it")
	f.BoolVar(&change.Backend, "backend", false, "it asks for tokens on its own, without a person; needs --jwks")
	open := f.Bool("public", false, "it can keep no secret, as apps in browsers and on phones")
	secret := f.Bool("secret-stdin", false, "read its secret from standard input")
	keys := f.String("jwks", "", "its public keys: a file with a JWK Set, or the URL of one")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		change.ID, change.Scopes = args[0], strings.Join(scopes, " ")
		if err := meansOf(cmd, &change, *open, *secret, *keys); err != nil {
			return err
		}
		return t.onApps(cmd, func(r register) error {
			app, err := r.AddApp(cmd.Context(), change)
			if err == nil {
				fmt.Fprintf(cmd.OutOrStdout(), "added %s, %s\n", app.ID, meant[app.Means])
			}
			return err
		})
	}
	return cmd
}

// meansOf takes the one way in which a client authenticates.
func meansOf(cmd *cobra.Command, change *server.AppChange, open, secret bool, keys string) error {
	stated := 0
	for _, one := range [...]bool{open, secret, keys != ""} {
		if one {
			stated++
		}
	}
	if stated != 1 {
		return wrongUsage("expected one of --public, --secret-stdin and --jwks")
	}
	switch {
	case open:
		change.Means = smart.Public
	case secret:
		line, err := readPassword(cmd, true)
		if err != nil {
			return err
		}
		change.Means, change.Secret = smart.Secret, line
	case strings.HasPrefix(keys, "http://") || strings.HasPrefix(keys, "https://"):
		change.Means, change.KeysURL, change.LocalKeys = smart.Key, keys, true
	default:
		text, err := os.ReadFile(keys)
		if err != nil {
			return fmt.Errorf("--jwks: %w", err)
		}
		if !json.Valid(text) {
			return wrongUsage("--jwks: %s is not JSON", keys)
		}
		change.Means, change.Keys = smart.Key, text
	}
	return nil
}

func newClientList(t *administered) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List apps and backend services",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return t.onApps(cmd, func(r register) error {
				apps, err := r.Apps(cmd.Context())
				if err != nil {
					return err
				}
				w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
				fmt.Fprintln(w, "CLIENT ID\tNAME\tSTATE\tAUTHENTICATES BY\tSCOPES\tSINCE")
				for _, a := range apps {
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", a.ID, a.Name, a.State, a.Means, a.Scopes, a.Created.Format(time.DateOnly))
				}
				return w.Flush()
			})
		},
	}
}

func newClientApprove(t *administered) *cobra.Command {
	return clientState(t, "approve", "Let an app be used that registered itself, or was disabled", smart.Active)
}

func newClientDisable(t *administered) *cobra.Command {
	return clientState(t, "disable", "Keep an app from being used, and end its tokens", smart.Suspended)
}

func clientState(t *administered, use, short string, state smart.State) *cobra.Command {
	return &cobra.Command{Use: use + " CLIENT_ID", Short: short, Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		return t.onApps(cmd, func(r register) error {
			app, err := r.SetAppState(cmd.Context(), args[0], state)
			if err == nil {
				fmt.Fprintf(cmd.OutOrStdout(), "%s is %s\n", app.ID, app.State)
			}
			return err
		})
	}}
}

func (d localDirectory) AddApp(ctx context.Context, change server.AppChange) (server.App, error) {
	client, err := change.Client(time.Now())
	if err == nil {
		err = server.AddClient(ctx, d.records, client)
	}
	if errors.Is(err, account.ErrExists) {
		err = errors.New("there is such a client already")
	}
	if err != nil {
		return server.App{}, fmt.Errorf("adding %s: %w", change.ID, err)
	}
	return server.AppOf(client), nil
}

func (d localDirectory) SetAppState(ctx context.Context, id string, state smart.State) (server.App, error) {
	client, err := server.SetClientState(ctx, d.records, id, state)
	if errors.Is(err, account.ErrUnknown) {
		err = errors.New("there is no such client")
	}
	if err != nil {
		return server.App{}, fmt.Errorf("%s: %w", id, err)
	}
	return server.AppOf(client), nil
}

func (d localDirectory) Apps(ctx context.Context) ([]server.App, error) {
	clients, err := server.Clients(ctx, d.records)
	apps := make([]server.App, len(clients))
	for i := range clients {
		apps[i] = server.AppOf(&clients[i])
	}
	return apps, err
}

func (r *remoteServer) AddApp(ctx context.Context, change server.AppChange) (app server.App, err error) {
	return app, r.call(ctx, http.MethodPost, "clients", change, &app)
}

func (r *remoteServer) SetAppState(ctx context.Context, id string, state smart.State) (app server.App, err error) {
	return app, r.call(ctx, http.MethodPatch, "clients/"+url.PathEscape(id), map[string]smart.State{"state": state}, &app)
}

func (r *remoteServer) Apps(ctx context.Context) (apps []server.App, err error) {
	return apps, r.call(ctx, http.MethodGet, "clients", nil, &apps)
}
