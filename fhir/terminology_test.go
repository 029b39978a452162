package fhir_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"kiln/fhir"
	"kiln/fhir/fhirtest"
	"kiln/resources/outcome"
	"kiln/search"
	"kiln/store"
)

// colours are a code system and value sets of it, and observations with codes of it.
func colours(h harness) {
	for _, text := range []string{
		`{"resourceType":"CodeSystem","id":"colours","url":"urn:test:colours","status":"active","content":"complete","concept":[{"code":"red","concept":[{"code":"crimson"},{"code":"scarlet"}]},{"code":"blue"}]}`,
		`{"resourceType":"ValueSet","id":"reds","url":"urn:test:reds","version":"1","status":"active","compose":{"include":[{"system":"urn:test:colours","filter":[{"property":"concept","op":"is-a","value":"red"}]}]}}`,
		`{"resourceType":"ValueSet","id":"none","url":"urn:test:none","status":"active","expansion":{"timestamp":"2026-01-01T00:00:00Z","total":0}}`,
		`{"resourceType":"ValueSet","id":"outside","url":"urn:test:outside","status":"active","compose":{"include":[{"system":"http://loinc.org"}]}}`,
		`{"resourceType":"Observation","id":"text","status":"final","code":{"text":"red"}}`,
	} {
		h.put(text)
	}
	for _, code := range []string{"red", "crimson", "blue"} {
		h.put(fmt.Sprintf(`{"resourceType":"Observation","id":%q,"status":"final","code":{"coding":[{"system":"urn:test:colours","code":%q}]}}`, code, code))
	}
}

// https://hl7.org/fhir/R4/search.html#token
func TestSearchByTerminology(t *testing.T) {
	h := open(t)
	colours(h)
	for query, want := range map[string]string{
		"code:in=urn:test:reds":                                               "Observation/red, Observation/crimson",
		"code:in=urn:test:reds|1":                                             "Observation/red, Observation/crimson",
		"code:in=ValueSet/reds":                                               "Observation/red, Observation/crimson",
		"code:in=" + fhirtest.BaseURL + "/ValueSet/reds":                      "Observation/red, Observation/crimson",
		"code:not-in=urn:test:reds":                                           "Observation/text, Observation/blue",
		"code:in=urn:test:none":                                               "",
		"code:not-in=urn:test:none&code:missing=false":                        "Observation/red, Observation/crimson, Observation/blue",
		"code:below=urn:test:colours|red":                                     "Observation/red, Observation/crimson",
		"code:above=urn:test:colours|crimson":                                 "Observation/red, Observation/crimson",
		"code:above=urn:test:colours|red":                                     "Observation/red",
		"status:in=http://hl7.org/fhir/ValueSet/observation-status&code=blue": "Observation/blue",
		"status:not-in=http://hl7.org/fhir/ValueSet/observation-status":       "",
	} {
		query = strings.ReplaceAll(query, "|", "%7C")
		equal(t, query, names(h.search("Observation", query)), want)
	}
	for query, want := range map[string]string{
		"code:in=urn:test:nowhere":         "The value set urn:test:nowhere is not known here.",
		"code:in=urn:test:reds%7C2":        "urn:test:reds|2 is not known",
		"code:in=ValueSet/nowhere":         "ValueSet/nowhere is not known",
		"code:in=urn:test:outside":         "The code system http://loinc.org is not available here",
		"code:below=urn:test:colours|pink": `"pink" is not in the code system`,
	} {
		_, err := h.Search(t.Context(), fhir.SearchRequest{Type: "Observation", Query: query})
		if err == nil || outcome.As(err).Stage != outcome.StageSyntax || !strings.Contains(err.Error(), want) {
			t.Errorf("%s gives %v; want %s", query, err, want)
		}
	}
}

func TestASearchFollowsTheValueSet(t *testing.T) {
	h := open(t)
	colours(h)
	equal(t, "before", names(h.search("Observation", "code:in=urn:test:reds")), "Observation/red, Observation/crimson")
	h.put(`{"resourceType":"CodeSystem","id":"colours","url":"urn:test:colours","status":"active","content":"complete","concept":[{"code":"red"},{"code":"crimson"}]}`)
	equal(t, "after the code system lost a level", names(h.search("Observation", "code:in=urn:test:reds")), "Observation/red")
	h.put(`{"resourceType":"ValueSet","id":"newer","url":"urn:test:reds","status":"active","compose":{"include":[{"system":"urn:test:colours","concept":[{"code":"blue"}]}]}}`)
	equal(t, "after a newer value set of the same URL", names(h.search("Observation", "code:in=urn:test:reds")), "Observation/blue")
	equal(t, "the older version", names(h.search("Observation", "code:in=urn:test:reds%7C1")), "Observation/red")
}

