package rest_test

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"kiln/fhir"
	"kiln/fhir/rest"
	"kiln/search"
	"kiln/store/memory"
)

// faults logs what the server got wrong.
func faults(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelError}))
}

// testBase is the base URL of every server under test, wherever it listens.
const testBase = "http://kiln.test/fhir"

// parameters are the search parameters, compiled once.
var parameters = sync.OnceValue(func() *search.Parameters {
	p, err := search.NewParameters(search.Options{BaseURL: testBase})
	if err != nil {
		panic(err)
	}
	return p
})

// newHandler is a handler over an empty store in memory.
func newHandler(t testing.TB, options rest.Options) *rest.Handler {
	t.Helper()
	engine := memory.New(memory.Options{Parameters: parameters()})
	t.Cleanup(func() { _ = engine.Close() })
	service, err := fhir.New(fhir.Options{Store: engine, BaseURL: testBase, Parameters: parameters()})
	if err != nil {
		t.Fatal(err)
	}
	options.Service = service
	if options.Logger == nil {
		options.Logger = faults(t)
	}
	handler, err := rest.New(options)
	if err != nil {
		t.Fatal(err)
	}
	return handler
}

// newListening is newHandler on a socket.
func newListening(t testing.TB, options rest.Options) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	server.Config = rest.NewServer(newHandler(t, options), options)
	server.Start()
	t.Cleanup(server.Close)
	return server
}

// call answers one request without a socket. header lines are "Name: value".
func call(h http.Handler, method, address, body string, header ...string) *httptest.ResponseRecorder {
	request := httptest.NewRequest(method, address, strings.NewReader(body))
	if body != "" {
		request.Header.Set("Content-Type", "application/fhir+json")
	}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		request.Header.Set(name, value)
	}
	answer := httptest.NewRecorder()
	h.ServeHTTP(answer, request)
	return answer
}

// put stores a resource.
func put(t testing.TB, h http.Handler, address, body string) {
	t.Helper()
	if answer := call(h, http.MethodPut, "/fhir/"+address, body, "Prefer: return=minimal"); answer.Code != http.StatusCreated && answer.Code != http.StatusOK {
		t.Fatalf("PUT %s: %d %s", address, answer.Code, answer.Body)
	}
}

// diagnostics are the sentences of an OperationOutcome; none when the text is no such thing.
func diagnostics(body []byte) []string {
	var o struct {
		ResourceType string
		Issue        []struct{ Severity, Code, Diagnostics string }
	}
	if json.Unmarshal(body, &o) != nil || o.ResourceType != "OperationOutcome" {
		return nil
	}
	var out []string
	for _, issue := range o.Issue {
		if issue.Severity != "" && issue.Code != "" && issue.Diagnostics != "" {
			out = append(out, issue.Diagnostics)
		}
	}
	return out
}
