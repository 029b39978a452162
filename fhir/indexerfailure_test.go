package fhir_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"kiln/fhir"
	"kiln/fhir/fhirtest"
	"kiln/store"
)

// unreadable fails to make the index of patients anew.
type unreadable struct{ store.Store }

func (s unreadable) Reindex(ctx context.Context, step store.ReindexStep) (store.Reindexed, error) {
	if step.Type == "Patient" {
		return store.Reindexed{}, errors.New("a block cannot be read")
	}
	return s.Store.Reindex(ctx, step)
}

// TestAnIndexThatFailsHoldsUpNoOther: it is tried again when the others are whole.
func TestAnIndexThatFailsHoldsUpNoOther(t *testing.T) {
	now := fhirtest.Clock()
	parameters := fhirtest.Parameters(t).Copy()
	h := harness{t, fhirtest.NewService(t, unreadable{newEngine(t, now, parameters)}, fhir.Options{Now: now, Parameters: parameters, Logger: slog.New(slog.DiscardHandler)})}
	h.put(extended("p", "ward", "a"))
	h.put(`{"resourceType":"Organization","id":"o","name":"A clinic","alias":["a"]}`)
	h.put(defined("bed", "active"))
	h.put(defined("ward", "active"))
	h.put(`{"resourceType":"SearchParameter","id":"alias","url":"http://example.org/alias","name":"X","status":"active","description":"x","code":"alias","base":["Organization"],"type":"string","expression":"Organization.alias"}`)
	for h.Context().Err() == nil && !strings.Contains(h.reindex("GET", "alias", ""), "completed") {
		time.Sleep(5 * time.Millisecond)
	}
	equal(t, "found", h.count("Organization", "alias=a"), 1)
	if err := h.refused("Patient", "ward=a"); !strings.Contains(err.Error(), "is being indexed") {
		t.Errorf("got %v", err)
	}
}
