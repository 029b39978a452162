package smart_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"kiln/auth/smart"
)

// ring are keys for tests, by their kid.
type ring struct {
	*testing.T
	keys map[string]any
}

func newRing(t *testing.T) *ring {
	t.Helper()
	r := &ring{t, map[string]any{"text": []byte("a secret of two, which HMAC would take as a key, and long at that")}}
	var err error
	for kid, bits := range map[string]int{"rsa": 2048, "rsa2": 2048} {
		if r.keys[kid], err = rsa.GenerateKey(rand.Reader, bits); err != nil {
			t.Fatal(err)
		}
	}
	for kid, curve := range map[string]elliptic.Curve{"ec": elliptic.P384(), "p256": elliptic.P256()} {
		if r.keys[kid], err = ecdsa.GenerateKey(curve, rand.Reader); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// set is a JWK Set, private parts and all.
func (r *ring) set(keys ...jose.JSONWebKey) json.RawMessage {
	r.Helper()
	text, err := json.Marshal(jose.JSONWebKeySet{Keys: keys})
	if err != nil {
		r.Fatal(err)
	}
	return text
}

func (r *ring) key(kid string) jose.JSONWebKey { return jose.JSONWebKey{Key: r.keys[kid], KeyID: kid} }

// sign signs claims with a key under a kid; headers are pairs.
func (r *ring) sign(key, kid string, algorithm jose.SignatureAlgorithm, changes map[string]any, headers ...any) string {
	r.Helper()
	claims := map[string]any{"iss": "lab", "sub": "lab", "aud": issuer + smart.PathToken, "exp": now.Add(4 * time.Minute).Unix(), "jti": "1"}
	for name, value := range changes {
		if claims[name] = value; value == nil {
			delete(claims, name)
		}
	}
	options := (&jose.SignerOptions{}).WithType("JWT")
	if kid != "" {
		options = options.WithHeader("kid", kid)
	}
	for i := 0; i < len(headers); i += 2 {
		options = options.WithHeader(jose.HeaderKey(headers[i].(string)), headers[i+1])
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: r.keys[key]}, options)
	if err != nil {
		r.Fatal(err)
	}
	text, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		r.Fatal(err)
	}
	return text
}

// judge reads and checks an assertion.
func judge(text string, c *smart.Client, keys json.RawMessage) *smart.Error {
	a, refused := smart.ReadAssertion(text)
	if refused != nil {
		return refused
	}
	return a.Check(c, keys, []string{issuer + smart.PathToken}, now)
}

