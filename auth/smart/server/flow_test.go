package server_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"kiln/auth/access"
	"kiln/auth/account"
	"kiln/auth/federation"
	"kiln/auth/policy"
	"kiln/auth/smart"
	"kiln/auth/smart/server"
	"kiln/auth/smart/smarttest"
	"kiln/fhir"
	"kiln/fhir/rest"
	"kiln/search"
	"kiln/store/memory"
)

const (
	passphrase = "seven small boats"
	appURL     = "http://127.0.0.1:9/app"
	verifier   = "a-verifier-of-forty-three-letters-or-more-12345"
	challenge  = "eScUFDBCrvLm6VBjqEYZi7wVNDUZwh-H1IBHQnqmeS8"
)

// flow is a whole server, with people, apps and two patients, whose clock the test moves.
type flow struct {
	*testing.T
	engine *memory.Store
	people *account.People
	server *server.Server
	policy *policy.Current

	parameters *search.Parameters
	providers  *federation.Providers

	base   string
	issuer string
	shift  atomic.Int64
	logged *lockedBuffer
	keys   map[string]any // private keys of backend services

	told     sync.Map                              // of whom
	exported atomic.Pointer[server.AuditSelection] // of the audit log, last
}

type lockedBuffer struct {
	mutex sync.Mutex
	text  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.text.String()
}

func (f *flow) now() time.Time        { return time.Now().Add(time.Duration(f.shift.Load())) }
func (f *flow) after(d time.Duration) { f.shift.Add(int64(d)) }

// heard is of whom something was told.
func (f *flow) heard() (names []string) {
	f.told.Range(func(name, _ any) bool { names = append(names, name.(string)); return true })
	return names
}

func (f *flow) must(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

func newFlow(t *testing.T) *flow {
	t.Helper()
	return newFlowWith(t)
}

// newFlowWith lets people sign in by way of providers too.
func newFlowWith(t *testing.T, providers ...federation.Provider) *flow {
	t.Helper()
	f := &flow{T: t, logged: &lockedBuffer{}, keys: map[string]any{}}
	var handler atomic.Pointer[http.Handler]
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*handler.Load()).ServeHTTP(w, r) }))
	t.Cleanup(web.Close)
	f.issuer, f.base = web.URL, web.URL+"/fhir"
	logger := slog.New(slog.NewTextHandler(f.logged, &slog.HandlerOptions{Level: slog.LevelDebug}))

	parameters, err := search.NewParameters(search.Options{BaseURL: f.base})
	f.must(err)
	f.engine = memory.New(memory.Options{Parameters: parameters, Now: f.now})
	t.Cleanup(func() { _ = f.engine.Close() })
	shipped, err := policy.Load(policy.Default())
	f.must(err)
	f.policy, err = policy.NewCurrent(shipped)
	f.must(err)
	authorizer, err := access.New(access.Options{Store: f.engine, Parameters: parameters, Policy: f.policy, BaseURL: f.base, Now: f.now, Logger: logger})
	f.must(err)
	f.fill(parameters)
	f.parameters = parameters
	service, err := fhir.New(fhir.Options{
		Store: f.engine, Parameters: parameters, BaseURL: f.base, Authorizer: authorizer, Operations: []fhir.Operation{authorizer.BreakGlass()}, Now: f.now,
	})
	f.must(err)
	t.Cleanup(service.Close)

	f.providers = federation.New(providers, federation.Options{Issuer: f.issuer, Now: f.now, Logger: logger, LookAgain: time.Millisecond})
	f.people = account.New(account.Options{Records: f.engine.Records, Now: f.now, Changed: func() { f.server.Changed() }})
	f.server, err = server.New(t.Context(), server.Options{
		People: f.people, Records: f.engine.Records, Service: service, Policy: f.policy, Authorizer: authorizer, Issuer: f.issuer, Providers: f.providers, Now: f.now, Logger: logger,
		Told: func(_ context.Context, name, _ string) { f.told.Store(name, true) },
		ExportAudit: func(_ context.Context, selected server.AuditSelection, w io.Writer) error {
			f.exported.Store(&selected)
			_, err := io.WriteString(w, "{}\n")
			return err
		},
	})
	f.must(err)
	for name, a := range map[string]account.Account{
		"ada": {Rank: "nurse", FHIRUser: "Practitioner/ada"}, "lind": {Rank: "patient", FHIRUser: "Patient/lind"},
		"koch": {Rank: "administrator"}, "boss": {Rank: "director"}, "chief": {Rank: "director"},
	} {
		a.Name = name
		f.must(f.people.Add(t.Context(), a, passphrase))
	}
	f.apps()
	edge, err := rest.New(rest.Options{Service: service, Authenticator: quiet{f.server}, WellKnown: f.server.WellKnown(), Logger: logger})
	f.must(err)
	f.server.Mount(edge.Engine())
	var h http.Handler = edge
	handler.Store(&h)
	return f
}

// quiet notes nothing of how requests end.
type quiet struct{ *server.Server }

