package smart

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

const (
	fuzzBase     = "https://kiln.example.org/fhir"
	fuzzRedirect = "https://app.example.org/done"
)

var fuzzApp = Client{
	ID: "app", Means: Public, State: Active, Redirects: []string{fuzzRedirect, "http://127.0.0.1/done"},
	Scopes: "openid fhirUser launch launch/patient offline_access patient/*.rs",
}

// FuzzReadAuthorize: whatever is sent, what is accepted names a registered address, the audience and a challenge, and nothing
// beyond the registered scopes; and an answer to the app goes to where the app said, and nowhere else.
func FuzzReadAuthorize(f *testing.F) {
	challenge := base64.RawURLEncoding.EncodeToString(make([]byte, 32))
	f.Add("response_type=code&client_id=app&redirect_uri=" + url.QueryEscape(fuzzRedirect) + "&scope=patient/*.rs&state=s&aud=" + url.QueryEscape(fuzzBase) + "&code_challenge=" + challenge + "&code_challenge_method=S256")
	f.Add("response_type=code&client_id=app&redirect_uri=http://127.0.0.1:4711/done&scope=openid&state=s&code_challenge=" + challenge + "&code_challenge_method=S256&max_age=5&prompt=login&acr_values=a+b")
	f.Add("response_type=token&redirect_uri=https://evil.example/&redirect_uri=x&max_age=-1")
	f.Add("client_id=app&redirect_uri=" + url.QueryEscape(fuzzRedirect) + "#x&scope=system/*.cruds&launch=h")
	f.Fuzz(func(t *testing.T, text string) {
		form, err := url.ParseQuery(text)
		if err != nil {
			return
		}
		r, refused := ReadAuthorize(form)
		if refused != nil {
			if r != nil || !refused.Page || len(refused.Description) > 300 {
				t.Fatalf("%q: %v, %+v", text, r, refused)
			}
			return
		}
		switch wrong := r.Check(&fuzzApp, fuzzBase); {
		case wrong == nil:
			accepted(t, r)
		case !wrong.Page:
			addressed(t, r, r.Refuse("https://kiln.example.org", wrong))
		}
	})
}

func accepted(t *testing.T, r *AuthorizeRequest) {
	t.Helper()
	host, _ := url.Parse(r.RedirectURI)
	if r.RedirectURI != fuzzRedirect && (host == nil || host.Hostname() != "127.0.0.1" || host.Path != "/done" || host.RawQuery != "" || host.Fragment != "") {
		t.Errorf("answers to %q", r.RedirectURI)
	}
	if r.ResponseType != "code" || r.State == "" || r.Method != "S256" || len(r.Challenge) != 43 {
		t.Errorf("accepted without a state or a challenge: %+v", r)
	}
	asked := r.Asked(&fuzzApp)
	if len(asked) == 0 || !fuzzApp.MayHave().Covers(asked) {
		t.Errorf("%q asks for %s", r.Scope, asked)
	}
	if len(asked) > 0 && strings.Contains(asked.String(), "patient/") && strings.TrimRight(r.Audience, "/") != fuzzBase {
		t.Errorf("records for the audience %q", r.Audience)
	}
	addressed(t, r, r.Answer("https://kiln.example.org", url.Values{"code": {"c"}}))
}

// addressed: an answer goes to the registered address, with the state as it came.
func addressed(t *testing.T, r *AuthorizeRequest, answer string) {
	t.Helper()
	to, err := url.Parse(answer)
	from, _ := url.Parse(r.RedirectURI)
	if err != nil || to.Scheme != from.Scheme || to.Host != from.Host || to.Path != from.Path || to.Query().Get("state") != r.State || to.Query().Get("iss") != "https://kiln.example.org" {
		t.Errorf("%q is answered at %q, %v", r.RedirectURI, answer, err)
	}
}

