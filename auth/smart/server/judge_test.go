package server_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"kiln/auth/account"
	"kiln/auth/smart"
	"kiln/auth/smart/server"
	"kiln/auth/smart/smarttest"
)

// TestJudges: independent implementations of the client's side find, verify and refresh.
func TestJudges(t *testing.T) {
	f := newFlow(t)
	ctx := context.Background()
	provider, err := oidc.NewProvider(ctx, f.issuer)
	f.must(err)
	config := &oauth2.Config{
		ClientID: "app", Endpoint: provider.Endpoint(), RedirectURL: appURL,
		Scopes: []string{oidc.ScopeOpenID, "fhirUser", "launch/patient", "offline_access", "patient/*.rs"},
	}
	secret := oauth2.GenerateVerifier()
	address := config.AuthCodeURL("a state", oidc.Nonce("a nonce"), oauth2.S256ChallengeOption(secret), oauth2.SetAuthURLParam("aud", f.base))
	left := f.left(f.browser().Open(address).SignIn("lind", passphrase).Submit(smarttest.Field{Name: "decision", Value: "allow"}))
	if left.Get("state") != "a state" {
		t.Errorf("the state is %q", left.Get("state"))
	}
	tokens, err := config.Exchange(ctx, left.Get("code"), oauth2.VerifierOption(secret))
	f.must(err)
	raw, _ := tokens.Extra("id_token").(string)
	token, err := provider.VerifierContext(ctx, &oidc.Config{ClientID: "app"}).Verify(ctx, raw)
	f.must(err)
	var claims struct {
		FHIRUser string `json:"fhirUser"`
		ACR      string `json:"acr"`
		AuthTime int64  `json:"auth_time"`
	}
	f.must(token.Claims(&claims))
	if token.Subject != "lind" || token.Nonce != "a nonce" || claims.FHIRUser != f.base+"/Patient/lind" || claims.ACR != "pwd" || claims.AuthTime == 0 {
		t.Errorf("the id_token says %+v %+v", token, claims)
	}
	if _, err := provider.Verifier(&oidc.Config{ClientID: "other"}).Verify(ctx, raw); err == nil {
		t.Error("the id_token is for another client too")
	}
	if got, err := config.Client(ctx, tokens).Get(f.base + "/Patient/lind"); err != nil || got.StatusCode != http.StatusOK {
		t.Errorf("reading with the token: %v %v", got, err)
	}
	tokens.Expiry = f.now().Add(-1)
	fresh, err := config.TokenSource(ctx, tokens).Token()
	f.must(err)
	if fresh.AccessToken == tokens.AccessToken || f.read("Patient/lind", fresh.AccessToken) != http.StatusOK {
		t.Error("the refresh gave no new token that works")
	}
}

// TestFederation: a person signs in at one server by way of another, which vouches for them.
func TestFederation(t *testing.T) {
	provider := newFlow(t)
	for _, name := range []string{"eva", "mallory", "rui", "gone"} {
		provider.must(provider.people.Add(t.Context(), account.Account{Name: name, Rank: "nurse", FHIRUser: "Practitioner/" + name}, passphrase))
	}
	f := newFlowWith(t, server.Federation{
		Name: "hospital", Title: "the hospital", Issuer: provider.issuer, ClientID: "kiln", ClientSecret: "a long secret of the hospital",
		Scopes: []string{"fhirUser"}, RankClaim: "sub", Ranks: map[string]string{"eva": "nurse"},
	})
	provider.client(&smart.Client{
		ID: "kiln", Means: smart.Secret, Secret: account.HashSecret("a long secret of the hospital"), State: smart.Active, Scopes: "openid profile fhirUser",
		Redirects: []string{f.issuer + "/auth/federation/hospital/callback"},
	})
	f.must(f.people.Add(t.Context(), account.Account{Name: "rui", Rank: "nurse", FHIRUser: "Practitioner/ada"}, ""))
	f.must(f.people.Add(t.Context(), account.Account{Name: "mallory", Rank: "director"}, passphrase))
	f.must(f.people.Add(t.Context(), account.Account{Name: "gone", Rank: "nurse", Disabled: true}, ""))

	walk := func(name string) *smarttest.Page {
		b := f.browser()
		p := b.Open(f.authorizeURL(map[string]string{"scope": "openid fhirUser user/Patient.rs"}))
		for i := range p.Forms {
			if p.Forms[i].Action == "/auth/federation/hospital" {
				p = p.Send(&p.Forms[i], url.Values{})
				break
			}
		}
		return p.SignIn(name, passphrase).Submit(smarttest.Field{Name: "decision", Value: "allow"}) // at the provider
	}
	for name, fhirUser := range map[string]string{"eva": "Practitioner/eva", "rui": "Practitioner/ada"} {
		a := f.redeem(f.left(walk(name).Submit(smarttest.Field{Name: "decision", Value: "allow"})).Get("code"), nil)
		f.want(name, a, http.StatusOK, "")
		person, err := f.people.Get(t.Context(), name)
		f.must(err)
		if person.Rank != "nurse" || person.FHIRUser != fhirUser || person.Subject != provider.issuer+" "+name {
			t.Errorf("%s is %+v", name, person)
		}
	}
	for name, why := range map[string]string{
		"mallory": "there is an account of that name that signs in by a password", "gone": "the account is disabled", "ada": "the account is somebody else's",
	} {
		if p := walk(name); p.Left != nil || p.Status != http.StatusForbidden {
			t.Errorf("%s (%s): %d, left for %v", name, why, p.Status, p.Left)
		}
	}
	stale := f.browser().Open(f.issuer + "/auth/federation/hospital/callback?state=made-up&code=made-up")
	if stale.Status != http.StatusBadRequest {
		t.Errorf("a callback that nobody asked for: %d", stale.Status)
	}
	if p := f.browser().Open(f.issuer + "/auth/signin"); !strings.Contains(p.Body, "Sign in with the hospital") {
		t.Errorf("the sign-in does not offer the provider: %s", p.Body)
	}
}
