package server_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"html"
	"io"
	"io/fs"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"kiln/auth/scope"
	"kiln/auth/smart/smarttest"
)

// What SMART App Launch 2.2, OAuth and the hospital ask of an authorization server, and where each is shown: in a test of its
// name below, or in those that are named. https://hl7.org/fhir/smart-app-launch/STU2.2/
var requirements = map[string][]string{
	"discovery: JSON whatever Accept says, from any origin, below the FHIR base":       {"auth/smart/server.TestDiscovery"},
	"discovery: all that is required, and S256 without plain":                          {"auth/smart/server.TestDiscovery", "auth/smart/server.TestJudges"},
	"discovery: addresses follow the public base and never the Host header":            {"auth/smart/server.TestDiscovery"},
	"discovery: the scopes that are listed are understood":                             {"auth/smart/server.TestScopesThatAreListedAreUnderstood"},
	"metadata: without a token, from any origin, with oauth-uris":                      {"auth/smart/server.TestMetadataIsForAll"},
	"authorize: by GET and by the form of another site":                                {"auth/smart/server.TestAuthorizeByGETAndByTheFormOfAnotherSite"},
	"authorize: state comes back unchanged, and iss with the code":                     {"auth/smart/server.TestTheAnswerToTheApp"},
	"authorize: no open redirect":                                                      {"auth/smart/server.TestNoOpenRedirects", "auth/smart/server.TestWhatCannotBeTrustedGetsAPageAndNeverARedirect"},
	"authorize: no code for another aud, without PKCE, or for an implicit grant":       {"auth/smart/server.TestWhatIsWrongWithARequestGoesToTheApp", "auth/smart/server.TestGrantsThatAreNotGiven"},
	"authorize: 303 after credentials, and no CORS":                                    {"auth/smart/server.TestPagesOfCredentials"},
	"authorize: pages cannot be framed, and take no forms of others":                   {"auth/smart/server.TestPages", "auth/smart/server.TestFormsOfOthersAreRefused"},
	"launch: a handle is for one app, one person, once, five minutes":                  {"auth/smart/server.TestLaunchFromAnEHR"},
	"launch: patient, encounter, fhirContext, intent, banner, style":                   {"auth/smart/server.TestLaunchFromAnEHR", "auth/smart/server.TestWhatAnEHRTells"},
	"launch: patient/ scopes always have a patient":                                    {"auth/smart/server.TestThePickerListsAndTakesOnlyWhomThePersonReaches", "auth/access.TestPatientScopesBind"},
	"token: the body, its headers, CORS on success and error":                          {"auth/smart/server.TestTokenAnswer", "auth/smart/server.TestErrorsOfTheTokenEndpoint"},
	"token: v1 scopes asked for come back as v1":                                       {"auth/smart/server.TestTokenAnswer"},
	"token: a code is used once, within a minute, by its app, at its address":          {"auth/smart/server.TestCodesAreOfUseOnce", "auth/smart/server.TestCodesAreBound", "auth/smart/server.TestRandomWalks"},
	"token: the second use of a code ends what was made of it":                         {"auth/smart/server.TestCodesAreOfUseOnce", "auth/smart/server.TestRandomWalks"},
	"token: no passwords, no implicit grant":                                           {"auth/smart/server.TestGrantsThatAreNotGiven"},
	"token: secrets by Basic, whatever is in them":                                     {"auth/smart/server.TestSecretsOfClients"},
	"openid: id_token of RS256 by a published key, with fhirUser that can be read":     {"auth/smart/server.TestIDTokens", "auth/smart/server.TestJudges"},
	"refresh: with and without scope, never wider, bound to the app":                   {"auth/smart/server.TestRefresh", "auth/smart/server.TestARefreshKeepsItsPatient", "auth/smart/server.TestRandomWalks"},
	"refresh: rotation; what is used again ends the family":                            {"auth/smart/server.TestRefresh", "auth/smart/server.TestRandomWalks"},
	"refresh: online_access dies with the session":                                     {"auth/smart/server.TestOnlineAccessDiesWithTheSession"},
	"backend: assertions: replay, exp, aud, iss and sub, kid, algorithms, jku":         {"auth/smart/server.TestAssertions", "auth/smart.FuzzReadAssertion"},
	"backend: tokens of five minutes, for registered system/ scopes":                   {"auth/smart/server.TestBackendServices"},
	"backend: keys by URL: cached as they say, nothing private, no private address":    {"auth/smart/server.TestTheServerFetchesNoPrivateAddress"},
	"introspection: all that is told, and of others nothing":                           {"auth/smart/server.TestIntrospection"},
	"revocation: 200 for unknown tokens; cascades; by the person":                      {"auth/smart/server.TestRevocation", "auth/smart/server.TestWhatEndsTokens", "auth/smart/server.TestRandomWalks"},
	"consent: a person deselects; granted is just what was chosen":                     {"auth/smart/server.TestConsentGrantsOnlyWhatWasAskedOrOffered", "auth/smart/server.TestGranularScopesInPlaceOfWide"},
	"granular scopes: searches and reads give just the subset":                         {"auth/access.TestGranularScopes", "auth/smart/server.TestGranularScopesInPlaceOfWide"},
	"scopes: suffixes out of order or undefined never widen; read, write, *":           {"auth/scope.TestOutOfOrderOrUndefinedSuffixesNeverWiden", "auth/scope.TestParse", "auth/scope.FuzzParse"},
	"scopes: each interaction, histories and patches among them":                       {"auth/access.TestWhoMayTry", "auth/access.TestMatrix"},
	"scopes: entries of batches and transactions by themselves":                        {"auth/access.TestNothingLeaks", "fhir.TestAccess"},
	"access tokens: expired, revoked and unknown ones are 401 with a challenge":        {"auth/smart/server.TestExpiredTokensAreRefused", "fhir/rest.TestAuthentication"},
	"access tokens: an hour at most; the rank's rights apply under user/ scopes":       {"auth/smart/server.TestTokenAnswer", "auth/access.TestMatrix"},
	"registration: pending, for patients, safe addresses; ids are the server's":        {"auth/smart/server.TestRegistration", "auth/smart/server.TestAnAppDoesNotChooseItsID", "auth/smart.FuzzRegister"},
	"brands: a collection that browsers may read":                                      {"auth/smart/server.TestBrands"},
	"step-up: acr and max_age":                                                         {"auth/smart/server.TestPromptAndMaxAge", "auth/smart/server.TestAdministration"},
	"guessing: limits and lock-out":                                                    {"auth/smart/server.TestLimits", "auth/smart/server.TestLimit", "auth/account.TestAttemptsAreCountedPerAccount"},
	"secrets: hashed at rest, in no log":                                               {"auth/smart/server.TestNothingSecretIsKeptOrLogged"},
	"leaks: the list of access rules, on every engine":                                 {"auth/access.TestNothingLeaks", "auth/access.TestTheTwoDecisionsAgree"},
	"break-glass: one patient, a reason, fresh sign-in, an hour; flagged and reviewed": {"auth/access.TestBreakGlass", "auth/audit.TestWhatIsSeenThroughBrokenGlassIsFlagged", "auth/smart/server.TestPageOfBrokenGlass"},
	"consent of patients: denial overrides, at once":                                   {"auth/access.TestConsentDenies", "auth/access.TestConsentsTurnByTheClock"},
}

