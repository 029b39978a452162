package pebble

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"kiln/resources"
	"kiln/search/searchtest"
	"kiln/store"
)

// datedChart is a resource of one of few patients and codes, with a date of any kind or none.
func datedChart(r *rand.Rand, typ, id string) string {
	element := map[string]string{"Observation": "effective", "Procedure": "performed", "DiagnosticReport": "effective"}[typ]
	day := fmt.Sprintf("2024-0%d-1%d", 1+r.IntN(2), r.IntN(4))
	date := []string{
		`DateTime":"` + day + `"`,
		`DateTime":"` + day[:7] + `"`,
		`DateTime":"` + day + `T10:0` + fmt.Sprint(r.IntN(3)) + `:00Z"`,
		`DateTime":"` + day + `T10:00:00.` + fmt.Sprint(r.IntN(3)) + `Z"`,
		`Period":{"start":"` + day + `T09:00:00Z","end":"` + day + `T11:00:00Z"}`,
		`Period":{"start":"` + day + `"}`,
		`Period":{"end":"2024-02-11"}`,
	}
	if typ == "Observation" {
		date = append(date, `Timing":{"event":["`+day+`","2024-01-12T10:00:00Z"]}`)
	}
	var b strings.Builder
	fmt.Fprintf(&b, `{"resourceType":%q,"id":%q,"status":%q`, typ, id, []string{"final", "amended"}[r.IntN(2)])
	if element != "" && r.IntN(8) > 0 {
		fmt.Fprintf(&b, `,"%s%s`, element, date[r.IntN(len(date))])
	}
	code := "code"
	if typ == "MedicationRequest" {
		code = "medicationCodeableConcept"
		fmt.Fprintf(&b, `,"intent":"order","dosageInstruction":[{"timing":{"event":["%s","%s"]}}]`, day, []string{"2024-01-12", day}[r.IntN(2)])
	}
	if r.IntN(8) > 0 {
		fmt.Fprintf(&b, `,"subject":{"reference":"%s/p%d"}`, []string{"Patient", "Patient", "Patient", "Group"}[r.IntN(4)], r.IntN(3))
	}
	fmt.Fprintf(&b, `,"%s":{"coding":[{"system":"urn:s%d","code":"c%d"},{"system":"urn:s0","code":"c%d"}]}}`, code, r.IntN(2), r.IntN(3), r.IntN(2))
	return b.String()
}

var datedTypes = []string{"Observation", "Procedure", "DiagnosticReport", "MedicationRequest"}

