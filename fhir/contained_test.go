package fhir_test

import (
	"strings"
	"testing"

	"kiln/fhir"
	"kiln/resources/outcome"
)

// Who may see a container sees what is in it, who may not does not, whatever way it is asked for.
func TestAccessToContained(t *testing.T) {
	h, _, a, b := guarded(t)
	everyone := as(t.Context(), "")
	for id, patient := range map[string]string{"ca": "a", "cb": "b"} {
		h.put(`{"resourceType":"Observation","id":"` + id + `","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/` + patient + `"},` +
			`"contained":[{"resourceType":"Organization","id":"lab","name":"Lab of ` + patient + `"},{"resourceType":"Practitioner","id":"who","name":[{"family":"Inside"}]}],` +
			`"performer":[{"reference":"#lab"},{"reference":"#who"}]}`)
	}
	for query, want := range map[string]string{
		"Organization?_contained=true":                                                       "Observation/ca",
		"Organization?_contained=both&_containedType=contained&_sort=name":                   "Observation/ca#lab, Organization/org",
		"Organization?name=lab%20of%20b&_contained=true":                                     "",
		"Observation?performer:Organization.name=lab":                                        "Observation/ca",
		"?_id=lab&_contained=true&_containedType=contained":                                  "Observation/ca#lab",
		"Organization?_contained=true&_containedType=contained&_include=Observation:subject": "Observation/ca#lab",
	} {
		typ, q, _ := strings.Cut(query, "?")
		found, err := h.Search(a, fhir.SearchRequest{Type: typ, Query: q + "&_total=accurate"})
		if err != nil {
			t.Errorf("%s: %v", query, err)
			continue
		}
		equal(t, query, names(found), want)
		if matches := int64(strings.Count(want, "/")); found.Total != matches {
			t.Errorf("%s: the total is %d; want %d", query, found.Total, matches)
		}
	}
	_, err := h.Search(b, fhir.SearchRequest{Type: "Practitioner", Query: "_contained=true"})
	wantRefusal(t, err, outcome.Forbidden, outcome.StageDefault)
	all, err := h.Search(everyone, fhir.SearchRequest{Type: "Practitioner", Query: "_contained=true&_containedType=contained"})
	if err != nil || len(all.Entries) != 2 {
		t.Errorf("who may see everything sees %v, %v", all, err)
	}
}