// TestRequirementsAreShown: the tests that are named exist.
func TestRequirementsAreShown(t *testing.T) {
	const root = "../../.."
	tests := map[string]bool{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, text, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		room, err := filepath.Rel(root, filepath.Dir(path))
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil {
				tests[filepath.ToSlash(room)+"."+f.Name.Name] = true
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for requirement, shown := range requirements {
		for _, name := range shown {
			if !tests[name] {
				t.Errorf("%s: there is no %s", requirement, name)
			}
		}
	}
}

func TestScopesThatAreListedAreUnderstood(t *testing.T) {
	f := newFlow(t)
	a := f.sendJSON(http.MethodGet, "/fhir/.well-known/smart-configuration", "", nil)
	listed, _ := a.body["scopes_supported"].([]any)
	if len(listed) < 10 {
		t.Fatalf("the scopes listed are %v", listed)
	}
	for _, one := range listed {
		if set, unknown := scope.Parse(one.(string)); len(set) != 1 || len(unknown) > 0 {
			t.Errorf("%v is listed, and read as %v", one, set)
		}
	}
}

func TestMetadataIsForAll(t *testing.T) {
	f := newFlow(t)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.base+"/metadata", nil)
	f.must(err)
	a := f.send(r, "Origin: https://app.example.org", "Authorization: Bearer made-up")
	if a.status != http.StatusOK || a.header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("%d %v", a.status, a.header)
	}
}

