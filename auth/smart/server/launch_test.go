package server_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"kiln/auth/account"
	"kiln/auth/smart/server"
	"kiln/auth/smart/smarttest"
)

// sendJSON sends an object with a token, which may be "".
func (f *flow) sendJSON(method, path, token string, body any) answer {
	f.Helper()
	text, err := json.Marshal(body)
	f.must(err)
	r, err := http.NewRequestWithContext(f.Context(), method, f.issuer+path, bytes.NewReader(text))
	f.must(err)
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return f.send(r)
}

func TestLaunchFromAnEHR(t *testing.T) {
	f := newFlow(t)
	token := f.tokens("ada", map[string]string{"scope": "openid user/*.rs administration"}).text("access_token")
	lab := f.backend(f.assertion("rsa", "RS384", nil), nil).text("access_token")
	f.stored(f.parameters, map[string]string{
		"Patient/holm":      `{"resourceType":"Patient","id":"holm","generalPractitioner":[{"reference":"Practitioner/ada"}]}`,
		"Encounter/of-lind": `{"resourceType":"Encounter","id":"of-lind","status":"in-progress","class":{"code":"IMP"},"subject":{"reference":"Patient/lind"}}`,
		"Encounter/of-holm": `{"resourceType":"Encounter","id":"of-holm","status":"in-progress","class":{"code":"IMP"},"subject":{"reference":"Patient/holm"}}`,
	})
	good := map[string]any{"client_id": "app", "patient": "lind", "intent": "order", "fhirContext": []any{map[string]any{"reference": "ImagingStudy/1"}}}
	with := func(name string, value any) map[string]any {
		changed := map[string]any{}
		for k, v := range good {
			changed[k] = v
		}
		changed[name] = value
		return changed
	}
	for _, c := range []struct {
		name, token string
		body        map[string]any
		want        int
	}{
		{"nobody", "", good, 401},
		{"a bad token", "made-up", good, 401},
		{"a backend service", lab, good, 403},
		{"an unknown client", token, with("client_id", "nobody"), 400},
		{"a client without a launch URI", token, with("client_id", "other"), 400},
		{"a patient out of reach", token, with("patient", "berg"), 404},
		{"a patient that is not there", token, with("patient", "nobody"), 404},
		{"an encounter that is not there", token, with("encounter", "nobody"), 404},
		{"an encounter of another patient", token, with("encounter", "of-holm"), 400},
		{"a context that is no list", token, with("fhirContext", "x"), 400},
		{"a context with a patient of the launch", token, with("fhirContext", []any{map[string]any{"reference": "Patient/lind"}}), 400},
		{"a context with an empty role", token, with("fhirContext", []any{map[string]any{"reference": "Task/1", "role": ""}}), 400},
		{"a member that nobody knows", token, with("nonsense", 1), 400},
	} {
		if a := f.sendJSON(http.MethodPost, "/auth/launch", c.token, c.body); a.status != c.want || a.text("launch_url") != "" {
			t.Errorf("%s: %d %v, want %d", c.name, a.status, a.body, c.want)
		}
	}
	if a := f.sendJSON(http.MethodPost, "/auth/launch", token, with("encounter", "of-lind")); a.status != http.StatusOK {
		t.Errorf("an encounter of the patient: %d %v", a.status, a.body)
	}
	handle := func() string {
		a := f.sendJSON(http.MethodPost, "/auth/launch", token, good)
		u, err := url.Parse(a.text("launch_url"))
		f.must(err)
		if u.Query().Get("iss") != f.base || u.Path != "/launch" || u.Query().Get("launch") == "" {
			t.Fatalf("the launch is %v", a.body)
		}
		return u.Query().Get("launch")
	}
	request := func(launch string) map[string]string {
		return map[string]string{"scope": "launch openid patient/*.rs", "launch": launch}
	}
	used := handle()
	a := f.redeem(f.allowed("ada", request(used)).Get("code"), nil)
	context, _ := json.Marshal(a.body["fhirContext"])
	if a.text("patient") != "lind" || a.text("intent") != "order" || string(context) != `[{"reference":"ImagingStudy/1"}]` || a.text("smart_style_url") == "" {
		t.Errorf("the app is told %v", a.body)
	}
	if got := f.left(f.browser().Open(f.authorizeURL(request(used)))); got.Get("error") != "invalid_request" {
		t.Errorf("a handle that was used: %v", got)
	}
	late := handle()
	f.after(5*time.Minute + time.Second)
	if got := f.left(f.browser().Open(f.authorizeURL(request(late)))); got.Get("error") != "invalid_request" {
		t.Errorf("a handle of five minutes ago: %v", got)
	}
	other := request(handle())
	other["client_id"], other["redirect_uri"] = "other", "http://127.0.0.1:9/other"
	if got := f.left(f.browser().Open(f.authorizeURL(other))); got.Get("error") != "invalid_request" {
		t.Errorf("another app's handle: %v", got)
	}
	if p := f.browser().Open(f.authorizeURL(request(handle()))).SignIn("lind", passphrase); p.Left != nil || p.Status/100 != 4 {
		t.Errorf("another person: %d, left for %v", p.Status, p.Left)
	}
}

