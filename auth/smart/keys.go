package smart

import (
	"crypto"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"io"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// Lifetimes of the keys that sign id_tokens. A key is published before it signs, so that whoever keeps the set for a while
// knows it, and after, as long as what it signed counts.
const (
	KeyRests  = 24 * time.Hour
	KeySigns  = 90 * 24 * time.Hour
	KeyLeaves = 24 * time.Hour
	keyBits   = 2048
)

// SigningKey is one key.
type SigningKey struct {
	Private jose.JSONWebKey `json:"key"`
	From    time.Time       `json:"from"` // signs from then on
}

// KeySet are the keys of the server, the oldest first.
type KeySet struct {
	Keys []SigningKey `json:"keys"`
}

// Rotate takes away what has ended and adds what is needed next; false when nothing changed.
func (s *KeySet) Rotate(now time.Time, random io.Reader) (changed bool, err error) {
	n := len(s.Keys)
	s.Keys = slices.DeleteFunc(s.Keys, func(k SigningKey) bool { return now.After(k.From.Add(KeySigns + KeyLeaves)) })
	changed = len(s.Keys) != n
	for len(s.Keys) == 0 || now.After(s.Keys[len(s.Keys)-1].From.Add(KeySigns-KeyRests)) {
		from := now
		if len(s.Keys) > 0 {
			from = s.Keys[len(s.Keys)-1].From.Add(KeySigns)
		}
		if err := s.add(from, random); err != nil {
			return changed, err
		}
		changed = true
	}
	return changed, nil
}

// Replace lets a new key sign at once and takes all others away: for when one may have been seen.
func (s *KeySet) Replace(now time.Time, random io.Reader) error {
	s.Keys = nil
	return s.add(now, random)
}

func (s *KeySet) add(from time.Time, random io.Reader) error {
	private, err := rsa.GenerateKey(random, keyBits)
	if err != nil {
		return err
	}
	key := jose.JSONWebKey{Key: private, Algorithm: string(jose.RS256), Use: "sig"}
	thumb, err := key.Thumbprint(crypto.SHA256)
	if err != nil {
		return err
	}
	key.KeyID = base64.RawURLEncoding.EncodeToString(thumb)
	s.Keys = append(s.Keys, SigningKey{Private: key, From: from})
	return nil
}

// signing is the newest key that signs by now.
func (s *KeySet) signing(now time.Time) *jose.JSONWebKey {
	for i := len(s.Keys) - 1; i >= 0; i-- {
		if !now.Before(s.Keys[i].From) {
			return &s.Keys[i].Private
		}
	}
	return nil
}

// Public is the set without private parts, as it is published.
func (s *KeySet) Public() ([]byte, error) {
	var set jose.JSONWebKeySet
	for _, k := range s.Keys {
		set.Keys = append(set.Keys, k.Private.Public())
	}
	return json.Marshal(set)
}

// IDClaims is what an id_token says: https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#scopes-for-requesting-identity-data
type IDClaims struct {
	Issuer   string   `json:"iss"`
	Subject  string   `json:"sub"`
	Audience string   `json:"aud"`
	Expires  int64    `json:"exp"`
	Issued   int64    `json:"iat"`
	AuthTime int64    `json:"auth_time"`
	Nonce    string   `json:"nonce,omitempty"`
	ACR      string   `json:"acr,omitempty"`
	AMR      []string `json:"amr,omitempty"`
	FHIRUser string   `json:"fhirUser,omitempty"`
	Profile  string   `json:"profile,omitempty"`
}

// IDToken signs what a grant says of its person; "" where openid is not granted. The issuer is the server's public
// address; the person is named by it as a resource below base.
func (s *KeySet) IDToken(g *Grant, issuer, base string, now time.Time) (string, error) {
	granted := g.Granted()
	if !granted.Has("openid") || g.User == "" {
		return "", nil
	}
	claims := IDClaims{
		Issuer: issuer, Subject: g.User, Audience: g.Client, Expires: now.Add(AccessTokenLives).Unix(), Issued: now.Unix(),
		AuthTime: g.AuthTime.Unix(), Nonce: g.Nonce, ACR: g.Level, AMR: g.Methods,
	}
	if g.FHIRUser != "" && granted.Has("fhirUser") {
		claims.FHIRUser = base + "/" + g.FHIRUser
	}
	if g.FHIRUser != "" && granted.Has("profile") {
		claims.Profile = base + "/" + g.FHIRUser
	}
	key := s.signing(now)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: key}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return "", err
	}
	return jwt.Signed(signer).Claims(claims).Serialize()
}
