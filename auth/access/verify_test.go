package access

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"kiln/auth"
	"kiln/auth/policy"
	"kiln/auth/scope"
	"kiln/fhir"
	"kiln/fhir/fhirtest"
	"kiln/fhir/rest"
	"kiln/resources"
	"kiln/store/memory"
)

// always says that the same person asks.
type always struct{ who *auth.Principal }

func (a always) Authenticate(r *http.Request) (context.Context, error) {
	return auth.NewContext(r.Context(), a.who), nil
}

func (always) Finished(context.Context, *http.Request, rest.Ending) {}

// Where the two decisions disagree the answer is 500 with the id of the request; the log and the metrics tell, and none of
// the three anything of the patient.
func TestDisagreementIsAnAlert(t *testing.T) {
	parameters := fhirtest.Parameters(t).Copy()
	s := memory.New(memory.Options{Parameters: parameters})
	defer func() { _ = s.Close() }()
	current, err := policy.NewCurrent(nil)
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	a, err := New(Options{Store: s, Parameters: parameters, Policy: current, BaseURL: fhirtest.BaseURL, Logger: slog.New(slog.NewJSONHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	service := fhirtest.NewService(t, s, fhir.Options{Parameters: parameters, Authorizer: a, Now: time.Now})
	backend := auth.NewContext(t.Context(), &auth.Principal{Client: "c", Scopes: scope.Set{{Level: scope.System, Type: "*", Permissions: 31}}})
	for _, text := range []string{`{"resourceType":"Patient","id":"p-1"}`, `{"resourceType":"Goal","id":"goal-1","lifecycleStatus":"active","description":{"text":"Zyxwvut"},"subject":{"reference":"Patient/p-1"}}`} {
		doc := fhirtest.Doc(t, text)
		if _, err := service.Load(backend, fhir.LoadRequest{Resources: []*resources.Document{doc}}); err != nil {
			t.Fatal(err)
		}
	}
	handler, err := rest.New(rest.Options{
		Service: service, Authenticator: always{&auth.Principal{User: "u", Rank: "patient", FHIRUser: "Patient/p-1", TokenID: "token-1"}},
		Counters: []rest.Counter{{Name: "kiln_access_disagreements_total", Help: "x", Value: a.Disagreements}},
	})
	if err != nil {
		t.Fatal(err)
	}
	get := func(path string) (int, string) {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.Header.Set("X-Request-Id", "request-1")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}
	if status, body := get("/fhir/Goal/goal-1"); status != http.StatusOK {
		t.Fatalf("%d %s", status, body)
	}
	a.traits.Purge() // what a content says does not change otherwise
	was := elements["Goal"]
	elements["Goal"] = []string{"no-such-element"}
	defer func() { elements["Goal"] = was }()
	for _, path := range []string{"/fhir/Goal/goal-1", "/fhir/Goal", "/fhir/Goal/_history"} {
		log.Reset()
		status, body := get(path)
		if status != http.StatusInternalServerError || !strings.Contains(body, "request-1") {
			t.Errorf("%s: %d %s", path, status, body)
		}
		var line map[string]string
		if err := json.Unmarshal(log.Bytes(), &line); err != nil || !strings.HasPrefix(line["msg"], "ALERT") || line["request"] != "request-1" || line["token"] != "token-1" || line["type"] != "Goal" {
			t.Errorf("%s: the log has %s, %v", path, &log, err)
		}
		for _, text := range []string{body, log.String()} {
			if strings.Contains(text, "Zyxwvut") || strings.Contains(text, "p-1") || strings.Contains(text, "goal-1") && !strings.Contains(path, "goal-1") {
				t.Errorf("%s: told %s", path, text)
			}
		}
	}
	if _, numbers := get("/metrics"); !strings.Contains(numbers, "kiln_access_disagreements_total 3") {
		t.Errorf("the metrics do not count: %s", numbers)
	}
}
