package server_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kiln/auth/smart/server"
	"kiln/auth/smart/smarttest"
)

func TestTokenAnswer(t *testing.T) {
	f := newFlow(t)
	a := f.tokens("lind", map[string]string{"scope": "openid fhirUser launch/patient offline_access patient/Observation.read"})
	if a.header.Get("Cache-Control") != "no-store" || a.header.Get("Pragma") != "no-cache" || a.header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("the headers are %v", a.header)
	}
	if a.text("token_type") != "Bearer" || a.body["expires_in"] != 3600. || a.text("patient") != "lind" || a.body["need_patient_banner"] != true {
		t.Errorf("the answer is %v", a.body)
	}
	if a.text("scope") != "openid fhirUser launch/patient offline_access patient/Observation.read" {
		t.Errorf("v1 was asked, and %q is returned", a.text("scope"))
	}
	for _, name := range []string{"access_token", "refresh_token"} {
		if token := a.text(name); len(token) < 40 || strings.Trim(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			t.Errorf("%s is %q", name, token)
		}
	}
	token := a.text("access_token")
	for path, want := range map[string]int{"Observation/o1": 200, "Observation/o2": 404, "Patient/lind": 403, "Observation": 200, "Condition": 403} {
		if got := f.read(path, token); got != want {
			t.Errorf("%s with the token: %d, want %d", path, got, want)
		}
	}
}

func TestCodesAreOfUseOnce(t *testing.T) {
	f := newFlow(t)
	code := f.allowed("lind", nil).Get("code")
	first := f.redeem(code, nil)
	f.want("first use", first, 200, "")
	f.want("second use", f.redeem(code, nil), 400, "invalid_grant")
	if got := f.read("Patient/lind", first.text("access_token")); got != 401 {
		t.Errorf("after the second use of its code the token gives %d", got)
	}
	f.want("its refresh token", f.refresh(first.text("refresh_token"), nil), 400, "invalid_grant")
}

func TestCodesAreBound(t *testing.T) {
	f := newFlow(t)
	for name, changes := range map[string]map[string]string{
		"to the client":               {"client_id": "other"},
		"to the redirect_uri":         {"redirect_uri": "http://127.0.0.1:9/other"},
		"no redirect_uri":             {"redirect_uri": ""},
		"to the challenge":            {"code_verifier": "another-verifier-of-forty-three-letters-or-more"},
		"no verifier":                 {"code_verifier": ""},
		"a verifier that is the hash": {"code_verifier": challenge},
		"a code that is none":         {"code": "made-up"},
	} {
		f.want(name, f.redeem(f.allowed("lind", nil).Get("code"), changes), 400, "invalid_grant")
	}
	late := f.allowed("lind", nil).Get("code")
	f.after(61 * time.Second)
	f.want("after a minute", f.redeem(late, nil), 400, "invalid_grant")
	f.want("an unknown client", f.redeem(f.allowed("lind", nil).Get("code"), map[string]string{"client_id": "nobody"}), 401, "invalid_client")
	f.want("no client", f.redeem(f.allowed("lind", nil).Get("code"), map[string]string{"client_id": ""}), 401, "invalid_client")
	f.want("an unknown grant type", f.redeem("x", map[string]string{"grant_type": "not_a_grant_type"}), 400, "unsupported_grant_type")
}

func TestManyUsesOfACodeAtOnce(t *testing.T) {
	f := newFlow(t)
	code := f.allowed("lind", nil).Get("code")
	var good atomic.Int64
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if f.redeem(code, nil).status == http.StatusOK {
				good.Add(1)
			}
		})
	}
	all.Wait()
	if good.Load() > 1 {
		t.Errorf("%d got tokens for one code", good.Load())
	}
}

