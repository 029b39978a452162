package main

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"kiln/auth/smart/smarttest"
)

// TestSigningInAtAnIdentityProvider: a server whose people another server vouches for, as the file of --identity-providers
// says, and what its people see when that one is gone.
func TestSigningInAtAnIdentityProvider(t *testing.T) {
	provider := newShow(t)
	dir := t.TempDir()
	base := "http://" + freeAddress(t)
	administrator := filepath.Join(dir, "token")
	if err := os.WriteFile(administrator, []byte(provider.token("koch", "openid fhirUser user/*.rs administration", "")["access_token"].(string)), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("kiln", "client", "add", "ward", "--public", "--redirect-uri", base+"/auth/federation/sample/callback",
		"--scope", "openid profile fhirUser", "--url", provider.base, "--token-file", administrator).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	file := filepath.Join(dir, "providers.yaml")
	as := func(rank string) {
		text := fmt.Appendf(nil, `providers:
  - name: sample
    title: the sample hospital
    issuer: %s
    client-id: ward
    scopes: [fhirUser]
    rank-claim: sub
    ranks: {%s: %s}
    fhir-user-claim: fhirUser
    fhir-user-base: %s/fhir/
    acr: {mfa: mfa, phr: phr}
    sign-out: true
`, provider.base, demoNurse, rank, provider.base)
		if err := os.WriteFile(file+".new", text, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(file+".new", file); err != nil {
			t.Fatal(err)
		}
	}
	as("nurse")
	says := serveProviders(t, base, file)

	walk := func(name string) *smarttest.Page {
		page := pressProvider(t, smarttest.NewBrowser(t, nil).Open(base+"/auth/signin?next=/auth/person"))
		page = page.SignIn(name, provider.password)
		if strings.Contains(page.Body, `name="decision"`) { // they did not allow it before
			page = page.Submit(smarttest.Field{Name: "decision", Value: "allow"})
		}
		return page
	}
	var page *smarttest.Page
	for range 2 { // the first time makes the account, the second finds it
		if page = walk(demoNurse); page.Status != http.StatusOK || !strings.Contains(page.Body, "<strong>"+demoNurse+"</strong> (nurse)") {
			t.Fatalf("the nurse gets %d: %s", page.Status, page.Body)
		}
	}
	for i := range page.Forms {
		if page.Forms[i].Action == "/auth/logout" {
			page = page.Send(&page.Forms[i], url.Values{})
			break
		}
	}
	if !strings.HasPrefix(page.URL.String(), provider.base+"/auth/logout") {
		t.Errorf("the sign-out ends at %s", page.URL)
	}
	if page := walk("weber"); page.Status != http.StatusForbidden || strings.Contains(page.Body, "nurse") {
		t.Errorf("one whom no rank is given gets %d: %s", page.Status, page.Body)
	}
	if page := smarttest.NewBrowser(t, nil).Open(base + "/auth/federation/sample/callback?state=made-up&code=made-up"); page.Status != http.StatusBadRequest {
		t.Errorf("an answer that nobody asked for gets %d: %s", page.Status, page.Body)
	}

	as("clinician") // what the provider says means another rank now
	says("the identity providers were read anew")
	if page := walk(demoNurse); !strings.Contains(page.Body, "<strong>"+demoNurse+"</strong> (clinician)") {
		t.Errorf("after the change: %d %s", page.Status, page.Body)
	}
	as("queen")
	says(`the policy has no rank \"queen\"`)
	if page := walk(demoNurse); !strings.Contains(page.Body, "(clinician)") {
		t.Errorf("after a wrong file: %d %s", page.Status, page.Body)
	}
}

// TestAProviderThatIsDownStopsNothing: the server starts without it, tells who presses its button, and lets others sign in.
func TestAProviderThatIsDownStopsNothing(t *testing.T) {
	base, file := "http://"+freeAddress(t), filepath.Join(t.TempDir(), "providers.yaml")
	if err := os.WriteFile(file, fmt.Appendf(nil, "providers:\n  - {name: sample, title: the sample hospital, issuer: 'http://%s', client-id: ward}\n", freeAddress(t)), 0o600); err != nil {
		t.Fatal(err)
	}
	serveProviders(t, base, file)("an identity provider does not answer")
	page := smarttest.NewBrowser(t, nil).Open(base + "/auth/signin")
	if page.Status != http.StatusOK || !strings.Contains(page.Body, `name="password"`) || !strings.Contains(page.Body, "is not reachable just now") {
		t.Errorf("the sign-in page is %d: %s", page.Status, page.Body)
	}
	if page = pressProvider(t, page); page.Status != http.StatusBadGateway || !strings.Contains(page.Body, "The provider does not answer") || strings.Contains(page.Body, "refused") {
		t.Errorf("its button leads to %d: %s", page.Status, page.Body)
	}
}

func pressProvider(t *testing.T, page *smarttest.Page) *smarttest.Page {
	t.Helper()
	for i := range page.Forms {
		if page.Forms[i].Action == "/auth/federation/sample" {
			return page.Send(&page.Forms[i], url.Values{})
		}
	}
	t.Fatalf("the sign-in has no button for the provider: %s", page.Body)
	return nil
}

// freeAddress is one of this machine that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// serveProviders starts a server with an empty store and a file of identity providers. What it gives waits until the server
// says something.
func serveProviders(t *testing.T, base, file string) (says func(what string)) {
	t.Helper()
	cmd := exec.Command("kiln", "serve", "--store", "memory:", "--listen", strings.TrimPrefix(base, "http://"), "--insecure")
	cmd.Env = append(os.Environ(), "KILN_IDENTITY_PROVIDERS="+file)
	out, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	lines := make(chan string, 1000) // more than it says
	go func() {
		defer close(lines)
		for scanner := bufio.NewScanner(out); scanner.Scan(); {
			lines <- scanner.Text()
		}
	}()
	var before []string
	says = func(what string) {
		t.Helper()
		if slices.ContainsFunc(before, func(line string) bool { return strings.Contains(line, what) }) {
			return
		}
		for line := range lines {
			before = append(before, line)
			if strings.Contains(line, what) {
				return
			}
		}
		t.Fatalf("the server does not say %q, but %q", what, before)
	}
	says("listening on")
	return says
}

// TestAWrongFileOfIdentityProvidersIsRefused, with all that is wrong.
func TestAWrongFileOfIdentityProvidersIsRefused(t *testing.T) {
	file := filepath.Join(t.TempDir(), "providers.yaml")
	if err := os.WriteFile(file, []byte("providers:\n  - name: x\n    title: X\n    issuer: http://id.example\n    client-id: k\n    rank-claim: g\n    ranks: {a: queen}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("kiln", "serve", "--store", "memory:", "--listen", "127.0.0.1:0", "--auth", "smart", "--identity-providers", file).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "line 4: providers.0.issuer") || !strings.Contains(string(out), `line 7: providers.0.ranks.a: the policy has no rank "queen"`) {
		t.Errorf("%v: %s", err, out)
	}
}
