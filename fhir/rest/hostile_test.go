package rest_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"kiln/fhir/rest"
)

// hostileOptions have limits that a test can reach.
var hostileOptions = rest.Options{MaxBody: 1 << 20, RequestTimeout: 2 * time.Second}

func packed(content []byte) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(content)
	_ = w.Close()
	return b.String()
}

func post(path, body string, header ...string) string {
	return fmt.Sprintf("POST /fhir/%s HTTP/1.1\r\nHost: x\r\nContent-Type: application/fhir+json\r\nContent-Length: %d\r\n%s\r\n%s",
		path, len(body), strings.Join(append(header, ""), "\r\n"), body)
}

func get(path string, header ...string) string {
	return fmt.Sprintf("GET /fhir/%s HTTP/1.1\r\nHost: x\r\n%s\r\n", path, strings.Join(append(header, ""), "\r\n"))
}

// TestHostile sends what no honest client sends. Each gets a 4xx with an OperationOutcome that
// says why.
func TestHostile(t *testing.T) {
	server := newListening(t, hostileOptions)
	bomb := packed(make([]byte, 64<<20))
	for _, c := range []struct {
		sentence, request string
		want              int
	}{
		{"nesting of 10,000 levels", post("Patient", `{"resourceType":"Patient","a":`+strings.Repeat("[", 10_000)), 400},
		{"nesting of 65 levels that is closed", post("Patient", `{"resourceType":"Patient","a":`+strings.Repeat("[", 64)+strings.Repeat("]", 64)+"}"), 400},
		{"a body over the limit", post("Patient", `{"resourceType":"Patient","x":"`+strings.Repeat("x", 2<<20)+`"}`), 413},
		{"a Content-Length over the limit, announced alone", "POST /fhir/Patient HTTP/1.1\r\nHost: x\r\nContent-Type: application/fhir+json\r\nContent-Length: 99999999999\r\nExpect: 100-continue\r\n\r\n", 413},
		{"a gzip bomb", post("Patient", bomb, "Content-Encoding: gzip"), 413},
		{"a gzip bomb in a form", strings.Replace(post("Patient/_search", bomb, "Content-Encoding: gzip"), "fhir+json", "x-www-form-urlencoded", 1), 413},
		{"gzip inside gzip", post("Patient", packed([]byte(packed([]byte("{}")))), "Content-Encoding: gzip, gzip"), 415},
		{"gzip that is cut off", post("Patient", packed([]byte(`{"resourceType":"Patient"}`))[:20], "Content-Encoding: gzip"), 400},
		{"an empty gzip body", "POST /fhir/Patient HTTP/1.1\r\nHost: x\r\nContent-Type: application/fhir+json\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
		{"an unknown compression", post("Patient", "{}", "Content-Encoding: zstd"), 415},
		{"a body that is not UTF-8", post("Patient", "{\"resourceType\":\"Patient\",\"language\":\"\xff\xfe\"}"), 400},
		{"a null byte in the body", post("Patient", "{\"resourceType\":\"Patient\",\"language\":\"a\x00b\"}"), 400},
		{"the same member twice", post("Patient", `{"resourceType":"Patient","resourceType":"Practitioner"}`), 400},
		{"a broken chunk", "POST /fhir/Patient HTTP/1.1\r\nHost: x\r\nContent-Type: application/fhir+json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n", 400},
		{"a body that ends early", "POST /fhir/Patient HTTP/1.1\r\nHost: x\r\nContent-Type: application/fhir+json\r\nContent-Length: 100\r\n\r\n{", 400},
		{"a path that is not UTF-8", get("Patient/%ff%fe"), 404},
		{"raw bytes in the path", get("Patient/\xff\xfe"), 404},
		{"a null byte in the path", get("Patient/%00"), 404},
		{"a path that climbs", get("../../etc/passwd"), 404},
		{"a path that climbs by escapes", get("%2e%2e/%2e%2e/etc/passwd"), 404},
		{"two slashes", get("Patient//a"), 404},
		{"a thousand slashes", get(strings.Repeat("/", 1000)), 404},
		{"an id of 10,000 letters", get("Patient/" + strings.Repeat("a", 10_000)), 404},
		{"an address of 100,000 letters", get("Patient?name=" + strings.Repeat("a", 100_000)), 414},
		{"2,000 parameters", get("Patient?" + strings.Repeat("name=a&", 2000)), 400},
		{"a wrong percent escape", get("Patient?name=%"), 400},
		{"a null byte in a parameter", get("Patient?name=%00"), 400},
		{"a parameter name of 10,000 letters", get("Patient?" + strings.Repeat("a", 10_000) + "=1"), 400},
		{"a chain of 1,000 links", get("Patient?" + strings.Repeat("organization.", 1000) + "name=a"), 400},
		{"a negative _count", get("Patient?_count=-1"), 400},
		{"an Accept of 5,000 unknown types", get("Patient", "Accept: "+strings.Repeat("a/b, ", 5000)), 406},
		{"an If-None-Match that is no tag", get("Patient/a", "If-None-Match: \""), 404},
		{"an X-Provenance that nests", post("Patient", `{"resourceType":"Patient"}`, "X-Provenance: "+strings.Repeat("[", 1000)), 400},
		{"a Content-Type that is nonsense", strings.Replace(post("Patient", "{}"), "application/fhir+json", ";;;=\"", 1), 415},
		{"an unknown method", "BREW /fhir/Patient HTTP/1.1\r\nHost: x\r\n\r\n", 405},
		{"an asterisk as address", "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 0},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			status, body := raw(t, server.Listener.Addr().String(), c.request)
			if c.want == 0 {
				if status >= 500 {
					t.Errorf("got %d", status)
				}
				return
			}
			if status != c.want || len(diagnostics(body)) == 0 {
				t.Errorf("got %d %.300s, want %d and an OperationOutcome", status, body, c.want)
			}
		})
	}
}

