package smart

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"regexp"
	"time"

	"kiln/auth/scope"
)

// Grant is what a person allowed an app, or a backend service was allowed: all tokens made of it end with it.
type Grant struct {
	ID       string    `json:"id"`
	Client   string    `json:"client"`
	User     string    `json:"user,omitempty"`
	Epoch    uint64    `json:"epoch,omitempty"` // of the account, as of then
	FHIRUser string    `json:"fhirUser,omitempty"`
	Session  string    `json:"session,omitempty"`
	Scopes   string    `json:"scopes"`
	Context  Context   `json:"context"`
	Level    string    `json:"acr,omitempty"`
	Methods  []string  `json:"amr,omitempty"`
	AuthTime time.Time `json:"auth_time"`
	Nonce    string    `json:"nonce,omitempty"`
	Created  time.Time `json:"created"`
	// Refresh is the hash of the present refresh token, Before that of the one before, which came at Rotated.
	Refresh string    `json:"refresh,omitempty"`
	Before  string    `json:"before,omitempty"`
	Rotated time.Time `json:"rotated"`
}

// Granted are the scopes.
func (g *Grant) Granted() scope.Set {
	set, _ := scope.Parse(g.Scopes)
	return set
}

// Offline reports whether the app may refresh while the person is away.
func (g *Grant) Offline() bool { return g.Granted().Has("offline_access") }

// Refreshes reports whether the app may refresh at all.
func (g *Grant) Refreshes() bool { return g.Offline() || g.Granted().Has("online_access") }

// Ends is when a grant is of no use any more, unless it is refreshed.
func (g *Grant) Ends() time.Time {
	from := g.Created
	if g.Rotated.After(from) {
		from = g.Rotated
	}
	if g.Refreshes() {
		return from.Add(RefreshLives)
	}
	return from.Add(CodeLives + AccessTokenLives)
}

// Code is what is kept of a code, under its hash.
type Code struct {
	Grant     string    `json:"grant"`
	Client    string    `json:"client"`
	Redirect  string    `json:"redirect"`
	Challenge string    `json:"challenge"`
	Expires   time.Time `json:"expires"`
	Used      bool      `json:"used,omitempty"`
}

var verifierForm = regexp.MustCompile(`^[A-Za-z0-9._~-]{43,128}$`)

// Redeem judges the use of a code by a client that is authenticated. Revoke says that the grant must end by it: a code that
// comes twice was stolen, from the app or by it (https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2).
func (c *Code) Redeem(client *Client, redirect, verifier string, now time.Time) (revoke bool, refused *Error) {
	wrong := refuse(InvalidGrant, "The code is unknown, was used already, has expired, or is not for this app and address.")
	switch {
	case c == nil:
		return false, wrong
	case c.Used:
		return true, wrong
	case c.Client != client.ID:
		return true, wrong
	case !now.Before(c.Expires), c.Redirect != redirect:
		return false, wrong
	case !verifierForm.MatchString(verifier):
		return false, refuse(InvalidGrant, "code_verifier is missing, or has not 43 to 128 letters, digits and - . _ ~")
	}
	sum := sha256.Sum256([]byte(verifier))
	if subtle.ConstantTimeCompare([]byte(base64.RawURLEncoding.EncodeToString(sum[:])), []byte(c.Challenge)) != 1 {
		return false, refuse(InvalidGrant, "code_verifier does not fit code_challenge.")
	}
	return false, nil
}

// Refreshed is what a refresh leads to.
type Refreshed struct {
	Scopes scope.Set // of the new access token: those asked for, or all
	Rotate bool      // a new refresh token takes the place of this one
	Revoke bool      // the grant ends: the token was used by two
}

// TryRefresh judges the use of a refresh token, given as its hash, by a client that is authenticated, or has nothing to authenticate
// with. A token that was replaced a moment ago is taken once more, since its answer may have been lost; later it shows that
// two have it (https://www.rfc-editor.org/rfc/rfc9700#section-4.14).
func (g *Grant) TryRefresh(client *Client, hash, asked string, now time.Time) (Refreshed, *Error) {
	wrong := refuse(InvalidGrant, "The refresh token is unknown, was revoked or replaced, or is not for this app.")
	switch {
	case g == nil, g.Client != client.ID:
		return Refreshed{}, wrong
	case !g.Refreshes(), !now.Before(g.Ends()):
		return Refreshed{}, wrong
	case hash != g.Refresh && (hash != g.Before || now.Sub(g.Rotated) > lostReply):
		return Refreshed{Revoke: true}, wrong
	}
	scopes := g.Granted()
	if asked != "" {
		narrower, unknown := scope.Parse(asked)
		if len(unknown) > 0 || len(narrower) == 0 || !scopes.Covers(narrower) {
			return Refreshed{}, refuse(InvalidScope, "A refresh can ask for no more than was granted.")
		}
		scopes = narrower
	}
	return Refreshed{Scopes: scopes, Rotate: true}, nil
}

// TokenAnswer is the answer of the token endpoint: https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#response-5
type TokenAnswer struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int    `json:"expires_in"`
	Scope        string `json:"scope"`
	RefreshToken string `json:"refresh_token,omitempty"`
	IDToken      string `json:"id_token,omitempty"`
	Patient      string `json:"patient,omitempty"`
	Encounter    string `json:"encounter,omitempty"`
	FHIRContext  any    `json:"fhirContext,omitempty"`
	Intent       string `json:"intent,omitempty"`
	Banner       *bool  `json:"need_patient_banner,omitempty"`
	Style        string `json:"smart_style_url,omitempty"`
	Tenant       string `json:"tenant,omitempty"`
}

// Answer is the part of a token's answer that the grant tells: its context, if a person stands behind it.
func (g *Grant) Answer(scopes scope.Set, style string) TokenAnswer {
	a := TokenAnswer{TokenType: "Bearer", Scope: scopes.String()}
	if g.User == "" {
		return a
	}
	a.Patient, a.Encounter, a.Intent, a.Style = g.Context.Patient, g.Context.Encounter, g.Context.Intent, style
	if len(g.Context.Others) > 0 {
		a.FHIRContext = g.Context.Others
	}
	a.Banner = &g.Context.Banner
	return a
}

// BackendScopes judges what a backend service asks for: https://hl7.org/fhir/smart-app-launch/STU2.2/backend-services.html
func (c *Client) BackendScopes(asked string) (scope.Set, *Error) {
	if !c.Backend {
		return nil, refuse(UnauthorizedClient, "This client is not registered as a backend service.")
	}
	if asked == "" {
		return nil, refuse(InvalidScope, "scope is missing.")
	}
	set, _ := scope.Parse(asked)
	var system scope.Set
	for _, s := range set.Intersect(c.MayHave()) {
		if s.Level == scope.System {
			system = append(system, s)
		}
	}
	if len(system) == 0 {
		return nil, refuse(InvalidScope, "None of the scopes is a system/ scope that is registered for this client.")
	}
	return system, nil
}
