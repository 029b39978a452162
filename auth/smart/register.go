package smart

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"kiln/auth/scope"
)

// Registration is what an app sends to register itself: https://www.rfc-editor.org/rfc/rfc7591#section-2
type Registration struct {
	Redirects     []string        `json:"redirect_uris"`
	Means         Means           `json:"token_endpoint_auth_method"`
	GrantTypes    []string        `json:"grant_types"`
	ResponseTypes []string        `json:"response_types"`
	Name          string          `json:"client_name"`
	Website       string          `json:"client_uri"`
	Logo          string          `json:"logo_uri"`
	Scope         string          `json:"scope"`
	Contacts      []string        `json:"contacts"`
	Terms         string          `json:"tos_uri"`
	Policy        string          `json:"policy_uri"`
	KeysURL       string          `json:"jwks_uri"`
	Keys          json.RawMessage `json:"jwks"`
	Software      string          `json:"software_statement"`
	LaunchURL     string          `json:"initiate_login_uri"`
	LaunchURI     string          `json:"launch_uri"`
}

// Register judges a registration and gives the client that comes of it, pending until somebody approves it, without id and
// secret. Apps for patients may register themselves; the rest is for administrators.
func Register(r *Registration, now time.Time) (*Client, *Error) {
	if r.Means == "" {
		r.Means = Secret // https://www.rfc-editor.org/rfc/rfc7591#section-2: the default is client_secret_basic
	}
	if r.Means == "client_secret_post" {
		r.Means = Secret
	}
	if slices.ContainsFunc(r.GrantTypes, func(t string) bool { return t != "authorization_code" && t != "refresh_token" }) ||
		slices.ContainsFunc(r.ResponseTypes, func(t string) bool { return t != "code" }) {
		return nil, refuse(InvalidClientMeta, "An app that registers itself can have the grant types authorization_code and refresh_token and the response type code; others are for an administrator.")
	}
	c := &Client{
		ID: "x", Name: r.Name, Means: r.Means, State: Pending, Keys: r.Keys, KeysURL: r.KeysURL, Redirects: r.Redirects, Website: r.Website,
		Launch: r.LaunchURI, Scopes: r.Scope, Contacts: r.Contacts, Created: now, Software: r.Software,
	}
	if c.Scopes == "" {
		c.Scopes = "openid fhirUser launch/patient patient/*.rs"
	}
	asked, _ := scope.Parse(c.Scopes)
	if asked.AnyOf(scope.User) || asked.AnyOf(scope.System) || asked.Has("launch") || asked.Has(scope.Administration) {
		return nil, refuse(InvalidClientMeta, "An app that registers itself can have scopes for patients; user/, system/, launch and administration are for an administrator.")
	}
	if len(c.Contacts) > 10 || len(c.Redirects) > 20 || len(c.Software) > 16<<10 {
		return nil, refuse(InvalidClientMeta, "There are more than 10 contacts or 20 redirect URIs, or the statement is too long.")
	}
	if c.Means == Key && len(c.Keys) > 0 {
		public, err := PublicKeys(c.Keys)
		if err != nil {
			return nil, refuse(InvalidClientMeta, "jwks is not a JWK Set with public keys.")
		}
		c.Keys = public
	}
	if c.Means == Secret {
		c.Secret = "(is made)"
	}
	wrong := c.Check()
	c.ID, c.Secret = "", ""
	if i := slices.IndexFunc(wrong, func(w string) bool { return strings.Contains(w, "redirect URI") }); i >= 0 {
		return nil, refuse(InvalidRedirectURI, "%s.", wrong[i])
	}
	if len(wrong) > 0 {
		return nil, refuse(InvalidClientMeta, "%s.", strings.Join(wrong, "; "))
	}
	return c, nil
}