func (quiet) Finished(context.Context, *http.Request, rest.Ending) {}

// fill stores two patients, of whom the nurse cares for one, before anybody guards the store.
func (f *flow) fill(parameters *search.Parameters) {
	f.stored(parameters, map[string]string{
		"Practitioner/ada": `{"resourceType":"Practitioner","id":"ada"}`,
		"Patient/lind":     `{"resourceType":"Patient","id":"lind","name":[{"family":"Lindgrenova","given":["Åsa"]}],"birthDate":"1970-05-03","generalPractitioner":[{"reference":"Practitioner/ada"}]}`,
		"Patient/berg":     `{"resourceType":"Patient","id":"berg","name":[{"family":"Bergmanova"}]}`,
		"Observation/o1":   `{"resourceType":"Observation","id":"o1","status":"final","code":{"text":"pulse"},"subject":{"reference":"Patient/lind"}}`,
		"Observation/o2":   `{"resourceType":"Observation","id":"o2","status":"final","code":{"text":"pulse"},"subject":{"reference":"Patient/berg"}}`,
	})
}

// stored are resources that nobody guards.
func (f *flow) stored(parameters *search.Parameters, resources map[string]string) {
	f.Helper()
	open, err := fhir.New(fhir.Options{Store: f.engine, Parameters: parameters, BaseURL: f.base})
	f.must(err)
	defer open.Close()
	edge, err := rest.New(rest.Options{Service: open})
	f.must(err)
	for path, body := range resources {
		r := httptest.NewRequest(http.MethodPut, "/fhir/"+path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/fhir+json")
		w := httptest.NewRecorder()
		if edge.ServeHTTP(w, r); w.Code != http.StatusCreated {
			f.Fatalf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}

const wide = "openid fhirUser launch launch/patient offline_access online_access administration patient/*.cruds user/*.cruds"

func (f *flow) apps() {
	f.client(&smart.Client{ID: "app", Name: "Growth", Means: smart.Public, State: smart.Active, Redirects: []string{appURL}, Launch: "http://127.0.0.1:9/launch", Scopes: wide})
	f.client(&smart.Client{ID: "other", Means: smart.Public, State: smart.Active, Redirects: []string{"http://127.0.0.1:9/other"}, Scopes: wide})
	f.client(&smart.Client{ID: "secretive", Means: smart.Secret, State: smart.Active, Secret: account.HashSecret("a secret with spaces +"), Redirects: []string{appURL}, Scopes: wide})
	f.client(&smart.Client{ID: "pending", Means: smart.Public, State: smart.Pending, Redirects: []string{appURL}, Scopes: wide})
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	f.must(err)
	ecKey, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	f.must(err)
	f.keys["rsa"], f.keys["ec"] = rsaKey, ecKey
	set, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
		{Key: rsaKey, KeyID: "rsa", Algorithm: "RS384", Use: "sig"}, {Key: ecKey, KeyID: "ec", Algorithm: "ES384", Use: "sig"},
	}})
	f.must(err)
	public, err := smart.PublicKeys(set)
	f.must(err)
	if bytes.Contains(public, []byte(`"d"`)) {
		f.Fatal("private parts of keys are kept")
	}
	f.client(&smart.Client{ID: "lab", Means: smart.Key, State: smart.Active, Backend: true, Keys: public, Scopes: "system/Observation.rs system/Patient.r"})
}

func (f *flow) client(c *smart.Client) {
	f.Helper()
	if wrong := c.Check(); len(wrong) > 0 {
		f.Fatal(c.ID, wrong)
	}
	f.must(server.AddClient(f.Context(), f.engine.Records, c))
}

func (f *flow) browser() *smarttest.Browser {
	return smarttest.NewBrowser(f, nil, "http://127.0.0.1:9/")
}

// request is a good one, with changes: "" takes a parameter away.
func (f *flow) request(changes map[string]string) url.Values {
	v := url.Values{
		"response_type": {"code"}, "client_id": {"app"}, "redirect_uri": {appURL}, "state": {"s t&ä"}, "aud": {f.base},
		"scope": {"openid fhirUser launch/patient offline_access patient/*.rs"}, "code_challenge": {challenge}, "code_challenge_method": {"S256"}, "nonce": {"n-1"},
	}
	for name, value := range changes {
		if value == "" {
			v.Del(name)
		} else {
			v.Set(name, value)
		}
	}
	return v
}

func (f *flow) authorizeURL(changes map[string]string) string {
	return f.issuer + "/auth/authorize?" + f.request(changes).Encode()
}

// allowed walks a person through sign-in, choice and consent to the address of the app.
func (f *flow) allowed(name string, changes map[string]string) url.Values {
	f.Helper()
	p := f.browser().Open(f.authorizeURL(changes)).SignIn(name, passphrase)
	if p.Left == nil && strings.Contains(p.Body, `name="patient"`) {
		p = p.Submit(smarttest.Field{Name: "patient", Value: "lind"})
	}
	if p.Left == nil {
		p = p.Submit(smarttest.Field{Name: "decision", Value: "allow"})
	}
	return f.left(p)
}

