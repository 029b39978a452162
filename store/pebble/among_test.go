package pebble

import (
	"math/rand/v2"
	"testing"

	"kiln/search"
	"kiln/search/searchtest"
)

// TestWhatIsAmongAgreesWithItsTests: whatever is searched together with it, and wherever it stands, a condition on many targets
// finds what the same condition said with Tests finds by Match, under every planning.
func TestWhatIsAmongAgreesWithItsTests(t *testing.T) {
	r := agreementRandom(t, 3)
	w := world(t, r, 700)
	s := keep(t, w)
	found := 0
	underEveryPlanning(t, func(t *testing.T, count int) {
		for range count {
			found += agreeAmong(t, r, w, s)
		}
	})
	if found == 0 {
		t.Error("nothing was found at all")
	}
}

func agreeAmong(t *testing.T, r *rand.Rand, w *searchtest.World, s *Store) int {
	t.Helper()
	typ := w.RandomType(r)
	text := []string{"", w.RandomQuery(r, typ), "_sort=-_lastUpdated"}[r.IntN(3)]
	query, err := w.Parse(typ, text)
	if err != nil {
		t.Fatal(err)
	}
	among := w.RandomAmong(r, typ)
	said, meant := search.Expr(among), search.Expr(among.Tests())
	switch r.IntN(4) {
	case 0:
		said, meant = search.Not{Of: said}, search.Not{Of: meant}
	case 1:
		other := search.Missing{Param: w.Parameters.ID()} // nobody lacks it
		said, meant = search.Or{said, other}, search.Or{meant, other}
	}
	oracle := *query
	oracle.Branches = []search.Branch{{Type: typ, Filter: search.And{query.Branches[0].Filter, meant}}}
	query.Branches = []search.Branch{{Type: typ, Filter: search.Narrowed(query.Branches[0].Filter, said)}}
	want, err := w.Answer(t.Context(), &oracle)
	if err != nil {
		t.Fatal(err)
	}
	agreeWith(t, r, s, typ+"?"+text, query, want)
	return len(want)
}
