package rest_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"kiln/conformance/validation"
	"kiln/fhir"
	"kiln/fhir/rest"
)

// A script is a conversation: files whose names begin with ">" are requests, each followed by the
// answer in a file named "<". Run with -update to write down what the server says.
//
//	-- > a read shows the version --
//	GET /fhir/Patient/a
//	-- < --
//	200
//	ETag: W/"1"
//
//	{ … }
//
// In requests {base} is the base URL, {next} the link of that name in the last Bundle, {location}
// the last Location. Answers show the headers in shownHeaders; JSON is indented, and sealed paging
// links are written {page}.
var update = flag.Bool("update", false, "rewrite the answers of the scripts")

func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for engine := range engines {
		for _, file := range files {
			t.Run(engine+"/"+strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
				runScript(t, file, engine)
			})
		}
	}
}

// newServer starts a server whose ids and times are the same in every run.
func newServer(t testing.TB, engine string) *httptest.Server {
	t.Helper()
	validator, err := validation.New(validation.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ids := 0
	return listen(t, newHandlerOn(t, engine, fhir.Options{
		Now: clock, Validator: validator, NewID: func() string { ids++; return fmt.Sprintf("id-%d", ids) },
	}, rest.Options{}), rest.Options{})
}

type conversation struct {
	server    *httptest.Server
	variables map[string]string
}

func runScript(t *testing.T, file, engine string) {
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	c := &conversation{server: newServer(t, engine), variables: map[string]string{"base": testBase}}
	for i := 0; i+1 < len(archive.Files); i += 2 {
		request, answer := archive.Files[i], &archive.Files[i+1]
		sentence, ok := strings.CutPrefix(request.Name, "> ")
		if !ok || answer.Name != "<" {
			t.Fatalf("%s: file %d is %q and the next %q; expected a request and its answer", file, i, request.Name, answer.Name)
		}
		t.Run(sentence, func(t *testing.T) {
			got := c.exchange(t, request.Data)
			if bytes.Contains(request.Data, []byte("SearchParameter")) || bytes.Contains(request.Data, []byte("$reindex")) {
				c.settle(t)
			}
			if *update {
				answer.Data = []byte(got)
			} else if diff := cmp.Diff(string(answer.Data), got); diff != "" {
				t.Errorf("the answer differs (-want +got):\n%s", diff)
			}
		})
	}
	if *update {
		if err := os.WriteFile(file, txtar.Format(archive), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// exchange sends a request of the script and writes down the answer.
func (c *conversation) exchange(t *testing.T, script []byte) string {
	t.Helper()
	request := c.request(t, c.fill(string(script)))
	answer, err := asSent.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	c.remember(answer, body)
	var out strings.Builder
	fmt.Fprintf(&out, "%d\n", answer.StatusCode)
	for _, name := range shownHeaders {
		for _, value := range answer.Header.Values(name) {
			if asked := request.Header.Get(name); name == "X-Request-Id" && asked == "" {
				continue
			} else if name == "X-Request-Id" && asked != value {
				value = "(another)"
			}
			fmt.Fprintf(&out, "%s: %s\n", name, value)
		}
	}
	if len(body) > 0 {
		fmt.Fprintf(&out, "\n%s\n", strings.TrimSuffix(show(answer, body), "\n"))
	}
	return sealed.ReplaceAllString(out.String(), "_page={page}")
}

// settle waits until everything is indexed, so that what follows is the same in every run.
func (c *conversation) settle(t *testing.T) {
	t.Helper()
	for {
		answer, err := http.Get(c.server.URL + "/fhir/$reindex")
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		if _ = answer.Body.Close(); err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(body, []byte("in-progress")) {
			return
		}
	}
}

// asSent shows answers as they were sent: no redirects, nothing unpacked.
var asSent = &http.Transport{DisableCompression: true}

var sealed = regexp.MustCompile(`_page=[A-Za-z0-9_.%-]+`)

// shownHeaders are those that a script writes down.
var shownHeaders = []string{
	"Content-Type", "ETag", "Last-Modified", "Location", "Allow", "Accept-Patch", "Accept-Ranges", "Content-Range",
	"Content-Encoding", "Link", "Preference-Applied", "Retry-After", "X-Security-Context", "X-Request-Id",
	"Content-Security-Policy", "Access-Control-Allow-Origin", "Access-Control-Allow-Methods", "Access-Control-Allow-Headers", "Access-Control-Expose-Headers",
}

func show(answer *http.Response, body []byte) string {
	if strings.Contains(answer.Header.Get("Content-Type"), "json;") {
		var b bytes.Buffer
		if json.Indent(&b, body, "", "  ") == nil {
			return b.String()
		}
	}
	if slices.ContainsFunc(body, func(b byte) bool { return b < 9 || b > 126 }) {
		return fmt.Sprintf("%q", body)
	}
	return string(body)
}

func (c *conversation) fill(text string) string {
	for name, value := range c.variables {
		text = strings.ReplaceAll(text, "{"+name+"}", value)
	}
	return text
}

// request reads "METHOD address", header lines, an empty line and the body.
func (c *conversation) request(t *testing.T, text string) *http.Request {
	t.Helper()
	head, body, _ := strings.Cut(text, "\n\n")
	lines := strings.Split(strings.TrimSuffix(head, "\n"), "\n")
	method, address, ok := strings.Cut(lines[0], " ")
	if !ok {
		t.Fatalf("%q is no request line", lines[0])
	}
	address = c.server.URL + strings.TrimPrefix(address, "http://kiln.test")
	request, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(strings.TrimSuffix(body, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	if body == "" {
		request.Body, request.ContentLength = http.NoBody, 0
	}
	for _, line := range lines[1:] {
		name, value, ok := strings.Cut(line, ": ")
		if !ok {
			t.Fatalf("%q is no header", line)
		}
		request.Header.Add(name, value)
	}
	return request
}

// remember keeps what later requests may refer to.
func (c *conversation) remember(answer *http.Response, body []byte) {
	if location := answer.Header.Get("Location"); location != "" {
		c.variables["location"] = location
	}
	var bundle struct {
		Link []struct{ Relation, URL string }
	}
	if json.Unmarshal(body, &bundle) == nil {
		for _, link := range bundle.Link {
			if u, err := url.Parse(link.URL); err == nil {
				c.variables[link.Relation] = u.String()
			}
		}
	}
}
