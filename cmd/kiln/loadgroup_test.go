package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kiln/store"
)

// TestLoadFindsWhatReferencesLookFor: a reference that is a search is replaced, wherever in the file
// the resource stands that it finds. A question mark may be escaped.
func TestLoadFindsWhatReferencesLookFor(t *testing.T) {
	file := filepath.Join(t.TempDir(), "records.ndjson")
	text := `{"resourceType":"Observation","id":"a","status":"final","code":{"text":"x"},"subject":{"reference":"Patient?identifier=s|1"}}
{"resourceType":"Observation","id":"b","status":"final","code":{"text":"x"},"subject":{"reference":"Patient\u003fidentifier=s|1"}}
{"resourceType":"Observation","id":"c","status":"final","code":{"text":"why?"},"subject":{"reference":"Patient/p"}}
{"resourceType":"Patient","id":"p","identifier":[{"system":"s","value":"1"}]}
{"resourceType":"Patient","id":"q","active":"no"}
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	to, err := loadTarget(t.Context(), localPlan("memory:"), "", "")
	if err != nil {
		t.Fatal(err)
	}
	l := newLoader(to, false)
	if err := l.paths(t.Context(), []string{file}); err != nil {
		t.Fatal(err)
	}
	if len(l.refused) != 1 || l.loaded != 4 || !strings.HasSuffix(l.refused[0].place, "line 5") {
		t.Fatalf("loaded %d, refused %v", l.loaded, l.refused)
	}
	for _, id := range []string{"a", "b", "c"} {
		v, err := to.(*storeTarget).Service.Read(t.Context(), store.Key{Type: "Observation", ID: id})
		if err != nil || !strings.Contains(string(v.Body), `"reference":"Patient/p"`) {
			t.Errorf("Observation/%s is %s, %v", id, v.Body, err)
		}
	}
}
