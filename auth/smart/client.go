package smart

import (
	"encoding/json"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"kiln/auth/scope"
)

// Means is how a client authenticates.
type Means string

// The means: https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#step-5-access-token
const (
	Public Means = "none"
	Secret Means = "client_secret_basic" // or in the body
	Key    Means = "private_key_jwt"
)

// State of a client.
type State string

// The states.
const (
	Pending   State = "pending" // registered itself; nobody approved it
	Active    State = "active"
	Suspended State = "suspended"
)

// Client is an app or a backend service.
type Client struct {
	ID    string `json:"client_id"`
	Name  string `json:"client_name,omitempty"`
	Means Means  `json:"token_endpoint_auth_method"`
	State State  `json:"state"`
	// Secret is the hash of the secret, as the one who keeps it makes it.
	Secret string `json:"secret,omitempty"`
	// Keys are a JWK Set by value, KeysURL is where one is; LocalKeys lets the URL lead to a private address.
	Keys      json.RawMessage `json:"jwks,omitempty"`
	KeysURL   string          `json:"jwks_uri,omitempty"`
	LocalKeys bool            `json:"local_keys,omitempty"`
	Redirects []string        `json:"redirect_uris,omitempty"`
	Launch    string          `json:"launch_uri,omitempty"`
	// Scopes are the most that may be granted.
	Scopes string `json:"scope,omitempty"`
	// Backend may ask for tokens on its own.
	Backend  bool      `json:"backend,omitempty"`
	Contacts []string  `json:"contacts,omitempty"`
	Website  string    `json:"client_uri,omitempty"`
	Created  time.Time `json:"created"`
	// Software is a signed statement of who made the app, kept as it came.
	Software string `json:"software_statement,omitempty"`
}

// Called is how pages call it.
func (c *Client) Called() string {
	if c.Name != "" {
		return c.Name
	}
	return c.ID
}

// MayHave are the most scopes that may be granted.
func (c *Client) MayHave() scope.Set {
	set, _ := scope.Parse(c.Scopes)
	return set
}

// Redirects reports whether an address is one that was registered: letter by letter, but for the port of an address of the
// very machine, which an app that runs there cannot know before (https://www.rfc-editor.org/rfc/rfc8252#section-7.3).
func (c *Client) redirects(address string) bool {
	return slices.ContainsFunc(c.Redirects, func(registered string) bool {
		return registered == address || sameButPort(registered, address)
	})
}

func sameButPort(registered, address string) bool {
	a, err := url.Parse(registered)
	b, err2 := url.Parse(address)
	if err != nil || err2 != nil || a.Scheme != "http" || !loopbackIP(a.Hostname()) || a.Hostname() != b.Hostname() || b.User != nil {
		return false
	}
	a.Host, b.Host = "", ""
	return a.String() == b.String() && !strings.Contains(address, "#")
}

// Assured reports whether a code that is sent to an address reaches this client, as far as can be known: it proves who it is, or
// the address was registered with host and port. Any port of the very machine, and a scheme that apps choose for themselves,
// may be taken by others, so that people are asked each time: https://www.rfc-editor.org/rfc/rfc8252#section-8.6
func (c *Client) Assured(address string) bool {
	return c.Means != Public || slices.Contains(c.Redirects, address) && strings.HasPrefix(address, "http")
}

func loopbackIP(host string) bool {
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// Check tells all that is wrong with a client, as sentences.
func (c *Client) Check() []string {
	var wrong []string
	note := func(bad bool, sentence string) {
		if bad {
			wrong = append(wrong, sentence)
		}
	}
	note(!validID(c.ID), "the client id must be of 1 to 100 letters, digits and - . _ ~")
	note(len(c.Name) > 200, "the name is longer than 200 bytes")
	note(!c.Backend && len(c.Redirects) == 0, "an app needs a redirect URI")
	note(c.Backend && c.Means != Key, "a backend service needs keys (a JWK Set or its URL)")
	note(c.Means == Key && len(c.Keys) == 0 && c.KeysURL == "", "keys are missing: a JWK Set or its URL")
	note(c.Means == Secret && c.Secret == "", "the secret is missing")
	note(c.Means != Key && c.Means != Secret && c.Means != Public, "the means of authentication must be none, client_secret_basic or private_key_jwt")
	for _, address := range c.Redirects {
		note(!redirectable(address), "a redirect URI must be an https address, an http address of this very machine, or of a scheme of an app such as org.example.app:/done, without a fragment: "+address)
	}
	if c.Launch != "" {
		u, err := url.Parse(c.Launch)
		note(err != nil || u.Scheme != "https" && (u.Scheme != "http" || !local(u.Hostname())) || u.Fragment != "", "the launch URI must be an https address, or an http address of this very machine")
	}
	if c.KeysURL != "" {
		u, err := url.Parse(c.KeysURL)
		note(err != nil || u.Scheme != "https" && (u.Scheme != "http" || !c.LocalKeys || !local(u.Hostname())) || u.User != nil, "the URL of the keys must be an https address")
	}
	if len(c.Keys) > 0 {
		if _, err := publicKeys(c.Keys); err != nil {
			wrong = append(wrong, "the keys are not a JWK Set with public keys for RS384 or ES384")
		}
	}
	_, unknown := scope.Parse(c.Scopes)
	note(len(unknown) > 0, "these scopes are not understood: "+strings.Join(unknown, " "))
	return wrong
}

func validID(id string) bool {
	return id != "" && len(id) <= 100 && strings.Trim(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~") == ""
}

func local(host string) bool { return host == "localhost" || loopbackIP(host) }

// redirectable reports whether a code may be sent to an address.
func redirectable(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Fragment != "" || strings.Contains(address, "#") || u.User != nil || len(address) > 2000 {
		return false
	}
	switch u.Scheme {
	case "https":
		return u.Host != ""
	case "http":
		return local(u.Hostname())
	case "javascript", "data", "file", "vbscript", "about", "blob", "":
		return false
	}
	return strings.Contains(u.Scheme, ".") // a reversed domain name: https://www.rfc-editor.org/rfc/rfc8252#section-7.1
}
