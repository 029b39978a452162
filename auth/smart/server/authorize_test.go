package server_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"kiln/auth/smart/smarttest"
)

func TestWhatCannotBeTrustedGetsAPageAndNeverARedirect(t *testing.T) {
	f := newFlow(t)
	for name, changes := range map[string]map[string]string{
		"an unknown client":           {"client_id": "nobody"},
		"no client":                   {"client_id": ""},
		"another redirect_uri":        {"redirect_uri": "https://evil.example.org/"},
		"a longer redirect_uri":       {"redirect_uri": appURL + "/x"},
		"a redirect_uri with a query": {"redirect_uri": appURL + "?x=1"},
		"no redirect_uri":             {"redirect_uri": ""},
		"a client that is pending":    {"client_id": "pending"},
		"another client's address":    {"client_id": "other"},
	} {
		p := f.browser().Open(f.authorizeURL(changes))
		if p.Left != nil || p.Status/100 != 4 || !strings.Contains(p.Header.Get("Content-Type"), "text/html") {
			t.Errorf("%s: %d, left for %v", name, p.Status, p.Left)
		}
	}
	if p := f.browser().Open(f.authorizeURL(nil) + "&client_id=other"); p.Left != nil || p.Status/100 != 4 {
		t.Errorf("a parameter that is there twice: %d, left for %v", p.Status, p.Left)
	}
	if p := f.browser().Open(f.authorizeURL(map[string]string{"redirect_uri": strings.Replace(appURL, ":9/", ":9999/", 1)})); p.Status != http.StatusOK {
		t.Errorf("another port of this very machine: %d", p.Status)
	}
}

func TestWhatIsWrongWithARequestGoesToTheApp(t *testing.T) {
	f := newFlow(t)
	for _, c := range []struct {
		name    string
		changes map[string]string
		want    string
	}{
		{"aud is another server", map[string]string{"aud": "https://evil.example.org/fhir"}, "invalid_request"},
		{"no aud", map[string]string{"aud": ""}, "invalid_request"},
		{"no PKCE", map[string]string{"code_challenge": "", "code_challenge_method": ""}, "invalid_request"},
		{"PKCE plain", map[string]string{"code_challenge_method": "plain"}, "invalid_request"},
		{"a challenge of another length", map[string]string{"code_challenge": "short"}, "invalid_request"},
		{"no state", map[string]string{"state": ""}, "invalid_request"},
		{"implicit", map[string]string{"response_type": "token"}, "unsupported_response_type"},
		{"scopes that nobody understands", map[string]string{"scope": "patient/Observation.dus nonsense"}, "invalid_scope"},
		{"system scopes for an app", map[string]string{"scope": "system/*.rs patient/*.rs"}, ""},
		{"launch without an EHR launch", map[string]string{"scope": "launch patient/*.rs"}, "invalid_request"},
		{"a launch that is none", map[string]string{"scope": "launch patient/*.rs", "launch": "made-up"}, "invalid_request"},
		{"a launch without its scope", map[string]string{"launch": "made-up"}, "invalid_request"},
		{"prompt none, and nobody is signed in", map[string]string{"prompt": "none"}, "login_required"},
		{"an unknown prompt", map[string]string{"prompt": "dance"}, "invalid_request"},
	} {
		p := f.browser().Open(f.authorizeURL(c.changes))
		if c.want == "" {
			continue
		}
		got := f.left(p)
		if got.Get("error") != c.want || got.Get("code") != "" || got.Get("iss") != f.issuer || c.changes["state"] == "" && !slices.Contains(slices.Collect(keysOf(c.changes)), "state") && got.Get("state") != "s t&ä" {
			t.Errorf("%s: the app hears %v", c.name, got)
		}
	}
}