func TestRefresh(t *testing.T) {
	f := newFlow(t)
	first := f.tokens("lind", nil)
	f.want("another client", f.refresh(first.text("refresh_token"), map[string]string{"client_id": "other"}), 400, "invalid_grant")
	f.want("more than was granted", f.refresh(first.text("refresh_token"), map[string]string{"scope": "patient/*.cruds"}), 400, "invalid_scope")
	narrow := f.refresh(first.text("refresh_token"), map[string]string{"scope": "patient/Patient.r"})
	f.want("less than was granted", narrow, 200, "")
	if narrow.text("scope") != "patient/Patient.r" || f.read("Observation/o1", narrow.text("access_token")) != 403 {
		t.Errorf("a refresh that asked for less gives %v", narrow.body)
	}
	// fhirclient sends no client_id, and its reply may be lost.
	again := f.refresh(first.text("refresh_token"), nil)
	f.want("the same token a moment later", again, 200, "")
	f.after(time.Minute)
	f.want("the newest", f.refresh(again.text("refresh_token"), nil), 200, "")
	f.want("one that was replaced", f.refresh(first.text("refresh_token"), nil), 400, "invalid_grant")
	f.want("the newest, after that", f.refresh(again.text("refresh_token"), nil), 400, "invalid_grant")
	if f.read("Patient/lind", narrow.text("access_token")) != 401 {
		t.Error("tokens of a family that was stolen still count")
	}
}

func TestWhatEndsTokens(t *testing.T) {
	for name, end := range map[string]func(f *flow, b *smarttest.Browser){
		"the account is disabled": func(f *flow, _ *smarttest.Browser) { f.must(f.people.SetDisabled(f.Context(), "lind", true)) },
		"there is a new password": func(f *flow, _ *smarttest.Browser) {
			f.must(f.people.SetPassword(f.Context(), "lind", "eight small boats"))
		},
		"the rank is another": func(f *flow, _ *smarttest.Browser) { f.must(f.people.SetRank(f.Context(), "lind", "proxy")) },
		"the person ends the app": func(f *flow, b *smarttest.Browser) {
			b.Open(f.issuer + "/auth/manage").Submit(smarttest.Field{Name: "revoke", Value: "app"})
		},
		"the app is suspended": func(f *flow, _ *smarttest.Browser) {
			_, err := server.SetClientState(f.Context(), f.engine.Records, "app", "suspended")
			f.must(err)
			f.server.Changed()
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFlow(t)
			b := f.browser()
			p := b.Open(f.authorizeURL(nil)).SignIn("lind", passphrase).Submit(smarttest.Field{Name: "decision", Value: "allow"})
			a := f.redeem(f.left(p).Get("code"), nil)
			if got := f.read("Patient/lind", a.text("access_token")); got != 200 {
				t.Fatalf("before the end the token gives %d", got)
			}
			end(f, b)
			if got := f.read("Patient/lind", a.text("access_token")); got != 401 {
				t.Errorf("after the end the token gives %d", got)
			}
			if r := f.refresh(a.text("refresh_token"), nil); r.status == 200 {
				t.Errorf("after the end it is refreshed: %v", r.body)
			}
		})
	}
}

func TestOnlineAccessDiesWithTheSession(t *testing.T) {
	f := newFlow(t)
	for scopes, survives := range map[string]bool{"online_access": false, "offline_access": true} {
		b := f.browser()
		p := b.Open(f.authorizeURL(map[string]string{"scope": "launch/patient patient/*.rs " + scopes})).SignIn("lind", passphrase).Submit(smarttest.Field{Name: "decision", Value: "allow"})
		a := f.redeem(f.left(p).Get("code"), nil)
		f.want(scopes, f.refresh(a.text("refresh_token"), nil), 200, "")
		b.Open(f.issuer+"/auth/logout").Send(b.Open(f.issuer+"/auth/logout").Form("back"), url.Values{})
		f.after(time.Second)
		b2 := f.refresh(a.text("refresh_token"), nil)
		if ok := b2.status == 200; ok != survives {
			t.Errorf("%s after sign-out: %d %v", scopes, b2.status, b2.body)
		}
	}
	if a := f.tokens("lind", map[string]string{"scope": "launch/patient patient/*.rs"}); a.text("refresh_token") != "" {
		t.Error("a refresh token came without being asked for")
	}
}

