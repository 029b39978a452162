package smart

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// AssertionType is the value of client_assertion_type.
const AssertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// assertionAlgorithms are those of https://hl7.org/fhir/smart-app-launch/STU2.2/client-confidential-asymmetric.html
var assertionAlgorithms = []jose.SignatureAlgorithm{jose.RS384, jose.ES384}

const (
	maxAssertion  = 16 << 10
	assertionSkew = 30 * time.Second // that clocks may differ
	maxKeys       = 50
)

// Assertion is a JWT by which a client authenticates, read but not verified.
type Assertion struct {
	token  *jwt.JSONWebToken
	claims jwt.Claims
	KeyID  string
	jku    string
}

// ReadAssertion reads a client_assertion. ClientID tells who it says it is from.
func ReadAssertion(text string) (*Assertion, *Error) {
	wrong := refuse(InvalidClient, "client_assertion is not a JWT signed with RS384 or ES384 and with a kid.")
	if len(text) > maxAssertion {
		return nil, wrong
	}
	token, err := jwt.ParseSigned(text, assertionAlgorithms)
	if err != nil || len(token.Headers) != 1 || token.Headers[0].KeyID == "" {
		return nil, wrong
	}
	a := &Assertion{token: token, KeyID: token.Headers[0].KeyID}
	if err := token.UnsafeClaimsWithoutVerification(&a.claims); err != nil {
		return nil, wrong
	}
	if jku, there := token.Headers[0].ExtraHeaders["jku"]; there {
		a.jku, _ = jku.(string)
		if a.jku == "" {
			return nil, wrong
		}
	}
	// A key that the message brings itself proves nothing.
	if _, there := token.Headers[0].ExtraHeaders["x5u"]; there || token.Headers[0].JSONWebKey != nil {
		return nil, refuse(InvalidClient, "client_assertion names keys that were not registered.")
	}
	return a, nil
}

// ClientID is who the assertion says it is from.
func (a *Assertion) ClientID() string { return a.claims.Issuer }

// ID is the jti, and Expires until when it must be remembered.
func (a *Assertion) ID() (jti string, expires time.Time) {
	return a.claims.ID, a.claims.Expiry.Time().Add(assertionSkew)
}

// Check verifies an assertion with the client's keys, a JWK Set. Audiences are the addresses that it may be for. The
// replay of a jti is for the caller to see. Every refusal is invalid_client.
func (a *Assertion) Check(c *Client, keys json.RawMessage, audiences []string, now time.Time) *Error {
	no := func(format string, args ...any) *Error {
		return refuse(InvalidClient, "client_assertion "+format, args...)
	}
	if c.Means != Key {
		return no("is not how this client authenticates.")
	}
	if a.jku != "" && a.jku != c.KeysURL {
		return no("has a jku that is not the registered URL.")
	}
	known, err := publicKeys(keys)
	if err != nil {
		return no("cannot be verified: the client's keys cannot be read.")
	}
	candidates := slices.DeleteFunc(known, func(k jose.JSONWebKey) bool { return k.KeyID != a.KeyID || !fits(k, a.token.Headers[0].Algorithm) })
	if len(candidates) == 0 {
		return no("names a kid that the client's keys do not have, for that algorithm.")
	}
	verified := slices.ContainsFunc(candidates, func(k jose.JSONWebKey) bool { return a.token.Claims(k.Key, &a.claims) == nil })
	claims := a.claims
	switch {
	case !verified:
		return no("has a signature that does not fit.")
	case claims.Issuer != c.ID || claims.Subject != c.ID:
		return no("must have the client id as iss and sub.")
	case !slices.ContainsFunc(audiences, claims.Audience.Contains):
		return no("must have the token endpoint as aud.")
	case claims.ID == "" || len(claims.ID) > 1000:
		return no("must have a jti.")
	case claims.Expiry == nil || !now.Before(claims.Expiry.Time().Add(assertionSkew)):
		return no("has expired, or has no exp.")
	case claims.Expiry.Time().After(now.Add(5*time.Minute + assertionSkew)):
		return no("must expire within five minutes.")
	case claims.NotBefore != nil && claims.NotBefore.Time().After(now.Add(assertionSkew)):
		return no("is not valid yet.")
	case claims.IssuedAt != nil && claims.IssuedAt.Time().After(now.Add(assertionSkew)):
		return no("is from the future.")
	}
	return nil
}

// fits reports whether a key is for an algorithm.
func fits(k jose.JSONWebKey, algorithm string) bool {
	if k.Algorithm != "" && k.Algorithm != algorithm || k.Use != "" && k.Use != "sig" {
		return false
	}
	switch key := k.Key.(type) {
	case *rsa.PublicKey:
		return algorithm == string(jose.RS384) && key.N.BitLen() >= 2048
	case *ecdsa.PublicKey:
		return algorithm == string(jose.ES384) && key.Curve == elliptic.P384()
	}
	return false
}

var errKeys = errors.New("it is not a JWK Set")

// publicKeys reads a JWK Set; private parts are dropped, keys of other kinds too.
func publicKeys(set json.RawMessage) ([]jose.JSONWebKey, error) {
	var outer struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(set, &outer); err != nil || outer.Keys == nil || len(outer.Keys) > maxKeys {
		return nil, errKeys
	}
	var keys []jose.JSONWebKey
	for _, raw := range outer.Keys {
		var k jose.JSONWebKey
		if k.UnmarshalJSON(raw) != nil {
			continue // of a kind that nobody here uses
		}
		if public := k.Public(); public.Key != nil && public.Valid() {
			keys = append(keys, public)
		}
	}
	if len(keys) == 0 {
		return nil, errKeys
	}
	return keys, nil
}

// PublicKeys is a JWK Set without anything private, as it is kept; an error where it has no key.
func PublicKeys(set json.RawMessage) (json.RawMessage, error) {
	keys, err := publicKeys(set)
	if err != nil {
		return nil, err
	}
	return json.Marshal(jose.JSONWebKeySet{Keys: keys})
}