func (f *flow) left(p *smarttest.Page) url.Values {
	f.Helper()
	if p.Left == nil {
		f.Fatalf("the walk ended at %s (%d): %s", p.URL, p.Status, p.Body)
	}
	return p.Left.Query()
}

// answer is what an endpoint says.
type answer struct {
	status int
	header http.Header
	body   map[string]any
}

func (f *flow) post(path string, form url.Values, headers ...string) answer {
	f.Helper()
	r, err := http.NewRequestWithContext(f.Context(), http.MethodPost, f.issuer+path, strings.NewReader(form.Encode()))
	f.must(err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return f.send(r, headers...)
}

func (f *flow) send(r *http.Request, headers ...string) answer {
	f.Helper()
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	got, err := http.DefaultClient.Do(r)
	f.must(err)
	defer func() { _ = got.Body.Close() }()
	a := answer{status: got.StatusCode, header: got.Header}
	text, err := io.ReadAll(got.Body)
	f.must(err)
	_ = json.Unmarshal(text, &a.body)
	return a
}

func (a answer) text(name string) string {
	text, _ := a.body[name].(string)
	return text
}

// redeem sends a code as the app does, with changes.
func (f *flow) redeem(code string, changes map[string]string) answer {
	f.Helper()
	v := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {appURL}, "client_id": {"app"}, "code_verifier": {verifier}}
	for name, value := range changes {
		v.Set(name, value)
		if value == "" {
			v.Del(name)
		}
	}
	return f.post("/auth/token", v)
}

// tokens are those of a person who allowed the app everything it asked for.
func (f *flow) tokens(name string, changes map[string]string) answer {
	f.Helper()
	a := f.redeem(f.allowed(name, changes).Get("code"), nil)
	if a.status != http.StatusOK {
		f.Fatalf("the code gives %d %v", a.status, a.body)
	}
	return a
}

// read is the status of a read with a token.
func (f *flow) read(path, token string) int {
	f.Helper()
	r, err := http.NewRequestWithContext(f.Context(), http.MethodGet, f.base+"/"+path, nil)
	f.must(err)
	return f.send(r, "Authorization: Bearer "+token).status
}

func (f *flow) want(what string, a answer, status int, code string) {
	f.Helper()
	if a.status != status || a.text("error") != code {
		f.Errorf("%s: got %d %v, want %d %s", what, a.status, a.body, status, code)
	}
}

func (f *flow) refresh(token string, changes map[string]string) answer {
	f.Helper()
	v := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}
	for name, value := range changes {
		v.Set(name, value)
	}
	return f.post("/auth/token", v)
}

// assertion is what a backend service signs, with changes of its claims.
func (f *flow) assertion(key, algorithm string, changes map[string]any, headers ...jose.HeaderKey) string {
	f.Helper()
	claims := map[string]any{
		"iss": "lab", "sub": "lab", "aud": f.issuer + "/auth/token", "exp": f.now().Add(4 * time.Minute).Unix(), "jti": fmt.Sprint(time.Now().UnixNano(), key),
	}
	for name, value := range changes {
		claims[name] = value
		if value == nil {
			delete(claims, name)
		}
	}
	options := (&jose.SignerOptions{}).WithType("JWT").WithHeader("kid", key)
	for _, h := range headers {
		options = options.WithHeader(h, "https://evil.example.org/keys")
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(algorithm), Key: f.keys[key]}, options)
	f.must(err)
	text, err := jwt.Signed(signer).Claims(claims).Serialize()
	f.must(err)
	return text
}

func (f *flow) backend(assertion string, changes map[string]string) answer {
	f.Helper()
	v := url.Values{
		"grant_type": {"client_credentials"}, "scope": {"system/Observation.rs"}, "client_assertion": {assertion}, "client_assertion_type": {smart.AssertionType},
	}
	for name, value := range changes {
		v.Set(name, value)
	}
	return f.post("/auth/token", v)
}

// records are all values of all buckets, as text.
func (f *flow) records() string {
	f.Helper()
	buckets, err := f.engine.Buckets(f.Context())
	f.must(err)
	var all strings.Builder
	for _, bucket := range buckets {
		list, err := f.engine.Records(bucket).List(f.Context(), "", "", 0)
		f.must(err)
		for _, r := range list {
			all.WriteString(r.Key + " " + string(r.Value) + "\n")
		}
	}
	return all.String()
}

// newListener is the address of a server on this machine that tells when it is asked.
func newListener(t *testing.T, asked func()) string {
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked()
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"keys":[]}`))
	}))
	t.Cleanup(web.Close)
	return web.URL + "/keys"
}

func keysAt(id, address string, local bool) *smart.Client {
	return &smart.Client{ID: id, Means: smart.Key, State: smart.Active, Backend: true, KeysURL: address, LocalKeys: local, Scopes: "system/*.rs"}
}
