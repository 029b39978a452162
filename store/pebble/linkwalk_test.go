package pebble

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kiln/search"
	"kiln/search/searchtest"
	"kiln/store"
)

// seen stores patients, each with its own family, and as many observations of each as asked for.
func seen(t *testing.T, patients, each int) *Store {
	t.Helper()
	s := openAt(t, t.TempDir())
	var changes []store.Change
	for i := range patients {
		id := fmt.Sprintf("p%d", i)
		changes = append(changes, benchChange(id, fmt.Sprintf(`{"resourceType":"Patient","id":%q,"name":[{"family":"f%04d"}]}`, id, i*7919%patients)))
		for k := range each {
			id := fmt.Sprintf("o%d-%d", i, k)
			changes = append(changes, benchChange(id, fmt.Sprintf(`{"resourceType":"Observation","id":%q,"status":"final","subject":{"reference":"Patient/p%d"}}`, id, i)))
		}
	}
	if _, err := s.Commit(t.Context(), store.Transaction{Changes: changes}); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSortingByWhatReferencesLeadToReadsAPageAlone(t *testing.T) {
	s := seen(t, 1000, 4)
	for text, most := range map[string]int64{
		"_sort=subject:Patient.family":              200,
		"_sort=-patient.family,-_id":                200,
		"status=final&_sort=subject:Patient.family": 200 + countable, // which sizing the filter takes
	} {
		query := benchQuery(t, "Observation", text)
		query.Count, query.Explain, query.Total = 10, true, search.TotalNone
		cursor := store.Cursor(nil)
		for n := range 4 {
			page, err := s.Search(t.Context(), query, cursor)
			if err != nil {
				t.Fatal(err)
			}
			if page.Plan.Examined > most || len(page.Matches) != 10 {
				t.Errorf("page %d of %s has %d matches and reads %d of 5000: %v", n, text, len(page.Matches), page.Plan.Examined, page.Plan.Steps)
			}
			if cursor = page.Next; n == 2 {
				cursor = page.Prev
			}
		}
	}
}

func TestSortingByReferencesAgreesHoweverItIsPlanned(t *testing.T) {
	r := agreementRandom(t, 7)
	w := world(t, r, 700)
	s := keep(t, w)
	underEveryPlanning(t, func(t *testing.T, count int) {
		for range max(20, count/4) {
			typ, text := linkedQuery(r)
			agreeOn(t, r, w, s, typ, text)
		}
	})
}

// TestSortingPassesOverWhatALinkLeavesOut: the order of every planning is that of the oracle, in both directions.
func TestSortingPassesOverWhatALinkLeavesOut(t *testing.T) {
	r := agreementRandom(t, 8)
	w := world(t, r, 700)
	s := keep(t, w)
	underEveryPlanning(t, func(t *testing.T, count int) {
		for range max(20, count/8) {
			typ, text := linkedQuery(r)
			query, err := w.Parse(typ, text)
			if err != nil {
				t.Fatal(err)
			}
			for _, key := range query.Sort {
				for i := range key.Via {
					key.Via[i].Filter = limit(t, w, r, key.Via[i].Type)
				}
			}
			want, err := w.Answer(t.Context(), query)
			if err != nil {
				t.Fatal(err)
			}
			query.Count = 1 + r.IntN(60)
			next, last := pagesOf(t, s, query, func(p store.Page) store.Cursor { return p.Next }, nil)
			if diff := cmp.Diff(want, next); diff != "" {
				t.Fatalf("%s?%s: matches differ (- Match, + engine):\n%s", typ, text, diff)
			}
			if last == nil {
				continue
			}
			back, _ := pagesOf(t, s, query, func(p store.Page) store.Cursor { return p.Prev }, last)
			if diff := cmp.Diff(want[:(len(want)-1)/query.Count*query.Count], back); diff != "" {
				t.Fatalf("%s?%s: backwards they differ (- Match, + engine):\n%s", typ, text, diff)
			}
		}
	})
}

// limit is a random condition on a type, as a predicate of access may be; nil at times.
func limit(t *testing.T, w *searchtest.World, r *rand.Rand, typ string) search.Expr {
	t.Helper()
	text := []string{"", "_id:not=1", "_lastUpdated=ge2024-03", "_lastUpdated=lt2024-03", w.RandomQuery(r, typ)}[r.IntN(5)]
	query, err := w.Parse(typ, text)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(text, "_contained") {
		return nil
	}
	return query.Branches[0].Filter
}

// linkedSorts are what a type can be sorted by that references lead to, and by what of these.
var linkedSorts = []struct{ typ, link, ends string }{
	{"Observation", "subject:Patient", "family birthdate gender identifier address _id"},
	{"Observation", "patient", "name given birthdate _lastUpdated"},
	{"Observation", "performer:Patient", "family birthdate gender"},
	{"Observation", "has-member:Observation", "date status value-quantity code"},
	{"Observation", "derived-from:Observation.has-member:Observation", "date code value-quantity"},
	{"Observation", "encounter:Encounter", "date length status class _lastUpdated patient"},
	{"Observation", "encounter:Encounter.patient", "family birthdate"},
	{"Encounter", "part-of", "date length status class"},
	{"Encounter", "part-of.part-of", "date identifier"},
	{"Encounter", "diagnosis:Condition", "onset-date recorded-date code"},
	{"Condition", "encounter:Encounter.part-of.subject:Patient", "family birthdate"},
}

// linkedQuery is a search that is sorted by what references lead to.
func linkedQuery(r *rand.Rand) (typ, text string) {
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	c := linkedSorts[r.IntN(len(linkedSorts))]
	text = "_sort=" + pick("", "-") + c.link + "." + pick(strings.Fields(c.ends)...) + pick("", ",_id", ",-_lastUpdated")
	return c.typ, pick("", "", "_id:missing=false&", "_lastUpdated=ge2024&", "_profile:missing=true&") + text
}