func TestExpiredTokensAreRefused(t *testing.T) {
	f := newFlow(t)
	a := f.tokens("lind", nil)
	f.after(59 * time.Minute)
	if got := f.read("Patient/lind", a.text("access_token")); got != 200 {
		t.Errorf("within the hour: %d", got)
	}
	f.after(2 * time.Minute)
	if got := f.read("Patient/lind", a.text("access_token")); got != 401 {
		t.Errorf("after the hour: %d", got)
	}
}

func TestSecretsOfClients(t *testing.T) {
	f := newFlow(t)
	const secret = "a secret with spaces +"
	basic := func(id, secret string) string {
		return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+secret))
	}
	form := func(extra ...string) url.Values {
		v := url.Values{"grant_type": {"authorization_code"}, "code": {f.allowed("lind", map[string]string{"client_id": "secretive"}).Get("code")}, "redirect_uri": {appURL}, "code_verifier": {verifier}}
		for i := 0; i < len(extra); i += 2 {
			v.Set(extra[i], extra[i+1])
		}
		return v
	}
	f.want("Basic, as it is", f.post("/auth/token", form(), basic("secretive", secret)), 200, "")
	f.want("Basic, encoded as a form", f.post("/auth/token", form(), basic("secretive", url.QueryEscape(secret))), 200, "")
	f.want("in the body", f.post("/auth/token", form("client_id", "secretive", "client_secret", secret)), 200, "")
	f.want("a wrong secret", f.post("/auth/token", form(), basic("secretive", "wrong")), 401, "invalid_client")
	f.want("no secret", f.post("/auth/token", form("client_id", "secretive")), 401, "invalid_client")
	f.want("two ways at once", f.post("/auth/token", form("client_id", "secretive", "client_secret", secret), basic("secretive", secret)), 400, "invalid_request")
	f.want("another client's name in the body", f.post("/auth/token", form("client_id", "app"), basic("secretive", secret)), 400, "invalid_request")
	f.want("a public client with a secret", f.post("/auth/token", form("client_id", "app", "client_secret", "x")), 401, "invalid_client")
}

func TestBackendServices(t *testing.T) {
	f := newFlow(t)
	for _, key := range []struct{ id, algorithm string }{{"rsa", "RS384"}, {"ec", "ES384"}} {
		a := f.backend(f.assertion(key.id, key.algorithm, nil), nil)
		f.want(key.algorithm, a, 200, "")
		if a.body["expires_in"] != 300. || a.text("refresh_token") != "" || a.text("patient") != "" || a.text("id_token") != "" {
			t.Errorf("%s: the answer is %v", key.algorithm, a.body)
		}
		for path, want := range map[string]int{"Observation/o1": 200, "Observation/o2": 200, "Patient/lind": 403} {
			if got := f.read(path, a.text("access_token")); got != want {
				t.Errorf("%s reads %s: %d, want %d", key.algorithm, path, got, want)
			}
		}
	}
	wide := f.backend(f.assertion("rsa", "RS384", nil), map[string]string{"scope": "system/*.cruds user/*.rs"})
	if wide.text("scope") != "system/Observation.rs system/Patient.r" {
		t.Errorf("more than is registered gives %v", wide.body)
	}
	f.want("only scopes of people", f.backend(f.assertion("rsa", "RS384", nil), map[string]string{"scope": "patient/*.rs"}), 400, "invalid_scope")
	f.want("no scope", f.backend(f.assertion("rsa", "RS384", nil), map[string]string{"scope": ""}), 400, "invalid_scope")
	f.want("a wrong assertion type", f.backend(f.assertion("rsa", "RS384", nil), map[string]string{"client_assertion_type": "not_a_type"}), 401, "invalid_client")
	f.want("an app by itself", f.post("/auth/token", url.Values{"grant_type": {"client_credentials"}, "client_id": {"app"}, "scope": {"system/*.rs"}}), 400, "unauthorized_client")
}

