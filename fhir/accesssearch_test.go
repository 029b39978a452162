package fhir_test

import (
	"regexp"
	"strings"
	"testing"

	"kiln/fhir"
	"kiln/resources/outcome"
)

// An order tells of what it is made from: what the caller may not see has no place in one.
func TestSortingShowsNothingThatIsHidden(t *testing.T) {
	h, _, a, b := guarded(t)
	// two tasks on the list of a, about observations of both patients, against the order of their creation
	h.put(`{"resourceType":"Basic","id":"x","code":{"text":"x"},"subject":{"reference":"Patient/b"},"author":{"reference":"Patient/a"}}`)
	h.put(`{"resourceType":"Basic","id":"y","code":{"text":"y"},"subject":{"reference":"Patient/a"},"author":{"reference":"Patient/a"}}`)
	sorted := func(rule string) string {
		t.Helper()
		found, err := h.Search(a, fhir.SearchRequest{Type: "Basic", Query: "_sort=" + rule})
		if err != nil {
			t.Fatal(err)
		}
		return names(found)
	}
	equal(t, "everything is seen", names(h.search("Basic", "_sort=-subject:Patient.family")), "Basic/x, Basic/y")
	equal(t, "what is hidden has no value", sorted("-subject:Patient.family"), "Basic/y, Basic/x")
	equal(t, "in either direction", sorted("subject:Patient.family"), "Basic/y, Basic/x")
	equal(t, "nor what lies behind it", sorted("-subject:Patient.organization.name"), "Basic/y, Basic/x")
	_, err := h.Search(a, fhir.SearchRequest{Type: "Patient", Query: "_sort=general-practitioner:Practitioner.family"})
	wantRefusal(t, err, outcome.Forbidden, outcome.StageDefault)
	if _, err := h.Search(b, fhir.SearchRequest{Type: "Basic", Query: "_sort=subject:Patient.family"}); err != nil {
		t.Error(err)
	}
}

// The plan counts rows of what is hidden as well: who may not see all is told the legs alone.
func TestExplainCountsNothingThatIsHidden(t *testing.T) {
	h, _, a, _ := guarded(t)
	numbers := regexp.MustCompile(`[0-9]+ (expected|examined|rows)`)
	told := func(found *fhir.Bundle, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		last := found.Entries[len(found.Entries)-1]
		equal(t, "mode", last.Mode, "outcome")
		return string(last.Resource)
	}
	for _, query := range []string{"name=birch", "_has:Observation:subject:value-quantity=101", "_id=a,b&_sort=-organization.name"} {
		request := fhir.SearchRequest{Type: "Patient", Query: query + "&_explain=true"}
		if text := told(h.Search(a, request)); numbers.MatchString(text) || !strings.Contains(text, `"diagnostics"`) {
			t.Errorf("%s: told %s", query, text)
		}
		if text := told(h.Search(t.Context(), request)); !numbers.MatchString(text) {
			t.Errorf("%s: there are no numbers for one who sees all: %s", query, text)
		}
	}
	if text := told(h.Search(a, fhir.SearchRequest{Type: "Organization", Query: "name=sample&_explain=true"})); !numbers.MatchString(text) {
		t.Errorf("there are no numbers for a type of which all is seen: %s", text)
	}
}

// Whether something that may not be searched refers to a match must make no difference.
func TestIncludesOfForbiddenTypesAreEmpty(t *testing.T) {
	h, _, a, _ := guarded(t)
	h.put(`{"resourceType":"Practitioner","id":"second","qualification":[{"code":{"text":"x"},"issuer":{"reference":"Organization/org"}}]}`)
	h.put(`{"resourceType":"PractitionerRole","id":"role","practitioner":{"reference":"Practitioner/doc"},"organization":{"reference":"Organization/org"}}`)
	for query, want := range map[string]string{
		"Organization?_revinclude=Patient:organization": "Organization/org, include Patient/a",
		"Patient?_include=Patient:general-practitioner": "Patient/a",
		"Patient?_revinclude=Practitioner:*":            "Patient/a",
		"Patient?_include=*":                            "Patient/a, include Organization/org",
		"?_type=Practitioner,Patient&_revinclude=*":     "Patient/a, include Encounter/e, include Observation/o0, include Observation/o2, include Observation/o4",
	} {
		typ, q, _ := strings.Cut(query, "?")
		found, err := h.Search(a, fhir.SearchRequest{Type: typ, Query: q})
		if err != nil {
			t.Errorf("%s: %v", query, err)
			continue
		}
		equal(t, query, names(found), want)
	}
}

// A transaction asks its own entries too whether they meet criteria: chains lead from these to what is stored.
func TestCriteriaOverEntriesSeeNothingThatIsHidden(t *testing.T) {
	h, _, a, _ := guarded(t)
	bundle := func(name string) string {
		return `{"resourceType":"Bundle","type":"transaction","entry":[` +
			`{"resource":{"resourceType":"Basic","code":{"text":"x"},"subject":{"reference":"Patient/b"},"author":{"reference":"Patient/a"}},"request":{"method":"POST","url":"Basic"}},` +
			`{"resource":{"resourceType":"Basic","code":{"text":"y"},"subject":{"reference":"Basic?subject:Patient.name=` + name + `"},"author":{"reference":"Patient/a"}},"request":{"method":"POST","url":"Basic"}}]}`
	}
	var told []string
	for _, name := range []string{"birch", "nobody"} {
		_, err := h.Process(a, fhir.BundleRequest{Bundle: h.doc(bundle(name))})
		wantRefusal(t, err, outcome.NotFound, outcome.StagePrecondition)
		told = append(told, err.Error())
	}
	equal(t, "the answer", told[0], told[1])
	if _, err := h.Process(t.Context(), fhir.BundleRequest{Bundle: h.doc(bundle("birch"))}); err != nil {
		t.Errorf("one who sees the patient: %v", err)
	}
}
