package pebble

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kiln/resources"
	"kiln/search"
	"kiln/search/searchtest"
	"kiln/store"
)

var (
	agreementSeed  = flag.Uint64("pebble.seed", 0, "seed of the random searches; 0 takes a new one")
	agreementCount = flag.Int("pebble.queries", 120, "random searches for each way of planning")
)

var testParameters = sync.OnceValue(func() *search.Parameters {
	p, err := search.NewParameters(search.Options{BaseURL: searchtest.BaseURL})
	if err == nil {
		err = searchtest.Define(p)
	}
	if err != nil {
		panic(err)
	}
	return p
})

// crowdedTypes have all types of parameters between them, and refer to one another.
var crowdedTypes = []string{"Patient", "Observation", "Encounter", "Condition", "RiskAssessment", "ValueSet", "Substance", "Location"}

// world makes resources of few types, so that each has many.
func world(t *testing.T, r *rand.Rand, count int) *searchtest.World {
	t.Helper()
	w, err := searchtest.NewWorld(r, testParameters(), 0)
	if err != nil {
		t.Fatal(err)
	}
	numbers := map[string]int{}
	for range count {
		typ := crowdedTypes[r.IntN(len(crowdedTypes))]
		numbers[typ]++
		id := fmt.Sprintf("r%d", numbers[typ])
		if err := w.Add(searchtest.RandomResource(r, typ, id), id); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// keep stores a world, a commit for each second.
func keep(t *testing.T, w *searchtest.World) *Store {
	t.Helper()
	now := searchtest.Start
	s, err := Open(t.TempDir(), Options{Now: func() time.Time { return now }, Parameters: testParameters()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	for _, r := range w.Resources {
		now = r.LastUpdated
		if _, err := s.Commit(t.Context(), store.Transaction{Changes: []store.Change{changeOf(t, r.Document, r.ID)}}); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// changeOf is an update to a resource.
func changeOf(t testing.TB, doc *resources.Document, id string) store.Change {
	t.Helper()
	c, err := update(doc, id)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func update(doc *resources.Document, id string) (store.Change, error) {
	resource, err := doc.Resource()
	if err != nil {
		return store.Change{}, err
	}
	entries, err := testParameters().Extract(context.Background(), resource)
	return store.Change{
		Key: store.Key{Type: resource.Type().Name, ID: id}, Method: store.Update, Content: doc.Stamp(id), Entries: entries,
	}, err
}

// plannings are ways of planning: they differ in what is read, and must not in what is found.
var plannings = map[string]func(*tuning){
	"as it is": func(*tuning) {},
	"with everything large": func(t *tuning) {
		t.probe, t.joinProbe, t.scans, t.listed, t.group, t.below, t.batch, t.steps = 1, 2, 1, 3, 1, 1, 16, 1
	},
	"testing rather than opening": func(t *tuning) {
		t.test, t.chase, t.join, t.lookup, t.probe, t.total, t.gather = 0, 0, 0, 0, 1, 0, 1<<20
	},
	"opening rather than testing": func(t *tuning) { t.test, t.chase, t.join, t.lookup, t.group = 1<<20, 1<<20, 1, 1<<20, 2 },
	"going on rather than back":   func(t *tuning) { t.test, t.chase, t.join, t.lookup, t.batch = 1<<20, 1, 1<<20, 1<<20, 64 },
	"walking the sort index":      func(t *tuning) { t.test, t.seek, t.group, t.listed = 1<<20, -1, 3, 4 },
}

func TestSearchesAgreeWithMatchHoweverTheyArePlanned(t *testing.T) {
	r := agreementRandom(t, 0)
	w := world(t, r, 700)
	s := keep(t, w)
	underEveryPlanning(t, func(t *testing.T, count int) {
		for range count {
			agree(t, r, w, s)
		}
	})
}

// agreementRandom draws from the seed that was asked for, or from a new one that is told.
func agreementRandom(t *testing.T, stream uint64) *rand.Rand {
	t.Helper()
	seed := *agreementSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("run again with -pebble.seed=%d", seed)
	return rand.New(rand.NewPCG(seed, stream))
}

// underEveryPlanning compares so many searches as were asked for under each tuning of plannings.
func underEveryPlanning(t *testing.T, compare func(t *testing.T, count int)) {
	t.Helper()
	usual := tuned
	defer func() { tuned = usual }()
	count := *agreementCount
	if testing.Short() {
		count /= 4
	}
	for name, change := range plannings {
		t.Run(name, func(t *testing.T) {
			tuned = usual
			change(&tuned)
			compare(t, count)
		})
	}
}

// agree compares one random search, read page by page in both directions.
func agree(t *testing.T, r *rand.Rand, w *searchtest.World, s *Store) {
	t.Helper()
	typ := w.RandomType(r)
	text := w.RandomQuery(r, typ)
	if r.IntN(20) == 0 {
		typ, text = "", "_lastUpdated=ge"+w.Resources[r.IntN(len(w.Resources))].LastUpdated.Format("2006-01-02T15:04:05Z")+"&_sort=-_lastUpdated"
	}
	agreeOn(t, r, w, s, typ, text)
}

// agreeOn compares one search, read page by page in both directions, and gives how much it finds.
func agreeOn(t *testing.T, r *rand.Rand, w *searchtest.World, s *Store, typ, text string) int {
	t.Helper()
	query, err := w.Parse(typ, text)
	if err != nil {
		t.Fatalf("%s?%s: %v", typ, text, err)
	}
	want, err := w.Search(t.Context(), typ, text)
	if err != nil {
		t.Fatal(err)
	}
	agreeWith(t, r, s, typ+"?"+text, query, want)
	return len(want)
}

// agreeWith compares what a query finds, read page by page in both directions, with what it should.
func agreeWith(t *testing.T, r *rand.Rand, s *Store, text string, query *search.Query, want []string) {
	t.Helper()
	query.Count = 1 + r.IntN(60)
	query.Total = search.Total(r.IntN(4))
	query.Explain = r.IntN(4) == 0
	got, last := pagesOf(t, s, query, func(p store.Page) store.Cursor { return p.Next }, nil)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("%s (pages of %d): matches differ (- Match, + engine):\n%s", text, query.Count, diff)
	}
	if n, err := s.Count(t.Context(), query); err != nil || n != int64(len(want)) {
		t.Fatalf("%s: the count is %d, %v; want %d", text, n, err, len(want))
	}
	if last != nil {
		back, _ := pagesOf(t, s, query, func(p store.Page) store.Cursor { return p.Prev }, last)
		if diff := cmp.Diff(want[:(len(want)-1)/query.Count*query.Count], back); diff != "" {
			t.Fatalf("%s (pages of %d): backwards they differ (- Match, + engine):\n%s", text, query.Count, diff)
		}
	}
}

// pagesOf reads all pages in one direction, and gives the cursor back from the last.
// A cursor that comes twice would lead round for ever.
func pagesOf(t *testing.T, s store.Reader, query *search.Query, step func(store.Page) store.Cursor, from store.Cursor) (keys []string, back store.Cursor) {
	t.Helper()
	keys = []string{}
	seen := map[string]bool{}
	for cursor := from; ; {
		if seen[string(cursor)] {
			t.Fatalf("a page of %d leads back to one before it, after %d matches", query.Count, len(keys))
		}
		seen[string(cursor)] = true
		page, err := s.Search(t.Context(), query, cursor)
		if err != nil {
			t.Fatal(err)
		}
		list := make([]string, len(page.Matches))
		for i, m := range page.Matches {
			list[i] = m.Key.String()
			if page.Contained != nil {
				list[i] = searchtest.PlaceKey(m.Type, m.ID, page.Contained[i])
			}
		}
		if from == nil {
			keys = append(keys, list...)
		} else {
			keys = slices.Concat(list, keys)
		}
		if cursor = step(page); cursor == nil {
			return keys, page.Prev
		}
	}
}
