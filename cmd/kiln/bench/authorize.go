package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"kiln/auth/account"
	"kiln/auth/smart"
	"kiln/auth/smart/server"
	"kiln/search"
	"kiln/store"
	"kiln/store/pebble"
)

// The clinician who asks in the section auth has so many patients, by a CareTeam each.
const caredFor = 200

const (
	benchUser     = "bench"
	benchClient   = "bench"
	benchPassword = "no password of anybody: 2a9f" // never used; the token is made without it
)

// authorized are the requests of the section auth, all about patients of the clinician.
var authorized = []struct {
	name string
	path func(patient int, r *rand.Rand) string
}{
	{"read by id", func(patient int, _ *rand.Rand) string { return "/fhir/Patient/" + PatientID(patient) }},
	{"search by identifier", func(patient int, _ *rand.Rand) string {
		return "/fhir/Patient?identifier=" + url.QueryEscape(MRNSystem+"|"+MRN(patient))
	}},
	{"search by patient and code", func(patient int, r *rand.Rand) string {
		return "/fhir/Observation?patient=" + PatientID(patient) + "&code=" + Code(pick(r, 200))
	}},
	{"search by patient sorted by -date", func(patient int, _ *rand.Rand) string {
		return "/fhir/Observation?patient=" + PatientID(patient) + "&_sort=-date"
	}},
}

// authorize is row 14: the same requests with authorization and audit on and off, by a clinician with many patients.
func (b *Bench) authorize(ctx context.Context) (err error) {
	if err := b.server.Stop(); err != nil { // for its store to be copied
		return err
	}
	folder := b.store + "-auth"
	err = os.CopyFS(folder, os.DirFS(b.store))
	if err == nil {
		err = b.startServer(ctx)
	}
	var token string
	if err == nil {
		token, err = b.principal(ctx, folder)
	}
	if err != nil {
		return err
	}
	guarded, err := Start(ctx, "serve", "--listen", "127.0.0.1:0", "--store", folder, "--auth", "smart")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, guarded.Stop(), os.RemoveAll(folder)) }()
	for _, a := range authorized {
		load := b.gets(8, nil)
		load.Next = func(_ int, r *rand.Rand) []byte {
			get := Get(a.path(b.theirs(r.IntN(caredFor)), r))
			return append(get[:len(get)-2], "Authorization: Bearer "+token+"\r\n\r\n"...)
		}
		with := load
		with.Address = guarded.Address
		with.Alone, load.Alone = []*Process{b.server}, []*Process{guarded}
		ratio, rate, _, last, err := b.compare(ctx, with, load)
		if err != nil {
			return err
		}
		b.Report.AtLeast(14, a.name+", 8 clients: --auth smart ÷ off", ratio, 0.75, perSecond(rate), "p99 "+milliseconds(last.P99))
	}
	return nil
}

// theirs is patient i of the clinician's, spread over all.
func (b *Bench) theirs(i int) int { return i * max(1, b.patients()/caredFor) % b.patients() }

// principal makes the clinician with their CareTeams in the store of a folder, and gives a token of theirs.
func (b *Bench) principal(ctx context.Context, folder string) (string, error) {
	var people strings.Builder
	fmt.Fprintf(&people, `{"resourceType":"Practitioner","id":%q,"name":[{"family":"Bench"}]}`+"\n", benchUser)
	for i := range caredFor {
		fmt.Fprintf(&people, `{"resourceType":"CareTeam","id":"team-%d","status":"active","subject":{"reference":"Patient/%s"},"participant":[{"member":{"reference":"Practitioner/%s"}}]}`+"\n",
			i, PatientID(b.theirs(i)), benchUser)
	}
	file := filepath.Join(b.Dir, "people.ndjson")
	if err := os.WriteFile(file, []byte(people.String()), 0o600); err != nil {
		return "", err
	}
	if err := b.kiln(ctx, "load", file, "--store", folder); err != nil {
		return "", err
	}
	parameters, err := search.NewParameters(search.Options{})
	if err != nil {
		return "", err
	}
	s, err := pebble.Open(folder, pebble.Options{Parameters: parameters})
	if err != nil {
		return "", err
	}
	token, err := issue(ctx, s)
	return token, errors.Join(err, s.Close())
}

// issue makes the clinician's account, their app, and a token for it.
func issue(ctx context.Context, s store.Store) (string, error) {
	people := account.New(account.Options{Records: s.Records})
	err := people.Add(ctx, account.Account{Name: benchUser, Rank: "clinician", FHIRUser: "Practitioner/" + benchUser}, benchPassword)
	if err != nil {
		return "", err
	}
	now := time.Now()
	app := server.AppChange{App: server.App{
		ID: benchClient, Name: "Load generator", Means: smart.Public, Redirects: []string{"http://127.0.0.1/"}, Scopes: "user/*.rs",
	}}
	client, err := app.Client(now)
	if err == nil {
		err = server.PutClient(ctx, s.Records, client)
	}
	if err != nil {
		return "", err
	}
	return server.IssueToken(ctx, people, s.Records, server.Issue{User: benchUser, Client: benchClient, Scopes: "user/*.rs", Lives: smart.AccessTokenLives}, now)
}
