package rest_test

import (
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"

	"kiln/conformance/validation"
	"kiln/fhir"
	"kiln/fhir/rest"
)

// TestDocsOfSearchParameters sends the curl lines of docs/search-parameters.md in their order, each when
// what the one before began is done, and expects the status behind them.
func TestDocsOfSearchParameters(t *testing.T) {
	text, err := os.ReadFile("../../docs/search-parameters.md")
	if err != nil {
		t.Fatal(err)
	}
	validator, err := validation.New(validation.Options{})
	if err != nil {
		t.Fatal(err)
	}
	h := newHandlerOn(t, "memory", fhir.Options{Validator: validator}, rest.Options{})
	send := func(line string) *httptest.ResponseRecorder {
		answer := httptest.NewRecorder()
		h.ServeHTTP(answer, curl(t, line))
		return answer
	}
	lines := curlLine.FindAllStringSubmatch(string(text), -1)
	if len(lines) < 11 {
		t.Fatalf("found %d curl lines", len(lines))
	}
	for _, line := range lines {
		answer := send(line[1])
		if want, _ := strconv.Atoi(line[2]); answer.Code != want {
			t.Errorf("%s\ngot %d %s, want %d", line[0], answer.Code, answer.Body, want)
		}
		for strings.Contains(send("'http://127.0.0.1:8080/fhir/$reindex'").Body.String(), "in-progress") {
		}
	}
}