// What a transaction would have made of a value set is forgotten when it fails: the version that comes
// to be in its place has the same number.
func TestASearchForgetsTheValueSetOfAFailedTransaction(t *testing.T) {
	h := open(t)
	colours(h)
	reds := func(code string) string {
		return `{"resourceType":"ValueSet","id":"reds","url":"urn:test:reds","version":"1","status":"active","compose":{"include":[{"system":"urn:test:colours","concept":[{"code":"` + code + `"}]}]}}`
	}
	_, err := h.process("transaction",
		`{"request":{"method":"PUT","url":"ValueSet/reds"},"resource":`+reds("blue")+`}`,
		`{"request":{"method":"GET","url":"Observation?code:in=urn:test:reds"}}`, `{"request":{"method":"GET","url":"Patient/nobody"}}`)
	if err == nil {
		t.Fatal("the transaction did not fail")
	}
	h.put(reds("crimson"))
	equal(t, "after", names(h.search("Observation", "code:in=urn:test:reds")), "Observation/crimson")
}

func TestAConditionMayNameAValueSet(t *testing.T) {
	h := open(t)
	colours(h)
	result, err := h.Create(t.Context(), fhir.CreateRequest{
		Type: "Observation", Resource: h.doc(`{"resourceType":"Observation","status":"final","code":{"text":"x"}}`),
		IfNoneExist: "code:in=urn:test:reds&_id=crimson",
	})
	if err != nil || result.Created || result.Version.ID != "crimson" {
		t.Errorf("got %+v, %v", result, err)
	}
}

// hiding lets nobody see the value sets of the store.
type hiding struct{}

func (hiding) Authorize(context.Context, fhir.Action) error { return nil }

func (hiding) Reach(_ context.Context, action fhir.Action) (fhir.Reach, error) {
	if action.Type == "ValueSet" && action.Interaction == fhir.SearchType {
		return fhir.Reach{Predicate: search.Nothing{}}, nil
	}
	return fhir.Reach{}, nil
}

func (hiding) Committed([]store.Key) {}

func (hiding) Behalf(context.Context) (fhir.Behalf, error) { return fhir.Behalf{}, nil }

func (hiding) Caller(context.Context) string { return "" }

func TestValueSetsThatMayNotBeSeenAreNotUsed(t *testing.T) {
	h := with(t, fhir.Options{Authorizer: hiding{}})
	colours(h)
	_, err := h.Search(t.Context(), fhir.SearchRequest{Type: "Observation", Query: "code:in=urn:test:reds"})
	if err == nil || !strings.Contains(err.Error(), "is not known here") {
		t.Errorf("got %v", err)
	}
}

// forbidding lets nobody search value sets and code systems.
type forbidding struct{ hiding }

func (forbidding) Authorize(_ context.Context, action fhir.Action) error {
	if action.Interaction == fhir.SearchType && action.Type != "Observation" {
		return outcome.New(outcome.Forbidden, "You may not search this.")
	}
	return nil
}

func TestWhoMayNotSearchValueSetsHasThoseOfR4(t *testing.T) {
	h := with(t, fhir.Options{Authorizer: forbidding{}})
	colours(h)
	equal(t, "of R4", names(h.search("Observation", "_id=red&status:in=http://hl7.org/fhir/ValueSet/observation-status")), "Observation/red")
	_, err := h.Search(t.Context(), fhir.SearchRequest{Type: "Observation", Query: "code:in=urn:test:reds"})
	if err == nil || !strings.Contains(err.Error(), "is not known here") {
		t.Errorf("got %v", err)
	}
}

func TestMemberOfAsksTheStore(t *testing.T) {
	h := open(t)
	colours(h)
	for expression, want := range map[string]string{
		"code.memberOf('urn:test:reds')":                                        `"valueBoolean":true`,
		"code.coding.memberOf('urn:test:none')":                                 `"valueBoolean":false`,
		"status.memberOf('http://hl7.org/fhir/ValueSet/observation-status')":    `"valueBoolean":true`,
		"code.memberOf('urn:test:nowhere').empty()":                             `"valueBoolean":true`,
		"status.memberOf('http://hl7.org/fhir/ValueSet/administrative-gender')": `"valueBoolean":false`,
	} {
		body := fmt.Sprintf(`{"resourceType":"Parameters","parameter":[{"name":"expression","valueString":%q},{"name":"resource","resource":{"resourceType":"Observation","status":"final","code":{"coding":[{"system":"urn:test:colours","code":"scarlet"}]}}}]}`, expression)
		result, err := h.Operate(t.Context(), fhir.OperationRequest{Name: "fhirpath", Post: true, Body: h.doc(body)})
		if err != nil || !strings.Contains(string(result.Resource), want) {
			t.Errorf("%s gives %s, %v", expression, result.Resource, err)
		}
	}
}
