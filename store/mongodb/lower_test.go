package mongodb

import (
	"context"
	flags "flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"kiln/search"
	"kiln/search/searchtest"
)

var (
	searchSeed = flags.Uint64("mongodb.seed", 0, "seed of the random searches; 0 takes a new one")
	lowerPairs = flags.Int("mongodb.lowered", 40_000, "pairs of a resource and a search whose condition is compared with search.Match")
)

var searchParameters = sync.OnceValue(func() *search.Parameters {
	p, err := search.NewParameters(search.Options{BaseURL: searchtest.BaseURL})
	if err == nil {
		err = searchtest.Define(p)
	}
	if err != nil {
		panic(err)
	}
	return p
})

func seeded(t *testing.T, stream uint64) *rand.Rand {
	t.Helper()
	seed := *searchSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("run again with -mongodb.seed=%d", seed)
	return rand.New(rand.NewPCG(seed, stream))
}

// worldLinks answer from a world, without bounds.
type worldLinks struct{ *searchtest.World }

func (w worldLinks) matches(typ string, filter search.Expr) (list []search.Resource, err error) {
	for _, r := range w.Resources {
		if r.Type != typ {
			continue
		}
		ok, err := search.Match(context.Background(), filter, r.Resource, w)
		if err != nil {
			return nil, err
		}
		if ok {
			list = append(list, r.Resource)
		}
	}
	return list, nil
}

func (w worldLinks) matching(typ string, filter search.Expr) (references []string, ok bool, err error) {
	found, err := w.matches(typ, filter)
	for _, r := range found {
		references = append(references, r.Type+"/"+r.ID)
	}
	return references, true, err
}

func (w worldLinks) referred(h search.Has, typ string) (ids []string, ok bool, err error) {
	found, err := w.matches(h.Type, h.Filter)
	for _, r := range found {
		ids = append(ids, referredIDs(r.Entries, h.Param, typ)...)
	}
	return ids, true, err
}

func (w worldLinks) within(e search.Within) ([]search.Criterion, bool, error) {
	if !e.Above {
		return nil, false, nil
	}
	over, err := e.Over(context.Background(), w)
	return over, err == nil, err
}

// TestWhatMatchesMeetsTheLoweredFilter is what all answers rest on: the database is asked for the condition, and
// what does not meet it is never looked at.
func TestWhatMatchesMeetsTheLoweredFilter(t *testing.T) {
	r := seeded(t, 1)
	pairs, matched, lowered := 0, 0, 0
	for pairs < *lowerPairs && !t.Failed() {
		w, err := searchtest.NewWorld(r, searchParameters(), 120)
		if err != nil {
			t.Fatal(err)
		}
		documents := make([]*document, len(w.Resources))
		for i, of := range w.Resources {
			documents[i] = &document{
				ID: of.ID, typ: of.Type, Updated: dateTime(of.LastUpdated), Index: &index{Keys: indexKeys(of.Type, of.Entries)},
			}
		}
		for range 400 {
			question := w.RandomQuestion(r, w.RandomType(r))
			query, err := w.Read(question)
			if err != nil {
				t.Fatal(err)
			}
			for _, with := range []links{nil, worldLinks{w}} {
				p, m, l := compareLowered(t, w, documents, question, query, with)
				pairs, matched, lowered = pairs+p, matched+m, lowered+l
			}
		}
	}
	t.Logf("%d pairs, %d match, %d are left out by the condition", pairs, matched, lowered)
	if matched == 0 || lowered < pairs/3 {
		t.Errorf("of %d pairs %d match and the conditions leave out %d, so that little was compared", pairs, matched, lowered)
	}
}

func compareLowered(t *testing.T, w *searchtest.World, documents []*document, question fmt.Stringer, query *search.Query, with links) (pairs, matched, out int) {
	t.Helper()
	conditions := map[string]condition{}
	for i, of := range w.Resources {
		if !slices.ContainsFunc(query.Branches, func(b search.Branch) bool { return b.Type == "" || b.Type == of.Type }) {
			continue
		}
		c := conditions[of.Type]
		if c == nil {
			var err error
			if c, err = lowerQuery(query, of.Type, with); err != nil {
				t.Fatalf("%s: %v", question, err)
			}
			conditions[of.Type] = c
		}
		places, err := query.Places(t.Context(), of.Resource, w)
		if err != nil {
			t.Fatalf("%s: %v", question, err)
		}
		pairs++
		holds := c.holds(documents[i])
		if !holds {
			out++
		}
		if len(places) > 0 {
			matched++
			if !holds {
				t.Errorf("%s: %s/%s matches, but its condition %#v is not met by %q\n%s", question, of.Type, of.ID, c, documents[i].Index.Keys, of.Document.Source())
			}
		}
	}
	return pairs, matched, out
}
