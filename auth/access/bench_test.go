package access_test

import (
	"context"
	"fmt"
	"testing"

	"kiln/fhir"
	"kiln/fhir/fhirtest"
	"kiln/store"
)

// BenchmarkAccess reads and searches among 2,000 patients with 10 Observations each: as a service without an authorizer, as
// a clinician with 30 patients, as one with all of them, as a patient, and as a backend service.
func BenchmarkAccess(b *testing.B) {
	h := open(b, "pebble")
	crowd(h, 2000)
	bare := fhirtest.NewService(b, h.store, fhir.Options{Parameters: h.Parameters(), Now: h.now, BaseURL: fhirtest.BaseURL})
	for _, who := range []struct {
		name    string
		service *fhir.Service
		ctx     func() context.Context
	}{
		{"off", bare, b.Context},
		{"clinician30", h.Service, func() context.Context { return h.person("clinician", "Practitioner/few") }},
		{"clinician2000", h.Service, func() context.Context { return h.person("clinician", "Practitioner/many") }},
		{"patient", h.Service, func() context.Context { return h.person("patient", "Patient/p1") }},
		{"backend", h.Service, h.root},
	} {
		b.Run(who.name+"/read", func(b *testing.B) {
			for b.Loop() {
				if _, err := who.service.Read(who.ctx(), store.Key{Type: "Observation", ID: "o1-1"}); err != nil {
					b.Fatal(err)
				}
			}
		})
		for name, query := range map[string]string{"patient": "patient=Patient/p1", "code": "code=urn:c|c3&_count=20", "chain": "patient.family=Name1&_count=20", "all": "_count=20"} {
			b.Run(who.name+"/search-"+name, func(b *testing.B) {
				for b.Loop() {
					if _, err := who.service.Search(who.ctx(), fhir.SearchRequest{Type: "Observation", Query: query + "&_total=none"}); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
	for _, who := range []string{"few", "many"} {
		b.Run("gather/"+who, func(b *testing.B) {
			for b.Loop() {
				h.authorizer.Committed([]store.Key{{Type: "Encounter"}})
				if _, err := h.authorizer.Reach(h.person("clinician", "Practitioner/"+who), fhir.Action{Interaction: fhir.Read, Type: "Observation"}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// crowd are patients with ten Observations each; Practitioner/few has 30 of them and Practitioner/many all.
func crowd(h *hospital, count int) {
	h.store1(`{"resourceType":"Practitioner","id":"few"}`)
	h.store1(`{"resourceType":"Practitioner","id":"many"}`)
	for i := range count {
		few := ""
		if i < 30 {
			few = `{"reference":"Practitioner/few"},`
		}
		h.store1(fmt.Sprintf(`{"resourceType":"Patient","id":"p%d","name":[{"family":"Name%d"}],"generalPractitioner":[%s{"reference":"Practitioner/many"}]}`, i, i, few))
		for j := range 10 {
			h.store1(fmt.Sprintf(`{"resourceType":"Observation","id":"o%d-%d","status":"final","code":{"coding":[{"system":"urn:c","code":"c%d"}]},"subject":{"reference":"Patient/p%d"}}`, i, j, j, i))
		}
	}
}
