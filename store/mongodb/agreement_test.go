package mongodb

import (
	flags "flag"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kiln/resources"
	"kiln/search"
	"kiln/search/searchtest"
	"kiln/store"
	"kiln/store/memory"
	"kiln/store/mongodb/peer"
	"kiln/store/pebble"
)

var agreementCount = flags.Int("mongodb.queries", 40, "random searches, each compared between search.Match and the engines")

// crowdedTypes have all types of parameters between them, and refer to one another.
var crowdedTypes = []string{"Patient", "Observation", "Encounter", "Condition", "RiskAssessment", "ValueSet", "Substance", "Location"}

// contest is one history in three engines.
type contest struct {
	now     time.Time
	memory  *memory.Store
	engines map[string]store.Store
	world   *searchtest.World
}

func newContest(t *testing.T) *contest {
	t.Helper()
	c := &contest{now: searchtest.Start}
	clock := func() time.Time { return c.now }
	c.memory = memory.New(memory.Options{Now: clock, Parameters: searchParameters()})
	local, err := pebble.Open(t.TempDir(), pebble.Options{Now: clock, Parameters: searchParameters()})
	if err != nil {
		t.Fatal(err)
	}
	server := peer.Start(t)
	s, err := Open(t.Context(), server.URL, Options{
		Now: clock, Parameters: searchParameters(), Database: server.Database(t),
		WithoutTransactions: server.Limited, RawBytes: server.Limited,
	})
	if err != nil {
		t.Fatal(err)
	}
	c.engines = map[string]store.Store{"memory": c.memory, "pebble": local, "mongodb": s}
	t.Cleanup(func() {
		for _, s := range c.engines {
			_ = s.Close()
		}
	})
	return c
}

// commit lands the same everywhere, at one time.
func (c *contest) commit(t *testing.T, changes ...store.Change) {
	t.Helper()
	for name, s := range c.engines {
		if _, err := s.Commit(t.Context(), store.Transaction{Changes: changes}); err != nil {
			t.Fatal(name, err)
		}
	}
}

func updateOf(t *testing.T, doc *resources.Document, id string) store.Change {
	t.Helper()
	resource, err := doc.Resource()
	if err != nil {
		t.Fatal(err)
	}
	entries, err := searchParameters().Extract(t.Context(), resource)
	if err != nil {
		t.Fatal(err)
	}
	return store.Change{
		Key: store.Key{Type: resource.Type().Name, ID: id}, Method: store.Update, Content: doc.Stamp(id), Entries: entries,
	}
}

// TestSearchesAgree asks three engines the same, of the state that they are in and of one before it, which is in
// the history for a part.
func TestSearchesAgree(t *testing.T) {
	r := seeded(t, 2)
	c := newContest(t)
	var err error
	if c.world, err = searchtest.NewWorld(r, searchParameters(), 0); err != nil {
		t.Fatal(err)
	}
	for i := range 96 {
		id := "r" + strconv.Itoa(1+i/len(crowdedTypes))
		if err := c.world.Add(searchtest.RandomResource(r, crowdedTypes[i%len(crowdedTypes)], id), id); err != nil {
			t.Fatal(err)
		}
	}
	for _, of := range c.world.Resources {
		c.now = of.LastUpdated
		c.commit(t, updateOf(t, of.Document, of.ID))
	}
	before := map[string]store.Reader{}
	for name, s := range c.engines {
		snapshot, err := s.Snapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer snapshot.Close()
		before[name] = snapshot
	}
	c.change(t, r)
	after := map[string]store.Reader{}
	for name, s := range c.engines {
		after[name] = s
	}
	found := 0
	for n := 0; n < *agreementCount && !t.Failed(); n++ {
		question := c.world.RandomQuestion(r, c.world.RandomType(r))
		query, err := c.world.Read(question)
		if err != nil {
			t.Fatalf("%s: %v", question, err)
		}
		want, err := c.world.Answer(t.Context(), query)
		if err != nil {
			t.Fatalf("%s: %v", question, err)
		}
		query.Count = max(1+r.IntN(20), len(want)/3)
		query.Total = search.Total(r.IntN(4))
		for name, s := range before {
			compareAnswers(t, name+" before: "+question.String(), s, query, want)
		}
		if len(want) > 0 {
			found++
		}
		want, _ = matchesOf(t, c.memory, query, func(p store.Page) store.Cursor { return p.Next }, nil)
		for name, s := range after {
			compareAnswers(t, name+" after: "+question.String(), s, query, want)
		}
	}
	t.Logf("%d searches, of which %d find something", *agreementCount, found)
	if found < *agreementCount/6 {
		t.Error("most searches find nothing, so that little is compared")
	}
}

// change replaces a third of the resources and deletes some.
func (c *contest) change(t *testing.T, r *rand.Rand) {
	t.Helper()
	for _, of := range c.world.Resources {
		c.now = c.now.Add(time.Second)
		switch r.IntN(6) {
		case 0, 1:
			c.commit(t, updateOf(t, searchtest.RandomResource(r, of.Type, of.ID), of.ID))
		case 2:
			c.commit(t, store.Change{Key: store.Key{Type: of.Type, ID: of.ID}, Method: store.Delete})
		}
	}
}

func compareAnswers(t *testing.T, name string, s store.Reader, query *search.Query, want []string) {
	t.Helper()
	got, last := matchesOf(t, s, query, func(p store.Page) store.Cursor { return p.Next }, nil)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("%s (pages of %d): matches differ (- wanted, + engine):\n%s", name, query.Count, diff)
	}
	if n, err := s.Count(t.Context(), query); err != nil || n != int64(len(want)) {
		t.Fatalf("%s: the count is %d, %v; want %d", name, n, err, len(want))
	}
	if last == nil {
		return
	}
	back, _ := matchesOf(t, s, query, func(p store.Page) store.Cursor { return p.Prev }, last)
	if diff := cmp.Diff(want[:(len(want)-1)/query.Count*query.Count], back); diff != "" {
		t.Fatalf("%s (pages of %d): backwards they differ (- wanted, + engine):\n%s", name, query.Count, diff)
	}
}

// matchesOf reads all pages in one direction, and gives the cursor back from the last.
func matchesOf(t *testing.T, s store.Reader, query *search.Query, step func(store.Page) store.Cursor, from store.Cursor) (keys []string, back store.Cursor) {
	t.Helper()
	keys = []string{}
	for cursor, pages := from, 0; ; pages++ {
		if pages > 1000 {
			t.Fatal("the pages do not end")
		}
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
