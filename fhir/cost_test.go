package fhir_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"kiln/fhir"
	"kiln/fhir/fhirtest"
	"kiln/resources/outcome"
	"kiln/store/pebble"
)

func TestSlowSearchesAreLoggedWithoutValues(t *testing.T) {
	searching := func(t *testing.T, slow time.Duration) (log string, bundle *fhir.Bundle) {
		var lines bytes.Buffer
		h := with(t, fhir.Options{SlowSearch: slow, Logger: slog.New(slog.NewTextHandler(&lines, nil))})
		h.put(`{"resourceType":"Patient","id":"secretid","name":[{"family":"Secretname"}],"birthDate":"1977-07-07"}`)
		h.put(`{"resourceType":"Observation","id":"o","status":"final","code":{"text":"c"},"subject":{"reference":"Patient/secretid"}}`)
		ctx := context.WithValue(t.Context(), fhir.RequestIDKey{}, "request-7")
		for _, query := range []string{
			"subject:Patient.family=Secretname&_sort=-date", "subject=Patient/secretid", "subject:Patient._id=secretid",
			"subject:Patient.birthdate=1977-07-07", "_filter=subject:Patient.name+eq+Secretname",
		} {
			var err error
			if bundle, err = h.Search(ctx, fhir.SearchRequest{Type: "Observation", Query: query}); err != nil || len(bundle.Entries) != 1 {
				t.Fatalf("%s: %v, %v", query, bundle, err)
			}
		}
		return lines.String(), bundle
	}
	t.Run("with names, legs and rows", func(t *testing.T) {
		log, bundle := searching(t, time.Nanosecond)
		for _, part := range []string{"slow search", "request=request-7", "type=Observation", "subject:Patient.family", "_sort", "rows=", "legs=", "estimates=", "examined=", "duration=", "finished=true"} {
			if !strings.Contains(log, part) {
				t.Errorf("%q is not in %s", part, log)
			}
		}
		for _, value := range []string{"secret", "1977"} {
			if strings.Contains(strings.ToLower(log), value) {
				t.Errorf("%q is in %s", value, log)
			}
		}
		if bundle.Entries[0].Mode != "match" {
			t.Errorf("the plan is in the answer: %s", bundle.Entries[0].Resource)
		}
	})
	t.Run("not those that are fast, nor any when it is off", func(t *testing.T) {
		for _, slow := range []time.Duration{time.Hour, 0} {
			if log, _ := searching(t, slow); log != "" {
				t.Errorf("%s: %s", slow, log)
			}
		}
	})
}

func TestASearchMayCostOnlySoMuch(t *testing.T) {
	now := fhirtest.Clock()
	s, err := pebble.Open(t.TempDir(), pebble.Options{Now: now, Parameters: fhirtest.Parameters(t), SearchRows: 40})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	var lines bytes.Buffer
	h := harness{t, fhirtest.NewService(t, s, fhir.Options{Now: now, SlowSearch: time.Hour, Logger: slog.New(slog.NewTextHandler(&lines, nil))})}
	for i := range 100 {
		h.put(fmt.Sprintf(`{"resourceType":"Patient","id":"p%d","name":[{"family":"Sample%d"}]}`, i, i))
	}
	_, err = h.Search(t.Context(), fhir.SearchRequest{Type: "Patient", Query: "name:contains=ample&_sort=family&_total=accurate"})
	if refused := outcome.As(err); refused == nil || refused.Issues[0].Code != outcome.TooCostly || !strings.Contains(refused.Error(), "Narrow it") {
		t.Errorf("gave %v, expected too-costly", err)
	}
	if log := lines.String(); !strings.Contains(log, "finished=false") || !strings.Contains(log, "legs=") {
		t.Errorf("logged %q, expected the search that cost too much", log)
	}
	if b := h.search("Patient", "_id=p7"); len(b.Entries) != 1 {
		t.Errorf("a small search gave %d entries", len(b.Entries))
	}
}
