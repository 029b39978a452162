package pebble

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kiln/search"
	"kiln/store"
)

// An access predicate asks for the resources of many patients at once. It is planned otherwise than what people ask, and
// finds the same.
func TestConditionsOnManyAgreeWithMatch(t *testing.T) {
	r := agreementRandom(t, 7)
	w := world(t, r, 700)
	s := keep(t, w)
	inside := map[string][]string{"Observation": {"subject", "performer"}, "Encounter": {"patient"}, "Condition": {"patient", "asserter"}}
	underEveryPlanning(t, func(t *testing.T, count int) {
		found := 0
		for i := range count {
			typ := []string{"Observation", "Encounter", "Condition"}[i%3]
			text := w.RandomQuery(r, typ)
			query, err := w.Parse(typ, text)
			if err != nil {
				t.Fatal(err)
			}
			var many []search.Criterion
			for id := 1 + r.IntN(30); len(many) < 50+r.IntN(100); id++ {
				many = append(many, search.ReferenceCriterion{Type: "Patient", ID: fmt.Sprintf("r%d", id)})
			}
			either := search.Or{}
			for _, code := range inside[typ] {
				either = append(either, search.Test{Param: testParameters().Lookup(typ, code), Any: many})
			}
			var condition search.Expr = either
			if i%5 == 0 {
				condition = search.Not{Of: either}
			}
			for i, b := range query.Branches {
				query.Branches[i].Filter = search.And{condition}
				if b.Filter != nil {
					query.Branches[i].Filter = search.And{b.Filter, condition}
				}
			}
			want, err := w.Answer(t.Context(), query)
			if err != nil {
				t.Fatal(err)
			}
			found += len(want)
			query.Count = 1 + r.IntN(60)
			got, _ := pagesOf(t, s, query, func(p store.Page) store.Cursor { return p.Next }, nil)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("%s?%s (pages of %d): matches differ (- Match, + engine):\n%s", typ, text, query.Count, diff)
			}
			if n, err := s.Count(t.Context(), query); err != nil || n != int64(len(want)) {
				t.Fatalf("%s?%s: the count is %d, %v; want %d", typ, text, n, err, len(want))
			}
		}
		if found == 0 {
			t.Error("nothing was found")
		}
	})
}
