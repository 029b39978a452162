package rest_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"kiln/fhir"
	"kiln/fhir/rest"
)

// TestConditionalCreate: of 64 that come at once with one criterion, one creates.
func TestConditionalCreate(t *testing.T) {
	for engine := range engines {
		t.Run(engine, func(t *testing.T) { conditionalCreates(t, newHandlerOn(t, engine, fhir.Options{}, rest.Options{})) })
	}
}

func conditionalCreates(t *testing.T, handler *rest.Handler) {
	for round := range 20 {
		value := fmt.Sprint("r", round)
		body := `{"resourceType":"Patient","identifier":[{"system":"urn:mrn","value":"` + value + `"}]}`
		const parallel = 64
		statuses, locations := make([]int, parallel), make([]string, parallel)
		var wait sync.WaitGroup
		for i := range parallel {
			wait.Go(func() {
				answer := call(handler, http.MethodPost, "/fhir/Patient", body, "If-None-Exist: identifier=urn:mrn|"+value, "Prefer: return=minimal")
				statuses[i], locations[i] = answer.Code, answer.Header().Get("Location")
			})
		}
		wait.Wait()
		created := 0
		for i, status := range statuses {
			if status == http.StatusCreated {
				created++
			} else if status != http.StatusOK {
				t.Fatalf("round %d: an answer has the status %d", round, status)
			}
			if locations[i] != locations[0] {
				t.Fatalf("round %d: locations %q and %q", round, locations[0], locations[i])
			}
		}
		if created != 1 {
			t.Fatalf("round %d: %d resources were created", round, created)
		}
		if answer := call(handler, http.MethodGet, "/fhir/Patient?_summary=count&identifier=urn:mrn|"+value, ""); !strings.Contains(answer.Body.String(), `"total":1`) {
			t.Fatalf("round %d: %s", round, answer.Body)
		}
	}
}
