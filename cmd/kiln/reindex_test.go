package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// child is `kiln serve` in a process of its own.
type child struct {
	*exec.Cmd
	base string
}

func serveChild(t *testing.T, store string, env ...string) child {
	t.Helper()
	cmd, base := startProcess(t, store, env...)
	return child{cmd, base + "/fhir"}
}

// kill ends the process as a crash does.
func (c child) kill(t *testing.T) {
	t.Helper()
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait()
}

func (c child) get(t *testing.T, path string, into any) int {
	t.Helper()
	answer, err := http.Get(c.base + path)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if err := json.NewDecoder(answer.Body).Decode(into); err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode
}

// progress is what $reindex tells of the definition.
func (c child) progress(t *testing.T) (done int, complete bool) {
	t.Helper()
	var p struct {
		Parameter []struct {
			Part []struct {
				Name, ValueCode string
				ValueDecimal    int
			}
		}
	}
	if status := c.get(t, "/SearchParameter/ward/$reindex", &p); status != http.StatusOK || len(p.Parameter) != 1 {
		t.Fatalf("$reindex answers %d with %d indexes", status, len(p.Parameter))
	}
	for _, part := range p.Parameter[0].Part {
		switch part.Name {
		case "done":
			done = part.ValueDecimal
		case "status":
			complete = part.ValueCode == "completed"
		}
	}
	return done, complete
}

const wardDefinition = `{"resourceType":"SearchParameter","id":"ward","url":"http://example.org/SearchParameter/ward","name":"Ward","status":"active","description":"x","code":"ward","base":["Patient"],"type":"token","expression":"Patient.extension('http://example.org/ward').value.ofType(code)"}`

func kiln(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command("kiln", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("kiln %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// askBefore searches before the index is whole: that is refused, or with scans answered exactly.
func askBefore(t *testing.T, server child, scans bool, want int) {
	t.Helper()
	var answer struct {
		Total int
		Issue []struct{ Diagnostics string }
	}
	status := server.get(t, "/Patient?ward=w3&_summary=count", &answer)
	switch {
	case scans && (status != http.StatusOK || answer.Total != want):
		t.Errorf("scanned: %d with %d matches; want %d", status, answer.Total, want)
	case !scans && (status != http.StatusBadRequest || !strings.Contains(answer.Issue[0].Diagnostics, "is being indexed")):
		t.Errorf("a search before it is complete: %d, %v", status, answer.Issue)
	}
}

// TestIndexingSurvivesKills: a server that is killed again and again while it indexes for a new search
// parameter ends with the index that a server has which knew the parameter from the start.
func TestIndexingSurvivesKills(t *testing.T) {
	const patients = 20_000
	dir := t.TempDir()
	store, file, definition := filepath.Join(dir, "store"), filepath.Join(dir, "patients.ndjson"), filepath.Join(dir, "ward.json")
	var text strings.Builder
	for i := range patients {
		fmt.Fprintf(&text, `{"resourceType":"Patient","id":"p%d","extension":[{"url":"http://example.org/ward","valueCode":"w%d"}]}`+"\n", i, i%10)
	}
	for name, text := range map[string]string{file: text.String(), definition: wardDefinition} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	kiln(t, "load", file, "--store", store)
	kiln(t, "load", definition, "--store", store)
	killed := 0
	for before := -1; ; killed++ {
		scans := killed%2 == 1
		server := serveChild(t, store, "KILN_ALLOW_SCANS="+strconv.FormatBool(scans))
		first, complete := server.progress(t)
		if !complete && first <= before {
			t.Fatalf("it goes on at %d; the time before at %d", first, before)
		}
		done := first
		for !complete && done < first+patients/10 {
			time.Sleep(5 * time.Millisecond)
			done, complete = server.progress(t)
		}
		if complete {
			var bundle struct{ Total int }
			if status := server.get(t, "/Patient?ward=w3&_summary=count", &bundle); status != http.StatusOK || bundle.Total != patients/10 {
				t.Errorf("%d with %d matches; want %d", status, bundle.Total, patients/10)
			}
			server.kill(t)
			break
		}
		if done < patients*3/4 {
			askBefore(t, server, scans, patients/10)
		}
		time.Sleep(200 * time.Millisecond) // what was done by now is on record
		server.kill(t)
		before = first
	}
	if killed < 2 {
		t.Error("it was complete before it could be killed twice")
	}
	t.Logf("killed %d times", killed)
	if out := kiln(t, "check", "--store", store); !strings.Contains(out, "the store is consistent") || strings.Contains(out, "not indexed") {
		t.Errorf("check: %s", out) // which compares all values with those that the resources give
	}
}
