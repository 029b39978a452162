package federation

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"kiln/auth/account"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func read(t *testing.T, text string) claims {
	t.Helper()
	var c claims
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestTexts(t *testing.T) {
	c := read(t, `{"a":"x","b":["x","y"],"c":true,"d":1,"e":null,"f":"","realm_access":{"roles":["r"],"deep":{"er":"z"}},
		"https://h.example/roles":["u"],"dotted.name":"exact","dotted":{"name":"nested"},"g":["x",1]}`)
	for name, want := range map[string][]string{
		"a": {"x"}, "b": {"x", "y"}, "c": {"true"}, "d": nil, "e": nil, "f": nil, "missing": nil, "realm_access.roles": {"r"}, "realm_access.deep.er": {"z"},
		"https://h.example/roles": {"u"}, "dotted.name": {"exact"}, "a.b": nil, "realm_access": nil, "g": nil, ".": nil, "": nil,
	} {
		if got := c.texts(name); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

func TestLevels(t *testing.T) {
	two, phr := account.TwoFactors, account.PhishingResistant
	for _, c := range []struct {
		provider Provider
		claims   string
		want     account.Level
	}{
		{Provider{}, `{}`, account.PasswordOnly},
		{Provider{}, `{"amr":["pwd","mfa"]}`, two},
		{Provider{}, `{"amr":["pwd","otp"],"acr":"mfa"}`, account.PasswordOnly},
		{Provider{Level: two}, `{"amr":["pwd"]}`, two},
		{Provider{AMR: map[string]account.Level{"otp": two}}, `{"amr":["pwd","otp"]}`, two},
		{Provider{AMR: map[string]account.Level{"otp": two}}, `{"amr":["pwd","mfa"]}`, account.PasswordOnly}, // the file alone says what counts
		{Provider{AMR: map[string]account.Level{"otp": two, "hwk": phr}}, `{"amr":["hwk","otp"]}`, phr},
		{Provider{ACR: map[string]account.Level{"urn:gold": two}}, `{"acr":"urn:gold"}`, two},
		{Provider{ACR: map[string]account.Level{"urn:gold": two}}, `{"acr":"urn:golden"}`, account.PasswordOnly},
		{Provider{ACR: map[string]account.Level{"0": account.PasswordOnly}, Level: two}, `{"acr":"0"}`, two},
	} {
		if got := c.provider.level(read(t, c.claims)); got != c.want {
			t.Errorf("%+v of %s: %s, want %s", c.provider, c.claims, got, c.want)
		}
	}
}

func TestSignedInAt(t *testing.T) {
	for text, want := range map[string]time.Time{
		`{}`: noon.Add(-asksWithin), `{"auth_time":null}`: noon.Add(-asksWithin), `{"auth_time":"x"}`: noon.Add(-asksWithin),
		`{"auth_time":-1}`: noon.Add(-asksWithin), `{"auth_time":1e300}`: noon.Add(-asksWithin), `{"auth_time":1772366400}`: noon, `{"auth_time":1872366400}`: noon,
		`{"auth_time":1772366390}`: noon.Add(-9*time.Second - time.Millisecond),
	} {
		if got := signedInAt(read(t, text), noon); !got.Equal(want) {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

// TestEmailAsName: an address that was not verified names nobody, though no domains are asked for.
func TestEmailAsName(t *testing.T) {
	p := Provider{Issuer: "https://id.example", AccountClaim: "email"}
	var refused *Refusal
	if _, err := p.identity("1", read(t, `{"email":"eva@hospital.example"}`), noon); !errors.As(err, &refused) {
		t.Errorf("%v", err)
	}
	i, err := p.identity("1", read(t, `{"email":"eva@hospital.example","email_verified":true}`), noon)
	if err != nil || i.Name != "eva@hospital.example" || i.Subject != "https://id.example 1" {
		t.Errorf("%+v, %v", i, err)
	}
}

// FuzzIdentity: no claims give more than the file says.
func FuzzIdentity(f *testing.F) {
	f.Add(`{"sub":"1","groups":["wards"],"amr":["mfa"],"email":"a@hospital.example","email_verified":true,"tid":"t-1","auth_time":1}`)
	f.Add(`{"groups":"physicians","email":"a@b@hospital.example","email_verified":"true","tid":["t-1"],"realm_access":{"roles":[]},"fhirUser":"Practitioner/1"}`)
	f.Add(`{"groups":{"a":1},"acr":[],"amr":"x"}`)
	p := Provider{
		Issuer: "https://id.example", AccountClaim: "sub", RankClaim: "groups", Ranks: []Ranking{{"wards", "nurse"}, {"physicians", "clinician"}},
		FHIRUserClaim: "fhirUser", EmailDomains: []string{"hospital.example"}, Require: map[string][]string{"tid": {"t-1"}},
	}
	f.Fuzz(func(t *testing.T, text string) {
		var c claims
		if json.Unmarshal([]byte(text), &c) != nil {
			t.Skip()
		}
		i, err := p.identity("1", c, noon)
		var refused *Refusal
		switch {
		case err != nil && !errors.As(err, &refused):
			t.Fatalf("%T %v", err, err)
		case err != nil:
			return
		}
		if !slices.Contains([]string{"", "nurse", "clinician"}, i.Rank) || i.Level == account.PhishingResistant || i.At.After(noon) || i.Name == "" ||
			len(i.Methods) > maxMethods+1 || strings.Contains(i.FHIRUser, ":") || !strings.HasSuffix(strings.ToLower(c.text("email")), "@hospital.example") {
			t.Errorf("%+v of %s", i, text)
		}
	})
}