func TestTheAnswerToTheApp(t *testing.T) {
	f := newFlow(t)
	const state = "s t&ä=1#2"
	left := f.allowed("lind", map[string]string{"state": state})
	if left.Get("state") != state || left.Get("iss") != f.issuer || len(left.Get("code")) < 40 || len(left) != 3 {
		t.Errorf("the app is told %v", left)
	}
	if a := f.sendJSON(http.MethodGet, "/fhir/.well-known/smart-configuration", "", nil); a.body["authorization_response_iss_parameter_supported"] != true {
		t.Error("discovery does not say that iss is in the answer")
	}
	refused := f.left(f.browser().Open(f.authorizeURL(map[string]string{"aud": "https://evil.example.org/fhir"})))
	if refused.Get("code") != "" || refused.Get("error") != "invalid_request" || refused.Get("iss") != f.issuer {
		t.Errorf("for another aud: %v", refused)
	}
}

func TestGrantsThatAreNotGiven(t *testing.T) {
	f := newFlow(t)
	for _, kind := range []string{"password", "implicit", "not_a_grant_type", "urn:ietf:params:oauth:grant-type:device_code", ""} {
		a := f.post("/auth/token", url.Values{"grant_type": {kind}, "client_id": {"app"}, "username": {"lind"}, "password": {passphrase}})
		f.want(kind, a, http.StatusBadRequest, "unsupported_grant_type")
	}
	for _, kind := range []string{"token", "id_token", "code id_token", "code token"} {
		left := f.left(f.browser().Open(f.authorizeURL(map[string]string{"response_type": kind})))
		if left.Get("error") != "unsupported_response_type" || left.Has("code") || left.Has("access_token") {
			t.Errorf("%s: %v", kind, left)
		}
	}
	for _, changes := range []map[string]string{{"code_challenge": ""}, {"code_challenge_method": "plain"}, {"code_challenge_method": ""}} {
		if left := f.left(f.browser().Open(f.authorizeURL(changes))); left.Get("error") != "invalid_request" || left.Has("code") {
			t.Errorf("%v: %v", changes, left)
		}
	}
}

