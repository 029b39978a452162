package rest

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"kiln/fhir"
	"kiln/resources/outcome"
	"kiln/store/memory"
)

// newFaulty is a handler whose GET metadata does what a test wants.
func newFaulty(t *testing.T, options Options, handle func(*exchange) error) *Handler {
	t.Helper()
	service, err := fhir.New(fhir.Options{Store: memory.New(memory.Options{})})
	if err != nil {
		t.Fatal(err)
	}
	options.Service = service
	h, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	h.router = newRouter([]*route{{method: http.MethodGet, path: "metadata", label: "capabilities", meter: h.unrouted.meter, handle: handle}})
	return h
}

// TestFaults: whatever goes wrong inside, the client gets a request id and nothing else, and the
// log gets the place.
func TestFaults(t *testing.T) {
	const secret = "Ada Sample, born 1970"
	for _, c := range []struct {
		sentence string
		fault    func(*exchange) error
		status   int
		logged   string
	}{
		{"a panic", func(*exchange) error { panic(secret) }, 500, "exchange_test.go"},
		{"a panic of the runtime", func(*exchange) error { var m map[string]int; m["x"] = 1; return nil }, 500, "assignment to entry in nil map"},
		{"an unknown error", func(*exchange) error { return errors.New("disk 7 is broken") }, 500, "disk 7 is broken"},
		{"an exception", func(*exchange) error { return outcome.New(outcome.Exception, "%s", secret) }, 500, "request failed"},
		{"the end of its time", func(x *exchange) error { <-x.ctx.Done(); return x.ctx.Err() }, 503, ""},
		{"a store that is closed", func(*exchange) error { return outcome.New(outcome.NoStore, "The server is shutting down.") }, 503, ""},
		{"too many", func(*exchange) error { return outcome.New(outcome.Throttled, "Slow down.") }, 429, ""},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			var log bytes.Buffer
			h := newFaulty(t, Options{RequestTimeout: 10 * time.Millisecond, Logger: slog.New(slog.NewJSONHandler(&log, nil))}, c.fault)
			request := httptest.NewRequest(http.MethodGet, "/fhir/metadata", nil)
			request.Header.Set("X-Request-Id", "my-id")
			answer := httptest.NewRecorder()
			h.ServeHTTP(answer, request)
			if answer.Code != c.status || answer.Header().Get("X-Request-Id") != "my-id" {
				t.Errorf("got %d with the id %q, want %d with my-id", answer.Code, answer.Header().Get("X-Request-Id"), c.status)
			}
			if !strings.Contains(answer.Body.String(), `"resourceType":"OperationOutcome"`) {
				t.Errorf("the body is no OperationOutcome: %s", answer.Body)
			}
			if c.status == 500 && !strings.Contains(answer.Body.String(), "my-id") {
				t.Errorf("the body does not name the request: %s", answer.Body)
			}
			if retry := answer.Header().Get("Retry-After"); (retry == "") != (c.status == 500) {
				t.Errorf("Retry-After is %q", retry)
			}
			for where, text := range map[string]string{"the answer": answer.Body.String(), "the log": log.String()} {
				if strings.Contains(text, secret) {
					t.Errorf("%s holds what was inside: %s", where, text)
				}
			}
			if strings.Contains(answer.Body.String(), "disk 7") || !strings.Contains(log.String(), c.logged) {
				t.Errorf("answer %s, log %s", answer.Body, &log)
			}
		})
	}
}

// TestFaultAfterTheAnswerBegan: a part is never taken for the whole.
func TestFaultAfterTheAnswerBegan(t *testing.T) {
	for sentence, fault := range map[string]func(*exchange) error{
		"an error": func(x *exchange) error { x.write(200, fhirJSON.contentType, []byte("{")); return errors.New("broken") },
		"a panic":  func(x *exchange) error { x.write(200, fhirJSON.contentType, []byte("{")); panic("broken") },
	} {
		t.Run(sentence, func(t *testing.T) {
			server := httptest.NewServer(newFaulty(t, Options{}, func(x *exchange) error {
				x.w.Header().Del("Content-Length")
				return fault(x)
			}))
			defer server.Close()
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/fhir/metadata", nil)
			if err != nil {
				t.Fatal(err)
			}
			answer, err := server.Client().Do(request)
			if err != nil {
				return // broken before the headers went out
			}
			defer answer.Body.Close()
			if _, err := new(bytes.Buffer).ReadFrom(answer.Body); err == nil {
				t.Error("the answer ends as if it were whole")
			}
		})
	}
}

