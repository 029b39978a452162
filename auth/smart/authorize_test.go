package smart_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"kiln/auth/smart"
)

const challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM" // https://www.rfc-editor.org/rfc/rfc7636#appendix-B

// asking is a good request, with changes: pairs of a name and a value, which takes the parameter away where it is "".
func asking(changes ...string) url.Values {
	v := url.Values{
		"response_type": {"code"}, "client_id": {"app"}, "redirect_uri": {redirect}, "state": {"s"}, "aud": {base},
		"scope": {"openid launch/patient patient/*.rs"}, "code_challenge": {challenge}, "code_challenge_method": {"S256"},
	}
	for i := 0; i < len(changes); i += 2 {
		v.Set(changes[i], changes[i+1])
		if changes[i+1] == "" {
			v.Del(changes[i])
		}
	}
	return v
}

// request reads what must be readable.
func request(t *testing.T, changes ...string) *smart.AuthorizeRequest {
	t.Helper()
	r, refused := smart.ReadAuthorize(asking(changes...))
	if refused != nil {
		t.Fatal(refused)
	}
	return r
}

func TestReadAuthorize(t *testing.T) {
	r := request(t, "nonce", "n", "prompt", "login", "login_hint", "ada", "acr_values", " mfa  phr", "max_age", "90", "launch", "h")
	if r.ResponseType != "code" || r.ClientID != "app" || r.RedirectURI != redirect || r.State != "s" || r.Audience != base || r.Challenge != challenge ||
		r.Method != "S256" || r.Nonce != "n" || r.Prompt != "login" || r.LoginHint != "ada" || len(r.ACR) != 2 || r.ACR[1] != "phr" ||
		r.MaxAge != 90*time.Second || !r.HasMaxAge || r.Launch != "h" || r.Scope != "openid launch/patient patient/*.rs" {
		t.Errorf("read is %+v", r)
	}
	if r := request(t, "max_age", "0"); !r.HasMaxAge || r.MaxAge != 0 {
		t.Errorf("max_age=0 is %+v", r)
	}
	for name, form := range map[string]url.Values{
		"a parameter twice":         {"client_id": {"app", "other"}},
		"the same twice":            {"state": {"s", "s"}},
		"one that is too long":      {"state": {strings.Repeat("s", 8<<10+1)}},
		"max_age that is no number": asking("max_age", "soon"),
		"max_age below nothing":     asking("max_age", "-1"),
		"max_age beyond all":        asking("max_age", "99999999999"),
	} {
		if r, refused := smart.ReadAuthorize(form); r != nil || refused == nil || !refused.Page || refused.Code != smart.InvalidRequest {
			t.Errorf("%s: %v %v", name, r, refused)
		}
	}
}

func TestAuthorizeRequestsAreChecked(t *testing.T) {
	for _, c := range []struct {
		name    string
		client  *smart.Client
		changes []string
		want    string // "" for none, "page" for what the app must not hear
	}{
		{"a good one", app(nil), nil, ""},
		{"aud with a slash at its end", app(nil), []string{"aud", base + "/"}, ""},
		{"no aud, where only the person is asked for", app(nil), []string{"aud", "", "scope", "openid fhirUser"}, ""},
		{"prompts", app(nil), []string{"prompt", "login consent"}, ""},
		{"another port of this machine", app(func(c *smart.Client) { c.Redirects = []string{"http://127.0.0.1:1/a"} }), []string{"redirect_uri", "http://127.0.0.1:4711/a"}, ""},
		{"an EHR's launch", app(nil), []string{"scope", "launch patient/*.rs", "launch", "h"}, ""},

		{"no such client", nil, nil, "page"},
		{"a pending client", app(func(c *smart.Client) { c.State = smart.Pending }), nil, "page"},
		{"a suspended client", app(func(c *smart.Client) { c.State = smart.Suspended }), nil, "page"},
		{"a client of no state", app(func(c *smart.Client) { c.State = "" }), nil, "page"},
		{"no redirect_uri", app(nil), []string{"redirect_uri", ""}, "page"},
		{"a redirect_uri of another", app(nil), []string{"redirect_uri", "https://evil.example.org/"}, "page"},
		{"a redirect_uri that is longer", app(nil), []string{"redirect_uri", redirect + "/"}, "page"},
		{"a redirect_uri in other letters", app(nil), []string{"redirect_uri", strings.ToUpper(redirect)}, "page"},
		{"another port of another machine", app(nil), []string{"redirect_uri", "https://app.example.org:8443/done"}, "page"},
		{"another port of a name", app(func(c *smart.Client) { c.Redirects = []string{"http://localhost:1/a"} }), []string{"redirect_uri", "http://localhost:2/a"}, "page"},
		{"another path of this machine", app(func(c *smart.Client) { c.Redirects = []string{"http://127.0.0.1:1/a"} }), []string{"redirect_uri", "http://127.0.0.1:1/b"}, "page"},
		{"a fragment at this machine", app(func(c *smart.Client) { c.Redirects = []string{"http://127.0.0.1:1/a"} }), []string{"redirect_uri", "http://127.0.0.1:2/a#x"}, "page"},

		{"a backend service", app(func(c *smart.Client) { c.Backend = true }), nil, smart.UnauthorizedClient},
		{"implicit", app(nil), []string{"response_type", "token"}, smart.UnsupportedResponse},
		{"hybrid", app(nil), []string{"response_type", "code id_token"}, smart.UnsupportedResponse},
		{"no state", app(nil), []string{"state", ""}, smart.InvalidRequest},
		{"no aud", app(nil), []string{"aud", ""}, smart.InvalidRequest},
		{"no aud, for a launch alone", app(nil), []string{"aud", "", "scope", "launch/patient"}, smart.InvalidRequest},
		{"another aud", app(nil), []string{"aud", "https://evil.example.org/fhir"}, smart.InvalidRequest},
		{"another aud, where only the person is asked for", app(nil), []string{"aud", "https://evil.example.org/fhir", "scope", "openid"}, smart.InvalidRequest},
		{"no PKCE", app(nil), []string{"code_challenge", "", "code_challenge_method", ""}, smart.InvalidRequest},
		{"PKCE plain", app(nil), []string{"code_challenge_method", "plain"}, smart.InvalidRequest},
		{"PKCE of no method, which would be plain", app(nil), []string{"code_challenge_method", ""}, smart.InvalidRequest},
		{"no PKCE, of a client with a secret", app(func(c *smart.Client) { c.Means = smart.Secret }), []string{"code_challenge", ""}, smart.InvalidRequest},
		{"a challenge too short", app(nil), []string{"code_challenge", challenge[1:]}, smart.InvalidRequest},
		{"a challenge of other letters", app(nil), []string{"code_challenge", "=" + challenge[1:]}, smart.InvalidRequest},
		{"a prompt that nobody knows", app(nil), []string{"prompt", "dance"}, smart.InvalidRequest},
		{"none and something", app(nil), []string{"prompt", "none login"}, smart.InvalidRequest},
		{"no scope", app(nil), []string{"scope", ""}, smart.InvalidScope},
		{"no scope that is registered", app(nil), []string{"scope", "user/*.cud"}, smart.InvalidScope},
		{"a system scope", app(func(c *smart.Client) { c.Scopes += " system/*.rs" }), []string{"scope", "patient/*.rs system/*.rs"}, smart.InvalidScope},
		{"a launch without its scope", app(nil), []string{"launch", "h"}, smart.InvalidRequest},
		{"the scope launch without a launch", app(nil), []string{"scope", "launch patient/*.rs"}, smart.InvalidRequest},
	} {
		refused := request(t, c.changes...).Check(c.client, base)
		switch {
		case c.want == "" && refused != nil:
			t.Errorf("%s is refused: %v", c.name, refused)
		case c.want == "page" && (refused == nil || !refused.Page):
			t.Errorf("%s: the app hears %v", c.name, refused)
		case c.want != "" && c.want != "page" && (refused == nil || refused.Page || refused.Code != c.want):
			t.Errorf("%s: %v, want %s", c.name, refused, c.want)
		}
	}
}

