package server_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"kiln/auth/policy"
)

// powers puts a policy in force in which the power keys asks for no more than two persons.
func (f *flow) powers() {
	f.Helper()
	text := strings.Replace(string(policy.Default()), "keys: {acr: [mfa, phr], max-age: 5m, persons: 2}", "keys: {persons: 2}", 1)
	p, err := policy.Load([]byte(text))
	f.must(err)
	if p.Requirement(policy.Keys).Persons != 2 || len(p.Requirement(policy.Keys).ACR) != 0 {
		f.Fatal("the policy has another requirement for keys")
	}
	f.policy.Set(p)
}

func TestReplacingTheSigningKeys(t *testing.T) {
	f := newFlow(t)
	tokens := map[string]string{}
	for _, name := range []string{"boss", "chief", "koch"} {
		tokens[name] = f.tokens(name, map[string]string{"scope": "openid user/*.rs administration"}).text("access_token")
	}
	published := func() string { return f.keyIDs() }
	before := published()
	if a := f.sendJSON(http.MethodPost, "/auth/admin/keys", tokens["boss"], nil); a.status != http.StatusUnauthorized || !strings.Contains(a.header.Get("WWW-Authenticate"), "insufficient_user_authentication") {
		t.Errorf("with a password alone: %d %v", a.status, a.header)
	}
	f.powers()
	for _, step := range []struct {
		who  string
		want int
	}{{"", 401}, {"koch", 403}, {"boss", 202}, {"boss", 202}, {"chief", 200}} {
		if now := published(); now != before {
			t.Fatalf("before %s asks the keys are others", step.who)
		}
		if a := f.sendJSON(http.MethodPost, "/auth/admin/keys", tokens[step.who], nil); a.status != step.want {
			t.Errorf("%s asks: %d %v; want %d", step.who, a.status, a.body, step.want)
		}
	}
	after := published()
	if after == before || strings.Contains(after, before) {
		t.Errorf("after the second the keys are %s; before %s", after, before)
	}
	if a := f.tokens("lind", nil); a.text("id_token") == "" || f.read("Patient/lind", a.text("access_token")) != http.StatusOK {
		t.Error("nobody can sign in with the new key")
	}
	if f.read("Patient/lind", tokens["koch"]) == http.StatusUnauthorized {
		t.Error("access tokens ended with the keys")
	}
}

// keyIDs are those of the keys that are published.
func (f *flow) keyIDs() string {
	f.Helper()
	var ids []string
	list, _ := f.sendJSON(http.MethodGet, "/auth/jwks", "", nil).body["keys"].([]any)
	for _, k := range list {
		id, _ := k.(map[string]any)["kid"].(string)
		ids = append(ids, id)
	}
	return strings.Join(ids, " ")
}

func TestExportingTheAuditLogTakesTwo(t *testing.T) {
	f := newFlow(t)
	text := strings.Replace(string(policy.Default()), "audit-export: {acr: [mfa, phr], max-age: 5m, persons: 2}", "audit-export: {persons: 2}", 1)
	p, err := policy.Load([]byte(text))
	f.must(err)
	f.policy.Set(p)
	boss := f.tokens("boss", map[string]string{"scope": "openid user/*.rs administration"}).text("access_token")
	chief := f.tokens("chief", map[string]string{"scope": "openid user/*.rs administration"}).text("access_token")
	path := func(query url.Values) string { return "/auth/admin/audit?" + query.Encode() }
	lind := url.Values{"patient": {"lind"}, "from": {"2020-01-01T00:00:00Z"}}
	for _, step := range []struct {
		token string
		query url.Values
		want  int
	}{
		{boss, lind, 202}, {chief, url.Values{"patient": {"berg"}}, 202}, // another act
		{boss, url.Values{"from": {"yesterday"}}, 422}, {chief, lind, 200},
	} {
		if a := f.sendJSON(http.MethodPost, path(step.query), step.token, nil); a.status != step.want {
			t.Errorf("%v: %d %v; want %d", step.query, a.status, a.body, step.want)
		}
	}
	if got := f.exported.Load(); got == nil || got.Patient != "lind" || got.From.Year() != 2020 || !got.To.IsZero() {
		t.Errorf("exported is %+v", got)
	}
}
