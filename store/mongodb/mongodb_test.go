package mongodb_test

import (
	"flag"
	"strings"
	"sync"
	"testing"

	"kiln/store"
	"kiln/store/mongodb"
	"kiln/store/mongodb/peer"
	"kiln/store/storetest"
)

// FerretDB reads all of a collection for every query and every update, which decides what it can be asked to show.
const (
	manyVersions  = "FerretDB reads the whole feed for each of some thousand versions"
	manyDocuments = "FerretDB reads some thousand documents for each of as many queries"
)

// notOnPeer are the promises that FerretDB takes minutes for, by their names in the suite, with the reason. A real
// server shows them all.
var notOnPeer = map[string]string{
	"Reindex/values are those of the current versions, however many write meanwhile":              manyVersions,
	"Commit/a large transaction lands as one":                                                     manyVersions,
	"Key/many alike resources come back as they were, in every version":                           manyVersions,
	"Contained/contained resources are found each on its own, on pages forwards and backwards":    manyDocuments,
	"Contained/later pages show contained resources as of the first":                              manyDocuments,
	"Random/random histories and searches agree with the memory engine and with search.Match":     manyDocuments,
	"Random/random histories of few resources agree with the memory engine and with search.Match": manyDocuments,
	"Search/a search sees whole transactions, and every match meets the query":                    manyDocuments,
	"History/later pages show the history as of the first":                                        manyVersions,
	"Paging/readers who page while others write see everything once and in order":                 manyDocuments,
}

func TestStore(t *testing.T) {
	f := fixture{server: peer.Start(t), databases: map[string]string{}, met: map[string]bool{}}
	storetest.Run(t, f.open, storetest.Durable)
	if run := flag.Lookup("test.run").Value.String(); run == "" {
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
