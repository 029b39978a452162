package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kiln/fhir"
	"kiln/fhir/rest"
	"kiln/resources"
	"kiln/resources/definitions"
)

// data is where definitions, examples and patients lie beside the checkout.
const data = "../../../shared/data"

func needs(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(data, name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("skipped: there is no %s beside the checkout", name)
	}
	return path
}

// started is a server on a new embedded store, over HTTP.
type started struct {
	*assembly
	url string
}

func startServer(t *testing.T, validation string) started {
	t.Helper()
	var server *httptest.Server
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { server.Config.Handler.ServeHTTP(w, r) })
	server = httptest.NewUnstartedServer(handler)
	p := localPlan(filepath.Join(t.TempDir(), "store"))
	p.BaseURL, p.Validation = "http://"+server.Listener.Addr().String()+"/fhir", validation
	a, err := p.assemble(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	edge, err := rest.New(rest.Options{Service: a.Service})
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = edge
	server.Start()
	t.Cleanup(func() {
		server.Close()
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return started{a, p.BaseURL}
}

func (s started) do(t *testing.T, method, path string, body []byte) (int, *resources.Document) {
	t.Helper()
	request, err := http.NewRequest(method, path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/fhir+json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := resources.Parse(text)
	if err != nil {
		t.Fatalf("%s %s answered %s with %q", method, path, response.Status, text)
	}
	return response.StatusCode, doc
}

// TestTransactionsOfPatients sends every patient as a transaction over HTTP and reads everything
// back: each resource is what was sent but for id, meta and the references that the transaction
// resolved, every reference leads somewhere, and the counts are those of the index.
func TestTransactionsOfPatients(t *testing.T) {
	folder := needs(t, "synthea")
	s := startServer(t, "base")
	files, err := filepath.Glob(filepath.Join(folder, "*.json.gz"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	sent := 0
	for _, file := range files {
		err := units(file, func(u unit) error {
			bundle, err := u.parse()
			if err != nil {
				return err
			}
			status, answer := s.do(t, http.MethodPost, s.url, u.Text)
			if status != http.StatusOK {
				return fmt.Errorf("%s: %d %s", u.Place, status, answer.Source())
			}
			sent += compareEntries(t, s, bundle, answer)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if want := countsOf(t, filepath.Join(folder, "index.tsv")); sent != want.total {
		t.Errorf("%d resources were sent; the index has %d", sent, want.total)
	} else {
		compareCounts(t, s, want.types)
	}
	checkReferences(t, s, nil)
}

// compareEntries reads back what a transaction wrote.
func compareEntries(t *testing.T, s started, bundle, answer *resources.Document) int {
	t.Helper()
	var names []string // old and new, in turn
	var places []string
	item := bundle.Children(bundle.Member(0, "entry"))
	for n := range answer.Children(answer.Member(0, "entry")) {
		location := answer.Text(answer.At(n, "response", "location"))
		rest, _ := strings.CutPrefix(location, s.url+"/")
		place, _, _ := strings.Cut(rest, "/_history/")
		places = append(places, place)
	}
	i := 0
	for n := range item {
		names = append(names, bundle.Text(bundle.Member(n, "fullUrl")), places[i])
		i++
	}
	if len(places) != i {
		t.Fatalf("%d entries were answered; %d were sent", len(places), i)
	}
	relinked := strings.NewReplacer(names...)
	i = 0
	for n := range item {
		resource := bundle.Member(n, "resource")
		want, err := resources.Parse([]byte(relinked.Replace(string(bundle.Raw(resource)))))
		if err != nil {
			t.Fatal(err)
		}
		status, got := s.do(t, http.MethodGet, s.url+"/"+places[i], nil)
		if status != http.StatusOK || !resources.SameContent(want, got) {
			t.Errorf("%s was read back with %d and other content", places[i], status)
		}
		i++
	}
	return i
}

type counts struct {
	total int
	types map[string]int
}

// countsOf reads the last column of the index: "Patient:1 Observation:40" or the like.
func countsOf(t *testing.T, index string) counts {
	t.Helper()
	text, err := os.ReadFile(index)
	if err != nil {
		t.Fatal(err)
	}
	c := counts{types: map[string]int{}}
	header, rows, _ := strings.Cut(string(text), "\n")
	column := -1
	for i, name := range strings.Split(header, "\t") {
		if strings.Contains(name, "types") || strings.Contains(name, "resources") {
			column = i
		}
	}
	if column < 0 {
		t.Fatalf("the index has no column of types: %s", header)
	}
	for line := range strings.Lines(rows) {
		cells := strings.Split(strings.TrimSpace(line), "\t")
		for _, part := range strings.FieldsFunc(cells[column], func(r rune) bool { return r == ' ' || r == ',' || r == ';' }) {
			var typ string
			var n int
			if _, err := fmt.Sscanf(strings.NewReplacer(":", " ", "=", " ").Replace(part), "%s %d", &typ, &n); err != nil {
				t.Fatalf("%q: %v", part, err)
			}
			c.types[typ] += n
			c.total += n
		}
	}
	return c
}

func compareCounts(t *testing.T, s started, want map[string]int) {
	t.Helper()
	for typ, n := range want {
		_, bundle := s.do(t, http.MethodGet, s.url+"/"+typ+"?_summary=count", nil)
		if got := bundle.Text(bundle.Member(0, "total")); got != fmt.Sprint(n) {
			t.Errorf("%s resources of type %s; the index has %d", got, typ, n)
		}
	}
}

// checkReferences walks everything there is and follows each relative reference.
func checkReferences(t *testing.T, s started, dangling map[string]bool) {
	t.Helper()
	followed, there := 0, map[string]bool{}
	for _, typ := range definitions.R4().ResourceNames() {
		for query := "_count=1000"; query != ""; {
			page, err := s.Service.Search(context.Background(), fhir.SearchRequest{Type: typ, Query: query})
			if err != nil {
				t.Fatal(err)
			}
			for _, entry := range page.Entries {
				doc, err := resources.Parse(entry.Resource)
				if err != nil {
					t.Fatal(err)
				}
				for n := range resources.Node(doc.Len()) {
					target := doc.Text(n)
					if doc.Kind(n) != resources.String || doc.Name(n) != "reference" || strings.HasPrefix(target, "#") {
						continue
					}
					followed++
					if strings.HasPrefix(target, "urn:") || strings.Contains(target, "?") {
						t.Errorf("%s still refers to %s", entry.FullURL, target)
					} else if !there[target] {
						if status, _ := s.do(t, http.MethodGet, s.url+"/"+target, nil); status != http.StatusOK && !dangling[target] {
							t.Errorf("%s refers to %s, which answers %d", entry.FullURL, target, status)
						}
						there[target] = true
					}
				}
			}
			if query, err = nextQuery(page.Links); err != nil {
				t.Fatal(err)
			}
		}
	}
	if followed == 0 {
		t.Error("there was no reference to follow")
	}
}

// TestExamplesComeBack stores every example of the specification and of the guides and reads it
// back, whatever validation thinks of it.
func TestExamplesComeBack(t *testing.T) {
	folder := needs(t, "examples")
	stored := 0
	for _, name := range []string{"r4-spec", "us-core-3.1.1", "us-core-6.1.0", "ips-1.1.0"} {
		s := startServer(t, "off")
		err := units(filepath.Join(folder, name+".ndjson.gz"), func(u unit) error {
			sent, err := u.parse()
			if err != nil {
				return err
			}
			method, path := http.MethodPost, s.url+"/"+sent.Text(sent.Member(0, "resourceType"))
			if id := sent.Text(sent.Member(0, "id")); id != "" {
				method, path = http.MethodPut, path+"/"+id
			}
			status, got := s.do(t, method, path, u.Text)
			if status != http.StatusCreated && status != http.StatusOK {
				return fmt.Errorf("%s: %d %s", u.Place, status, got.Source())
			}
			if !resources.SameContent(sent, got) {
				t.Errorf("%s came back with other content", u.Place)
			}
			stored++
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if stored != 616 {
		t.Errorf("%d examples were stored; there are 616", stored)
	}
}

// TestLoadBulkFiles loads a bulk export, whose references are search criteria in part.
func TestLoadBulkFiles(t *testing.T) {
	folder := needs(t, "synthea/bulk-10")
	path := filepath.Join(t.TempDir(), "store")
	if status := run(context.Background(), []string{"load", folder, "--store", path}); status != 0 {
		t.Fatalf("kiln load exits with %d", status)
	}
	lines := map[string]int{}
	if err := units(folder, func(u unit) error {
		doc, err := u.parse()
		if err == nil {
			lines[doc.Text(doc.Member(0, "resourceType"))]++
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "out")
	if status := run(context.Background(), []string{"export", out, "--store", path}); status != 0 {
		t.Fatalf("kiln export exits with %d", status)
	}
	total := 0
	for typ, n := range lines {
		total += n
		text, err := os.ReadFile(filepath.Join(out, typ+".ndjson"))
		if got := bytes.Count(text, []byte("\n")); err != nil || got != n {
			t.Errorf("%d resources of type %s are exported; %d were loaded (%v)", got, typ, n, err)
		}
	}
	if total != 7160 {
		t.Errorf("%d resources in the files; the collection has 7,160", total)
	}
	if status := run(context.Background(), []string{"check", "--store", path}); status != 0 {
		t.Errorf("kiln check exits with %d", status)
	}
}
