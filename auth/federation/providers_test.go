package federation_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kiln/auth/federation"
	"kiln/auth/smart/smarttest"
)

func begin(t *testing.T, p *federation.Providers) (string, error) {
	t.Helper()
	address, _, err := p.Begin(t.Context(), "hospital", federation.Asked{State: "s", Nonce: "n", Verifier: strings.Repeat("v", 43)})
	return address, err
}

func one(issuer string) []federation.Provider {
	return []federation.Provider{{Name: "hospital", Title: "the hospital", Issuer: issuer, ClientID: "kiln", ClientSecret: "x"}}
}

// TestDiscoveryStaysWhereTheFileLeads: no document of a provider leads this server, or a person, to an address that cannot be
// believed.
func TestDiscoveryStaysWhereTheFileLeads(t *testing.T) {
	inner := 0
	secret := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { inner++ }))
	t.Cleanup(secret.Close)
	hospital := smarttest.NewProvider(t, "kiln", "x")
	for what, document := range map[string]map[string]any{
		"keys without https":             {"jwks_uri": "http://keys.example/"},
		"a sign-in without https":        {"authorization_endpoint": "http://id.example/authorize"},
		"a sign-in that is a script":     {"authorization_endpoint": "javascript:alert(1)"},
		"tokens without https":           {"token_endpoint": "http://169.254.169.254/latest"},
		"tokens with a name":             {"token_endpoint": "https://a:b@id.example/token"},
		"another issuer":                 {"issuer": "https://elsewhere.example"},
		"no keys":                        {"jwks_uri": ""},
		"keys that are no address":       {"jwks_uri": 7},
		"a document that is larger than": {"more": strings.Repeat("x", 2<<20)},
	} {
		hospital.Spoil(smarttest.Spoiled{Documents: document})
		if address, err := begin(t, federation.New(one(hospital.Issuer), federation.Options{Issuer: "https://kiln.example"})); !errors.Is(err, federation.ErrDown) {
			t.Errorf("%s: %s, %v", what, address, err)
		}
	}
	leads := httptest.NewServer(http.RedirectHandler(secret.URL, http.StatusFound))
	t.Cleanup(leads.Close)
	for _, issuer := range []string{leads.URL, "http://id.hospital.example", "https://169.254.169.254"} {
		if _, err := begin(t, federation.New(one(issuer), federation.Options{Issuer: "https://kiln.example"})); !errors.Is(err, federation.ErrDown) {
			t.Errorf("%s: %v", issuer, err)
		}
	}
	if inner != 0 {
		t.Error("a redirect was followed")
	}
	if _, _, err := federation.New(nil, federation.Options{}).Begin(t.Context(), "hospital", federation.Asked{}); !errors.Is(err, federation.ErrUnknown) {
		t.Errorf("no such provider: %v", err)
	}
}

// TestFollow: a provider that is down when the server starts is looked for until it answers.
func TestFollow(t *testing.T) {
	hospital := smarttest.NewProvider(t, "kiln", "x")
	hospital.Spoil(smarttest.Spoiled{Down: true})
	p := federation.New(one(hospital.Issuer), federation.Options{Issuer: "https://kiln.example", LookAgain: time.Millisecond})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { p.Follow(ctx); close(ended) }()
	until := func(up bool) {
		for p.Buttons()[0].Up != up {
			time.Sleep(time.Millisecond)
		}
	}
	until(false)
	hospital.Spoil(smarttest.Spoiled{})
	until(true)
	p.Set(one("https://127.0.0.1:1")) // another, which is not there
	until(false)
	p.Set(one(hospital.Issuer))
	until(true)
	cancel()
	<-ended
}

// TestWatch: a file that changes counts at once, a wrong one changes nothing and is told once, and so does a secret's.
func TestWatch(t *testing.T) {
	dir := t.TempDir()
	name, secret := filepath.Join(dir, "providers.yaml"), filepath.Join(dir, "secret")
	write := func(name, text string) { // as editors do, so that nobody reads half of it
		if err := os.WriteFile(name+".new", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(name+".new", name); err != nil {
			t.Fatal(err)
		}
	}
	text := "providers: [{name: one, title: One, issuer: 'https://id.example', client-id: k, client-secret-file: '" + secret + "'}]\n"
	write(secret, "first")
	write(name, text)
	list, err := federation.Load([]byte(text), federation.Terms{})
	if err != nil {
		t.Fatal(err)
	}
	p := federation.New(list, federation.Options{})
	told := make(chan error)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		p.Watch(ctx, name, time.Millisecond, func() federation.Terms { return federation.Terms{} }, func(err error) { told <- err })
	}()
	until := func(what string, ok func() bool) {
		for !ok() {
			select { // whether the first file was seen before it changed is up to the scheduler
			case err := <-told:
				if err != nil {
					t.Fatalf("%s: told %v", what, err)
				}
			case <-time.After(time.Millisecond):
			}
		}
	}
	has := func(name, secret string) func() bool {
		return func() bool { found, ok := p.Get(name); return ok && found.ClientSecret == secret }
	}
	wrong := func(what, says string) {
		for {
			if err := <-told; err != nil {
				if !strings.Contains(err.Error(), says) {
					t.Errorf("%s: told %v", what, err)
				}
				return
			}
		}
	}
	write(name, strings.ReplaceAll(text, "one", "two"))
	until("another file", has("two", "first"))
	write(secret, "second")
	until("another secret", has("two", "second"))
	write(name, strings.Replace(text, "https:", "http:", 1))
	wrong("a wrong file", "it must be an https address")
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	wrong("no file", "no such file")
	if !has("two", "second")() {
		t.Error("a wrong file changed the providers")
	}
	if err := os.Remove(secret); err != nil {
		t.Fatal(err)
	}
	write(name, strings.ReplaceAll(text, "one", "three"))
	wrong("no secret", "client-secret-file")
	write(secret, "third") // the file is as it was
	until("a secret that came", has("three", "third"))
	cancel()
	go func() {
		for range told {
			continue
		}
	}()
	<-ended
	close(told)
}

// TestWatchMissesNoSecret: one that changes while the file is put in force is not taken for the one that was read.
func TestWatchMissesNoSecret(t *testing.T) {
	dir := t.TempDir()
	name, secret := filepath.Join(dir, "providers.yaml"), filepath.Join(dir, "secret")
	text := "providers: [{name: one, title: One, issuer: 'https://id.example', client-id: k, client-secret-file: '" + secret + "'}]\n"
	for file, text := range map[string]string{name: text, secret: "first"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p := federation.New(nil, federation.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	changes := 0
	go func() {
		defer close(ended)
		p.Watch(ctx, name, time.Millisecond, func() federation.Terms { return federation.Terms{} }, func(err error) {
			if err != nil || changes > 0 { // half a file
				return
			}
			changes++
			if err := os.WriteFile(secret, []byte("second"), 0o600); err != nil {
				t.Error(err)
			}
		})
	}()
	secretIs := func(want string) bool { found, ok := p.Get("one"); return ok && found.ClientSecret == want }
	for !secretIs("first") {
		time.Sleep(time.Millisecond)
	}
	if err := os.WriteFile(name, []byte(text+"# touched\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); !secretIs("second"); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the secret that changed last is not in force")
		}
	}
	cancel()
	<-ended
}
