package rest_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"kiln/fhir/rest"
)

func TestGzipIn(t *testing.T) {
	h := newHandler(t, rest.Options{})
	request := httptest.NewRequest(http.MethodPut, "/fhir/Patient/a", strings.NewReader(packed([]byte(`{"resourceType":"Patient","id":"a"}`))))
	request.Header.Set("Content-Type", "application/fhir+json")
	request.Header.Set("Content-Encoding", "gzip")
	answer := httptest.NewRecorder()
	if h.ServeHTTP(answer, request); answer.Code != http.StatusCreated {
		t.Errorf("got %d %s", answer.Code, answer.Body)
	}
}

func TestGzipOut(t *testing.T) {
	h := newHandler(t, rest.Options{})
	put(t, h, "Patient/small", `{"resourceType":"Patient","id":"small"}`)
	put(t, h, "Patient/a", benchmarkPatient())
	plain := call(h, http.MethodGet, "/fhir/Patient/a", "")
	answer := call(h, http.MethodGet, "/fhir/Patient/a", "", "Accept-Encoding: gzip")
	if answer.Header().Get("Content-Encoding") != "gzip" || answer.Header().Get("Etag") != `W/"1"` {
		t.Fatalf("a large answer has the headers %v", answer.Header())
	}
	unpacker, err := gzip.NewReader(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(unpacker); err != nil || !bytes.Equal(body, plain.Body.Bytes()) {
		t.Errorf("unpacked: %v %s", err, body)
	}
	for sentence, header := range map[string]string{"refused": "Accept-Encoding: gzip;q=0", "not asked for": "Accept-Encoding: br", "identity": "Accept-Encoding: identity"} {
		if answer := call(h, http.MethodGet, "/fhir/Patient/a", "", header); answer.Header().Get("Content-Encoding") != "" {
			t.Errorf("gzip is sent where it is %s", sentence)
		}
	}
	if answer := call(h, http.MethodGet, "/fhir/Patient/small", "", "Accept-Encoding: gzip"); answer.Header().Get("Content-Encoding") != "" {
		t.Error("a small answer is packed")
	}
}

// TestNoXMLForm: what was stored unvalidated may have no form in XML. Its write has happened all
// the same and says so; a read is refused.
func TestNoXMLForm(t *testing.T) {
	h := newHandler(t, rest.Options{})
	const odd = `{"resourceType":"Patient","id":"a","nonsense":1}`
	for sentence, c := range map[string]struct {
		answer *httptest.ResponseRecorder
		want   int
		format string
	}{
		"an update":     {call(h, http.MethodPut, "/fhir/Patient/a", odd, "Accept: application/fhir+xml"), 201, "json"},
		"a read":        {call(h, http.MethodGet, "/fhir/Patient/a", "", "Accept: application/fhir+xml"), 406, "xml"},
		"a transaction": {call(h, http.MethodPost, "/fhir", `{"resourceType":"Bundle","type":"transaction","entry":[{"resource":`+odd+`,"request":{"method":"PUT","url":"Patient/a"}}]}`, "Accept: application/fhir+xml", "Prefer: return=representation"), 200, "json"},
	} {
		if kind := c.answer.Header().Get("Content-Type"); c.answer.Code != c.want || !strings.Contains(kind, c.format) {
			t.Errorf("%s: got %d %s %s, want %d and %s", sentence, c.answer.Code, kind, c.answer.Body, c.want, c.format)
		}
	}
}

func TestHeadHasTheHeadersOfGet(t *testing.T) {
	h := newHandler(t, rest.Options{})
	put(t, h, "Patient/a", benchmarkPatient())
	for _, address := range []string{"/fhir/Patient/a", "/fhir/Patient/b", "/fhir/Patient", "/fhir/metadata", "/fhir/Patient/a?_format=xml", "/fhir/Foo", "/fhir/Patient?_format=ndjson"} {
		got, head := call(h, http.MethodGet, address, ""), call(h, http.MethodHead, address, "")
		if head.Code != got.Code || head.Body.Len() != 0 {
			t.Errorf("%s: HEAD answers %d and %d bytes, GET %d", address, head.Code, head.Body.Len(), got.Code)
		}
		for _, name := range []string{"Content-Type", "Etag", "Last-Modified", "Content-Length"} {
			if head.Header().Get(name) != got.Header().Get(name) {
				t.Errorf("%s: %s is %q for HEAD and %q for GET", address, name, head.Header().Get(name), got.Header().Get(name))
			}
		}
	}
}

// TestSafeHeaders: every answer says that it is not to be kept nor to be taken for something else.
func TestSafeHeaders(t *testing.T) {
	h := newHandler(t, rest.Options{})
	for _, address := range []string{"/fhir/Patient/a", "/fhir/Patient", "/fhir/Foo", "/nothing"} {
		answer := call(h, http.MethodGet, address, "")
		for name, want := range map[string]string{"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"} {
			if got := answer.Header().Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", address, name, got, want)
			}
		}
		if answer.Header().Get("X-Request-Id") == "" {
			t.Errorf("%s: no request id", address)
		}
	}
}

// TestLargeBundlesAreStreamed: what is larger than memory should hold goes out in pieces.
func TestLargeBundlesAreStreamed(t *testing.T) {
	server := newListening(t, rest.Options{})
	address := server.URL + "/fhir/Basic"
	for range 12 {
		body := `{"resourceType":"Basic","code":{"text":"` + strings.Repeat("x", 100<<10) + `"}}`
		send(t, http.MethodPost, address, body)
	}
	answer, body := send(t, http.MethodGet, address, "")
	if answer.StatusCode != http.StatusOK || answer.ContentLength >= 0 || strings.Count(body, `"fullUrl"`) != 12 {
		t.Errorf("got %d, length %d, %d entries", answer.StatusCode, answer.ContentLength, strings.Count(body, `"fullUrl"`))
	}
}

