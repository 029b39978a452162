package access_test

import (
	"strings"
	"testing"

	"kiln/fhir"
)

// TestWhoWritesForSomebodyElseIsNamed: what a proxy writes has a Provenance, in the same commit, to which they need no right;
// what people write for themselves or as staff has none.
func TestWhoWritesForSomebodyElseIsNamed(t *testing.T) {
	onEngines(t, func(t *testing.T, h *hospital) {
		h.put(`{"resourceType":"Patient","id":"p","generalPractitioner":[{"reference":"Practitioner/d"}]}`, `{"resourceType":"Practitioner","id":"d"}`,
			`{"resourceType":"RelatedPerson","id":"mother","patient":{"reference":"Patient/p"}}`,
			`{"resourceType":"RelatedPerson","id":"was","patient":{"reference":"Patient/p"},"period":{"end":"2001-01-01"}}`)
		observed := func(by string) fhir.Result {
			rank, who, _ := strings.Cut(by, " ")
			result, err := h.Create(h.person(rank, who), fhir.CreateRequest{Type: "Observation", Resource: h.doc(`{"resourceType":"Observation","status":"final","code":{"text":"pulse"},"subject":{"reference":"Patient/p"}}`)})
			if err != nil {
				t.Fatalf("%s: %v", by, err)
			}
			return result
		}
		provenances := func() (all []string) {
			bundle, err := h.Search(h.root(), fhir.SearchRequest{Type: "Provenance"})
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range bundle.Entries {
				all = append(all, string(e.Resource))
			}
			return all
		}
		observed("patient Patient/p")
		observed("clinician Practitioner/d")
		if all := provenances(); len(all) != 0 {
			t.Fatalf("for those who act for themselves there are %s", all)
		}
		made := observed("proxy RelatedPerson/mother")
		all := provenances()
		if len(all) != 1 || !strings.Contains(all[0], `"target":[{"reference":"Observation/`+made.Version.ID+`/_history/1"}]`) ||
			!strings.Contains(all[0], `"who":{"reference":"RelatedPerson/mother"},"onBehalfOf":{"reference":"Patient/p"}`) || !strings.Contains(all[0], `"code":"author"`) {
			t.Fatalf("of the mother there are %s", all)
		}
		if _, err := h.Create(h.person("proxy", "RelatedPerson/was"), fhir.CreateRequest{Type: "Observation", Resource: h.doc(`{"resourceType":"Observation","status":"final","code":{"text":"pulse"},"subject":{"reference":"Patient/p"}}`)}); err == nil {
			t.Error("one who is no proxy any more writes")
		}
		if _, err := h.Delete(h.person("clinician", "Practitioner/d"), fhir.DeleteRequest{Key: made.Version.Key}); err != nil {
			t.Errorf("what a proxy wrote cannot be deleted: %v", err)
		}
		if _, err := h.Delete(h.root(), fhir.DeleteRequest{Key: made.Version.Key}); err != nil {
			t.Error(err)
		}
	})
}