// TestLargeBodiesShareMemory: a large body waits for its share and is refused when there is none.
func TestLargeBodiesShareMemory(t *testing.T) {
	h := newFaulty(t, Options{MaxBody: 4 << 20, RequestTimeout: 50 * time.Millisecond}, func(x *exchange) error {
		if _, err := x.body(); err != nil {
			return err
		}
		x.empty(http.StatusNoContent)
		return nil
	})
	ask := func(size int) int {
		answer := httptest.NewRecorder()
		h.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/fhir/metadata", bytes.NewReader(make([]byte, size))))
		return answer.Code
	}
	if got := ask(2 << 20); got != http.StatusNoContent {
		t.Errorf("a large body gets %d", got)
	}
	if !h.memory.TryAcquire(largeBodies * h.options.MaxBody) {
		t.Fatal("the share of the first body was not given back")
	}
	if got := ask(2 << 20); got != http.StatusTooManyRequests {
		t.Errorf("a large body without memory gets %d, want 429", got)
	}
	if got := ask(100); got != http.StatusNoContent {
		t.Errorf("a small body without memory gets %d", got)
	}
}

func TestRequestIDs(t *testing.T) {
	for id, want := range map[string]bool{
		"abc-123": true, "0af7651916cd43dd8448eb211c80319c": true, "urn:uuid:1/2=3": true,
		"": false, "a b": false, "a\nb": false, "<b>": false, `"`: false, "é": false, strings.Repeat("a", 129): false,
	} {
		if got := acceptedRequestID(id); got != want {
			t.Errorf("%q is accepted: %v, want %v", id, got, want)
		}
	}
	ids := newRequestIDs()
	if a, b := ids.next(), ids.next(); a == b || !acceptedRequestID(a) {
		t.Errorf("made %q and %q", a, b)
	}
}

func TestQuery(t *testing.T) {
	q, err := parseQuery("name=a%20b&_format=xml&_pretty=true&birthdate=ge2020&_elements=id%2Cname")
	if err != nil {
		t.Fatal(err)
	}
	if want := (query{"name=a%20b&birthdate=ge2020&_elements=id%2Cname", "_format=xml&_pretty=true", "xml", true}); q != want {
		t.Errorf("got %+v, want %+v", q, want)
	}
	if got := q.parameter("_elements"); got != "id,name" {
		t.Errorf("_elements is %q", got)
	}
	form, err := parseQuery("%5Fformat=json&gender=male")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := q.and(form).rest, q.rest+"&gender=male"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, bad := range []string{"a=%", "a=%zz", "a=%ff", "%00=1", strings.Repeat("a&", maxParameters)} {
		if _, err := parseQuery(bad); err == nil || Status(outcome.As(err)) != http.StatusBadRequest {
			t.Errorf("%.20q: got error %v, want 400", bad, err)
		}
	}
}

func TestOrigins(t *testing.T) {
	for _, c := range []struct {
		allowed []string
		origin  string
		want    string
	}{
		{nil, "https://app.example.org", "*"},
		{[]string{"https://app.example.org"}, "https://app.example.org", "https://app.example.org"},
		{[]string{"https://app.example.org"}, "https://evil.example.org", ""},
		{[]string{LoopbackOrigins}, "http://localhost:3000", "http://localhost:3000"},
		{[]string{LoopbackOrigins}, "http://127.0.0.1:3000", "http://127.0.0.1:3000"},
		{[]string{LoopbackOrigins}, "http://[::1]:3000", "http://[::1]:3000"},
		{[]string{LoopbackOrigins}, "http://localhost.evil.example.org", ""},
		{[]string{LoopbackOrigins}, "null", ""},
	} {
		options := Options{Origins: c.allowed}
		options.EnsureDefaults()
		o := newOrigins(options.Origins, "http://kiln.test/fhir")
		header := http.Header{}
		o.allow(header, c.origin)
		o.preflight(header, c.origin)
		if got := header.Get("Access-Control-Allow-Origin"); got != c.want {
			t.Errorf("%v, %s: got %q, want %q", c.allowed, c.origin, got, c.want)
		}
		if methods := header.Get("Access-Control-Allow-Methods"); (methods == "") != (c.want == "") {
			t.Errorf("%v, %s: methods %q", c.allowed, c.origin, methods)
		}
	}
}

func TestOptionsSayWhatIsWrong(t *testing.T) {
	_, err := New(Options{MaxBody: -1, RequestTimeout: -1, Origins: []string{""}})
	if err == nil || strings.Count(err.Error(), "\n") != 3 {
		t.Errorf("got %v, want four problems", err)
	}
}