// TestMalformedHTTP is what net/http itself refuses before any handler sees it.
func TestMalformedHTTP(t *testing.T) {
	server := newListening(t, hostileOptions)
	for sentence, request := range map[string]string{
		"an address of 10 MB":             get("Patient?name=" + strings.Repeat("a", 10<<20)),
		"50,000 headers":                  get("Patient", strings.Repeat("X-A: b\r\n", 50_000)+"X-B: c"),
		"two lengths":                     "POST /fhir/Patient HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
		"no host":                         "GET /fhir/Patient HTTP/1.1\r\n\r\n",
		"a wrong escape in the path":      get("Patient/%zz"),
		"a header with a space in it":     get("Patient", "X A: b"),
		"what is no request":              "nonsense\r\n\r\n",
		"a length that is no number":      "POST /fhir/Patient HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
		"an unknown transfer encoding":    "POST /fhir/Patient HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: nonsense\r\n\r\n",
		"a control character in a header": get("Patient", "X-A: a\x01b"),
	} {
		t.Run(sentence, func(t *testing.T) {
			if status, body := raw(t, server.Listener.Addr().String(), request); status < 400 || status >= 600 || status == 500 {
				t.Errorf("got %d %.200s", status, body)
			}
		})
	}
}

// raw sends bytes and reads the answer; the client keeps its side open, as a slow one does.
func raw(t *testing.T, address, request string) (status int, body []byte) {
	t.Helper()
	connection, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	if err := connection.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	go func() {
		_, _ = io.WriteString(connection, request)
		if tcp, ok := connection.(*net.TCPConn); ok && strings.Contains(request, "Content-Length: 100\r\n") {
			_ = tcp.CloseWrite()
		}
	}()
	answer, err := http.ReadResponse(bufio.NewReader(connection), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if body, err = io.ReadAll(answer.Body); err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, body
}

// TestSlowBody: who does not send the body that was announced is answered when the time is up,
// also where nobody wants the body.
func TestSlowBody(t *testing.T) {
	server := newListening(t, rest.Options{RequestTimeout: 200 * time.Millisecond})
	for contentType, want := range map[string]int{"application/fhir+json": http.StatusRequestTimeout, "text/plain": http.StatusUnsupportedMediaType} {
		status, body := raw(t, server.Listener.Addr().String(),
			"POST /fhir/Patient HTTP/1.1\r\nHost: x\r\nContent-Type: "+contentType+"\r\nContent-Length: 1000\r\n\r\n{")
		if status != want || len(diagnostics(body)) == 0 {
			t.Errorf("%s: got %d %s, want %d and an OperationOutcome", contentType, status, body, want)
		}
	}
}

func TestServerLimits(t *testing.T) {
	server := rest.NewServer(http.NotFoundHandler(), rest.Options{})
	if server.ReadHeaderTimeout != 10*time.Second || server.IdleTimeout != 120*time.Second {
		t.Errorf("headers may take %s and idle connections %s; the contract says 10 s and 120 s", server.ReadHeaderTimeout, server.IdleTimeout)
	}
	if server.WriteTimeout == 0 || server.MaxHeaderBytes == 0 {
		t.Error("writing or headers have no bound")
	}
}