func TestDiscovery(t *testing.T) {
	f := newFlow(t)
	for _, path := range []string{"/fhir/.well-known/smart-configuration", "/fhir/.well-known/openid-configuration", "/.well-known/openid-configuration"} {
		for _, accept := range []string{"", "text/html", "application/fhir+json"} {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.issuer+path, nil)
			f.must(err)
			r.Header.Set("Accept", accept)
			r.Header.Set("Origin", "https://app.example.org")
			r.Host = "evil.example.org"
			a := f.send(r)
			if a.status != 200 || !strings.HasPrefix(a.header.Get("Content-Type"), "application/json") || a.header.Get("Access-Control-Allow-Origin") != "*" {
				t.Errorf("%s with Accept %q: %d %v", path, accept, a.status, a.header)
			}
			for _, name := range []string{"issuer", "jwks_uri", "authorization_endpoint", "token_endpoint", "introspection_endpoint", "revocation_endpoint", "registration_endpoint", "management_endpoint"} {
				if !strings.HasPrefix(a.text(name), f.issuer) {
					t.Errorf("%s: %s is %q", path, name, a.text(name))
				}
			}
		}
	}
	a := f.sendJSON(http.MethodGet, "/fhir/.well-known/smart-configuration", "", nil)
	text, err := json.Marshal(a.body)
	f.must(err)
	for _, want := range []string{
		"launch-standalone", "client-public", "client-confidential-symmetric", "client-confidential-asymmetric", "sso-openid-connect", "context-standalone-patient",
		"permission-offline", "permission-patient", "authorize-post", "permission-v2", "permission-v1", "launch-ehr", "context-banner", "context-style", "context-ehr-patient",
		"permission-user", "context-ehr-encounter", "S256", "authorization_code", "client_credentials", "RS384", "ES384", "RS256",
	} {
		if !strings.Contains(string(text), `"`+want+`"`) {
			t.Errorf("the document lacks %s", want)
		}
	}
	if strings.Contains(string(text), `"plain"`) {
		t.Error("the document has plain")
	}
	keys := f.sendJSON(http.MethodGet, "/auth/jwks", "", nil)
	if text, _ := json.Marshal(keys.body); !strings.Contains(string(text), `"kty":"RSA"`) || strings.Contains(string(text), `"d":`) {
		t.Errorf("the keys are %s", text)
	}
}

