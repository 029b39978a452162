package pebble

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kiln/resources/definitions"
	"kiln/search"
	"kiln/search/searchtest"
	"kiln/store"
	"kiln/store/memory"
)

var pairs = flag.Int("pebble.pairs", 1500, "random searches, each compared between search.Match, store/memory and store/pebble")

// The worlds that the pairs are drawn from.
const (
	pairsPerWorld = 1500 // searches share a world
	crowds        = 12   // types that have many resources in a world
	crowd         = 40   // resources of each of these
)

// TestMatchMemoryAndPebbleAgree draws resources of all types and searches of all kinds. Each search is
// planned in one of the ways of plannings.
func TestMatchMemoryAndPebbleAgree(t *testing.T) {
	r := agreementRandom(t, 7)
	usual := tuned
	defer func() { tuned = usual }()
	ways := slices.Sorted(maps.Keys(plannings))
	types := definitions.R4().ResourceNames()
	order := r.Perm(len(types))
	coverage := searchtest.Coverage{}
	found, matched, count := 0, 0, *pairs
	if testing.Short() {
		count /= 4
	}
	for n := 0; n < count && !t.Failed(); n += pairsPerWorld {
		world := n / pairsPerWorld
		t.Run(fmt.Sprint("world ", world), func(t *testing.T) { // which closes its stores in the end
			all := newContest(t, r, crowded(types, order, world))
			for range min(pairsPerWorld, count-n) {
				question := all.world.RandomQuestion(r, all.randomType(r))
				coverage.Add(testParameters(), question)
				tuned = usual
				plannings[ways[r.IntN(len(ways))]](&tuned)
				if m := all.compare(t, r, question); m > 0 {
					found++
					matched += m
				}
			}
		})
	}
	t.Logf("%d searches: %d found something, %d matches", count, found, matched)
	if !t.Failed() && found < count/5 {
		t.Error("most searches found nothing, so that little was compared")
	}
	if missing := coverage.Missing(testParameters()); count >= 50_000 && len(missing) > 0 {
		t.Errorf("never drawn: %q", missing)
	}
}

// crowded are the types that have many resources in a world: all take their turn.
func crowded(types []string, order []int, world int) []string {
	list := make([]string, crowds)
	for i := range list {
		list[i] = types[order[(world*crowds+i)%len(order)]]
	}
	return list
}

// contest is one world in both engines.
type contest struct {
	world   *searchtest.World
	crowded []string
	engines map[string]store.Store
}

// newContest makes a world with many resources of some types and few of all others.
func newContest(t *testing.T, r *rand.Rand, crowded []string) *contest {
	t.Helper()
	w, err := searchtest.NewWorld(r, testParameters(), 0)
	if err != nil {
		t.Fatal(err)
	}
	var types []string
	for _, typ := range definitions.R4().ResourceNames() {
		count := 1 + r.IntN(2)
		if slices.Contains(crowded, typ) {
			count = crowd
		}
		types = append(types, slices.Repeat([]string{typ}, count)...)
	}
	r.Shuffle(len(types), func(i, j int) { types[i], types[j] = types[j], types[i] })
	numbers := map[string]int{}
	for _, typ := range types {
		numbers[typ]++
		id := fmt.Sprintf("r%d", numbers[typ])
		if err := w.Add(searchtest.RandomResource(r, typ, id), id); err != nil {
			t.Fatal(err)
		}
	}
	now := searchtest.Start
	volatile := memory.New(memory.Options{Now: func() time.Time { return now }, Parameters: testParameters()})
	t.Cleanup(func() { _ = volatile.Close() })
	for i := range w.Resources {
		now = w.Resources[i].LastUpdated
		commitTo(t, volatile, changeOf(t, w.Resources[i].Document, w.Resources[i].ID))
	}
	return &contest{w, crowded, map[string]store.Store{"memory": volatile, "pebble": keep(t, w)}}
}

func commitTo(t *testing.T, s store.Store, changes ...store.Change) {
	t.Helper()
	if _, err := s.Commit(t.Context(), store.Transaction{Changes: changes}); err != nil {
		t.Fatal(err)
	}
}

// randomType is mostly one of those with many resources.
func (c *contest) randomType(r *rand.Rand) string {
	if r.IntN(4) == 0 {
		return c.world.RandomType(r)
	}
	return c.crowded[r.IntN(len(c.crowded))]
}

// compare asks Match and both engines, and gives how many matches there are.
func (c *contest) compare(t *testing.T, r *rand.Rand, question searchtest.Question) int {
	t.Helper()
	query, err := c.world.Read(question)
	if err != nil {
		t.Fatalf("%s: %v", question, err)
	}
	want, err := c.world.Answer(t.Context(), query)
	if err != nil {
		t.Fatalf("%s: %v", question, err)
	}
	query.Count = max(1+r.IntN(60), len(want)/6)
	query.Total = search.Total(r.IntN(4))
	c.compareEngine(t, "pebble", question, query, want)
	query.Count = max(query.Count, (len(want)+2)/3) // memory finds all matches again for each page
	c.compareEngine(t, "memory", question, query, want)
	return len(want)
}

// compareLast begins at the last page, where the engine tells of one, and reads back to the first.
func (c *contest) compareLast(t *testing.T, name string, question searchtest.Question, query *search.Query, want []string) {
	t.Helper()
	first, err := c.engines[name].Search(t.Context(), query, nil)
	if err != nil {
		t.Fatal(err)
	}
	if told := first.Last != nil; told != (first.HasTotal && len(want) > query.Count) {
		t.Fatalf("%s of %s: the last page is told of: %v, of %d matches (total: %v)", question, name, told, len(want), first.HasTotal)
	}
	if first.Last == nil {
		return
	}
	last, err := c.engines[name].Search(t.Context(), query, first.Last)
	if rest := (len(want)-1)%query.Count + 1; err != nil || len(last.Matches) != rest {
		t.Fatalf("%s of %s (pages of %d): the last page has %d matches, %v; want %d", question, name, query.Count, len(last.Matches), err, rest)
	}
	back, _ := pagesOf(t, c.engines[name], query, func(p store.Page) store.Cursor { return p.Prev }, first.Last)
	if diff := cmp.Diff(want, back); diff != "" {
		t.Fatalf("%s of %s (pages of %d): back from the last page they differ (- Match, + engine):\n%s", question, name, query.Count, diff)
	}
}

func (c *contest) compareEngine(t *testing.T, name string, question searchtest.Question, query *search.Query, want []string) {
	t.Helper()
	s := c.engines[name]
	got, last := pagesOf(t, s, query, func(p store.Page) store.Cursor { return p.Next }, nil)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("%s of %s (pages of %d): matches differ (- Match, + engine):\n%s", question, name, query.Count, diff)
	}
	if n, err := s.Count(t.Context(), query); err != nil || n != int64(len(want)) {
		t.Fatalf("%s of %s: the count is %d, %v; want %d", question, name, n, err, len(want))
	}
	if query.Count%4 == 0 {
		c.compareLast(t, name, question, query, want)
	}
	if last == nil {
		return
	}
	back, _ := pagesOf(t, s, query, func(p store.Page) store.Cursor { return p.Prev }, last)
	if diff := cmp.Diff(want[:(len(want)-1)/query.Count*query.Count], back); diff != "" {
		t.Fatalf("%s of %s (pages of %d): backwards they differ (- Match, + engine):\n%s", question, name, query.Count, diff)
	}
}
