package fhir_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"kiln/search"
	"kiln/store"
	"kiln/store/memory"
	"kiln/store/mongodb"
	"kiln/store/mongodb/peer"
	"kiln/store/pebble"
)

var (
	engines           = flag.String("engines", "", "storage engines to run the tests on (memory, shared, pebble, mongodb); all if empty, but on mongodb only what asks most of an engine")
	conditionalRounds = flag.Int("rounds", 100, "rounds of concurrent conditional creates")
)

// engines by name; each test opens its own, empty.
var openEngine = map[string]func(t testing.TB, now func() time.Time, parameters *search.Parameters) (store.Store, error){
	"memory": func(t testing.TB, now func() time.Time, parameters *search.Parameters) (store.Store, error) {
		return memory.New(memory.Options{Now: now, Parameters: parameters}), nil
	},
	// the same, taken for a store that other processes have open too
	"shared": func(t testing.TB, now func() time.Time, parameters *search.Parameters) (store.Store, error) {
		return memory.New(memory.Options{Now: now, Parameters: parameters, Shared: true}), nil
	},
	"pebble": func(t testing.TB, now func() time.Time, parameters *search.Parameters) (store.Store, error) {
		return pebble.Open(t.TempDir(), pebble.Options{Now: now, Parameters: parameters})
	},
	"mongodb": func(t testing.TB, now func() time.Time, parameters *search.Parameters) (store.Store, error) {
		return openMongoDB(t, now, parameters, peer.Start(t).Database(t))
	},
}

// askMost are the tests that run on MongoDB when no engines are named: FerretDB takes a minute for all of them.
const askMost = "^Test(Transaction|TransactionsReplace.*|.*InTransaction|Conditional.*|ConcurrentUpdates|ACopy.*|ReferentialIntegrity|History|Paging|TheLastPage|Load|" +
	"NamedQuery|SlowSearches.*|SearchParameterFrom.*|AnIndexThat.*|IndexingResumes|NothingLands.*|WritesDuring.*|Delete)$"

// databases are the names of those of MongoDB, by store.
var databases sync.Map

func openMongoDB(t testing.TB, now func() time.Time, parameters *search.Parameters, database string) (store.Store, error) {
	server := peer.Start(t)
	s, err := mongodb.Open(t.Context(), server.URL, mongodb.Options{
		Now: now, Parameters: parameters, Database: database,
		WithoutTransactions: server.Limited, RawBytes: server.Limited,
	})
	databases.Store(s, database)
	return s, err
}

// elsewhere is a store as another process has it, whose parameters are its own. Others than MongoDB take the
// parameters of a query as they come.
func elsewhere(t testing.TB, s store.Store, now func() time.Time, parameters *search.Parameters) store.Store {
	t.Helper()
	database, ok := databases.Load(s)
	if !ok {
		return s
	}
	s, err := openMongoDB(t, now, parameters, database.(string))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// engine is the one that tests run on at the moment.
var engine string

// TestMain runs all tests on each engine.
func TestMain(m *testing.M) {
	flag.Parse()
	if flag.Lookup("test.fuzz").Value.String() != "" {
		*engines = "memory" // one is enough, and a fuzzer runs once
	}
	list, run := *engines, flag.Lookup("test.run").Value
	if list == "" {
		list = "memory,shared,pebble"
		if run.String() == "" {
			list += ",mongodb"
		}
	}
	worst := 0
	for name := range strings.SplitSeq(list, ",") {
		engine = name
		if *engines == "" && engine == "mongodb" {
			_ = run.Set(askMost)
		}
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

// newEngine is an empty one, with the parameters of its service: what it keeps of resources is of them.
func newEngine(t testing.TB, now func() time.Time, parameters *search.Parameters) store.Store {
	t.Helper()
	s, err := openEngine[engine](t, now, parameters)
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
