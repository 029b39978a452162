package pebble

import (
	"errors"
	"testing"

	"kiln/store"
)

func TestASearchEndsWhenItsBudgetIsSpent(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(dir, Options{Parameters: testParameters()})
	if err != nil {
		t.Fatal(err)
	}
	fill(s, 400)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = Open(dir, Options{Parameters: testParameters(), SearchRows: 50}); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, text := range []string{
		"code:not=8480-6&_sort=-value-quantity", "date=ne2019-01-01&_total=accurate", "code:text=e&_summary=count",
		"subject:Patient.gender=female&_total=accurate", "_sort=value-quantity&_count=300",
	} {
		query := benchQuery(t, "Observation", text)
		_, err := s.Search(t.Context(), query, nil)
		var cost *store.CostError
		if !errors.As(err, &cost) || cost.Limit != 50 || cost.Plan == nil || cost.Plan.Examined > 2000 {
			t.Errorf("%s: gave %+v and %v, expected that 50 rows are the most", text, cost, err)
		}
	}
	query := benchQuery(t, "Observation", "_total=none&_count=2")
	if page, err := s.Search(t.Context(), query, nil); err != nil || len(page.Matches) == 0 {
		t.Errorf("a small search gave %d matches and %v", len(page.Matches), err)
	}
}

// TestWhatASearchReadsOfOneResourceIsSpent: chains, _has and sorts look resources up one at a time, so each of these
// is to count by itself.
func TestWhatASearchReadsOfOneResourceIsSpent(t *testing.T) {
	s := openAt(t, t.TempDir())
	put(t, s, "a", "one")
	put(t, s, "a", "two")
	v, err := s.glance(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer v.leave()
	x := newExecution(t.Context(), v, benchQuery(t, "Basic", "_content=two"))
	typ := s.dictionary.typeCode("Basic")
	document, ok := x.locate(typ, "a")
	if !ok || x.examined != 1 {
		t.Fatalf("finding an id found it: %t, and spent %d", ok, x.examined)
	}
	for name, read := range map[string]func() bool{
		"an id":      func() bool { _, ok := x.locate(typ, "a"); return ok },
		"values":     func() bool { _, ok := x.resource(document); return ok },
		"old values": func() bool { _, ok := x.oldResource(document, 1, x.wanted); return ok },
		"words": func() bool {
			r, ok := x.resource(document)
			x.examined-- // the values
			return ok && x.meets(r, x.query.Branches[0].Filter)
		},
	} {
		before := x.examined
		if ok := read(); !ok || x.examined != before+1 {
			t.Errorf("%s: read %t, and %d spent; expected 1", name, ok, x.examined-before)
		}
	}
	if err := x.close(); err != nil {
		t.Error(err)
	}
}