func TestWhatIsAskedIsCutToWhatIsRegistered(t *testing.T) {
	narrow := app(func(c *smart.Client) { c.Scopes = "openid patient/Observation.rs patient/Patient.r" })
	for scopes, want := range map[string]string{
		"openid patient/*.cruds":                "openid patient/Observation.rs patient/Patient.r",
		"offline_access patient/Observation.rs": "patient/Observation.rs",
		"patient/Observation.read nonsense":     "patient/Observation.read",
		"user/*.rs":                             "",
	} {
		if got := request(t, "scope", scopes).Asked(narrow).String(); got != want {
			t.Errorf("of %q there is %q, want %q", scopes, got, want)
		}
	}
}

func TestAnswersGoToTheAppWithStateAndIssuer(t *testing.T) {
	const state = "a b&c=d#e%ü"
	for address, begins := range map[string]string{
		redirect:                "https://app.example.org/done?",
		redirect + "?kept=1":    "https://app.example.org/done?",
		"org.example.app:/done": "org.example.app:/done?",
	} {
		r := &smart.AuthorizeRequest{RedirectURI: address, State: state}
		answer := r.Answer(issuer, url.Values{"code": {"c"}})
		u, err := url.Parse(answer)
		if err != nil || !strings.HasPrefix(answer, begins) || u.Fragment != "" {
			t.Fatalf("%s is answered at %s", address, answer)
		}
		q := u.Query()
		if q.Get("code") != "c" || q.Get("state") != state || q.Get("iss") != issuer || strings.Contains(address, "kept") != (q.Get("kept") == "1") {
			t.Errorf("%s: the app is told %v", address, q)
		}
		refused, _ := url.Parse(r.Refuse(issuer, &smart.Error{Code: smart.AccessDenied, Description: "No."}))
		if q := refused.Query(); q.Get("error") != smart.AccessDenied || q.Get("error_description") != "No." || q.Get("state") != state || q.Get("iss") != issuer || q.Has("code") {
			t.Errorf("%s: the app is refused with %v", address, q)
		}
	}
}

func TestAnswersOverwriteWhatTheAddressPretends(t *testing.T) {
	r := &smart.AuthorizeRequest{RedirectURI: redirect + "?state=forged&iss=forged&code=forged", State: "s"}
	u, err := url.Parse(r.Answer(issuer, url.Values{"code": {"c"}}))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"state": "s", "iss": issuer, "code": "c"} {
		if got := u.Query()[name]; len(got) != 1 || got[0] != want {
			t.Errorf("%s is %q", name, got)
		}
	}
}

func TestErrorsSayTheirCode(t *testing.T) {
	if got := (&smart.Error{Code: smart.InvalidGrant, Description: "It is used."}).Error(); got != "invalid_grant: It is used." {
		t.Errorf("it says %q", got)
	}
}
