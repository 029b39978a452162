package smart

import "time"

// Introspection is what is told of a token: https://hl7.org/fhir/smart-app-launch/STU2.2/token-introspection.html
type Introspection struct {
	Active    bool   `json:"active"`
	Scope     string `json:"scope,omitempty"`
	Client    string `json:"client_id,omitempty"`
	User      string `json:"username,omitempty"`
	Type      string `json:"token_type,omitempty"`
	Expires   int64  `json:"exp,omitempty"`
	Issued    int64  `json:"iat,omitempty"`
	Subject   string `json:"sub,omitempty"`
	Issuer    string `json:"iss,omitempty"`
	ACR       string `json:"acr,omitempty"`
	AuthTime  int64  `json:"auth_time,omitempty"`
	Patient   string `json:"patient,omitempty"`
	Encounter string `json:"encounter,omitempty"`
	FHIRUser  string `json:"fhirUser,omitempty"`
	Intent    string `json:"intent,omitempty"`
	Context   any    `json:"fhirContext,omitempty"`
}

// AccessToken is what is kept of one, under its hash.
type AccessToken struct {
	ID      string    `json:"id"` // names it in the audit log
	Grant   string    `json:"grant"`
	Scopes  string    `json:"scopes"`
	Issued  time.Time `json:"issued"`
	Expires time.Time `json:"expires"`
}

// Introspect tells of a token that is active; of any other, nil, nothing but that it is not.
func Introspect(g *Grant, t *AccessToken, at Addresses) Introspection {
	if g == nil || t == nil {
		return Introspection{}
	}
	i := Introspection{
		Active: true, Scope: t.Scopes, Client: g.Client, Type: "Bearer", Expires: t.Expires.Unix(), Issued: t.Issued.Unix(), Subject: g.Client,
		Issuer: at.Issuer,
	}
	if g.User == "" {
		return i
	}
	i.User, i.Subject, i.ACR, i.AuthTime = g.User, g.User, g.Level, g.AuthTime.Unix()
	i.Patient, i.Encounter, i.Intent = g.Context.Patient, g.Context.Encounter, g.Context.Intent
	if len(g.Context.Others) > 0 {
		i.Context = g.Context.Others
	}
	if g.FHIRUser != "" && g.Granted().Has("fhirUser") {
		i.FHIRUser = at.Base + "/" + g.FHIRUser
	}
	return i
}
