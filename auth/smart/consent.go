package smart

import (
	"slices"
	"strings"

	"kiln/auth/scope"
)

// Offer is a checkbox of the consent page.
type Offer struct {
	Value    string // of the box, and the scope
	Text     string // what it lets the app do
	Ticked   bool
	Narrower []Offer // what may be granted instead
}

// category is a part of a type's resources that may be granted instead of all.
type category struct{ system, code, text string }

const (
	observationCategory = "http://terminology.hl7.org/CodeSystem/observation-category"
	conditionCategory   = "http://terminology.hl7.org/CodeSystem/condition-category"
	usCoreCondition     = "http://hl7.org/fhir/us/core/CodeSystem/condition-category"
	usCoreCategory      = "http://hl7.org/fhir/us/core/CodeSystem/us-core-category"
)

// categories are those that US Core wants to be granted apart:
// https://hl7.org/fhir/us/core/STU7/scopes.html#the-following-granular-scopes
var categories = map[string][]category{
	"Condition": {
		{conditionCategory, "encounter-diagnosis", "diagnoses of visits"},
		{conditionCategory, "problem-list-item", "the problem list"},
		{usCoreCondition, "health-concern", "health concerns"},
	},
	"Observation": {
		{observationCategory, "laboratory", "laboratory results"},
		{observationCategory, "social-history", "social history"},
		{observationCategory, "vital-signs", "vital signs"},
		{observationCategory, "survey", "surveys"},
		{usCoreCategory, "sdoh", "social circumstances"},
	},
}

var sayings = map[string]string{
	"openid":           "know that it is you",
	"fhirUser":         "know who you are in the hospital's records",
	"profile":          "know your name",
	"launch":           "know in which record you are working",
	"launch/patient":   "know which patient you chose",
	"launch/encounter": "know which visit you chose",
	"offline_access":   "keep its access while you are away, until you take it back",
	"online_access":    "keep its access while you are signed in",

	scope.Administration: "administer this server in your name, as far as your rank may",
}

var owners = map[scope.Level]string{scope.Patient: "of the patient", scope.User: "that you may see yourself"}

var doings = []struct {
	p    scope.Permissions
	text string
}{
	{scope.Read | scope.Search, "see"}, {scope.Create, "add"}, {scope.Update, "change"}, {scope.Delete, "delete"},
}

// Offers are the checkboxes for what is asked: each scope as it was asked for, ticked, and below it narrower ones, which are
// not.
func Offers(asked scope.Set) []Offer {
	offers := make([]Offer, len(asked))
	for i, s := range asked {
		offers[i] = Offer{Value: s.Text, Text: say(s), Ticked: true}
		for _, narrower := range narrowed(s) {
			offers[i].Narrower = append(offers[i].Narrower, Offer{Value: narrower.Text, Text: say(narrower)})
		}
	}
	return offers
}

// narrowed are the granular scopes that may stand for a scope of a type or of all.
func narrowed(s scope.Scope) scope.Set {
	if s.Level == scope.None || s.Query != "" || s.Permissions&(scope.Read|scope.Search) == 0 {
		return nil
	}
	var parts scope.Set
	for _, typ := range [...]string{"Condition", "Observation"} {
		if s.Type != typ && s.Type != "*" {
			continue
		}
		for _, c := range categories[typ] {
			text := s.Level.String() + "/" + typ + "." + (s.Permissions & (scope.Read | scope.Search)).String() + "?category=" + c.system + "|" + c.code
			part, _ := scope.Parse(text)
			parts = append(parts, part...)
		}
	}
	return parts
}

// say is a scope in words.
func say(s scope.Scope) string {
	if s.Level == scope.None {
		return sayings[s.Text]
	}
	var verbs []string
	for _, d := range doings {
		if s.Permissions&d.p != 0 {
			verbs = append(verbs, d.text)
		}
	}
	what := "everything"
	if s.Type != "*" {
		what = "each " + s.Type
	}
	if s.Query != "" {
		what = "each " + s.Type + " with " + s.Query
		for _, c := range categories[s.Type] {
			if strings.HasSuffix(s.Text, "?category="+c.system+"|"+c.code) {
				what = c.text
			}
		}
	}
	return strings.Join(verbs, ", ") + " " + what + " " + owners[s.Level]
}

// Decide are the scopes that a consent grants: those chosen of what was asked or offered, in that order.
func Decide(asked scope.Set, chosen []string) scope.Set {
	var granted scope.Set
	for _, s := range asked {
		if slices.Contains(chosen, s.Text) {
			granted = append(granted, s)
			continue
		}
		for _, narrower := range narrowed(s) {
			if slices.Contains(chosen, narrower.Text) && !granted.Has(narrower.Text) {
				granted = append(granted, narrower)
			}
		}
	}
	return granted
}
