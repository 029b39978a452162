package rest

import (
	"testing"

	"kiln/fhir"
)

func TestTheContextOfARequestHasItsID(t *testing.T) {
	d := &deadline{Context: t.Context(), id: "request-7"}
	if id := d.Value(fhir.RequestIDKey{}); id != "request-7" {
		t.Errorf("gave %v", id)
	}
	if other := d.Value("other"); other != nil {
		t.Errorf("gave %v for another key", other)
	}
}