// FuzzReadAssertion: an assertion that is accepted was signed by the registered key, for this server, by and about the
// client, for at most five minutes, and has an id; its signature is no other's than that of the claims checked.
func FuzzReadAssertion(f *testing.F) {
	private, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES384, Key: jose.JSONWebKey{Key: private, KeyID: "k"}}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		f.Fatal(err)
	}
	keys, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: private.Public(), KeyID: "k", Algorithm: "ES384"}}})
	if err != nil {
		f.Fatal(err)
	}
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	backend := Client{ID: "lab", Means: Key, Backend: true, State: Active, Keys: keys}
	signed := func(claims string) string {
		s, err := signer.Sign([]byte(claims))
		if err != nil {
			f.Fatal(err)
		}
		text, _ := s.CompactSerialize()
		return text
	}
	const good = `{"iss":"lab","sub":"lab","aud":"https://kiln.example.org/auth/token","exp":1767323145,"jti":"1"}`
	for _, claims := range []string{good, strings.Replace(good, `"sub":"lab"`, `"sub":"other"`, 1), strings.Replace(good, "1767323145", "1867323145", 1), strings.Replace(good, `"jti":"1"`, `"nbf":9e9`, 1)} {
		f.Add(signed(claims), "")
	}
	parts := strings.Split(signed(good), ".")
	f.Add(base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","kid":"k"}`))+"."+parts[1]+".", "")
	f.Add("", good)
	f.Add("", strings.Replace(good, `"aud":"`, `"aud":["x","`, 1))
	f.Fuzz(func(t *testing.T, text, claims string) {
		if text == "" { // claims of any kind, signed well
			if len(claims) > maxAssertion/2 {
				return
			}
			text = signed(claims)
		}
		a, refused := ReadAssertion(text)
		if refused != nil {
			if a != nil || refused.Code != InvalidClient {
				t.Fatalf("%q: %v", text, refused)
			}
			return
		}
		if refused := a.Check(&backend, keys, []string{"https://kiln.example.org/auth/token"}, now); refused != nil {
			if refused.Code != InvalidClient {
				t.Errorf("%q is refused as %s", text, refused.Code)
			}
			return
		}
		token, err := jwt.ParseSigned(text, []jose.SignatureAlgorithm{jose.ES384})
		var said map[string]any
		if err != nil || token.Claims(private.Public(), &said) != nil {
			t.Fatalf("accepted, and not signed with the key: %q", text)
		}
		jti, until := a.ID()
		if said["iss"] != "lab" || said["sub"] != "lab" || jti == "" || jti != said["jti"] || until.Before(now) || until.After(now.Add(6*time.Minute)) {
			t.Errorf("accepted: %v, to be remembered until %s", said, until)
		}
	})
}

// FuzzRegister: what registers itself is pending, for patients, answered at safe addresses only, and keeps nothing private.
func FuzzRegister(f *testing.F) {
	f.Add(`{"redirect_uris":["https://app.example.org/"],"token_endpoint_auth_method":"none","scope":"patient/*.rs openid"}`)
	f.Add(`{"redirect_uris":["javascript:alert(1)"],"client_name":"x"}`)
	f.Add(`{"redirect_uris":["org.example.app:/x"],"token_endpoint_auth_method":"private_key_jwt","jwks":{"keys":[{"kty":"oct","k":"AA"}]},"scope":"system/*.cruds"}`)
	f.Add(`{"redirect_uris":["http://localhost:1/#x"],"grant_types":["client_credentials"],"jwks_uri":"http://169.254.169.254/"}`)
	f.Fuzz(func(t *testing.T, text string) {
		var r Registration
		if json.Unmarshal([]byte(text), &r) != nil {
			return
		}
		c, refused := Register(&r, time.Unix(0, 0))
		if refused != nil {
			if c != nil || refused.Page {
				t.Fatalf("%q: %+v, %+v", text, c, refused)
			}
			return
		}
		if c.State != Pending || c.Backend || c.LocalKeys || c.ID != "" || c.Secret != "" || len(c.Redirects) == 0 {
			t.Errorf("%q registers %+v", text, c)
		}
		for _, s := range c.MayHave() {
			if level := s.Level.String(); level == "user" || level == "system" {
				t.Errorf("%q registers the scope %s", text, s)
			}
		}
		for _, address := range c.Redirects {
			u, err := url.Parse(address)
			if err != nil || u.Fragment != "" || u.User != nil || u.Scheme == "javascript" || u.Scheme == "data" || u.Scheme == "http" && !local(u.Hostname()) {
				t.Errorf("%q is answered at %q", text, address)
			}
		}
		if c.Means == Key && strings.Contains(string(c.Keys), `"d"`) {
			t.Errorf("%q keeps a private key", text)
		}
	})
}
