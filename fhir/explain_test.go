package fhir_test

import (
	"regexp"
	"strings"
	"testing"

	"kiln/fhir"
)

func TestExplainTellsThePlanWithoutValues(t *testing.T) {
	h := open(t)
	h.put(`{"resourceType":"Patient","id":"secretid","name":[{"family":"Secretname"}]}`)
	h.put(`{"resourceType":"Observation","id":"o","status":"final","code":{"coding":[{"system":"urn:x","code":"secretcode"}]},"subject":{"reference":"Patient/secretid"}}`)
	for _, query := range []string{
		"code=secretcode&subject=Patient/secretid", "_filter=code+eq+secretcode+or+subject+eq+Patient/secretid", "subject:Patient.family=Secretname&_sort=-date", "_content=secretcode", "_sort=subject:Patient.family&code=urn:x|secretcode",
	} {
		bundle, err := h.Search(t.Context(), fhir.SearchRequest{Type: "Observation", Query: query + "&_explain=true"})
		if err != nil || len(bundle.Entries) != 2 || bundle.Entries[1].Mode != "outcome" {
			t.Fatalf("%s: %v, %v", query, bundle, err)
		}
		told := string(bundle.Entries[1].Resource)
		if !regexp.MustCompile(`: (about \d+ expected, )?\d+ examined`).MatchString(told) || !regexp.MustCompile(`[1-9]\d* rows and resources examined in `).MatchString(told) {
			t.Errorf("%s: a leg or the rows are missing in %s", query, told)
		}
		if strings.Contains(told, " :") || strings.Contains(told, "  ") {
			t.Errorf("%s: a leg has no name in %s", query, told)
		}
		if strings.Contains(strings.ToLower(told), "secret") {
			t.Errorf("%s: a value is in %s", query, told)
		}
	}
}
