// Package storetest proves the promises of package store, the same for every engine. An engine's
// own test file is a few lines:
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, func(t testing.TB, dir string, options storetest.Options) store.Store {
//			s, err := pebble.Open(dir, pebble.Options{Now: options.Now, Parameters: options.Parameters})
//			if err != nil {
//				t.Fatal(err)
//			}
//			return s
//		}, storetest.Durable)
//	}
//
// Each promise is a subtest that reads as a sentence. Run it with the race detector: many of them
// are about concurrency. Short mode makes the long ones shorter.
package storetest

import (
	"context"
	"testing"
	"time"

	"kiln/search"
	"kiln/store"
)

// Open opens the store kept in a folder, which is empty the first time. It fails the test if it
// cannot. The suite closes the store.
type Open func(t testing.TB, dir string, options Options) store.Store

// Options are what an engine must be opened with.
type Options struct {
	Now        func() time.Time   // the clock, for LastUpdated and the expiry of records
	Parameters *search.Parameters // those of the entries that the suite commits
}

// Trait is a power that not every engine has.
type Trait uint8

// The traits.
const (
	// Durable engines find what was there when a folder is opened again.
	Durable Trait = iota + 1
	// Slow engines need milliseconds for what others do in microseconds: long promises are shown with less.
	Slow
)

// group is the promises about one thing.
type group struct {
	name     string
	needs    Trait
	promises []promise
}

type promise struct {
	sentence string
	check    func(*trial)
}

// groups are all promises.
func groups() []group {
	return []group{
		{name: "Commit", promises: commits},
		{name: "Key", promises: keys},
		{name: "Precondition", promises: preconditions},
		{name: "Guard", promises: guards},
		{name: "Claim", promises: claims},
		{name: "Record", promises: records},
		{name: "Inventory", promises: inventories},
		{name: "Feed", promises: feeds},
		{name: "History", promises: histories},
		{name: "Search", promises: searches},
		{name: "Paging", promises: pagings},
		{name: "Contained", promises: containeds},
		{name: "Snapshot", promises: snapshots},
		{name: "Preview", promises: previews},
		{name: "Close", promises: closings},
		{name: "Concurrency", promises: races},
		{name: "Random", promises: randoms},
		{name: "Reindex", promises: reindexings},
		{name: "Reindex reopened", needs: Durable, promises: reopenedReindexings},
		{name: "Reopen", needs: Durable, promises: reopenings},
	}
}

// Run checks an engine.
func Run(t *testing.T, open Open, traits ...Trait) {
	has := map[Trait]bool{0: true}
	for _, trait := range traits {
		has[trait] = true
	}
	for _, g := range groups() {
		if !has[g.needs] {
			continue
		}
		t.Run(g.name, func(t *testing.T) {
			for _, p := range g.promises {
				t.Run(p.sentence, func(t *testing.T) {
					p.check(begin(t, open, has))
				})
			}
		})
	}
}

// trial is one store under test, with its clock.
type trial struct {
	*testing.T
	store.Store
	ctx   context.Context
	clock *Clock
	open  Open
	dir   string

	durable, slow bool
}

func begin(t *testing.T, open Open, has map[Trait]bool) *trial {
	r := &trial{T: t, ctx: t.Context(), clock: NewClock(), open: open, dir: t.TempDir(), durable: has[Durable], slow: has[Slow]}
	r.Store = open(t, r.dir, r.options())
	t.Cleanup(func() {
		if err := r.Store.Close(); err != nil {
			t.Errorf("closing the store: %v", err)
		}
	})
	return r
}

func (t *trial) options() Options { return Options{Now: t.clock.Now, Parameters: Parameters()} }

// reopen closes the store and opens its folder again.
func (t *trial) reopen() {
	t.Helper()
	t.must(t.Store.Close())
	t.Store = t.open(t.T, t.dir, t.options())
}
