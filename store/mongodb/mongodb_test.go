package mongodb_test

import (
	"strings"
	"sync"
	"testing"

	"kiln/store"
	"kiln/store/mongodb"
	"kiln/store/mongodb/peer"
	"kiln/store/storetest"
)

// notOnPeer are the promises that FerretDB cannot show, with the reason. A real server shows them all.
var notOnPeer = map[string]string{}

func TestStore(t *testing.T) {
	f := fixture{server: peer.Start(t), databases: map[string]string{}}
	storetest.Run(t, f.open, storetest.Durable)
}

// fixture opens a database for each folder that the suite names.
type fixture struct {
	server *peer.Server

	mu        sync.Mutex
	databases map[string]string // by folder
}

func (f *fixture) open(t testing.TB, dir string, options storetest.Options) store.Store {
	_, promise, _ := strings.Cut(t.Name(), "/")
	if reason := notOnPeer[promise]; reason != "" && f.server.Limited {
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

func (f *fixture) database(t testing.TB, dir string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.databases[dir] == "" {
		f.databases[dir] = f.server.Database(t)
	}
	return f.databases[dir]
}