// TestPagesOfCredentials: after a name and a password the browser goes on by GET, so that nothing is sent on again, and pages are
// for the browser alone.
func TestPagesOfCredentials(t *testing.T) {
	f := newFlow(t)
	jar, err := cookiejar.New(nil)
	f.must(err)
	client := &http.Client{Jar: jar, CheckRedirect: func(_ *http.Request, via []*http.Request) error {
		if via[0].Method == http.MethodPost {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	page, err := client.Get(f.authorizeURL(nil))
	f.must(err)
	text, err := io.ReadAll(page.Body)
	f.must(errors.Join(err, page.Body.Close()))
	if page.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Error("another site may read the page")
	}
	form := url.Values{"username": {"lind"}, "password": {passphrase}}
	for _, hidden := range regexp.MustCompile(`type="hidden" name="([^"]+)" value="([^"]*)"`).FindAllStringSubmatch(string(text), -1) {
		form.Set(hidden[1], html.UnescapeString(hidden[2]))
	}
	for want, by := range map[int]*http.Client{http.StatusSeeOther: client, http.StatusForbidden: {CheckRedirect: client.CheckRedirect}} {
		a, err := by.PostForm(f.issuer+"/auth/signin", form)
		f.must(err)
		f.must(a.Body.Close())
		if a.StatusCode != want || a.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%d %v; want %d", a.StatusCode, a.Header, want)
		}
	}
}

func TestWhatAnEHRTells(t *testing.T) {
	f := newFlow(t)
	writer := f.tokens("ada", map[string]string{"scope": "openid user/*.cruds"}).text("access_token")
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, f.base+"/Encounter/visit", strings.NewReader(
		`{"resourceType":"Encounter","id":"visit","status":"in-progress","class":{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"AMB"},"subject":{"reference":"Patient/lind"}}`))
	f.must(err)
	if a := f.send(r, "Content-Type: application/fhir+json", "Authorization: Bearer "+writer); a.status != http.StatusCreated {
		t.Fatalf("an Encounter: %d %v", a.status, a.body)
	}
	launched := f.sendJSON(http.MethodPost, "/auth/launch", writer, map[string]any{"client_id": "app", "patient": "lind", "encounter": "visit", "need_patient_banner": false})
	u, err := url.Parse(launched.text("launch_url"))
	f.must(err)
	a := f.redeem(f.allowed("ada", map[string]string{"scope": "launch openid patient/*.rs", "launch": u.Query().Get("launch")}).Get("code"), nil)
	if a.text("encounter") != "visit" || a.text("patient") != "lind" {
		t.Fatalf("the app is told %v", a.body)
	}
	if banner, there := a.body["need_patient_banner"]; !there || banner != false {
		t.Errorf("the banner: %v, %t", banner, there)
	}
	if _, there := a.body["fhirContext"]; there {
		t.Error("there is a fhirContext without context")
	}
	if got := f.read("Encounter/visit", a.text("access_token")); got != http.StatusOK {
		t.Errorf("the encounter cannot be read with the token: %d", got)
	}
	style, err := http.NewRequestWithContext(t.Context(), http.MethodGet, a.text("smart_style_url"), nil)
	f.must(err)
	if s := f.send(style); s.status != http.StatusOK || len(s.body) == 0 || !strings.HasPrefix(s.header.Get("Content-Type"), "application/json") {
		t.Errorf("the style: %d %v", s.status, s.body)
	}
}

func TestErrorsOfTheTokenEndpoint(t *testing.T) {
	f := newFlow(t)
	a := f.post("/auth/token", url.Values{"grant_type": {"authorization_code"}, "client_id": {"app"}, "code": {"made-up"}}, "Origin: https://app.example.org")
	f.want("a made-up code", a, http.StatusBadRequest, "invalid_grant")
	if a.header.Get("Access-Control-Allow-Origin") != "*" || a.header.Get("Cache-Control") != "no-store" || a.text("error_description") == "" {
		t.Errorf("the headers are %v", a.header)
	}
	f.want("an unknown client", f.post("/auth/token", url.Values{"grant_type": {"authorization_code"}, "client_id": {"nobody"}, "code": {"x"}}), http.StatusUnauthorized, "invalid_client")
}

func TestIDTokens(t *testing.T) {
	f := newFlow(t)
	a := f.tokens("lind", nil)
	signed, err := jwt.ParseSigned(a.text("id_token"), []jose.SignatureAlgorithm{jose.RS256})
	f.must(err)
	keys, err := json.Marshal(f.sendJSON(http.MethodGet, "/auth/jwks", "", nil).body)
	f.must(err)
	var set jose.JSONWebKeySet
	f.must(json.Unmarshal(keys, &set))
	found := set.Key(signed.Headers[0].KeyID)
	if len(found) != 1 {
		t.Fatalf("the key %q is not published", signed.Headers[0].KeyID)
	}
	var claims map[string]any
	f.must(signed.Claims(found[0].Key, &claims))
	now := float64(f.now().Unix())
	if claims["iss"] != f.issuer || claims["aud"] != "app" || claims["nonce"] != "n-1" || claims["sub"] != "lind" || claims["exp"].(float64) <= now || claims["iat"].(float64) > now+1 {
		t.Errorf("the claims are %v", claims)
	}
	who, _ := claims["fhirUser"].(string)
	if !strings.HasPrefix(who, f.base+"/") || f.read(strings.TrimPrefix(who, f.base+"/"), a.text("access_token")) != http.StatusOK {
		t.Errorf("fhirUser is %q, which the token does not read", who)
	}
}