func TestRegistration(t *testing.T) {
	f := newFlow(t)
	register := func(body map[string]any) answer { return f.sendJSON(http.MethodPost, "/auth/register", "", body) }
	good := map[string]any{"client_name": "New", "redirect_uris": []string{appURL}, "scope": "launch/patient patient/*.rs", "token_endpoint_auth_method": "none"}
	a := register(good)
	if a.status != http.StatusCreated || a.text("client_id") == "" || a.text("status") != "pending" || a.header.Get("Cache-Control") != "no-store" {
		t.Fatalf("a registration: %d %v", a.status, a.body)
	}
	secret := register(map[string]any{"redirect_uris": []string{appURL}})
	if secret.text("client_secret") == "" || secret.body["client_secret_expires_at"] != 0. || strings.Contains(f.records(), secret.text("client_secret")) {
		t.Errorf("one with a secret: %v", secret.body)
	}
	if p := f.browser().Open(f.authorizeURL(map[string]string{"client_id": a.text("client_id")})); p.Left != nil || p.Status/100 != 4 {
		t.Errorf("a pending app may be used: %d", p.Status)
	}
	koch := f.tokens("koch", map[string]string{"scope": "openid user/*.rs administration"}).text("access_token")
	if got := f.sendJSON(http.MethodPatch, "/auth/admin/clients/"+a.text("client_id"), koch, map[string]string{"state": "active"}); got.status != 200 {
		t.Errorf("approving: %d %v", got.status, got.body)
	}
	if p := f.browser().Open(f.authorizeURL(map[string]string{"client_id": a.text("client_id")})); p.Status != http.StatusOK {
		t.Errorf("an approved app: %d", p.Status)
	}
	for name, c := range map[string]struct {
		body map[string]any
		want string
	}{
		"system scopes":            {map[string]any{"redirect_uris": []string{appURL}, "scope": "system/*.rs"}, "invalid_client_metadata"},
		"user scopes":              {map[string]any{"redirect_uris": []string{appURL}, "scope": "user/*.rs"}, "invalid_client_metadata"},
		"client_credentials":       {map[string]any{"redirect_uris": []string{appURL}, "grant_types": []string{"client_credentials"}}, "invalid_client_metadata"},
		"no redirect URI":          {map[string]any{}, "invalid_redirect_uri"},
		"http beyond this machine": {map[string]any{"redirect_uris": []string{"http://app.example.org/"}}, "invalid_redirect_uri"},
		"a fragment":               {map[string]any{"redirect_uris": []string{"https://app.example.org/#x"}}, "invalid_redirect_uri"},
		"javascript":               {map[string]any{"redirect_uris": []string{"javascript:alert(1)"}}, "invalid_redirect_uri"},
		"keys on this machine":     {map[string]any{"redirect_uris": []string{appURL}, "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "http://127.0.0.1:1/keys"}, "invalid_client_metadata"},
	} {
		f.want(name, register(c.body), 400, c.want)
	}
}

func TestTheServerFetchesNoPrivateAddress(t *testing.T) {
	f := newFlow(t)
	asked := false
	inside := newListener(t, func() { asked = true })
	f.must(server.AddClient(t.Context(), f.engine.Records, keysAt("far", strings.Replace(inside, "http://127.0.0.1", "https://127.0.0.1", 1), false)))
	f.want("keys at a private address", f.backend(f.assertion("rsa", "RS384", map[string]any{"iss": "far", "sub": "far"}), nil), 401, "invalid_client")
	if asked {
		t.Error("a private address was asked for keys")
	}
	f.client(keysAt("near", inside, true))
	f.want("keys that are none", f.backend(f.assertion("rsa", "RS384", map[string]any{"iss": "near", "sub": "near"}), nil), 401, "invalid_client")
	if !asked {
		t.Error("an address that an administrator allowed was not asked")
	}
}

func TestAdministration(t *testing.T) {
	f := newFlow(t)
	token := func(name string) string {
		return f.tokens(name, map[string]string{"scope": "openid user/*.rs administration"}).text("access_token")
	}
	koch, ada, boss, chief := token("koch"), token("ada"), token("boss"), token("chief")
	toy := f.tokens("koch", map[string]string{"scope": "openid"}).text("access_token")
	service := map[string]any{"client_id": "service", "means": "private_key_jwt", "backend": true, "scope": "system/Observation.rs", "jwks_uri": "https://lab.example/jwks"}
	eva := map[string]any{"name": "eva", "rank": "nurse", "password": passphrase}
	for _, c := range []struct {
		name, method, path, token string
		body                      map[string]any
		want                      int
	}{
		{"nobody", "POST", "users", "", eva, 401},
		{"a nurse", "POST", "users", ada, eva, 403},
		{"a nurse lists", "GET", "users", ada, nil, 403},
		{"an administrator", "POST", "users", koch, eva, 201},
		{"twice", "POST", "users", koch, eva, 409},
		{"a rank that is none", "POST", "users", koch, map[string]any{"name": "x", "rank": "king", "password": passphrase}, 422},
		{"a short password", "POST", "users", koch, map[string]any{"name": "x", "rank": "nurse", "password": "short"}, 422},
		{"a rank above", "POST", "users", koch, map[string]any{"name": "x", "rank": "director", "password": passphrase}, 403},
		{"the own rank", "POST", "users", koch, map[string]any{"name": "x", "rank": "administrator", "password": passphrase}, 403},
		{"oneself", "PATCH", "users/koch", koch, map[string]any{"rank": "nurse"}, 403},
		{"somebody above", "PATCH", "users/boss", koch, map[string]any{"disabled": true}, 403},
		{"nobody there", "PATCH", "users/nobody", koch, map[string]any{"disabled": true}, 404},
		{"the top rank, by one", "POST", "users", boss, map[string]any{"name": "third", "rank": "director"}, 202},
		{"the same by the same one", "POST", "users", boss, map[string]any{"name": "third", "rank": "director"}, 202},
		{"the same by another", "POST", "users", chief, map[string]any{"name": "third", "rank": "director"}, 201},
		{"the top rank with a password", "POST", "users", boss, map[string]any{"name": "fourth", "rank": "director", "password": passphrase}, 422},
		{"an app without the scope", "POST", "users", toy, map[string]any{"name": "fifth", "rank": "nurse"}, 403},
		{"an app without the scope lists", "GET", "clients", toy, nil, 403},
		{"somebody else's resource", "POST", "users", koch, map[string]any{"name": "fifth", "rank": "nurse", "fhirUser": "Practitioner/ada"}, 409},
		{"a service, by one", "POST", "clients", koch, service, 202},
		{"the same service by the same one", "POST", "clients", koch, service, 202},
		{"the same service by another", "POST", "clients", boss, service, 201},
		{"disabling", "PATCH", "users/ada", koch, map[string]any{"disabled": true}, 200},
		{"whoever was disabled", "GET", "users", ada, nil, 401},
	} {
		if a := f.sendJSON(c.method, "/auth/admin/"+c.path, c.token, c.body); a.status != c.want && !(c.want == 202 && a.status == 409) {
			t.Errorf("%s: %d %v, want %d", c.name, a.status, a.body, c.want)
		}
	}
	f.after(20 * time.Minute)
	if a := f.sendJSON(http.MethodPost, "/auth/admin/users", koch, map[string]any{"name": "y", "rank": "nurse", "password": passphrase}); a.status != 401 || !strings.Contains(a.header.Get("WWW-Authenticate"), "insufficient_user_authentication") {
		t.Errorf("a sign-in of twenty minutes ago: %d %v", a.status, a.header)
	}
}

func TestTheFirstAdministrator(t *testing.T) {
	f := newFlow(t)
	link, err := f.people.Invite(t.Context(), account.Invitation{Rank: "nurse"}, time.Hour)
	f.must(err)
	p := f.browser().Open(f.issuer + "/auth/invitation/" + link)
	weak := p.Submit(smarttest.Field{Name: "username", Value: "newcomer"}, smarttest.Field{Name: "password", Value: "short"})
	if weak.Status != http.StatusUnprocessableEntity {
		t.Errorf("a short password: %d", weak.Status)
	}
	done := weak.Submit(smarttest.Field{Name: "username", Value: "newcomer"}, smarttest.Field{Name: "password", Value: passphrase})
	if done.Form("username") == nil || done.Status != http.StatusOK {
		t.Errorf("the link leads to %s (%d)", done.URL, done.Status)
	}
	if again := f.browser().Open(f.issuer + "/auth/invitation/" + link); again.Status != http.StatusNotFound {
		t.Errorf("the link works again: %d", again.Status)
	}
}
