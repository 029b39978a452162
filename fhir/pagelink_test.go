package fhir_test

import (
	"testing"

	"kiln/fhir"
	"kiln/resources/outcome"
	"kiln/store"
)

// A paging link without its token would be another question: everything, from the beginning.
func TestAPagingLinkIsWhole(t *testing.T) {
	h := open(t)
	ward(h)
	found, err := h.Search(t.Context(), fhir.SearchRequest{Type: "Observation", Query: "_count=1"})
	if err != nil {
		t.Fatal(err)
	}
	next := follow(t, found, "next")
	for _, query := range []string{"_page=", "_page", "_page=&code=8480-6", next + "&" + next, next + "&_page=", next + "x"} {
		_, err := h.Search(t.Context(), fhir.SearchRequest{Type: "Observation", Query: query})
		wantRefusal(t, err, outcome.Invalid, outcome.StageSyntax)
	}
	_, err = h.Search(t.Context(), fhir.SearchRequest{Type: "Observation", Compartment: store.Key{Type: "Patient", ID: "a"}, Query: next})
	wantRefusal(t, err, outcome.Invalid, outcome.StageSyntax)
	_, err = h.History(t.Context(), fhir.HistoryRequest{Type: "Observation", Query: "_page="})
	wantRefusal(t, err, outcome.Invalid, outcome.StageSyntax)
	if _, err := h.Search(t.Context(), fhir.SearchRequest{Type: "Observation", Query: next}); err != nil {
		t.Error(err)
	}
}
