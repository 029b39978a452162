package mongodb

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"kiln/search"
	"kiln/store"
	"kiln/store/mongodb/peer"
	"kiln/store/storetest"
)

// people opens a store with some patients, and gives the options to open it again.
func people(t *testing.T, count int) (*Store, string, Options) {
	t.Helper()
	server := peer.Start(t)
	o := Options{
		Parameters: storetest.Parameters(), Database: server.Database(t), WithoutTransactions: server.Limited, RawBytes: server.Limited,
	}
	s := reopened(t, server.URL, o)
	var changes []store.Change
	for i := range count {
		changes = append(changes, storetest.Put(fmt.Sprintf("Patient/p%02d", i), `"gender":"female","name":[{"family":"Lind"}]`))
	}
	commitPeople(t, s, changes...)
	return s, server.URL, o
}

func reopened(t *testing.T, url string, o Options) *Store {
	t.Helper()
	s, err := Open(t.Context(), url, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func commitPeople(t *testing.T, s *Store, changes ...store.Change) {
	t.Helper()
	if _, err := s.Commit(t.Context(), store.Transaction{Changes: changes}); err != nil {
		t.Fatal(err)
	}
}

// TestSearchEndsWithItsBudget: what an index serves goes on where a walk is refused.
func TestSearchEndsWithItsBudget(t *testing.T) {
	_, url, o := people(t, 60)
	o.SearchRows = 40
	s := reopened(t, url, o)
	for address, costly := range map[string]bool{
		"Patient?_id=p07": false, "Patient?gender=male": false, "Patient?_count=5": false,
		"Patient?gender:not=female": true, "Patient?_sort=family": true, "Patient?_total=accurate": true,
	} {
		query := storetest.Query(address)
		query.Explain = true
		_, err := s.Search(t.Context(), query, nil)
		var cost *store.CostError
		if got := errors.As(err, &cost); got != costly || !costly && err != nil {
			t.Errorf("%s: %v, want a *store.CostError: %v", address, err, costly)
		}
		if cost != nil && (cost.Limit != o.SearchRows || cost.Plan == nil || cost.Plan.Examined <= o.SearchRows) {
			t.Errorf("%s: the error tells %+v", address, cost)
		}
	}
	if _, err := s.Count(t.Context(), storetest.Query("Patient?gender=female")); err == nil {
		t.Error("a count goes beyond the budget")
	}
}

// TestCursorsGoOnInAnotherProcess reads the first page with one store and the others with another, after all
// has changed.
func TestCursorsGoOnInAnotherProcess(t *testing.T) {
	s, url, o := people(t, 9)
	for _, address := range []string{"Patient?gender=female", "Patient?gender=female&_sort=-_id", "Patient?gender=female&_total=accurate"} {
		query := storetest.Query(address)
		query.Count = 2
		page, err := s.Search(t.Context(), query, nil)
		if err != nil {
			t.Fatal(err)
		}
		want := matchedIDs(t, s, query)
		got := idsOf(page)
		var changes []store.Change
		for _, id := range want {
			changes = append(changes, storetest.Put("Patient/"+id, `"gender":"male"`))
		}
		commitPeople(t, s, changes...)
		other := reopened(t, url, o)
		for page.Next != nil {
			if page, err = other.Search(t.Context(), query, page.Next); err != nil {
				t.Fatal(err)
			}
			got = append(got, idsOf(page)...)
		}
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("%s: pages of two processes give %q, want %q", address, got, want)
		}
		if left := matchedIDs(t, other, query); len(left) > 0 {
			t.Errorf("%s: %q are found although they have changed", address, left)
		}
		for i, id := range want {
			changes[i] = storetest.Put("Patient/"+id, `"gender":"female"`)
		}
		commitPeople(t, s, changes...)
	}
}

func matchedIDs(t *testing.T, s *Store, query *search.Query) (ids []string) {
	t.Helper()
	whole := *query
	whole.Count = 100
	page, err := s.Search(t.Context(), &whole, nil)
	if err != nil {
		t.Fatal(err)
	}
	return idsOf(page)
}

func idsOf(page store.Page) (ids []string) {
	for _, m := range page.Matches {
		ids = append(ids, m.ID)
	}
	return ids
}

// TestPlansTellWhatServesASearch, and never what was searched for.
func TestPlansTellWhatServesASearch(t *testing.T) {
	s, _, _ := people(t, 3)
	for address, want := range map[string]string{
		"Patient?family=Lind":             "index: Patient by family",
		"Patient?gender:not=male":         "walk: every Patient in the order of creation",
		"Patient?family=Lind&gender=male": "index: Patient by family and gender",
		"Patient?_sort=family&_id=p01":    "index: Patient by _id; sort: all matches",
		"Observation?subject.family=Lind": "index: Observation by subject",
	} {
		query := storetest.Query(address)
		query.Explain = true
		page, err := s.Search(t.Context(), query, nil)
		if err != nil {
			t.Fatal(err)
		}
		var steps []string
		for _, step := range page.Plan.Steps {
			steps = append(steps, step.Operation+": "+step.Detail)
		}
		if got := strings.Join(steps, "; "); got != want {
			t.Errorf("%s: the plan is %q, want %q", address, got, want)
		}
	}
}

// TestReferrersThatAreVeryMany: those that a search does not remember are walked, and it finds the same.
func TestReferrersThatAreVeryMany(t *testing.T) {
	s, _, _ := people(t, 8)
	var changes []store.Change
	for i := range 8 {
		for n := range 3 {
			status := "final"
			if i%2 == 1 || n < 2 {
				status = "amended"
			}
			changes = append(changes, storetest.Put(fmt.Sprintf("Observation/o%d-%d", i, n), fmt.Sprintf(`"status":%q,"subject":{"reference":"Patient/p%02d"}`, status, i)))
		}
	}
	commitPeople(t, s, changes...)
	for _, held := range []int{maxHeld, 4, -1} {
		s.options.held = held
		for address, want := range map[string]string{
			"Patient?gender=female&_has:Observation:subject:status=final&_sort=_id":                                          "p00 p02 p04 p06",
			"Patient?gender=female&_has:Observation:subject:status:not=amended&_sort=-_id":                                   "p06 p04 p02 p00",
			"Patient?_filter=gender+eq+female+and+not+(_has:Observation:subject:status+eq+final)&_sort=_id":                  "p01 p03 p05 p07",
			"Patient?gender=female&_has:Observation:subject:status=amended&_has:Observation:subject:status=final&_sort=-_id": "p06 p04 p02 p00",
			"Observation?status=amended&subject:Patient._has:Observation:subject:status=final&_sort=_id":                     "o0-0 o0-1 o2-0 o2-1 o4-0 o4-1 o6-0 o6-1",
		} {
			page, err := s.Search(t.Context(), storetest.Query(address), nil)
			if err != nil {
				t.Errorf("%s: %v", address, err)
				continue
			}
			var ids []string
			for _, m := range page.Matches {
				ids = append(ids, m.Key.ID)
			}
			if got := strings.Join(ids, " "); got != want {
				t.Errorf("%s, remembering %d: %s, want %s", address, held, got, want)
			}
		}
	}
}
