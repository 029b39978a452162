package smart_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"kiln/auth/smart"
)

const verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" // of the challenge: https://www.rfc-editor.org/rfc/rfc7636#appendix-B

func TestCodesAreRedeemed(t *testing.T) {
	good := smart.Code{Grant: "g", Client: "app", Redirect: redirect, Challenge: challenge, Expires: now.Add(time.Second)}
	with := func(change func(*smart.Code)) *smart.Code { c := good; change(&c); return &c }
	for _, c := range []struct {
		name, redirect, verifier string
		code                     *smart.Code
		revoke, refused          bool
	}{
		{"a good one", redirect, verifier, &good, false, false},
		{"unknown", redirect, verifier, nil, false, true},
		{"used, which ends what was made of it", redirect, verifier, with(func(c *smart.Code) { c.Used = true }), true, true},
		{"another app's, which stole it", redirect, verifier, with(func(c *smart.Code) { c.Client = "other" }), true, true},
		{"expired", redirect, verifier, with(func(c *smart.Code) { c.Expires = now }), false, true},
		{"another redirect_uri", redirect + "/", verifier, &good, false, true},
		{"no redirect_uri", "", verifier, &good, false, true},
		{"no verifier", redirect, "", &good, false, true},
		{"another verifier", redirect, strings.Replace(verifier, "d", "e", 1), &good, false, true},
		{"the challenge as the verifier", redirect, challenge, &good, false, true},
		{"a verifier too short", redirect, verifier[:42], with(func(c *smart.Code) { c.Challenge = verifier[:42] }), false, true},
		{"a verifier of other letters", redirect, verifier + "=", &good, false, true},
		{"a verifier that is longer than 128", redirect, verifier + strings.Repeat("a", 86), &good, false, true},
		{"a code without a challenge, with a verifier", redirect, verifier, with(func(c *smart.Code) { c.Challenge = "" }), false, true},
	} {
		revoke, refused := c.code.Redeem(app(nil), c.redirect, c.verifier, now)
		if revoke != c.revoke || (refused != nil) != c.refused || refused != nil && refused.Code != smart.InvalidGrant {
			t.Errorf("%s: revoke %t, %v", c.name, revoke, refused)
		}
	}
}

func TestRefreshesAreTried(t *testing.T) {
	good := smart.Grant{
		Client: "app", User: "lind", Scopes: "openid offline_access patient/*.rs", Created: now.Add(-time.Hour),
		Refresh: "new", Before: "old", Rotated: now.Add(-30 * time.Second),
	}
	with := func(change func(*smart.Grant)) *smart.Grant { g := good; change(&g); return &g }
	for _, c := range []struct {
		name, hash, asked string
		grant             *smart.Grant
		scopes, code      string
		revoke            bool
	}{
		{"the present one", "new", "", &good, "openid offline_access patient/*.rs", "", false},
		{"with the scopes granted", "new", good.Scopes, &good, good.Scopes, "", false},
		{"for less", "new", "patient/Observation.rs?category=a", &good, "patient/Observation.rs?category=a", "", false},
		{"for other letters", "new", "patient/*.cruds", &good, "", smart.InvalidScope, false},
		{"for another level", "new", "user/*.rs", &good, "", smart.InvalidScope, false},
		{"for more besides", "new", good.Scopes + " fhirUser", &good, "", smart.InvalidScope, false},
		{"for nonsense besides", "new", "openid nonsense", &good, "", smart.InvalidScope, false},
		{"for nothing but blanks", "new", " ", &good, "", smart.InvalidScope, false},
		{"the one before, a moment after", "old", "", &good, good.Scopes, "", false},
		{"the one before, later: two have it", "old", "", with(func(g *smart.Grant) { g.Rotated = now.Add(-31 * time.Second) }), "", smart.InvalidGrant, true},
		{"one before that: two have it", "older", "", &good, "", smart.InvalidGrant, true},
		{"of no grant", "new", "", nil, "", smart.InvalidGrant, false},
		{"another app's", "new", "", with(func(g *smart.Grant) { g.Client = "other" }), "", smart.InvalidGrant, false},
		{"another app's, which was replaced", "older", "", with(func(g *smart.Grant) { g.Client = "other" }), "", smart.InvalidGrant, false},
		{"of a grant that cannot be refreshed", "new", "", with(func(g *smart.Grant) { g.Scopes = "patient/*.rs" }), "", smart.InvalidGrant, false},
		{"of a session", "new", "", with(func(g *smart.Grant) { g.Scopes = "online_access patient/*.rs" }), "online_access patient/*.rs", "", false},
		{"not used for half a year", "new", "", with(func(g *smart.Grant) {
			g.Created = now.Add(-2 * smart.RefreshLives)
			g.Rotated = now.Add(-smart.RefreshLives)
		}), "", smart.InvalidGrant, false},
		{"not used for almost half a year", "new", "", with(func(g *smart.Grant) {
			g.Created = now.Add(-2 * smart.RefreshLives)
			g.Rotated = now.Add(time.Second - smart.RefreshLives)
		}), good.Scopes, "", false},
	} {
		got, refused := c.grant.TryRefresh(app(nil), c.hash, c.asked, now)
		code := ""
		if refused != nil {
			code = refused.Code
		}
		if code != c.code || got.Revoke != c.revoke || got.Scopes.String() != c.scopes || got.Rotate != (c.code == "") {
			t.Errorf("%s: %+v, %v", c.name, got, refused)
		}
	}
}