func TestAssertions(t *testing.T) {
	f := newFlow(t)
	now := f.now()
	for name, a := range map[string]string{
		"exp more than five minutes ahead": f.assertion("rsa", "RS384", map[string]any{"exp": now.Add(7 * time.Minute).Unix()}),
		"expired":                          f.assertion("rsa", "RS384", map[string]any{"exp": now.Add(-time.Minute).Unix()}),
		"no exp":                           f.assertion("rsa", "RS384", map[string]any{"exp": nil}),
		"another aud":                      f.assertion("rsa", "RS384", map[string]any{"aud": "https://evil.example.org/token"}),
		"no aud":                           f.assertion("rsa", "RS384", map[string]any{"aud": nil}),
		"another iss":                      f.assertion("rsa", "RS384", map[string]any{"iss": "app"}),
		"another sub":                      f.assertion("rsa", "RS384", map[string]any{"sub": "app"}),
		"no jti":                           f.assertion("rsa", "RS384", map[string]any{"jti": nil}),
		"not yet":                          f.assertion("rsa", "RS384", map[string]any{"nbf": now.Add(2 * time.Minute).Unix()}),
		"RS256":                            f.assertion("rsa", "RS256", nil),
		"a foreign jku":                    f.assertion("rsa", "RS384", nil, "jku"),
		"an x5u":                           f.assertion("rsa", "RS384", nil, "x5u"),
		"nonsense":                         "a.b.c",
		"alg none":                         base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","kid":"rsa"}`)) + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"iss":"lab","sub":"lab"}`)) + ".",
	} {
		f.want(name, f.backend(a, nil), 401, "invalid_client")
	}
	f.keys["unknown"] = f.keys["rsa"]
	f.want("an unknown kid", f.backend(f.assertion("unknown", "RS384", nil), nil), 401, "invalid_client")
	stolen := f.assertion("rsa", "RS384", nil)
	f.want("first use", f.backend(stolen, nil), 200, "")
	f.want("replayed", f.backend(stolen, nil), 401, "invalid_client")
	broken := f.assertion("ec", "ES384", nil)
	f.want("a changed signature", f.backend(broken[:len(broken)-4]+"AAAA", nil), 401, "invalid_client")
	f.want("aud as a list, no iat", f.backend(f.assertion("ec", "ES384", map[string]any{"aud": []string{f.issuer + "/auth/token"}}), nil), 200, "")
}

func TestIntrospection(t *testing.T) {
	f := newFlow(t)
	a := f.tokens("lind", nil)
	bearer := "Authorization: Bearer " + a.text("access_token")
	got := f.post("/auth/introspect", url.Values{"token": {a.text("access_token")}}, bearer)
	for name, want := range map[string]any{
		"active": true, "client_id": "app", "patient": "lind", "scope": a.text("scope"), "sub": "lind", "iss": f.issuer, "fhirUser": f.base + "/Patient/lind",
	} {
		if got.body[name] != want {
			t.Errorf("%s is %v, want %v", name, got.body[name], want)
		}
	}
	for _, token := range []string{"made-up", "", a.text("refresh_token")} {
		if got := f.post("/auth/introspect", url.Values{"token": {token}}, bearer); got.status != 200 || len(got.body) != 1 || got.body["active"] != false {
			t.Errorf("%q: %d %v", token, got.status, got.body)
		}
	}
	f.want("nobody asks", f.post("/auth/introspect", url.Values{"token": {a.text("access_token")}}), 401, "invalid_client")
	f.want("a public client asks", f.post("/auth/introspect", url.Values{"token": {a.text("access_token")}, "client_id": {"app"}}), 401, "invalid_client")
}

