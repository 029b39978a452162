package pebble

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kiln/search/searchtest"
	"kiln/store"
)

// placed is a Location that is part of another, round in circles at times, or an Encounter at one.
func placed(r *rand.Rand, n int) (id, text string) {
	id = fmt.Sprintf("r%d", n)
	to := fmt.Sprintf(`{"reference":%q}`, []string{"Location/r%d", "Location/r%d/_history/1", searchtest.BaseURL + "/Location/r%d", "http://elsewhere.example/Location/r%d"}[min(3, r.IntN(20)/5*r.IntN(2))])
	to = fmt.Sprintf(to, r.IntN(60))
	if n < 60 {
		if r.IntN(5) == 0 {
			return id, fmt.Sprintf(`{"resourceType":"Location","id":%q}`, id)
		}
		return id, fmt.Sprintf(`{"resourceType":"Location","id":%q,"status":"active","partOf":%s}`, id, to)
	}
	return id, fmt.Sprintf(`{"resourceType":"Encounter","id":%q,"status":"planned","class":{"code":"AMB"},"location":[{"location":%s}]}`, id, to)
}

func placedWorld(t *testing.T, r *rand.Rand) *searchtest.World {
	t.Helper()
	w, err := searchtest.NewWorld(r, testParameters(), 0)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 200 {
		id, text := placed(r, n)
		if err := w.Add(parsed(t, text), id); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

func placedQuery(r *rand.Rand) (typ, text string) {
	typ, name := "Encounter", "location"
	if r.IntN(3) == 0 {
		typ, name = "Location", "partof"
	}
	value := func() string {
		return fmt.Sprintf([]string{"r%d", "Location/r%d", searchtest.BaseURL + "/Location/r%d", "http://elsewhere.example/Location/r%d"}[r.IntN(4)], r.IntN(60))
	}
	text = name + ":" + []string{"below", "above"}[r.IntN(2)] + "=" + value()
	for r.IntN(3) == 0 {
		text += "," + value()
	}
	if typ == "Location" {
		switch r.IntN(4) {
		case 0:
			typ, text = "Encounter", "location:Location."+text
		case 1:
			text += "&_has:Encounter:location:status=planned"
		}
	}
	return typ, text + []string{"", "&_sort=-_lastUpdated", "&status=planned,active"}[r.IntN(3)]
}

func TestHierarchiesAgreeWithMatchHoweverTheyArePlanned(t *testing.T) {
	r := agreementRandom(t, 2)
	w := placedWorld(t, r)
	s := keep(t, w)
	underEveryPlanning(t, func(t *testing.T, count int) {
		found := 0
		for range count {
			typ, text := placedQuery(r)
			found += agreeOn(t, r, w, s, typ, text)
		}
		if found < count {
			t.Errorf("%d queries found %d resources; expected more", count, found)
		}
	})
}

// Later pages walk the hierarchy as it was when the first was read, whatever is moved meanwhile.
func TestPagesOfHierarchiesShowTheStateOfTheFirst(t *testing.T) {
	r := agreementRandom(t, 3)
	for turned := 0; turned < 12; {
		w := placedWorld(t, r)
		s := keep(t, w)
		typ, text := placedQuery(r)
		query, err := w.Parse(typ, text)
		if err != nil {
			t.Fatal(err)
		}
		want, err := w.Search(t.Context(), typ, text)
		if err != nil {
			t.Fatal(err)
		}
		query.Count = 2
		page, err := s.Search(t.Context(), query, nil)
		if err != nil {
			t.Fatal(err)
		}
		if page.Next == nil {
			continue
		}
		turned++
		for n := range 60 {
			if _, text := placed(r, n); !strings.Contains(text, `"Encounter"`) && r.IntN(2) == 0 {
				c := changeOf(t, parsed(t, text), fmt.Sprintf("r%d", n))
				if _, err := s.Commit(t.Context(), store.Transaction{Changes: []store.Change{c}}); err != nil {
					t.Fatal(err)
				}
			}
		}
		got, _ := pagesOf(t, s, query, func(p store.Page) store.Cursor { return p.Next }, page.Next)
		if len(got) != len(want)-2 {
			t.Errorf("%s?%s: later pages have %d, want %d", typ, text, len(got), len(want)-2)
		}
		rest := map[string]bool{}
		for _, key := range got {
			rest[key] = true
		}
		var there []string
		for _, key := range want[2:] {
			if rest[key] {
				there = append(there, key)
			}
		}
		if diff := cmp.Diff(want[2:], there); diff != "" {
			t.Errorf("%s?%s: later pages differ (- then, + engine):\n%s", typ, text, diff)
		}
	}
}