func TestGrantsEnd(t *testing.T) {
	for scopes, want := range map[string]time.Duration{
		"patient/*.rs": smart.CodeLives + smart.AccessTokenLives, "patient/*.rs offline_access": smart.RefreshLives, "patient/*.rs online_access": smart.RefreshLives,
	} {
		g := smart.Grant{Scopes: scopes, Created: now}
		if got := g.Ends(); !got.Equal(now.Add(want)) {
			t.Errorf("%s ends %s", scopes, got)
		}
		g.Rotated = now.Add(time.Hour)
		if got := g.Ends(); !got.Equal(now.Add(time.Hour + want)) {
			t.Errorf("%s, refreshed, ends %s", scopes, got)
		}
	}
	if smart.CodeLives > time.Minute || smart.AccessTokenLives > time.Hour || smart.BackendTokenLives > 5*time.Minute || smart.RefreshLives < 92*24*time.Hour {
		t.Error("a lifetime is not what is promised")
	}
}

func TestTokenAnswersTellTheContext(t *testing.T) {
	g := smart.Grant{
		Client: "app", User: "ada", Scopes: "launch patient/*.rs",
		Context: smart.Context{Patient: "p", Encounter: "e", Intent: "order", Others: json.RawMessage(`[{"reference":"Task/1"}]`)},
	}
	tell := func() map[string]any {
		text, err := json.Marshal(g.Answer(g.Granted(), issuer+smart.PathStyle))
		if err != nil {
			t.Fatal(err)
		}
		var m map[string]any
		if err := json.Unmarshal(text, &m); err != nil {
			t.Fatal(err)
		}
		return m
	}
	got := tell()
	for name, want := range map[string]any{
		"token_type": "Bearer", "scope": "launch patient/*.rs", "patient": "p", "encounter": "e", "intent": "order", "need_patient_banner": false, "smart_style_url": issuer + "/auth/style.json",
	} {
		if got[name] != want {
			t.Errorf("%s is %v, want %v", name, got[name], want)
		}
	}
	if list, ok := got["fhirContext"].([]any); !ok || len(list) != 1 {
		t.Errorf("fhirContext is %v", got["fhirContext"])
	}
	g.Context = smart.Context{}
	got = tell()
	for _, name := range []string{"patient", "encounter", "intent", "fhirContext", "refresh_token", "id_token", "tenant"} {
		if value, there := got[name]; there {
			t.Errorf("%s is %v, though there is none", name, value)
		}
	}
	g.User, g.Context = "", smart.Context{Patient: "p"}
	got = tell()
	for _, name := range []string{"patient", "need_patient_banner", "smart_style_url"} {
		if value, there := got[name]; there {
			t.Errorf("a backend service is told %s: %v", name, value)
		}
	}
}

func TestBackendScopes(t *testing.T) {
	lab := &smart.Client{ID: "lab", Backend: true, Scopes: "system/Observation.rs system/Patient.r user/*.rs"}
	for asked, want := range map[string]string{
		"system/Observation.rs":                     "system/Observation.rs",
		"system/*.cruds":                            "system/Observation.rs system/Patient.r",
		"system/Observation.read openid nonsense":   "system/Observation.read",
		"system/Observation.rs user/Patient.rs":     "system/Observation.rs",
		"system/Observation.rs?category=laboratory": "system/Observation.rs?category=laboratory",
	} {
		if got, refused := lab.BackendScopes(asked); refused != nil || got.String() != want {
			t.Errorf("%q gives %q, %v; want %q", asked, got, refused, want)
		}
	}
	for asked, want := range map[string]string{
		"": smart.InvalidScope, "user/*.rs": smart.InvalidScope, "patient/*.rs": smart.InvalidScope, "system/Condition.rs": smart.InvalidScope, "nonsense": smart.InvalidScope,
	} {
		if got, refused := lab.BackendScopes(asked); refused == nil || refused.Code != want || got != nil {
			t.Errorf("%q gives %q, %v; want %s", asked, got, refused, want)
		}
	}
	if got, refused := app(nil).BackendScopes("system/*.rs"); refused == nil || refused.Code != smart.UnauthorizedClient || got != nil {
		t.Errorf("an app by itself: %q, %v", got, refused)
	}
}
