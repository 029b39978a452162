package server

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"

	"kiln/auth/smart"
	"kiln/resources/outcome"
	"kiln/store"
)

// launchRequest is what an EHR sends to start an app for its user.
type launchRequest struct {
	Client    string          `json:"client_id"`
	Patient   string          `json:"patient,omitempty"`
	Encounter string          `json:"encounter,omitempty"`
	Context   json.RawMessage `json:"fhirContext,omitempty"`
	Intent    string          `json:"intent,omitempty"`
	Banner    *bool           `json:"need_patient_banner,omitempty"`
}

// launch makes a handle for an app: https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#launch-app-ehr-launch
func (s *Server) launch(c *gin.Context) {
	p, err := s.Principal(c.Request)
	if err == nil && p == nil {
		err = outcome.New(outcome.Login, "A user's access token is needed.")
	}
	if outcome.Is(err, outcome.Login) {
		c.Header("WWW-Authenticate", `Bearer realm="launch"`)
		problem(c, http.StatusUnauthorized, "A user's access token is needed.")
		return
	}
	if err != nil {
		s.answerAdmin(c, err)
		return
	}
	if p.User == "" {
		problem(c, http.StatusForbidden, "An app is launched for a person; a backend service has none.")
		return
	}
	var r launchRequest
	if !readJSON(c, &r) {
		return
	}
	client, err := s.vault.client(c, r.Client)
	if err != nil {
		s.answerAdmin(c, err)
		return
	}
	if client == nil || client.State != smart.Active || client.Launch == "" {
		problem(c, http.StatusBadRequest, "There is no active app of that client_id with a launch URI.")
		return
	}
	if wrong := checkContext(r.Context); wrong != "" {
		problem(c, http.StatusBadRequest, wrong)
		return
	}
	for typ, id := range map[string]string{"Patient": r.Patient, "Encounter": r.Encounter} {
		if id == "" {
			continue
		}
		ok, err := s.hospital.reaches(c, p, store.Key{Type: typ, ID: id})
		if err != nil {
			s.answerAdmin(c, err)
			return
		}
		if !ok {
			problem(c, http.StatusNotFound, "There is no such "+strings.ToLower(typ)+".")
			return
		}
	}
	if r.Encounter != "" && r.Patient != "" {
		ok, err := s.hospital.during(c, p, r.Encounter, r.Patient)
		if err != nil {
			s.answerAdmin(c, err)
			return
		}
		if !ok {
			problem(c, http.StatusBadRequest, "The encounter is not one of that patient.")
			return
		}
	}
	handle := s.token()
	l := smart.Launch{
		Context: smart.Context{Patient: r.Patient, Encounter: r.Encounter, Others: r.Context, Intent: r.Intent, Banner: r.Banner == nil || *r.Banner},
		Client:  client.ID, User: p.User, Expires: s.now().Add(smart.LaunchLives),
	}
	if err := put(c, s.vault.launches, hashed(handle), l, l.Expires, 0); err != nil {
		s.answerAdmin(c, err)
		return
	}
	u, err := url.Parse(client.Launch)
	if err != nil {
		s.answerAdmin(c, err)
		return
	}
	query := u.Query()
	query.Set("iss", s.addresses.Base)
	query.Set("launch", handle)
	u.RawQuery = query.Encode()
	c.Header("Cache-Control", "no-store")
	c.PureJSON(http.StatusOK, gin.H{"launch_url": u.String()})
}

// checkContext tells what is wrong with a fhirContext:
// https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#fhircontext-exp
func checkContext(context json.RawMessage) string {
	if len(context) == 0 {
		return ""
	}
	var items []struct {
		Reference  string          `json:"reference"`
		Canonical  string          `json:"canonical"`
		Identifier json.RawMessage `json:"identifier"`
		Type       string          `json:"type"`
		Role       *string         `json:"role"`
	}
	if err := json.Unmarshal(context, &items); err != nil || len(items) > 50 {
		return "fhirContext must be an array of at most 50 objects."
	}
	for _, item := range items {
		switch {
		case item.Reference == "" && item.Canonical == "" && len(item.Identifier) == 0:
			return "Each object of fhirContext must have a reference, canonical or identifier."
		case item.Role != nil && *item.Role == "":
			return "The role of an object of fhirContext must not be empty."
		case item.Reference != "" && (strings.Contains(item.Reference, "://") || strings.Count(item.Reference, "/") != 1):
			return "A reference of fhirContext must be relative, such as ImagingStudy/123."
		case (strings.HasPrefix(item.Reference, "Patient/") || strings.HasPrefix(item.Reference, "Encounter/")) && (item.Role == nil || *item.Role == "launch"):
			return "A Patient or Encounter of fhirContext must have a role other than launch; those of the launch are in patient and encounter."
		}
	}
	return ""
}