func keysOf(m map[string]string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

func TestAuthorizeByGETAndByTheFormOfAnotherSite(t *testing.T) {
	f := newFlow(t)
	got := f.allowed("lind", nil)
	if got.Get("code") == "" || got.Get("state") != "s t&ä" || got.Get("iss") != f.issuer || got.Get("error") != "" {
		t.Errorf("by GET the app hears %v", got)
	}
	p := f.browser().Post(f.issuer+"/auth/authorize", f.request(nil)).SignIn("lind", passphrase).Submit(smarttest.Field{Name: "decision", Value: "allow"})
	if got = f.left(p); got.Get("code") == "" || got.Get("state") != "s t&ä" {
		t.Errorf("by POST the app hears %v", got)
	}
}

func TestDenialGoesToTheApp(t *testing.T) {
	f := newFlow(t)
	p := f.browser().Open(f.authorizeURL(nil)).SignIn("lind", passphrase).Submit(smarttest.Field{Name: "decision", Value: "deny"})
	if got := f.left(p); got.Get("error") != "access_denied" || got.Get("code") != "" {
		t.Errorf("the app hears %v", got)
	}
	p = f.browser().Open(f.authorizeURL(nil)).SignIn("lind", passphrase)
	if got := f.left(p.Send(p.Form("decision"), url.Values{"decision": {"allow"}})); got.Get("error") != "access_denied" {
		t.Errorf("with nothing ticked the app hears %v", got)
	}
}

func TestConsentGrantsOnlyWhatWasAskedOrOffered(t *testing.T) {
	f := newFlow(t)
	p := f.browser().Open(f.authorizeURL(map[string]string{"scope": "launch/patient patient/Observation.read patient/Patient.r"})).SignIn("lind", passphrase)
	var ticked, offered []string
	for _, box := range p.Form("decision").Boxes {
		if box.Checked {
			ticked = append(ticked, box.Value)
		} else {
			offered = append(offered, box.Value)
		}
	}
	if strings.Join(ticked, " ") != "launch/patient patient/Observation.read patient/Patient.r" {
		t.Errorf("ticked are %q", ticked)
	}
	vital := "patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|vital-signs"
	if !slices.Contains(offered, vital) {
		t.Errorf("offered are %q", offered)
	}
	code := f.left(p.Send(p.Form("decision"), url.Values{"decision": {"allow"}, "scope": {vital, "patient/*.cruds", "patient/Patient.r"}})).Get("code")
	if a := f.redeem(code, nil); a.text("scope") != vital+" patient/Patient.r" {
		t.Errorf("granted is %q", a.text("scope"))
	}
}

func TestThePickerListsAndTakesOnlyWhomThePersonReaches(t *testing.T) {
	f := newFlow(t)
	b := f.browser()
	p := b.Open(f.authorizeURL(nil)).SignIn("ada", passphrase)
	if !strings.Contains(p.Body, "Lindgrenova") || strings.Contains(p.Body, "Bergmanova") {
		t.Errorf("the picker shows %s", p.Body)
	}
	if out := p.Send(p.Form("patient"), url.Values{"patient": {"berg"}}); out.Status != http.StatusNotFound {
		t.Errorf("a patient out of reach is taken: %d", out.Status)
	}
	if found := p.Send(p.Form("patient"), url.Values{"patient": {"lind"}}); !strings.Contains(found.Body, "Åsa Lindgrenova") {
		t.Errorf("the consent page does not say which patient: %s", found.Body)
	}
}

func TestFormsOfOthersAreRefused(t *testing.T) {
	f := newFlow(t)
	b := f.browser()
	p := b.Open(f.authorizeURL(nil))
	for _, csrf := range []string{"", "made-up"} {
		if out := b.Post(f.issuer+"/auth/signin", url.Values{"username": {"lind"}, "password": {passphrase}, "csrf": {csrf}}); out.Status != http.StatusForbidden {
			t.Errorf("a form with the csrf %q: %d", csrf, out.Status)
		}
	}
	other := f.browser()
	stolen := p.Form("username").Fields
	if out := other.Post(f.issuer+"/auth/signin", url.Values{"username": {"lind"}, "password": {passphrase}, "csrf": stolen["csrf"]}); out.Status != http.StatusForbidden {
		t.Errorf("a form of another browser: %d", out.Status)
	}
	consent := p.SignIn("lind", passphrase)
	request := consent.Form("decision").Fields.Get("request")
	if out := f.browser().Open(f.issuer + "/auth/continue?request=" + request); out.Status != http.StatusBadRequest {
		t.Errorf("another browser goes on with a request: %d", out.Status)
	}
}

func TestPages(t *testing.T) {
	f := newFlow(t)
	b := f.browser()
	signin := b.Open(f.authorizeURL(nil))
	for name, p := range map[string]*smarttest.Page{"sign-in": signin, "consent": signin.SignIn("lind", passphrase), "manage": b.Open(f.issuer + "/auth/manage"), "error": b.Open(f.issuer + "/auth/authorize")} {
		policy := p.Header.Get("Content-Security-Policy")
		for _, part := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"} {
			if !strings.Contains(policy, part) {
				t.Errorf("%s: the policy %q lacks %s", name, policy, part)
			}
		}
		if strings.Contains(policy, "unsafe") || strings.Contains(p.Body, "<script>") || strings.Contains(p.Body, "onclick") || strings.Contains(p.Body, "style=") {
			t.Errorf("%s has something inline", name)
		}
		for header, want := range map[string]string{"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY"} {
			if p.Header.Get(header) != want {
				t.Errorf("%s: %s is %q", name, header, p.Header.Get(header))
			}
		}
	}
}