func TestARefreshKeepsItsPatient(t *testing.T) {
	f := newFlow(t)
	a := f.tokens("lind", nil)
	for _, changes := range []map[string]string{nil, {"scope": a.text("scope")}} {
		b := f.refresh(a.text("refresh_token"), changes)
		f.want("a refresh", b, http.StatusOK, "")
		if b.header.Get("Cache-Control") != "no-store" || b.header.Get("Pragma") != "no-cache" || b.text("scope") != a.text("scope") || b.text("patient") != "lind" || b.body["expires_in"] != 3600. {
			t.Errorf("%v: %v %v", changes, b.header, b.body)
		}
		if got := f.read("Patient/lind", b.text("access_token")); got != http.StatusOK {
			t.Errorf("the patient cannot be read: %d", got)
		}
		a = b
	}
	f.after(89 * 24 * time.Hour) // three months, for apps that are opened seldom
	f.want("a refresh after 89 days", f.refresh(a.text("refresh_token"), nil), http.StatusOK, "")
}

// TestGranularScopesInPlaceOfWide: the person grants laboratory results alone where all Observations were asked for.
func TestGranularScopesInPlaceOfWide(t *testing.T) {
	f := newFlow(t)
	const granular = "patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory"
	p := f.browser().Open(f.authorizeURL(map[string]string{"scope": "openid launch/patient patient/Observation.rs patient/Patient.rs"})).SignIn("lind", passphrase)
	form := p.Form("decision")
	boxes := slices.ContainsFunc(form.Boxes, func(b smarttest.Box) bool { return b.Value == granular })
	if !boxes {
		t.Fatalf("the page offers %v", form.Boxes)
	}
	a := f.redeem(f.left(p.Send(form, url.Values{"scope": {"openid", "launch/patient", granular, "patient/Patient.rs"}, "decision": {"allow"}})).Get("code"), nil)
	granted := strings.Fields(a.text("scope"))
	if !slices.Contains(granted, granular) || slices.Contains(granted, "patient/Observation.rs") {
		t.Fatalf("granted is %v", granted)
	}
	if got := f.read("Observation/o1", a.text("access_token")); got != http.StatusNotFound { // it has no category
		t.Errorf("an Observation of no category: %d", got)
	}
	if got := f.read("Patient/lind", a.text("access_token")); got != http.StatusOK {
		t.Errorf("the patient: %d", got)
	}
}

func TestAnAppDoesNotChooseItsID(t *testing.T) {
	f := newFlow(t)
	a := f.sendJSON(http.MethodPost, "/auth/register", "", map[string]any{
		"client_id": "app", "client_secret": "chosen", "redirect_uris": []string{appURL}, "scope": "patient/*.rs", "token_endpoint_auth_method": "client_secret_basic",
	})
	if a.status != http.StatusCreated || a.text("client_id") == "app" || a.text("client_id") == "" || a.text("client_secret") == "chosen" {
		t.Errorf("%d %v", a.status, a.body)
	}
}

func TestBrands(t *testing.T) {
	f := newFlow(t)
	at := f.sendJSON(http.MethodGet, "/fhir/.well-known/smart-configuration", "", nil).text("user_access_brand_bundle")
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, at, nil)
	f.must(err)
	a := f.send(r, "Origin: https://app.example.org")
	if a.status != http.StatusOK || a.header.Get("Access-Control-Allow-Origin") != "*" || a.text("resourceType") != "Bundle" || a.text("type") != "collection" {
		t.Errorf("%d %v", a.status, a.body)
	}
	if _, err := time.Parse(time.RFC3339, a.text("timestamp")); err != nil {
		t.Errorf("the timestamp is %q", a.text("timestamp"))
	}
	text, _ := json.Marshal(a.body)
	if !strings.Contains(string(text), `"address":"`+f.base+`"`) || !strings.Contains(string(text), `"Organization/brand"`) && !strings.Contains(string(text), "/Organization/brand") {
		t.Errorf("no endpoint for the records: %s", text)
	}
}

// TestTheVerifierOfTheTestsFits its challenge, so that refusals of others mean something.
func TestTheVerifierOfTheTestsFits(t *testing.T) {
	sum := sha256.Sum256([]byte(verifier))
	if base64.RawURLEncoding.EncodeToString(sum[:]) != challenge {
		t.Error("it does not")
	}
}
