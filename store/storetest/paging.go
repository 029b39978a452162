package storetest

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"sync/atomic"
	"time"

	"kiln/search"
	"kiln/store"
)

var pagings = []promise{
	{"pages join to the whole, forwards and backwards", pagesJoin},
	{"a page may be larger or smaller than the one before", pagesChangeSize},
	{"later pages show matches, versions and total as of the first", pagesAsOf},
	{"chains and _has of later pages are as of the first", pagesChainsAsOf},
	{"later pages are sorted by what references led to as of the first", pagesSortLinksAsOf},
	{"a cursor of another query is refused", pagingCursors},
	{"a cursor outlives its snapshot", pagingOutlives},
	{"cursors work inside a preview", pagingPreview},
	{"readers who page while others write see everything once and in order", pagingUnderWrites},
}

// queryEscape writes a value for a query, with what parts values escaped.
func queryEscape(s string) string {
	escaped := ""
	for _, r := range s {
		if r == ',' || r == '$' || r == '|' || r == '\\' {
			escaped += `\`
		}
		escaped += string(r)
	}
	return url.QueryEscape(escaped)
}

// crowd makes patients with many ties: family by id modulo 3, every fifth without.
func (t *trial) crowd(n int) {
	t.Helper()
	var changes []store.Change
	for i := range n {
		changes = append(changes, person(i, 0))
	}
	t.put(changes...)
}

// person is a patient; each edition of one differs in what is found and sorted by.
func person(i, edition int) store.Change {
	key := fmt.Sprintf("Patient/p%02d", i)
	members := fmt.Sprintf(`"active":%v,"birthDate":"19%02d-01-01"`, (i+edition)%4 != 0, (i*7+edition)%90+10)
	if (i+edition)%5 != 0 {
		members += fmt.Sprintf(`,"name":[{"family":"Family %c"}]`, 'a'+(i+edition)%3)
	}
	return Put(key, members)
}

var crowdQueries = []string{
	"Patient?", "Patient?active=true", "Patient?_sort=family", "Patient?_sort=-family", "Patient?_sort=family,-birthdate&active=true",
	"Patient?family=family%20a,family%20b", "Patient?active:not=true&_sort=-_id", "?_lastUpdated=ge2026&_sort=-_lastUpdated",
	"Patient?family:missing=true", "Patient?birthdate=ge1950&_sort=birthdate", "Patient?_sort=-birthdate&family:contains=b",
}

// accurately asks for the total, after a query that has some parameter.
const accurately = "&_total=accurate"

func pagesJoin(t *trial) {
	t.crowd(23)
	for _, text := range crowdQueries {
		counts := []int{1, 2, 5, 22, 23, 24}
		if t.slow {
			counts = counts[2:]
		}
		for _, count := range counts {
			t.bothWays(text, count)
			t.bothWays(text+accurately, count)
		}
	}
}

// bothWays walks to the last page and back, and expects the same pages again.
func (t *trial) bothWays(text string, count int) {
	t.Helper()
	query := Query(text)
	query.Count = 1000
	whole, err := t.Search(t.ctx, query, nil)
	t.must(err)
	all := placed(whole)
	if whole.Next != nil || whole.Prev != nil {
		t.Fatalf("%s: the whole has more pages", text)
	}
	query.Count = count
	var pages []store.Page
	for cursor := store.Cursor(nil); ; {
		page, err := t.Search(t.ctx, query, cursor)
		t.must(err)
		start := min(len(pages)*count, len(all))
		t.equal(text+": a page", tags(placed(page)), tags(all[start:min(start+count, len(all))]))
		t.equal(text+": whether there is a page before", page.Prev != nil, len(pages) > 0)
		if page.HasTotal {
			t.equal(text+": the total", page.Total, int64(len(all)))
		}
		pages = append(pages, page)
		if cursor = page.Next; cursor == nil || len(pages) > len(all) {
			break
		}
	}
	t.equal(text+": the number of pages", len(pages), max(1, (len(all)+count-1)/count))
	t.lastPage(text, query, pages)
	for i := len(pages) - 1; i > 0; i-- {
		page, err := t.Search(t.ctx, query, pages[i].Prev)
		t.must(err)
		t.equal(text+": a page before", placed(page), placed(pages[i-1]))
		t.equal(text+": whether there is a page before that", page.Prev != nil, i > 1)
		page, err = t.Search(t.ctx, query, page.Next)
		t.must(err)
		t.equal(text+": the page after that again", placed(page), placed(pages[i]))
	}
}

func pagesChangeSize(t *trial) {
	t.crowd(23)
	for _, text := range crowdQueries {
		want := t.find(t, text+"&_count=1000")
		query := Query(text)
		var got []string
		for cursor, count := store.Cursor(nil), 1; ; count = count%7 + 2 {
			query.Count = count
			page, err := t.Search(t.ctx, query, cursor)
			t.must(err)
			got = append(got, tags(page.Matches)...)
			if cursor = page.Next; cursor == nil {
				break
			}
		}
		t.equal(text, got, want)
	}
}

// pagesAsOf changes everything between two pages.
func pagesAsOf(t *trial) {
	const people = 20
	t.crowd(people)
	for n, text := range crowdQueries {
		if t.slow && n%2 == 1 { // see pagesWithDeletions
			continue
		}
		query := Query(text)
		query.Count, query.Total = 1000, search.TotalAccurate
		whole, err := t.Search(t.ctx, query, nil)
		t.must(err)
		query.Count = 3
		first, err := t.Search(t.ctx, query, nil)
		t.must(err)
		got := slices.Clone(first.Matches)
		prev := store.Cursor(nil)
		for edition, cursor := 1, first.Next; cursor != nil; edition++ {
			t.clock.Advance(time.Second)
			t.put(person((edition*3)%people, edition+n), person((edition*7+1)%people, edition+n+1), person(people+edition+n, edition))
			page, err := t.Search(t.ctx, query, cursor)
			t.must(err)
			t.equal(text+": the total", page.Total, whole.Total)
			got = append(got, page.Matches...)
			cursor, prev = page.Next, page.Prev
		}
		t.equal(text+": the keys as of the first page", bare(got), bare(whole.Matches))
		t.equal(text+": the versions as of the first page", got, whole.Matches)
		last, err := t.Search(t.ctx, query, first.Last)
		t.must(err)
		t.equal(text+": the last page as of the first", last.Matches, whole.Matches[(len(got)-1)/3*3:])
		for end := (len(got) - 1) / 3 * 3; prev != nil; end -= 3 {
			page, err := t.Search(t.ctx, query, prev)
			t.must(err)
			t.equal(text+": a page backwards", page.Matches, whole.Matches[end-3:end])
			prev = page.Prev
		}
	}
	t.pagesWithDeletions(people)
}

// pagesWithDeletions deletes between two pages, and creates again: what was deleted may be missing. Slow engines do
// half of the queries with deletions, and half without.
func (t *trial) pagesWithDeletions(people int) {
	t.Helper()
	for n, text := range crowdQueries {
		if t.slow && n%2 == 0 {
			continue
		}
		query := Query(text)
		query.Count = 1000
		whole, err := t.Search(t.ctx, query, nil)
		t.must(err)
		query.Count = 4
		var got []store.Version
		deleted := map[store.Key]bool{}
		for page, cursor := 0, store.Cursor(nil); ; page++ {
			found, err := t.Search(t.ctx, query, cursor)
			t.must(err)
			got = append(got, found.Matches...)
			if cursor = found.Next; cursor == nil {
				break
			}
			doomed, again := person((page*5+3)%people, 0).Key, person((page*7+2)%people, page+1)
			t.put(Delete(doomed.String()))
			t.put(Delete(again.Key.String()))
			t.put(again)
			deleted[doomed], deleted[again.Key] = true, true
		}
		wanted := without(whole.Matches, got, deleted)
		t.equal(text, bare(got), bare(wanted))
		t.equal(text+": the versions as of the first page", got, wanted)
		for key := range deleted {
			if _, err := t.Read(t.ctx, key); err != nil {
				t.put(Put(key.String(), `"active":true`))
			}
		}
	}
}

// without is what is wanted, but for those deleted that are not there.
func without(wanted, got []store.Version, deleted map[store.Key]bool) []store.Version {
	return slices.DeleteFunc(slices.Clone(wanted), func(w store.Version) bool {
		return deleted[w.Key] && !slices.ContainsFunc(got, func(g store.Version) bool { return g.Key == w.Key })
	})
}

// bare are the keys of versions.
func bare(versions []store.Version) []string {
	keys := make([]string, len(versions))
	for i, v := range versions {
		keys[i] = v.Key.String()
	}
	return keys
}

func pagesChainsAsOf(t *trial) {
	for i := range 8 {
		t.put(Put(fmt.Sprintf("Patient/p%d", i), `"gender":"male"`),
			Put(fmt.Sprintf("Observation/o%d", i), `"status":"final"`, fmt.Sprintf(`"subject":{"reference":"Patient/p%d"}`, i)))
	}
	for _, text := range []string{
		"Observation?subject:Patient.gender=male", "Patient?_has:Observation:subject:status=final",
		"Observation?subject:Patient.gender:not=female&_sort=-_id", "Patient?_has:Observation:subject:_id=o1,o3,o5,o7&_sort=-_id",
	} {
		query := Query(text)
		query.Count = 1000
		whole, err := t.Search(t.ctx, query, nil)
		t.must(err)
		query.Count = 2
		first, err := t.Search(t.ctx, query, nil)
		t.must(err)
		var undo, flip []store.Change
		for i := range 8 {
			patient, observation := fmt.Sprintf("Patient/p%d", i), fmt.Sprintf("Observation/o%d", i)
			flip = append(flip, Put(patient, `"gender":"female"`), Put(observation, `"status":"amended"`, fmt.Sprintf(`"subject":{"reference":"Patient/p%d"}`, (i+1)%8)))
			undo = append(undo, Put(patient, `"gender":"male"`), Put(observation, `"status":"final"`, fmt.Sprintf(`"subject":{"reference":"Patient/p%d"}`, i)))
		}
		t.put(flip...)
		got := first.Matches
		for cursor := first.Next; cursor != nil; {
			page, err := t.Search(t.ctx, query, cursor)
			t.must(err)
			got = append(got, page.Matches...)
			cursor = page.Next
		}
		t.equal(text, tags(got), tags(whole.Matches))
		t.put(undo...)
	}
}

func pagingCursors(t *trial) {
	t.crowd(10)
	t.put(Put("Observation/a", `"status":"final"`), Put("Observation/b", `"status":"final"`))
	queries := []string{
		"Patient?", "Observation?", "?", "Patient?active=true", "Patient?active=false", "Patient?active:not=false", "Patient?_sort=family",
		"Patient?_sort=-family", "Patient?_sort=family,_id", "Patient?family=family", "Patient?family:contains=family",
		"Patient?name=family", "Patient?birthdate=ge1900", "Patient?birthdate=gt1900", "Observation?status=final",
		"?_type=Patient", "?_type=Patient,Observation", "?_type=Observation",
	}
	for _, text := range queries {
		query := Query(text)
		query.Count = 1
		page, err := t.Search(t.ctx, query, nil)
		t.must(err)
		if page.Next == nil {
			t.Fatalf("%s has one page", text)
		}
		for _, other := range queries {
			_, err := t.Search(t.ctx, Query(other), page.Next)
			if store.Fingerprint(Query(other)) == store.Fingerprint(query) {
				t.must(err)
			} else {
				t.is(fmt.Sprintf("the cursor of %s in %s", text, other), err, store.ErrCursor)
			}
		}
		for _, broken := range breakages(page.Next) {
			_, err := t.Search(t.ctx, query, broken)
			t.is(fmt.Sprintf("the broken cursor %x", []byte(broken)), err, store.ErrCursor)
		}
		_, err = t.History(t.ctx, store.HistoryQuery{Type: "Patient", Count: 1, Cursor: page.Next})
		t.is("a cursor of a search in a history", err, store.ErrCursor)
	}
	history, err := t.History(t.ctx, store.HistoryQuery{Type: "Patient", Count: 1})
	t.must(err)
	_, err = t.Search(t.ctx, Query("Patient"), history.Next)
	t.is("a cursor of a history in a search", err, store.ErrCursor)

	near, far := Query("Patient?birthdate=ap1950"), Query("Patient?birthdate=ap1950&_count=1")
	far.Branches[0].Filter = shift(far.Branches[0].Filter)
	page, err := t.Search(t.ctx, far, nil)
	t.must(err)
	if page.Next != nil {
		_, err = t.Search(t.ctx, near, page.Next)
		t.must(err) // the same query, asked a moment later
	}
}

// shift moves the span of an approximate date, as the clock does.
func shift(x search.Expr) search.Expr {
	switch x := x.(type) {
	case search.And:
		for i := range x {
			x[i] = shift(x[i])
		}
	case search.Test:
		for i, c := range x.Any {
			if d, ok := c.(search.DateCriterion); ok {
				d.Low--
				d.High++
				x.Any[i] = d
			}
		}
	}
	return x
}

func pagingOutlives(t *trial) {
	t.crowd(9)
	snap, err := t.Snapshot(t.ctx)
	t.must(err)
	want := t.find(snap, "Patient?_sort=-_id&_count=100")
	query := Query("Patient?_sort=-_id&_count=4")
	page, err := snap.Search(t.ctx, query, nil)
	t.must(err)
	t.put(person(3, 3), person(50, 1))
	again, err := snap.Search(t.ctx, query, page.Next)
	t.must(err)
	t.must(snap.Close())
	t.put(person(4, 3))
	got := tags(page.Matches)
	for cursor := page.Next; cursor != nil; {
		page, err := t.Search(t.ctx, query, cursor)
		t.must(err)
		got = append(got, tags(page.Matches)...)
		cursor = page.Next
	}
	t.equal("the matches", got, want)
	t.equal("the page in the snapshot", tags(again.Matches), want[4:8])
}

func pagingPreview(t *trial) {
	t.crowd(6)
	snap := t.preview(store.Transaction{Changes: []store.Change{person(2, 2), Delete("Patient/p04"), person(7, 0), person(6, 0)}})
	want := []string{"Patient/p07 1", "Patient/p06 1", "Patient/p05 1", "Patient/p03 1", "Patient/p02 2", "Patient/p01 1", "Patient/p00 1"}
	t.equal("the matches", t.find(snap, "Patient?_sort=-_id&_count=2"), want)
	query := Query("Patient?_sort=-_id&_count=2")
	page, err := snap.Search(t.ctx, query, nil)
	t.must(err)
	t.put(person(8, 0), Delete("Patient/p05"))
	second, err := snap.Search(t.ctx, query, page.Next)
	t.must(err)
	t.equal("the second page", tags(second.Matches), want[2:4])
	back, err := snap.Search(t.ctx, query, second.Prev)
	t.must(err)
	t.equal("the first page again", tags(back.Matches), want[:2])
}

// whileWriting reads over and over, with three readers, while one writes; write is told how often
// it was called before.
func (t *trial) whileWriting(write func(n int) error, read func() error) {
	t.Helper()
	var done atomic.Bool
	t.together(4, func(i int) error {
		if i == 0 {
			defer done.Store(true)
			for n := range t.rounds(300) {
				if err := write(n); err != nil {
					return err
				}
			}
			return nil
		}
		for !done.Load() {
			if err := read(); err != nil {
				return err
			}
		}
		return nil
	})
}

// pagingUnderWrites pages in both directions while others come, change and go. Residents change
// nothing that is searched or sorted by, and must be seen once each, in order.
func pagingUnderWrites(t *trial) {
	const residents = 30
	resident := func(i int) store.Change {
		return Put(fmt.Sprintf("Patient/p%02d", i), `"active":true`, fmt.Sprintf(`"birthDate":"19%02d-01-01"`, 10+i))
	}
	guest := func(n int) store.Change {
		return Put(fmt.Sprintf("Patient/guest%d", n%40), `"active":true`, fmt.Sprintf(`"birthDate":"19%02d-01-01"`, 10+n*7%60))
	}
	for i := range residents {
		t.put(resident(i))
		t.put(guest(i))
	}
	write := func(n int) error {
		changes := []store.Change{guest(n), resident(n % residents)}
		if n%3 == 0 {
			changes[0] = Delete(changes[0].Key.String())
		}
		return t.try(changes...)
	}
	queries := []string{"Patient?active=true&_sort=birthdate", "Patient?active=true", "Patient?_sort=-birthdate", "?active:missing=false"}
	if t.slow {
		queries = queries[:2]
	}
	for _, text := range queries {
		if text[0] == '?' {
			text = "Patient" + text
		}
		t.whileWriting(write, func() error { return t.walkBothWays(text, residents) })
	}
}

func (t *trial) walkBothWays(text string, residents int) error {
	query := Query(text)
	query.Count = 7
	var there, back []store.Version
	var last store.Page
	for cursor := store.Cursor(nil); ; {
		page, err := t.Search(t.ctx, query, cursor)
		if err != nil {
			return err
		}
		there, last = append(there, page.Matches...), page
		if cursor = page.Next; cursor == nil || len(there) > endless {
			break
		}
	}
	back = slices.Clone(last.Matches)
	for cursor := last.Prev; cursor != nil && len(back) < endless; {
		page, err := t.Search(t.ctx, query, cursor)
		if err != nil {
			return err
		}
		back = append(slices.Clone(page.Matches), back...)
		cursor = page.Prev
	}
	return errors.Join(inOrder(query, there, residents), inOrder(query, back, residents))
}

// inOrder checks that matches are in the order of the query, none twice, all residents among them.
func inOrder(query *search.Query, matches []store.Version, residents int) error {
	seen := map[store.Key]bool{}
	var before []search.Entry
	for _, m := range matches {
		if seen[m.Key] {
			return fmt.Errorf("%s comes twice", m.Key)
		}
		if m.Deleted() {
			return fmt.Errorf("%s is deleted", m.Key)
		}
		seen[m.Key] = true
		entries := append(Content(m.ID, string(m.Body)).Entries, Parameters().Own(m.ID, m.LastUpdated)...)
		if before != nil && search.CompareSort(before, entries, query.Sort) > 0 {
			return fmt.Errorf("%s comes too late", m.Key)
		}
		before = entries
	}
	for i := range residents {
		if key := Key(fmt.Sprintf("Patient/p%02d", i)); !seen[key] {
			return fmt.Errorf("%s is missed", key)
		}
	}
	return nil
}