func TestAssertionsAreChecked(t *testing.T) {
	r := newRing(t)
	labelled := r.key("rsa2")
	labelled.Algorithm, labelled.Use = "RS384", "enc"
	mislabelled := r.key("ec")
	mislabelled.KeyID, mislabelled.Algorithm = "mislabelled", "RS384"
	keys := r.set(r.key("rsa"), r.key("ec"), r.key("p256"), labelled, mislabelled)
	lab := &smart.Client{ID: "lab", Means: smart.Key, Backend: true, Keys: keys, KeysURL: "https://lab.example.org/keys"}
	claims := func(pairs ...any) map[string]any {
		m := map[string]any{}
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i].(string)] = pairs[i+1]
		}
		return m
	}
	const rs, es = jose.RS384, jose.ES384
	for name, text := range map[string]string{
		"RS384, without iat and nbf":           r.sign("rsa", "rsa", rs, nil),
		"ES384":                                r.sign("ec", "ec", es, nil),
		"aud as a list":                        r.sign("ec", "ec", es, claims("aud", []string{"x", issuer + smart.PathToken})),
		"with iat and nbf":                     r.sign("ec", "ec", es, claims("iat", now.Unix(), "nbf", now.Unix())),
		"a jku that is the registered URL":     r.sign("ec", "ec", es, nil, "jku", "https://lab.example.org/keys"),
		"expired half a minute ago, by clocks": r.sign("ec", "ec", es, claims("exp", now.Add(-29*time.Second).Unix())),
		"five minutes ahead":                   r.sign("ec", "ec", es, claims("exp", now.Add(5*time.Minute).Unix())),
		"from a clock that is ahead a little":  r.sign("ec", "ec", es, claims("iat", now.Add(29*time.Second).Unix(), "nbf", now.Add(29*time.Second).Unix())),
	} {
		if refused := judge(text, lab, keys); refused != nil {
			t.Errorf("%s: %v", name, refused)
		}
	}
	none := func(header, claims string) string {
		return base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + "."
	}
	good := r.sign("ec", "ec", es, nil)
	parts := strings.Split(good, ".")
	forged := strings.Split(r.sign("ec", "ec", es, claims("jti", "2")), ".")
	for name, text := range map[string]string{
		"nothing":                               "",
		"no JWT":                                "a.b.c",
		"too long":                              good + strings.Repeat("A", 16<<10),
		"alg none":                              none(`{"alg":"none","kid":"ec"}`, `{"iss":"lab","sub":"lab"}`),
		"HS256":                                 r.sign("text", "ec", jose.HS256, nil),
		"HS384":                                 r.sign("text", "rsa", jose.HS384, nil),
		"RS256":                                 r.sign("rsa", "rsa", jose.RS256, nil),
		"RS512":                                 r.sign("rsa", "rsa", jose.RS512, nil),
		"PS384":                                 r.sign("rsa", "rsa", jose.PS384, nil),
		"ES256":                                 r.sign("p256", "p256", jose.ES256, nil),
		"claims that are no object":             parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(`"x"`)) + "." + parts[2],
		"no kid":                                r.sign("rsa", "", rs, nil),
		"an unknown kid":                        r.sign("rsa", "nobody", rs, nil),
		"the kid of a key of another kind":      r.sign("ec", "rsa", es, nil),
		"a key that is for another algorithm":   r.sign("ec", "mislabelled", es, nil),
		"a key that is for encryption":          r.sign("rsa2", "rsa2", rs, nil),
		"another's key under a known kid":       r.sign("rsa2", "rsa", rs, nil),
		"claims of one, signature of another":   forged[0] + "." + forged[1] + "." + parts[2],
		"no signature":                          parts[0] + "." + parts[1] + ".",
		"a jku of somebody else":                r.sign("ec", "ec", es, nil, "jku", "https://evil.example.org/keys"),
		"a jku that begins like the registered": r.sign("ec", "ec", es, nil, "jku", "https://lab.example.org/keys/evil"),
		"a jku that is no text":                 r.sign("ec", "ec", es, nil, "jku", 7),
		"an empty jku":                          r.sign("ec", "ec", es, nil, "jku", ""),
		"an x5u":                                r.sign("ec", "ec", es, nil, "x5u", "https://evil.example.org/"),
		"a key that it brings itself":           r.sign("ec", "ec", es, nil, "jwk", jose.JSONWebKey{Key: r.keys["ec"].(*ecdsa.PrivateKey).Public()}),
		"another iss":                           r.sign("ec", "ec", es, claims("iss", "other")),
		"no iss":                                r.sign("ec", "ec", es, claims("iss", nil)),
		"another sub":                           r.sign("ec", "ec", es, claims("sub", "other")),
		"no sub":                                r.sign("ec", "ec", es, claims("sub", nil)),
		"another aud":                           r.sign("ec", "ec", es, claims("aud", issuer)),
		"no aud":                                r.sign("ec", "ec", es, claims("aud", nil)),
		"no jti":                                r.sign("ec", "ec", es, claims("jti", nil)),
		"a jti too long":                        r.sign("ec", "ec", es, claims("jti", strings.Repeat("j", 1001))),
		"no exp":                                r.sign("ec", "ec", es, claims("exp", nil)),
		"expired":                               r.sign("ec", "ec", es, claims("exp", now.Add(-30*time.Second).Unix())),
		"more than five minutes ahead":          r.sign("ec", "ec", es, claims("exp", now.Add(5*time.Minute+31*time.Second).Unix())),
		"an hour ahead":                         r.sign("ec", "ec", es, claims("exp", now.Add(time.Hour).Unix())),
		"not valid yet":                         r.sign("ec", "ec", es, claims("nbf", now.Add(31*time.Second).Unix())),
		"issued in the future":                  r.sign("ec", "ec", es, claims("iat", now.Add(31*time.Second).Unix())),
	} {
		if refused := judge(text, lab, keys); refused == nil || refused.Code != smart.InvalidClient || refused.Page {
			t.Errorf("%s: %v", name, refused)
		}
	}
	secretive := &smart.Client{ID: "lab", Means: smart.Secret, Secret: "hash"}
	if refused := judge(good, secretive, keys); refused == nil || refused.Code != smart.InvalidClient {
		t.Errorf("a client that authenticates by a secret: %v", refused)
	}
	if refused := judge(good, lab, []byte(`no keys`)); refused == nil || refused.Code != smart.InvalidClient {
		t.Errorf("keys that cannot be read: %v", refused)
	}
	if refused := judge(r.sign("ec", "ec", es, nil, "jku", "https://lab.example.org/keys"), &smart.Client{ID: "lab", Means: smart.Key}, keys); refused == nil {
		t.Error("a jku is taken of a client that registered no URL")
	}
}

