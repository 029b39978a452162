package rest_test

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"kiln/fhir"
	"kiln/fhir/rest"
	"kiln/search"
	"kiln/store"
	"kiln/store/memory"
	"kiln/store/mongodb"
	"kiln/store/mongodb/peer"
	"kiln/store/pebble"
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

// engines are the stores that the same tests run on, with the parameters of their service.
var engines = map[string]func(t testing.TB, p *search.Parameters) (store.Store, error){
	"memory": func(_ testing.TB, p *search.Parameters) (store.Store, error) {
		return memory.New(memory.Options{Now: clock, Parameters: p}), nil
	},
	"pebble": func(t testing.TB, p *search.Parameters) (store.Store, error) {
		return pebble.Open(t.TempDir(), pebble.Options{Now: clock, Parameters: p, Logger: faults(t)})
	},
	"mongodb": func(t testing.TB, p *search.Parameters) (store.Store, error) {
		server := peer.Start(t)
		return mongodb.Open(t.Context(), server.URL, mongodb.Options{
			Now: clock, Parameters: p, Database: server.Database(t),
			WithoutTransactions: server.Limited, RawBytes: server.Limited,
		})
	},
}

// clock stands still: engines look at it as often as they like, and times are the same in every run.
func clock() time.Time { return time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC) }

// newHandler is a handler over an empty store in memory.
func newHandler(t testing.TB, options rest.Options) *rest.Handler {
	t.Helper()
	return newHandlerOn(t, "memory", fhir.Options{}, options)
}

// newHandlerOn is a handler over an empty store of an engine.
func newHandlerOn(t testing.TB, engine string, options fhir.Options, edge rest.Options) *rest.Handler {
	t.Helper()
	options.Parameters = parameters().Copy()
	opened, err := engines[engine](t, options.Parameters)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = opened.Close() })
	options.Store, options.BaseURL = opened, testBase
	if edge.Service, err = fhir.New(options); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(edge.Service.Close)
	if edge.Logger == nil {
		edge.Logger = faults(t)
	}
	handler, err := rest.New(edge)
	if err != nil {
		t.Fatal(err)
	}
	return handler
}

// newListening is newHandler on a socket.
func newListening(t testing.TB, options rest.Options) *httptest.Server {
	t.Helper()
	return listen(t, newHandler(t, options), options)
}

// listen serves a handler as the real server does.
func listen(t testing.TB, h http.Handler, options rest.Options) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	server.Config = rest.NewServer(h, options)
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