func send(t *testing.T, method, address, body string) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/fhir+json")
	answer, err := asSent.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(text)
}

// TestNothingOfPatients: neither log nor metrics hold ids, values of queries or content.
func TestNothingOfPatients(t *testing.T) {
	var log bytes.Buffer
	var mu sync.Mutex
	h := newHandler(t, rest.Options{Logger: slog.New(slog.NewJSONHandler(&locked{&mu, &log}, nil))})
	call(h, http.MethodPut, "/fhir/Patient/mrn-4711", `{"resourceType":"Patient","id":"mrn-4711","name":[{"family":"Sample"}]}`)
	call(h, http.MethodGet, "/fhir/Patient/mrn-4711", "")
	call(h, http.MethodGet, "/fhir/Patient?family=Sample", "")
	call(h, http.MethodGet, "/fhir/Patient?family=Sample&birthdate=4711", "")
	call(h, http.MethodPost, "/fhir/Patient", `{"resourceType":"Patient","name":"Sample"`)
	call(h, http.MethodGet, "/fhir/mrn-4711/Sample", "")
	if !strings.Contains(log.String(), `"interaction":"read"`) || !strings.Contains(log.String(), `"type":"Patient"`) {
		t.Errorf("the log tells too little: %s", &log)
	}
	numbers := call(h, http.MethodGet, "/metrics", "").Body.String()
	for _, want := range []string{
		`kiln_http_requests_total{interaction="read",status="2xx"} 1`,
		`kiln_http_requests_total{interaction="create",status="4xx"} 1`,
		`kiln_http_requests_total{interaction="none",status="4xx"} 1`,
		`kiln_http_request_duration_seconds_count{interaction="search-type"} 2`,
		`kiln_http_requests_in_flight 0`,
		`go_goroutines`,
	} {
		if !strings.Contains(numbers, want) {
			t.Errorf("the metrics lack %s", want)
		}
	}
	for _, patient := range []string{"mrn-4711", "birthdate", "Sample"} {
		if strings.Contains(log.String(), patient) || strings.Contains(numbers, patient) {
			t.Errorf("log or metrics hold %q: %s", patient, &log)
		}
	}
}

type locked struct {
	mu *sync.Mutex
	w  io.Writer
}

func (l *locked) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(b)
}

func TestReadiness(t *testing.T) {
	ready := errors.New("the index is being rebuilt")
	h := newHandler(t, rest.Options{Ready: func() error { return ready }})
	if answer := call(h, http.MethodGet, "/readyz", ""); answer.Code != http.StatusServiceUnavailable || !strings.Contains(answer.Body.String(), "rebuilt") {
		t.Errorf("got %d %s", answer.Code, answer.Body)
	}
	if answer := call(h, http.MethodGet, "/healthz", ""); answer.Code != http.StatusOK {
		t.Errorf("got %d %s", answer.Code, answer.Body)
	}
	ready = nil
	if answer := call(h, http.MethodGet, "/readyz", ""); answer.Code != http.StatusOK {
		t.Errorf("got %d %s", answer.Code, answer.Body)
	}
}

// TestForeignPages: where no token is asked for, what pages of other sites can make a browser send
// changes and shows nothing, whatever their names point to.
func TestForeignPages(t *testing.T) {
	local := newHandler(t, rest.Options{Origins: []string{rest.LoopbackOrigins}})
	listed := newHandler(t, rest.Options{Origins: []string{"https://app.example.org"}})
	public := newHandler(t, rest.Options{})
	for _, c := range []struct {
		sentence     string
		handler      http.Handler
		method, host string
		origin       string
		status       int
	}{
		{"a POST that needs no preflight", local, "POST", "127.0.0.1:8080", "https://evil.example", 403},
		{"of a page without an origin", local, "POST", "127.0.0.1:8080", "null", 403},
		{"of a page of this machine", local, "POST", "127.0.0.1:8080", "http://localhost:3000", 201},
		{"of a page of the server itself", local, "POST", "kiln.test", "http://kiln.test", 201},
		{"of no page", local, "POST", "127.0.0.1:8080", "", 201},
		{"of a page that is not in the list", listed, "POST", "any.example", "https://evil.example", 403},
		{"of one that is", listed, "POST", "any.example", "https://app.example.org", 201},
		{"of any page where all may", public, "POST", "any.example", "https://evil.example", 201},
		{"a read whose answer the page cannot see", local, "GET", "127.0.0.1:8080", "https://evil.example", 200},
		{"a name that was made to point here", local, "GET", "evil.example:8080", "", 403},
		{"one that only begins like this machine's", local, "GET", "localhost.evil.example", "", 403},
		{"localhost", local, "GET", "LocalHost:8080", "", 200},
		{"an address of version 6", local, "GET", "[::1]:8080", "", 200},
		{"an address without a port", local, "GET", "[::1]", "", 200},
		{"the name in the base URL", local, "GET", "kiln.test:443", "", 200},
		{"any name where a token is asked for", listed, "GET", "any.example", "", 200},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			request := httptest.NewRequest(c.method, "/fhir/Binary", nil)
			if c.method == http.MethodPost {
				request = httptest.NewRequest(c.method, "/fhir/Binary", strings.NewReader("abc"))
				request.Header.Set("Content-Type", "text/plain")
			}
			request.Host = c.host
			if c.origin != "" {
				request.Header.Set("Origin", c.origin)
			}
			answer := httptest.NewRecorder()
			if c.handler.ServeHTTP(answer, request); answer.Code != c.status {
				t.Errorf("got %d %s, want %d", answer.Code, answer.Body, c.status)
			}
		})
	}
}