// TestKeysOfOneName: two keys of one kid are told apart by what they are for, and else both are tried.
func TestKeysOfOneName(t *testing.T) {
	r := newRing(t)
	var keys []jose.JSONWebKey
	for _, kid := range []string{"rsa", "rsa2", "ec"} {
		k := r.key(kid)
		k.KeyID = "same"
		keys = append(keys, k)
	}
	lab := &smart.Client{ID: "lab", Means: smart.Key}
	for kid, algorithm := range map[string]jose.SignatureAlgorithm{"rsa": jose.RS384, "rsa2": jose.RS384, "ec": jose.ES384} {
		if refused := judge(r.sign(kid, "same", algorithm, nil), lab, r.set(keys...)); refused != nil {
			t.Errorf("%s: %v", kid, refused)
		}
	}
	if refused := judge(r.sign("rsa2", "same", jose.RS384, nil), lab, r.set(keys[0], keys[2])); refused == nil {
		t.Error("a key that is not registered is taken for one of its name")
	}
}

func TestWeakKeysAreNotUsed(t *testing.T) {
	r := newRing(t)
	weak := rsa.PublicKey{N: r.keys["rsa"].(*rsa.PrivateKey).N, E: 65537}
	short := *weak.N
	weak.N = short.Rsh(&short, 1024)
	set := r.set(jose.JSONWebKey{Key: &weak, KeyID: "rsa"})
	if refused := judge(r.sign("rsa", "rsa", jose.RS384, nil), &smart.Client{ID: "lab", Means: smart.Key}, set); refused == nil || !strings.Contains(refused.Description, "kid") {
		t.Errorf("a key of 1024 bits: %v", refused)
	}
}

func TestWhatAnAssertionSaysOfItself(t *testing.T) {
	r := newRing(t)
	a, refused := smart.ReadAssertion(r.sign("ec", "ec", jose.ES384, nil))
	if refused != nil {
		t.Fatal(refused)
	}
	jti, until := a.ID()
	if a.ClientID() != "lab" || a.KeyID != "ec" || jti != "1" || until.Before(now.Add(4*time.Minute+30*time.Second)) {
		t.Errorf("it is from %s with %s: %s, to be remembered until %s", a.ClientID(), a.KeyID, jti, until)
	}
}

func TestPublicKeysHoldNothingPrivate(t *testing.T) {
	r := newRing(t)
	public, err := smart.PublicKeys(r.set(r.key("rsa"), r.key("ec"), jose.JSONWebKey{Key: []byte("symmetric"), KeyID: "oct"}))
	if err != nil {
		t.Fatal(err)
	}
	var kept struct {
		Keys []map[string]any `json:"keys"`
	}
	if err := json.Unmarshal(public, &kept); err != nil || len(kept.Keys) != 2 {
		t.Fatalf("kept is %s, %v", public, err)
	}
	for _, k := range kept.Keys {
		for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "k"} {
			if _, there := k[private]; there {
				t.Errorf("%s of the key %v is kept", private, k["kid"])
			}
		}
	}
	many := make([]jose.JSONWebKey, 51)
	for i := range many {
		many[i] = r.key("ec")
	}
	for name, set := range map[string]json.RawMessage{
		"nothing": nil, "no JSON": []byte("{"), "no keys": []byte(`{}`), "an empty list": []byte(`{"keys":[]}`), "a list alone": []byte(`[]`),
		"keys of kinds that nobody knows": []byte(`{"keys":[{"kty":"x"},{"kty":"EC","crv":"P-384","x":"AA","y":"AA"},7]}`), "a symmetric key": []byte(`{"keys":[{"kty":"oct","k":"AAAA"}]}`),
		"more than fifty": r.set(many...),
	} {
		if got, err := smart.PublicKeys(set); err == nil {
			t.Errorf("%s is kept as %s", name, got)
		}
	}
}
