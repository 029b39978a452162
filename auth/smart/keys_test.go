package smart_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"kiln/auth/smart"
)

// published are the keys as others see them.
func published(t *testing.T, s *smart.KeySet) *jose.JSONWebKeySet {
	t.Helper()
	text, err := s.Public()
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(text, []byte(`"d"`)) || bytes.Contains(text, []byte(`"p"`)) {
		t.Fatalf("published is %s", text)
	}
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(text, &set); err != nil {
		t.Fatal(err)
	}
	return &set
}

func rotate(t *testing.T, s *smart.KeySet, at time.Time, want bool) {
	t.Helper()
	if changed, err := s.Rotate(at, rand.Reader); err != nil || changed != want {
		t.Fatalf("at %s: changed %t, %v", at, changed, err)
	}
}

// TestKeysAreTurnedOver: a key is published a day before it signs, and stays as long as what it signed counts.
func TestKeysAreTurnedOver(t *testing.T) {
	var s smart.KeySet
	g := &smart.Grant{Client: "app", User: "lind", Scopes: "openid"}
	signer := func(at time.Time) string {
		t.Helper()
		text, err := s.IDToken(g, issuer, base, at)
		if err != nil {
			t.Fatal(err)
		}
		signed, err := jwt.ParseSigned(text, []jose.SignatureAlgorithm{jose.RS256})
		if err != nil {
			t.Fatal(err)
		}
		if len(published(t, &s).Key(signed.Headers[0].KeyID)) != 1 {
			t.Fatalf("at %s the key that signs is not published", at)
		}
		return signed.Headers[0].KeyID
	}
	rotate(t, &s, now, true)
	rotate(t, &s, now.Add(time.Hour), false)
	first := signer(now)
	before := now.Add(smart.KeySigns - smart.KeyRests + time.Second)
	rotate(t, &s, before, true)
	if set := published(t, &s); len(set.Keys) != 2 || set.Keys[0].Algorithm != "RS256" || set.Keys[0].Use != "sig" || signer(before) != first {
		t.Errorf("a day before its time the next key is not just published")
	}
	after := now.Add(smart.KeySigns + time.Second)
	rotate(t, &s, after, false)
	if signer(after) == first || len(published(t, &s).Keys) != 2 {
		t.Error("the next key does not sign, or the one before is gone too early")
	}
	rotate(t, &s, now.Add(smart.KeySigns+smart.KeyLeaves+time.Second), true)
	if set := published(t, &s); len(set.Keys) != 1 || set.Keys[0].KeyID == first {
		t.Error("a key that has ended is still published")
	}
	if err := s.Replace(after, rand.Reader); err != nil || len(s.Keys) != 1 {
		t.Fatal(err)
	}
	if set := published(t, &s); len(set.Keys) != 1 || signer(after) != set.Keys[0].KeyID {
		t.Error("after a key was seen others are published than the new one")
	}
}

func TestIDTokensSayWhoItIs(t *testing.T) {
	var s smart.KeySet
	rotate(t, &s, now, true)
	signIn := now.Add(-time.Minute)
	full := smart.Grant{
		Client: "app", User: "lind", FHIRUser: "Patient/lind", Scopes: "openid fhirUser profile", Nonce: "n", Level: "mfa", Methods: []string{"pwd", "otp"}, AuthTime: signIn,
	}
	with := func(change func(*smart.Grant)) *smart.Grant { g := full; change(&g); return &g }
	for name, g := range map[string]*smart.Grant{
		"openid is not granted": with(func(g *smart.Grant) { g.Scopes = "fhirUser patient/*.rs" }),
		"there is no person":    with(func(g *smart.Grant) { g.User = "" }),
	} {
		if text, err := s.IDToken(g, issuer, base, now); text != "" || err != nil {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
	for _, c := range []struct {
		name              string
		grant             *smart.Grant
		fhirUser, profile any
	}{
		{"all", &full, base + "/Patient/lind", base + "/Patient/lind"},
		{"fhirUser is not granted", with(func(g *smart.Grant) { g.Scopes = "openid profile" }), nil, base + "/Patient/lind"},
		{"profile is not granted", with(func(g *smart.Grant) { g.Scopes = "openid fhirUser" }), base + "/Patient/lind", nil},
		{"a person of no resource", with(func(g *smart.Grant) { g.FHIRUser = "" }), nil, nil},
	} {
		text, err := s.IDToken(c.grant, issuer, base, now)
		if err != nil {
			t.Fatal(err)
		}
		signed, err := jwt.ParseSigned(text, []jose.SignatureAlgorithm{jose.RS256})
		if err != nil {
			t.Fatal(err)
		}
		var claims map[string]any
		if err := signed.Claims(published(t, &s).Keys[0].Key, &claims); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		for name, want := range map[string]any{
			"iss": issuer, "sub": "lind", "aud": "app", "exp": float64(now.Add(time.Hour).Unix()), "iat": float64(now.Unix()), "auth_time": float64(signIn.Unix()),
			"nonce": "n", "acr": "mfa", "fhirUser": c.fhirUser, "profile": c.profile,
		} {
			if claims[name] != want {
				t.Errorf("%s: %s is %v, want %v", c.name, name, claims[name], want)
			}
		}
		if strings.Count(text, ".") != 2 || signed.Headers[0].ExtraHeaders["typ"] != "JWT" {
			t.Errorf("%s: %s", c.name, text)
		}
	}
}
