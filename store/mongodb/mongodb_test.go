package mongodb_test

import (
	"flag"
	"maps"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"

	"kiln/store"
	"kiln/store/mongodb"
	"kiln/store/mongodb/peer"
	"kiln/store/storetest"
)

// notOnPeer are the promises that FerretDB cannot be asked to show, by their names in the suite, with the reason. A real
// server shows them all.
var notOnPeer = map[string]string{
	"Concurrency/a feed misses nothing and keeps the order while many write": "requests end hundreds of times while FerretDB reads for them; " +
		"one time in ten or so it then leaves another command without an answer for ever",
}

func TestStore(t *testing.T) {
	f := fixture{server: peer.Start(t), databases: map[string]string{}, met: map[string]bool{}}
	traits := []storetest.Trait{storetest.Durable}
	if f.server.Limited {
		traits = append(traits, storetest.Slow)
	}
	storetest.Run(t, f.open, traits...)
	if run := flag.Lookup("test.run").Value.String(); run == "" && flag.Lookup("test.skip").Value.String() == "" {
		for promise := range notOnPeer {
			if !f.met[promise] {
				t.Errorf("there is no promise %q", promise)
			}
		}
	}
}

// fixture opens a database for each folder that the suite names.
type fixture struct {
	server *peer.Server

	mu        sync.Mutex
	databases map[string]string // by folder
	met       map[string]bool   // promises
}

func (f *fixture) open(t testing.TB, dir string, options storetest.Options) store.Store {
	if reason := f.reason(t.Name()); reason != "" && f.server.Limited {
		t.Skip(reason)
	}
	s, err := mongodb.Open(t.Context(), f.server.URL, mongodb.Options{
		Now: options.Now, Parameters: options.Parameters, Database: f.database(t, dir),
		WithoutTransactions: f.server.Limited, RawBytes: f.server.Limited,
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// reason is why FerretDB cannot show a promise, empty if it can.
func (f *fixture) reason(name string) string {
	_, promise, _ := strings.Cut(name, "/")
	promise = strings.ReplaceAll(promise, "_", " ")
	f.mu.Lock()
	defer f.mu.Unlock()
	f.met[promise] = true
	return notOnPeer[promise]
}

func (f *fixture) database(t testing.TB, dir string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.databases[dir] == "" {
		f.databases[dir] = f.server.Database(t)
	}
	return f.databases[dir]
}

// TestWhatRunsWhereIsDocumented: docs/mongodb.md lists what the suite does not run on FerretDB.
func TestWhatRunsWhereIsDocumented(t *testing.T) {
	guide, err := os.ReadFile("../../docs/mongodb.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(guide), "## What the suite runs where")
	section, _, _ = strings.Cut(section, "\n## ")
	documented := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\| (.*) \\|$").FindAllStringSubmatch(section, -1) {
		documented[row[1]] = row[2]
	}
	if !maps.Equal(documented, notOnPeer) {
		t.Errorf("the guide lists %q, and left out is %q", documented, notOnPeer)
	}
}
