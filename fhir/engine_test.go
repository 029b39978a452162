package fhir_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"kiln/fhir/fhirtest"
	"kiln/store"
	"kiln/store/memory"
	"kiln/store/mongodb"
	"kiln/store/mongodb/peer"
	"kiln/store/pebble"
)

var (
	engines           = flag.String("engines", "memory,shared,pebble", "storage engines to run the tests on")
	conditionalRounds = flag.Int("rounds", 100, "rounds of concurrent conditional creates")
)

// engines by name; each test opens its own, empty.
var openEngine = map[string]func(t testing.TB, now func() time.Time) (store.Store, error){
	"memory": func(t testing.TB, now func() time.Time) (store.Store, error) {
		return memory.New(memory.Options{Now: now, Parameters: fhirtest.Parameters(t)}), nil
	},
	// the same, taken for a store that other processes have open too
	"shared": func(t testing.TB, now func() time.Time) (store.Store, error) {
		return memory.New(memory.Options{Now: now, Parameters: fhirtest.Parameters(t), Shared: true}), nil
	},
	"pebble": func(t testing.TB, now func() time.Time) (store.Store, error) {
		return pebble.Open(t.TempDir(), pebble.Options{Now: now, Parameters: fhirtest.Parameters(t)})
	},
	// not among the engines that are run when none are named: FerretDB takes long for all tests
	"mongodb": func(t testing.TB, now func() time.Time) (store.Store, error) {
		server := peer.Start(t)
		return mongodb.Open(t.Context(), server.URL, mongodb.Options{
			Now: now, Parameters: fhirtest.Parameters(t), Database: server.Database(t),
			WithoutTransactions: server.Limited, RawBytes: server.Limited,
		})
	},
}

// engine is the one that tests run on at the moment.
var engine string

// TestMain runs all tests on each engine.
func TestMain(m *testing.M) {
	flag.Parse()
	if flag.Lookup("test.fuzz").Value.String() != "" {
		*engines = "memory" // one is enough, and a fuzzer runs once
	}
	worst := 0
	for name := range strings.SplitSeq(*engines, ",") {
		engine = name
		if openEngine[engine] == nil {
			fmt.Fprintf(os.Stderr, "there is no engine %q\n", engine)
			os.Exit(2)
		}
		if code := m.Run(); code != 0 {
			fmt.Fprintf(os.Stderr, "failed on the engine %s\n", engine)
			worst = code
		}
	}
	os.Exit(worst)
}

func newEngine(t testing.TB, now func() time.Time) store.Store {
	t.Helper()
	s, err := openEngine[engine](t, now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}
