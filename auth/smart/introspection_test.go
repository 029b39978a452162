package smart_test

import (
	"encoding/json"
	"testing"
	"time"

	"kiln/auth/smart"
)

var addresses = smart.Addresses{Issuer: issuer, Base: base}

// told is an introspection as it is sent.
func told(t *testing.T, g *smart.Grant, token *smart.AccessToken) map[string]any {
	t.Helper()
	text, err := json.Marshal(smart.Introspect(g, token, addresses))
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestIntrospectionTellsOfActiveTokensAlone(t *testing.T) {
	token := &smart.AccessToken{Scopes: "patient/Patient.r", Issued: now, Expires: now.Add(time.Hour)}
	g := &smart.Grant{
		Client: "app", User: "lind", FHIRUser: "Patient/lind", Scopes: "openid fhirUser patient/*.rs", Level: "mfa", AuthTime: now.Add(-time.Minute),
		Context: smart.Context{Patient: "lind", Encounter: "e", Intent: "order", Others: json.RawMessage(`[{"reference":"Task/1"}]`)},
	}
	for name, m := range map[string]map[string]any{"no grant": told(t, nil, token), "no token": told(t, g, nil), "neither": told(t, nil, nil)} {
		if len(m) != 1 || m["active"] != false {
			t.Errorf("%s: told is %v", name, m)
		}
	}
	m := told(t, g, token)
	for name, want := range map[string]any{
		"active": true, "scope": "patient/Patient.r", "client_id": "app", "username": "lind", "token_type": "Bearer", "exp": float64(now.Add(time.Hour).Unix()), "iat": float64(now.Unix()),
		"sub": "lind", "iss": issuer, "acr": "mfa", "auth_time": float64(now.Add(-time.Minute).Unix()), "patient": "lind", "encounter": "e", "intent": "order", "fhirUser": base + "/Patient/lind",
	} {
		if m[name] != want {
			t.Errorf("%s is %v, want %v", name, m[name], want)
		}
	}
	if list, ok := m["fhirContext"].([]any); !ok || len(list) != 1 {
		t.Errorf("fhirContext is %v", m["fhirContext"])
	}
	g.Scopes, g.Context = "patient/*.rs", smart.Context{}
	m = told(t, g, token)
	for _, name := range []string{"fhirUser", "patient", "encounter", "intent", "fhirContext"} {
		if value, there := m[name]; there {
			t.Errorf("%s is told, which is not granted or not there: %v", name, value)
		}
	}
	m = told(t, &smart.Grant{Client: "lab", Scopes: "system/*.rs"}, token)
	if m["active"] != true || m["sub"] != "lab" || m["client_id"] != "lab" {
		t.Errorf("of a backend service is told %v", m)
	}
	for _, name := range []string{"username", "acr", "auth_time", "patient", "fhirUser"} {
		if value, there := m[name]; there {
			t.Errorf("of a backend service is told %s: %v", name, value)
		}
	}
}