func TestNoOpenRedirects(t *testing.T) {
	f := newFlow(t)
	for _, next := range []string{"https://evil.example.org/", "//evil.example.org", "/\\evil.example.org", "/auth//evil.example.org", "javascript:alert(1)", "/auth/../../evil"} {
		p := f.browser().Open(f.issuer+"/auth/signin?"+url.Values{"next": {next}}.Encode()).SignIn("lind", passphrase)
		if p.URL.Host != strings.TrimPrefix(f.issuer, "http://") {
			t.Errorf("next=%q leads to %s", next, p.URL)
		}
	}
}

func TestPromptAndMaxAge(t *testing.T) {
	f := newFlow(t)
	b := f.browser()
	p := b.Open(f.authorizeURL(map[string]string{"scope": "launch/patient patient/*.rs"})).SignIn("lind", passphrase)
	f.left(p.Submit(smarttest.Field{Name: "decision", Value: "allow"}))
	again := map[string]string{"scope": "launch/patient patient/*.rs"}
	if got := f.left(b.Open(f.authorizeURL(again))); got.Get("code") == "" {
		t.Errorf("what was consented to is asked again: %v", got)
	}
	again["prompt"] = "none"
	if got := f.left(b.Open(f.authorizeURL(again))); got.Get("code") == "" {
		t.Errorf("prompt=none, with everything settled: %v", got)
	}
	again["scope"] = "launch/patient patient/*.rs patient/Observation.cu"
	if got := f.left(b.Open(f.authorizeURL(again))); got.Get("error") != "consent_required" {
		t.Errorf("prompt=none for more than was consented to: %v", got)
	}
	again["scope"] = "launch/patient patient/*.rs"
	for prompt, field := range map[string]string{"consent": "decision", "login": "username"} {
		again["prompt"] = prompt
		b.Open(f.authorizeURL(again)).Form(field)
	}
	delete(again, "prompt")
	f.after(5 * time.Minute)
	again["max_age"] = "60"
	b.Open(f.authorizeURL(again)).Form("username")
	again["max_age"] = "600"
	if got := f.left(b.Open(f.authorizeURL(again))); got.Get("code") == "" {
		t.Errorf("max_age is longer than the sign-in is old: %v", got)
	}
	delete(again, "max_age")
	again["acr_values"] = "mfa"
	b.Open(f.authorizeURL(again)).Form("username")
}
