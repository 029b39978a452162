package smarttest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// Provider is an OpenID provider that signs in whoever comes, with the claims that a test sets, and spoils what a test spoils.
type Provider struct {
	Issuer           string
	ClientID, Secret string

	t     testing.TB
	key   *rsa.PrivateKey
	mutex sync.Mutex
	says  map[string]any
	asked url.Values
	codes map[string]url.Values
	spoil Spoiled
}

// Spoiled is what a provider does wrong.
type Spoiled struct {
	Deny       bool           // the person is not signed in there
	Code       string         // instead of the one that was made
	State, Iss string         // instead of those of the request
	Claims     map[string]any // over those of the ID token; nil leaves one out
	OtherKey   bool           // that the ID token is signed with
	Down       bool           // nothing is answered but 503
	Documents  map[string]any // over the discovery document
}

// NewProvider starts a provider for a client.
func NewProvider(t testing.TB, clientID, secret string) *Provider {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p := &Provider{t: t, ClientID: clientID, Secret: secret, key: key, codes: map[string]url.Values{}}
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", p.discovery)
	mux.HandleFunc("/authorize", p.authorize)
	mux.HandleFunc("/token", p.token)
	mux.HandleFunc("/keys", p.keys)
	mux.HandleFunc("/end", func(w http.ResponseWriter, r *http.Request) {
		p.mutex.Lock()
		p.asked = r.URL.Query()
		p.mutex.Unlock()
		http.Redirect(w, r, r.URL.Query().Get("post_logout_redirect_uri"), http.StatusSeeOther) //nolint:gosec // a provider for tests, which goes where it is told
	})
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p.spoiled().Down {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(web.Close)
	p.Issuer = web.URL
	return p
}

// Says sets what the provider says of whoever signs in.
func (p *Provider) Says(claims map[string]any) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.says = claims
}

// Spoil lets the provider do wrong from now on.
func (p *Provider) Spoil(s Spoiled) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.spoil = s
}

func (p *Provider) spoiled() Spoiled {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return p.spoil
}

// Asked is what was asked last when a person came, to sign in or out.
func (p *Provider) Asked() url.Values {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return p.asked
}

func (p *Provider) answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		p.t.Error(err)
	}
}

func (p *Provider) discovery(w http.ResponseWriter, _ *http.Request) {
	document := map[string]any{
		"issuer": p.Issuer, "authorization_endpoint": p.Issuer + "/authorize", "token_endpoint": p.Issuer + "/token",
		"jwks_uri": p.Issuer + "/keys", "end_session_endpoint": p.Issuer + "/end", "id_token_signing_alg_values_supported": []string{"RS256"},
	}
	maps.Copy(document, p.spoiled().Documents)
	p.answer(w, http.StatusOK, document)
}

func (p *Provider) keys(w http.ResponseWriter, _ *http.Request) {
	p.answer(w, http.StatusOK, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: p.key.Public(), KeyID: "k", Algorithm: "RS256", Use: "sig"}}})
}

func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	query := r.URL.Query()
	p.asked = query
	back := url.Values{"state": {query.Get("state")}, "iss": {p.Issuer}}
	if p.spoil.Deny {
		back.Set("error", "access_denied")
		back.Set("error_description", "inner words")
	} else {
		code := rand.Text()
		p.codes[code] = query
		back.Set("code", code)
	}
	for name, value := range map[string]string{"code": p.spoil.Code, "state": p.spoil.State, "iss": p.spoil.Iss} {
		if value != "" {
			back.Set(name, value)
		}
	}
	http.Redirect(w, r, query.Get("redirect_uri")+"?"+back.Encode(), http.StatusSeeOther) //nolint:gosec // as above
}

func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	id, secret := credentials(r)
	asked, ok := p.codes[r.FormValue("code")]
	delete(p.codes, r.FormValue("code"))
	proof := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	if !ok || id != p.ClientID || secret != p.Secret || base64.RawURLEncoding.EncodeToString(proof[:]) != asked.Get("code_challenge") || r.FormValue("redirect_uri") != asked.Get("redirect_uri") {
		p.answer(w, http.StatusBadRequest, map[string]string{"error": "invalid_grant", "error_description": "inner words"})
		return
	}
	p.answer(w, http.StatusOK, map[string]any{"access_token": "a", "token_type": "Bearer", "expires_in": 60, "id_token": p.idToken(asked)})
}

// credentials are those of https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1
func credentials(r *http.Request) (id, secret string) {
	id, secret, ok := r.BasicAuth()
	if !ok {
		return r.PostFormValue("client_id"), r.PostFormValue("client_secret")
	}
	id, err := url.QueryUnescape(id)
	if err != nil {
		return "", ""
	}
	if secret, err = url.QueryUnescape(secret); err != nil {
		return "", ""
	}
	return id, secret
}

func (p *Provider) idToken(asked url.Values) string {
	now := time.Now()
	claims := map[string]any{
		"iss": p.Issuer, "aud": p.ClientID, "sub": "someone", "nonce": asked.Get("nonce"), "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(), "auth_time": now.Unix(),
	}
	maps.Copy(claims, p.says)
	maps.Copy(claims, p.spoil.Claims)
	maps.DeleteFunc(claims, func(_ string, value any) bool { return value == nil })
	key := p.key
	if p.spoil.OtherKey {
		var err error
		if key, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
			p.t.Error(err)
		}
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: key, KeyID: "k"}}, nil)
	if err != nil {
		p.t.Error(err)
		return ""
	}
	text, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		p.t.Error(err)
	}
	return text
}
