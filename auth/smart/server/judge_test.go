package server_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

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