func datedWorld(t *testing.T, r *rand.Rand, count int) *searchtest.World {
	t.Helper()
	w, err := searchtest.NewWorld(r, testParameters(), 0)
	if err != nil {
		t.Fatal(err)
	}
	for n := range count {
		id := fmt.Sprintf("r%d", n)
		if err := w.Add(parsed(t, datedChart(r, datedTypes[r.IntN(len(datedTypes))], id)), id); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

func parsed(t *testing.T, text string) *resources.Document {
	t.Helper()
	doc, err := resources.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// datedQuery asks for values together with dates, in the order of those or another.
func datedQuery(r *rand.Rand) string {
	var parts []string
	for range 1 + r.IntN(2) {
		parts = append(parts, []string{
			"patient=Patient/p0", "patient=p1", "patient=p1,p2", "patient=p9",
			"subject=Patient/p1", "subject:Patient=p1", "subject=Patient/p0,Patient/p2", "subject=p1", "subject=Group/p1", "subject=Patient/p1,Group/p1",
			"code=c0", "code=urn:s0|c1", "code=c1,urn:s1|c2", "code=urn:s1|", "code=|c0",
		}[r.IntN(15)])
	}
	for range r.IntN(3) {
		parts = append(parts, "date="+[]string{"ge", "le", "gt", "lt", "", "sa", "eb", "ne", "ap"}[r.IntN(9)]+
			[]string{"2024", "2024-01", "2024-02", "2024-01-12", "2024-02-11", "2024-01-11T10:01:00Z", "2024-01-10,2024-02-12"}[r.IntN(7)])
	}
	if r.IntN(3) == 0 {
		parts = append(parts, []string{"status=final", "status:not=final", "date:missing=true", "_id=r1,r2,r3,r5,r8,r13,r21"}[r.IntN(4)])
	}
	if r.IntN(3) > 0 {
		parts = append(parts, "_sort="+[]string{"date", "-date", "-date", "-date,status", "status,-date", "_lastUpdated"}[r.IntN(6)])
	}
	return strings.Join(parts, "&")
}

func TestDatedSearchesAgreeWithMatchHoweverTheyArePlanned(t *testing.T) {
	r := agreementRandom(t, 1)
	w := datedWorld(t, r, 300)
	s := keep(t, w)
	underEveryPlanning(t, func(t *testing.T, count int) {
		found := 0
		for range count {
			found += agreeOn(t, r, w, s, datedTypes[r.IntN(len(datedTypes))], datedQuery(r))
		}
		if found < count {
			t.Errorf("%d queries found %d resources; expected more", count, found)
		}
	})
}

// Pages of a dated search show the state of the first, whatever is written meanwhile; what was deleted
// since is left out.
func TestPagesOfDatedSearchesShowTheStateOfTheFirst(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 9))
	for _, text := range []string{
		"patient=p1&_sort=-date", "patient=p1&_sort=date", "subject=Patient/p1&_sort=-date", "code=c0&_sort=-date&status=final", "patient=p0&date=ge2024-01-11&_sort=-date",
		"code=c1&date=ge2024-01-11&date=lt2024-02-12",
	} {
		w := datedWorld(t, r, 200)
		s := keep(t, w)
		query, err := w.Parse("Observation", text)
		if err != nil {
			t.Fatal(err)
		}
		want, err := w.Search(t.Context(), "Observation", text)
		if err != nil {
			t.Fatal(err)
		}
		query.Count = 3
		page, err := s.Search(t.Context(), query, nil)
		if err != nil || page.Next == nil {
			t.Fatalf("%s: there is one page only (%v)", text, err)
		}
		gone := map[string]bool{}
		for _, x := range w.Resources {
			key := store.Key{Type: x.Type, ID: x.ID}
			switch r.IntN(6) {
			case 0, 1:
				c := changeOf(t, parsed(t, datedChart(r, x.Type, x.ID)), x.ID)
				if _, err := s.Commit(t.Context(), store.Transaction{Changes: []store.Change{c}}); err != nil {
					t.Fatal(err)
				}
			case 2:
				c := store.Change{Key: key, Method: store.Delete}
				if _, err := s.Commit(t.Context(), store.Transaction{Changes: []store.Change{c}}); err != nil {
					t.Fatal(err)
				}
				gone[key.String()] = true
			case 3:
				c := changeOf(t, parsed(t, datedChart(r, x.Type, x.ID+"n")), x.ID+"n")
				if _, err := s.Commit(t.Context(), store.Transaction{Changes: []store.Change{c}}); err != nil {
					t.Fatal(err)
				}
			}
		}
		rest := slices.DeleteFunc(slices.Clone(want[3:]), func(key string) bool { return gone[key] })
		var got []string
		for cursor := page.Next; cursor != nil; {
			if page, err = s.Search(t.Context(), query, cursor); err != nil {
				t.Fatal(err)
			}
			for _, m := range page.Matches {
				got = append(got, m.Key.String())
			}
			cursor = page.Next
		}
		if diff := cmp.Diff(rest, got); diff != "" {
			t.Errorf("%s: later pages differ (- then, + engine):\n%s", text, diff)
		}
		// What was written in between is indexed as if it had been written at once.
		if err := s.Check(t.Context(), func(p Problem) { t.Errorf("%s: %s: %s", text, p.Part, p.Detail) }); err != nil {
			t.Fatal(err)
		}
	}
}

// A search that dated postings serve reads about as many keys as it finds matches.
func TestDatedSearchesReadLittleMoreThanTheyFind(t *testing.T) {
	s := openAt(t, t.TempDir())
	var changes []store.Change
	for n := range 2000 {
		day := time.Date(2024, 1, 1, 8, 0, 0, 0, time.UTC).Add(time.Duration(n) * 7 * time.Hour)
		changes = append(changes, benchChange(fmt.Sprintf("o%d", n), fmt.Sprintf(
			`{"resourceType":"Observation","id":"o%d","status":"final","code":{"coding":[{"system":"urn:x","code":"c%d"}]},`+
				`"subject":{"reference":"Patient/p%d"},"effectiveDateTime":%q}`, n, n%2, n%3, day.Format(time.RFC3339))))
	}
	if _, err := s.Commit(t.Context(), store.Transaction{Changes: changes}); err != nil {
		t.Fatal(err)
	}
	w, err := searchtest.NewWorld(rand.New(rand.NewPCG(1, 1)), testParameters(), 0)
	if err != nil {
		t.Fatal(err)
	}
	for text, matches := range map[string]int{
		"patient=p1&_sort=-date":                      10,
		"patient=Patient/p1&_sort=date":               10,
		"subject=Patient/p1&_sort=-date":              10,
		"subject:Patient=p1&_sort=date":               10,
		"subject=Patient/p1&date=2024-03-02":          2,
		"code=urn:x|c1&_sort=-date":                   10,
		"code=c1&date=ge2024-03-01&date=lt2024-03-05": 7,
		"patient=p1&date=2024-03-02":                  2,
	} {
		query, err := w.Parse("Observation", text)
		if err != nil {
			t.Fatal(err)
		}
		query.Count, query.Explain = 10, true
		page, err := s.Search(t.Context(), query, nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Matches) != matches || page.Plan.Steps[0].Operation != "dated" || page.Plan.Examined > int64(4*matches+8) {
			t.Errorf("%s found %d and read %d by %+v; expected %d, by dated postings", text, len(page.Matches), page.Plan.Examined, page.Plan.Steps, matches)
		}
	}
}

func TestDatedPostingsTellDates(t *testing.T) {
	for _, span := range []int64{0, 1, 999, 1e6, 1e6 + 1, shortSpan} {
		key := appendSpan(appendTime([]byte("key"), -5), span)
		if v, ok := readDated(key); !ok || v.Low != -5 || v.High != span-5 {
			t.Errorf("a span of %d reads as %+v, %v", span, v, ok)
		}
	}
	a := appendSpan(appendTime(nil, 1), 7)
	if b := appendSpan(appendTime(nil, 2), 0); bytes.Compare(a, b) >= 0 {
		t.Error("the postings are not in the order of time")
	}
}