func TestRevocation(t *testing.T) {
	f := newFlow(t)
	a := f.tokens("lind", nil)
	f.want("an unknown token", f.post("/auth/revoke", url.Values{"token": {"made-up"}, "client_id": {"app"}}), 200, "")
	f.want("nobody asks", f.post("/auth/revoke", url.Values{"token": {a.text("access_token")}}), 401, "invalid_client")
	f.want("another client asks", f.post("/auth/revoke", url.Values{"token": {a.text("refresh_token")}, "client_id": {"other"}}), 200, "")
	if f.read("Patient/lind", a.text("access_token")) != 200 {
		t.Error("another client ended the token")
	}
	f.want("its client", f.post("/auth/revoke", url.Values{"token": {a.text("refresh_token")}, "client_id": {"app"}}), 200, "")
	if got := f.read("Patient/lind", a.text("access_token")); got != 401 {
		t.Errorf("with the refresh token the access token ends too; it gives %d", got)
	}
	b := f.tokens("lind", nil)
	f.want("an access token alone", f.post("/auth/revoke", url.Values{"token": {b.text("access_token")}, "client_id": {"app"}}), 200, "")
	if f.read("Patient/lind", b.text("access_token")) != 401 {
		t.Error("the access token still counts")
	}
	f.want("its refresh token", f.refresh(b.text("refresh_token"), nil), 200, "")
}

func TestLimits(t *testing.T) {
	f := newFlow(t)
	form := url.Values{"grant_type": {"authorization_code"}, "client_id": {"secretive"}, "client_secret": {"wrong"}}
	limited := 0
	for i := range 20 {
		if a := f.post("/auth/token", form); a.status == http.StatusTooManyRequests {
			t.Fatalf("limited at the attempt %d", i)
		}
	}
	b := f.browser()
	p := b.Open(f.issuer + "/auth/signin")
	for range 8 {
		if out := p.SignIn("lind", "wrong wrong wrong"); out.Status == http.StatusTooManyRequests {
			if out.Header.Get("Retry-After") == "" {
				t.Error("429 without Retry-After")
			}
			limited++
		}
	}
	if limited == 0 {
		t.Error("nobody stops who tries passwords")
	}
	if out := f.browser().Open(f.issuer+"/auth/signin").SignIn("ada", passphrase); out.Status != http.StatusOK {
		t.Errorf("another account from the same address: %d", out.Status)
	}
}

func TestNothingSecretIsKeptOrLogged(t *testing.T) {
	f := newFlow(t)
	got := f.allowed("ada", nil)
	a := f.redeem(got.Get("code"), nil)
	f.read("Patient/lind", a.text("access_token"))
	r := f.refresh(a.text("refresh_token"), nil)
	f.backend(f.assertion("rsa", "RS384", nil), nil)
	kept, logged := f.records(), f.logged.String()
	for name, secret := range map[string]string{
		"the password": passphrase, "the code": got.Get("code"), "an access token": a.text("access_token"), "a refresh token": a.text("refresh_token"),
		"the next refresh token": r.text("refresh_token"), "the client's secret": "a secret with spaces", "an id_token": a.text("id_token"),
	} {
		if secret == "" {
			t.Fatalf("%s is empty", name)
		}
		if strings.Contains(kept, secret) {
			t.Errorf("%s is kept as it is", name)
		}
		if strings.Contains(logged, secret) {
			t.Errorf("%s is in the log", name)
		}
	}
	for _, seed := range []string{"Lindgrenova", "Åsa", "Bergmanova", "1970-05-03"} {
		if strings.Contains(logged, seed) {
			t.Errorf("%s, of a patient, is in the log", seed)
		}
	}
	if logged == "" {
		t.Error("nothing is logged at all")
	}
}

func TestMethodsThatAnAddressDoesNotTake(t *testing.T) {
	f := newFlow(t)
	for path, allow := range map[string]string{"/auth/token": "POST, OPTIONS", "/auth/launch": "POST", "/fhir/Patient": "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"} {
		method := http.MethodGet
		if path == "/fhir/Patient" {
			method = "PURGE"
		}
		r, err := http.NewRequestWithContext(t.Context(), method, f.issuer+path, nil)
		f.must(err)
		answer, err := http.DefaultClient.Do(r)
		f.must(err)
		f.must(answer.Body.Close())
		got := strings.Split(answer.Header.Get("Allow"), ", ")
		want := strings.Split(allow, ", ")
		slices.Sort(got)
		slices.Sort(want)
		if answer.StatusCode != http.StatusMethodNotAllowed || !slices.Equal(got, want) {
			t.Errorf("%s %s gets %d, allowed is %v", method, path, answer.StatusCode, got)
		}
	}
}
