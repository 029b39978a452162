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
