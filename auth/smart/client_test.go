package smart_test

import (
	"strings"
	"testing"

	"kiln/auth/smart"
)

const (
	base     = "https://kiln.example.org/fhir"
	issuer   = "https://kiln.example.org"
	redirect = "https://app.example.org/done"
)

// app is a good one, with a change.
func app(change func(*smart.Client)) *smart.Client {
	c := &smart.Client{
		ID: "app", Means: smart.Public, State: smart.Active, Redirects: []string{redirect},
		Scopes: "openid fhirUser launch launch/patient offline_access online_access patient/*.cruds user/*.rs",
	}
	if change != nil {
		change(c)
	}
	return c
}

func TestClientsAreChecked(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*smart.Client)
		want   string // part of the only sentence; "" for none
	}{
		{"a public app", nil, ""},
		{"a phone's scheme", func(c *smart.Client) { c.Redirects = []string{"org.example.app:/done"} }, ""},
		{"this very machine", func(c *smart.Client) {
			c.Redirects = []string{"http://127.0.0.1/a", "http://[::1]:9/", "http://localhost:3/"}
		}, ""},
		{"a secret", func(c *smart.Client) { c.Means, c.Secret = smart.Secret, "hash" }, ""},
		{"keys at a URL", func(c *smart.Client) { c.Means, c.KeysURL = smart.Key, "https://app.example.org/keys" }, ""},
		{"keys of an administrator's own machine", func(c *smart.Client) {
			c.Means, c.KeysURL, c.LocalKeys = smart.Key, "http://127.0.0.1:9/keys", true
		}, ""},
		{"a launch on this machine", func(c *smart.Client) { c.Launch = "http://127.0.0.1:9/launch" }, ""},
		{"no id", func(c *smart.Client) { c.ID = "" }, "client id"},
		{"an id that is two words", func(c *smart.Client) { c.ID = "a b" }, "client id"},
		{"an id of a path", func(c *smart.Client) { c.ID = "../x" }, "client id"},
		{"an id too long", func(c *smart.Client) { c.ID = strings.Repeat("a", 101) }, "client id"},
		{"a name too long", func(c *smart.Client) { c.Name = strings.Repeat("a", 201) }, "the name"},
		{"no redirect URI", func(c *smart.Client) { c.Redirects = nil }, "needs a redirect URI"},
		{"a backend service without keys", func(c *smart.Client) { c.Backend, c.Redirects = true, nil }, "backend service"},
		{"private_key_jwt without keys", func(c *smart.Client) { c.Means = smart.Key }, "keys are missing"},
		{"no secret", func(c *smart.Client) { c.Means = smart.Secret }, "the secret is missing"},
		{"means that nobody knows", func(c *smart.Client) { c.Means = "password" }, "the means"},
		{"keys that are none", func(c *smart.Client) { c.Means, c.Keys = smart.Key, []byte(`{"keys":[]}`) }, "the keys are not"},
		{"keys over HTTP", func(c *smart.Client) { c.Means, c.KeysURL = smart.Key, "http://app.example.org/keys" }, "URL of the keys"},
		{"keys of this machine, unallowed", func(c *smart.Client) { c.Means, c.KeysURL = smart.Key, "http://127.0.0.1/keys" }, "URL of the keys"},
		{"a password in the URL of keys", func(c *smart.Client) { c.Means, c.KeysURL = smart.Key, "https://u:p@app.example.org/" }, "URL of the keys"},
		{"a launch over HTTP", func(c *smart.Client) { c.Launch = "http://app.example.org/launch" }, "launch URI"},
		{"scopes that nobody knows", func(c *smart.Client) { c.Scopes = "patient/*.rs nonsense" }, "not understood: nonsense"},
		{"redirect: HTTP", func(c *smart.Client) { c.Redirects = []string{"http://app.example.org/"} }, "a redirect URI must be"},
		{"redirect: a fragment", func(c *smart.Client) { c.Redirects = []string{redirect + "#x"} }, "a redirect URI must be"},
		{"redirect: an empty fragment", func(c *smart.Client) { c.Redirects = []string{redirect + "#"} }, "a redirect URI must be"},
		{"redirect: somebody's name", func(c *smart.Client) { c.Redirects = []string{"https://good.example.org@evil.example.org/"} }, "a redirect URI must be"},
		{"redirect: javascript", func(c *smart.Client) { c.Redirects = []string{"javascript:alert(1)"} }, "a redirect URI must be"},
		{"redirect: data", func(c *smart.Client) { c.Redirects = []string{"data:text/html,x"} }, "a redirect URI must be"},
		{"redirect: a scheme that is nobody's domain", func(c *smart.Client) { c.Redirects = []string{"myapp:/x"} }, "a redirect URI must be"},
		{"redirect: relative", func(c *smart.Client) { c.Redirects = []string{"/done"} }, "a redirect URI must be"},
		{"redirect: no host", func(c *smart.Client) { c.Redirects = []string{"https:///done"} }, "a redirect URI must be"},
		{"redirect: too long", func(c *smart.Client) { c.Redirects = []string{redirect + strings.Repeat("x", 2000)} }, "a redirect URI must be"},
	} {
		wrong := app(c.change).Check()
		if c.want == "" && len(wrong) != 0 || c.want != "" && (len(wrong) != 1 || !strings.Contains(wrong[0], c.want)) {
			t.Errorf("%s: %q, want %q", c.name, wrong, c.want)
		}
	}
	if wrong := (&smart.Client{Scopes: "x"}).Check(); len(wrong) < 4 {
		t.Errorf("all that is wrong is told at once; there is only %q", wrong)
	}
}

func TestHowClientsAreCalled(t *testing.T) {
	if got := app(nil).Called(); got != "app" {
		t.Errorf("without a name it is %q", got)
	}
	if got := app(func(c *smart.Client) { c.Name = "Growth" }).Called(); got != "Growth" {
		t.Errorf("it is called %q", got)
	}
}

func TestAssured(t *testing.T) {
	c := app(func(c *smart.Client) {
		c.Redirects = []string{redirect, "http://127.0.0.1:9000/done", "http://127.0.0.1/any", "org.example.app:/done"}
	})
	for address, want := range map[string]bool{
		redirect: true, "http://127.0.0.1:9000/done": true, "http://127.0.0.1:4711/any": false, "http://127.0.0.1:9001/done": false, "org.example.app:/done": false,
	} {
		if got := c.Assured(address); got != want {
			t.Errorf("that %s is the app's: %t", address, got)
		}
	}
	c.Means = smart.Secret
	if !c.Assured("org.example.app:/done") {
		t.Error("an app that proves who it is is not assured")
	}
}
