package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"time"

	"kiln/auth"
	"kiln/auth/access"
	"kiln/auth/account"
	"kiln/auth/audit"
	"kiln/auth/federation"
	"kiln/auth/policy"
	"kiln/auth/smart"
	"kiln/auth/smart/server"
	"kiln/fhir"
	"kiln/resources"
	"kiln/search"
	"kiln/store"
)

// guarding is how a server finds out who asks, and decides what they may.
type guarding struct {
	Issuer           string // public address without a slash at its end
	Policy           *policy.Current
	Providers        *federation.Providers
	AccessTokenLives time.Duration
	Zone             *time.Location
	// AuditOpen lets requests be served while the audit log cannot be written.
	AuditOpen bool
	Logger    *slog.Logger
	// First lets a link be printed at which the first administrator signs up, where there is nobody yet.
	First bool
}

// guard stands before a store.
type guard struct {
	guarding
	store      store.Store
	authorizer *access.Authorizer
	people     *account.People
	server     *server.Server
	log        *audit.Log
	publisher  *audit.Publisher
	recorder   *audit.Recorder
}

// over makes a guard for a store.
func (g guarding) over(ctx context.Context, s store.Store, parameters *search.Parameters) (*guard, error) {
	made := &guard{guarding: g, store: s}
	made.people = account.New(account.Options{Records: s.Records, Changed: made.changed})
	var err error
	made.authorizer, err = access.New(access.Options{
		Store: s, Parameters: parameters, Policy: g.Policy, BaseURL: g.Issuer + "/fhir", Zone: g.Zone, Logger: g.Logger,
		GlassBroken: made.glassBroken,
	})
	if err != nil {
		return nil, err
	}
	if made.log, err = audit.Open(ctx, audit.Options{Store: s, Open: g.AuditOpen, Logger: g.Logger}); err != nil {
		return nil, fmt.Errorf("opening the audit log: %w", err)
	}
	made.recorder = audit.NewRecorder(audit.RecorderOptions{
		Log: made.log, Authenticator: made, Patients: made.authorizer.Patients, Broke: made.authorizer.Broke, CatchUp: made.catchUp,
	})
	return made, nil
}

// Authenticate finds out who asks.
func (g *guard) Authenticate(r *http.Request) (context.Context, error) {
	return g.server.Authenticate(r)
}

func (g *guard) catchUp(ctx context.Context) error { return g.publisher.CatchUp(ctx) }

func (g *guard) changed() {
	if g.server != nil {
		g.server.Changed()
	}
}

// watch puts the guard before a service that is about to be made.
func (g *guard) watch(options *fhir.Options) {
	options.Authorizer, options.Auditor = g.authorizer, g.recorder
	options.Operations = append(options.Operations, g.authorizer.BreakGlass())
	at := func(path string) string { return g.Issuer + path }
	options.Security = &fhir.Security{
		Authorize: at(smart.PathAuthorize), Token: at(smart.PathToken), Introspect: at(smart.PathIntrospect),
		Revoke: at(smart.PathRevoke), Register: at(smart.PathRegister), Manage: at(smart.PathManage),
	}
}

// serve begins to authorize and to keep the audit log.
func (g *guard) serve(ctx context.Context, service *fhir.Service) (err error) {
	g.publisher = audit.NewPublisher(audit.PublisherOptions{Log: g.log, Site: g.Issuer, Requests: service.Requests, Load: func(ctx context.Context, list []*resources.Document, records []store.RecordChange) error {
		_, err := service.Load(auth.NewContext(ctx, auth.Itself()), fhir.LoadRequest{Resources: list, Records: records})
		return err
	}})
	g.server, err = server.New(ctx, server.Options{
		People: g.people, Records: g.store.Records, Service: service, Policy: g.Policy, Authorizer: g.authorizer, Issuer: g.Issuer, Providers: g.Providers, ExportAudit: g.exportAudit, Shared: g.store.Shared(),
		AccessTokenLives: g.AccessTokenLives, Told: g.told, Logger: g.Logger,
	})
	if err == nil {
		err = addCommandLine(ctx, g.store.Records)
	}
	if err == nil && g.First {
		err = g.invite(ctx)
	}
	return err
}

// exportAudit writes the audit log, what was noted until now among it.
func (g *guard) exportAudit(ctx context.Context, selected server.AuditSelection, w io.Writer) error {
	if err := g.log.Flush(ctx); err != nil {
		return err
	}
	_, err := audit.Export(ctx, g.store.Records(audit.Bucket), g.Issuer, audit.Selection(selected), w)
	return err
}

// invitationLasts is how long the first administrator has.
const invitationLasts = 24 * time.Hour

// invite prints a link for the first administrator where there is nobody yet.
func (g *guard) invite(ctx context.Context) error {
	empty, err := g.people.Empty(ctx)
	if err != nil || !empty {
		return err
	}
	token, err := g.people.Invite(ctx, account.Invitation{Rank: "director", First: true}, invitationLasts)
	if err == nil {
		fmt.Fprintf(os.Stderr, "there is nobody who may sign in yet; the first administrator chooses a name and a password at\n  %s/auth/invitation/%s\n(once, within a day)\n", g.Issuer, token)
	}
	return err
}

// close writes what is not written of the audit log.
func (g *guard) close() error {
	if g.publisher != nil {
		g.publisher.Close()
	}
	ctx, cancel := context.WithTimeout(context.Background(), drain)
	defer cancel()
	return g.log.Close(ctx)
}

// told notes acts of people at the pages, and of apps at the endpoints.
func (g *guard) told(_ context.Context, name, what string) {
	e := &audit.Event{At: time.Now(), Kind: audit.Administer, Interaction: what, Outcome: audit.Done, Detail: what, User: name}
	if kind, ok := toldKinds[what]; ok {
		e.Kind, e.Outcome = kind.kind, kind.outcome
	}
	if err := g.log.Note(e); err != nil && !errors.Is(err, audit.ErrFull) {
		g.Logger.Error("an event could not be noted", slog.Any("error", err))
	}
}

var toldKinds = map[string]struct {
	kind    audit.Kind
	outcome audit.Outcome
}{
	"signed in":         {audit.SignIn, audit.Done},
	"refused":           {audit.SignIn, audit.Refused},
	"locked":            {audit.SignIn, audit.Serious},
	"signed out":        {audit.SignOut, audit.Done},
	"was given a token": {audit.Token, audit.Done},
}

// glassBroken notes it before it counts; what cannot be noted is refused.
func (g *guard) glassBroken(ctx context.Context, glass access.Glass) error {
	e := &audit.Event{
		At: glass.Began, Kind: audit.Break, Interaction: "break-glass", Outcome: audit.Done, Patient: glass.Patient,
		Resource: "Patient/" + glass.Patient, Purpose: glass.Reason, Reason: glass.Comment,
	}
	if err := g.log.Note(e.By(auth.FromContext(ctx))); err != nil {
		return err
	}
	return g.log.Flush(ctx)
}
