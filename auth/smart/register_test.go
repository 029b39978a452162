package smart_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"kiln/auth/smart"
)

func TestAppsThatRegisterThemselves(t *testing.T) {
	r := newRing(t)
	keys := r.set(r.key("ec"))
	for _, c := range []struct {
		name   string
		change func(*smart.Registration)
		want   string // code of the refusal; "" for none
	}{
		{"an app", nil, ""},
		{"of no scopes, which gets those of a patient", func(r *smart.Registration) { r.Scope = "" }, ""},
		{"of all it can", func(r *smart.Registration) {
			r.GrantTypes, r.ResponseTypes = []string{"authorization_code", "refresh_token"}, []string{"code"}
		}, ""},
		{"with keys", func(r *smart.Registration) { r.Means, r.Keys = smart.Key, keys }, ""},
		{"with a secret", func(r *smart.Registration) { r.Means = "client_secret_post" }, ""},
		{"user/ scopes", func(r *smart.Registration) { r.Scope += " user/Patient.r" }, smart.InvalidClientMeta},
		{"system/ scopes", func(r *smart.Registration) { r.Scope = "system/*.rs" }, smart.InvalidClientMeta},
		{"an EHR's launch", func(r *smart.Registration) { r.Scope += " launch" }, smart.InvalidClientMeta},
		{"scopes that nobody knows", func(r *smart.Registration) { r.Scope += " nonsense" }, smart.InvalidClientMeta},
		{"client_credentials", func(r *smart.Registration) { r.GrantTypes = []string{"client_credentials"} }, smart.InvalidClientMeta},
		{"implicit", func(r *smart.Registration) { r.ResponseTypes = []string{"code", "token"} }, smart.InvalidClientMeta},
		{"means that nobody knows", func(r *smart.Registration) { r.Means = "tls_client_auth" }, smart.InvalidClientMeta},
		{"keys that are none", func(r *smart.Registration) { r.Means, r.Keys = smart.Key, []byte(`{"keys":[]}`) }, smart.InvalidClientMeta},
		{"keys of this machine", func(r *smart.Registration) { r.Means, r.KeysURL = smart.Key, "http://127.0.0.1/keys" }, smart.InvalidClientMeta},
		{"a launch over HTTP", func(r *smart.Registration) { r.LaunchURI = "http://app.example.org/" }, smart.InvalidClientMeta},
		{"eleven contacts", func(r *smart.Registration) { r.Contacts = make([]string, 11) }, smart.InvalidClientMeta},
		{"a statement too long", func(r *smart.Registration) { r.Software = strings.Repeat("x", 16<<10+1) }, smart.InvalidClientMeta},
		{"no redirect URI", func(r *smart.Registration) { r.Redirects = nil }, smart.InvalidRedirectURI},
		{"redirect over HTTP", func(r *smart.Registration) { r.Redirects = []string{redirect, "http://app.example.org/"} }, smart.InvalidRedirectURI},
		{"redirect to a script", func(r *smart.Registration) { r.Redirects = []string{"javascript:alert(1)"} }, smart.InvalidRedirectURI},
	} {
		registration := &smart.Registration{Name: "New", Means: smart.Public, Redirects: []string{redirect}, Scope: "launch/patient offline_access patient/*.rs"}
		if c.change != nil {
			c.change(registration)
		}
		client, refused := smart.Register(registration, now)
		switch {
		case c.want != "":
			if client != nil || refused == nil || refused.Code != c.want || refused.Page {
				t.Errorf("%s: %+v, %v", c.name, client, refused)
			}
		case refused != nil:
			t.Errorf("%s: %v", c.name, refused)
		case client.State != smart.Pending || client.ID != "" || client.Secret != "" || client.Backend || client.LocalKeys || !client.Created.Equal(now) || client.Scopes == "":
			t.Errorf("%s is registered as %+v", c.name, client)
		}
	}
}

func TestTheDefaultMeansIsASecret(t *testing.T) {
	for _, means := range []smart.Means{"", "client_secret_basic", "client_secret_post"} {
		c, refused := smart.Register(&smart.Registration{Means: means, Redirects: []string{redirect}}, now)
		if refused != nil || c.Means != smart.Secret {
			t.Errorf("%q: %+v, %v", means, c, refused)
		}
	}
}

func TestRegistrationsKeepNothingPrivate(t *testing.T) {
	r := newRing(t)
	c, refused := smart.Register(&smart.Registration{Means: smart.Key, Redirects: []string{redirect}, Keys: r.set(r.key("rsa"))}, now)
	if refused != nil {
		t.Fatal(refused)
	}
	var kept jose.JSONWebKeySet
	if err := json.Unmarshal(c.Keys, &kept); err != nil || len(kept.Keys) != 1 || !kept.Keys[0].IsPublic() {
		t.Errorf("kept is %s, %v", c.Keys, err)
	}
}
