package server

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"kiln/auth/account"
	"kiln/auth/smart"
	"kiln/search"
	"kiln/store/memory"
)

// issuing is a store with a person and an app, and a server that knows the time.
func issuing(t *testing.T) (*Server, *time.Time) {
	t.Helper()
	parameters, err := search.NewParameters(search.Options{BaseURL: "http://127.0.0.1/fhir"})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	engine := memory.New(memory.Options{Parameters: parameters, Now: func() time.Time { return now }})
	t.Cleanup(func() { _ = engine.Close() })
	people := account.New(account.Options{Records: engine.Records})
	s := &Server{options: Options{People: people, Records: engine.Records, Now: func() time.Time { return now }, Shared: true}, vault: newVault(engine.Records)}
	if err := people.Add(t.Context(), account.Account{Name: "ada", Rank: "nurse", FHIRUser: "Practitioner/ada"}, ""); err != nil {
		t.Fatal(err)
	}
	app := &smart.Client{ID: "app", Means: smart.Public, State: smart.Active, Redirects: []string{"http://127.0.0.1/"}, Scopes: "openid user/*.rs"}
	if err := AddClient(t.Context(), engine.Records, app); err != nil {
		t.Fatal(err)
	}
	return s, &now
}

func issue(ctx context.Context, s *Server, i Issue) (string, error) {
	return IssueToken(ctx, s.options.People, s.options.Records, i, s.now())
}

// bearer is whom a token stands for.
func bearer(t *testing.T, s *Server, token string) (string, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1/fhir/Patient", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	p, err := s.Principal(r)
	if err != nil {
		return "", err
	}
	return p.User + " " + p.Rank + " " + p.FHIRUser + " " + p.Scopes.String(), nil
}

func TestAnIssuedTokenIsOfThePersonAndEnds(t *testing.T) {
	wanted := Issue{User: "ada", Client: "app", Scopes: "user/Patient.rs", Lives: 10 * time.Minute}
	for name, end := range map[string]func(*Server, *time.Time) error{
		"with its time":    func(_ *Server, now *time.Time) error { *now = now.Add(10 * time.Minute); return nil },
		"with the account": func(s *Server, _ *time.Time) error { return s.options.People.SetDisabled(t.Context(), "ada", true) },
		"with the password": func(s *Server, _ *time.Time) error {
			return s.options.People.SetPassword(t.Context(), "ada", "seven small boats")
		},
		"with the consent": func(s *Server, _ *time.Time) error { return s.vault.revokeApp(t.Context(), "ada", "app") },
		"with the app": func(s *Server, _ *time.Time) error {
			_, err := SetClientState(t.Context(), s.options.Records, "app", smart.Suspended)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, now := issuing(t)
			token, err := issue(t.Context(), s, wanted)
			if err != nil || len(token) != 43 {
				t.Fatalf("%q, %v", token, err)
			}
			if got, err := bearer(t, s, token); err != nil || got != "ada nurse Practitioner/ada user/Patient.rs" {
				t.Errorf("the token is of %q, %v", got, err)
			}
			if err := end(s, now); err != nil {
				t.Fatal(err)
			}
			if got, err := bearer(t, s, token); err == nil {
				t.Errorf("the token still counts, as that of %q", got)
			}
		})
	}
}

func TestWhatIsNotIssued(t *testing.T) {
	good := Issue{User: "ada", Client: "app", Scopes: "user/Patient.rs", Lives: time.Minute}
	for name, c := range map[string]struct {
		change func(*Issue)
		want   string
	}{
		"more than the app may have": {func(i *Issue) { i.Scopes = "user/Patient.cruds" }, "the client may have less"},
		"what is no scope":           {func(i *Issue) { i.Scopes = "user/Nonsense.x" }, "no scopes: user/Nonsense.x"},
		"nothing":                    {func(i *Issue) { i.Scopes = "" }, "the scopes are missing"},
		"to no app":                  {func(i *Issue) { i.Client = "other" }, `no active client "other"`},
		"for too long":               {func(i *Issue) { i.Lives = time.Hour + time.Second }, "at most 1h"},
		"for no time":                {func(i *Issue) { i.Lives = 0 }, "at most 1h"},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := issuing(t)
			i := good
			c.change(&i)
			var invalid *account.InvalidError
			if token, err := issue(t.Context(), s, i); !errors.As(err, &invalid) || !strings.Contains(err.Error(), c.want) || token != "" {
				t.Errorf("%q, %v; want %s", token, err, c.want)
			}
		})
	}
	s, _ := issuing(t)
	good.User = "nobody"
	if _, err := issue(t.Context(), s, good); !errors.Is(err, account.ErrUnknown) {
		t.Errorf("for nobody: %v", err)
	}
	if err := s.options.People.SetDisabled(t.Context(), "ada", true); err != nil {
		t.Fatal(err)
	}
	good.User = "ada"
	if _, err := issue(t.Context(), s, good); !errors.Is(err, account.ErrUnknown) {
		t.Errorf("for somebody who is disabled: %v", err)
	}
}
