package storetest

import (
	"fmt"
	"slices"
	"time"

	"kiln/store"
)

var histories = []promise{
	{"history lists the versions of one resource, one type or all, newest first", historyLevels},
	{"what is unknown has an empty history", historyUnknown},
	{"Since is inclusive, Until is not", historyBounds},
	{"At gives what was current then, tombstones included", historyAt},
	{"a period gives what was current at some moment of it", historyPeriod},
	{"a version superseded in its own millisecond never was current", historySameMoment},
	{"pages join to the whole, forwards and backwards", historyPages},
	{"later pages show the history as of the first", historyAsOf},
	{"a count of 0 asks for the total alone", historyTotal},
	{"a cursor of another query is refused", historyCursors},
}

// reverse gives versions newest first.
func reverse(made []store.Version) []store.Version {
	made = slices.Clone(made)
	slices.Reverse(made)
	return made
}

// only keeps the versions of a type, and of an id if it is not empty.
func only(made []store.Version, typ, id string) []store.Version {
	return slices.DeleteFunc(slices.Clone(made), func(v store.Version) bool {
		return v.Type != typ || id != "" && v.ID != id
	})
}

func historyLevels(t *trial) {
	all := reverse(t.story())
	for _, count := range []int{1, 2, 3, 7, 100} {
		t.equal("the history of all", t.history(t, store.HistoryQuery{Count: count}), all)
		for _, typ := range []string{"Patient", "Observation"} {
			t.equal("the history of "+typ, t.history(t, store.HistoryQuery{Type: typ, Count: count}), only(all, typ, ""))
		}
		for _, key := range []string{"Patient/a", "Patient/b", "Patient/z", "Observation/o"} {
			got := t.history(t, store.HistoryQuery{Type: Key(key).Type, ID: Key(key).ID, Count: count})
			t.equal("the history of "+key, got, only(all, Key(key).Type, Key(key).ID))
		}
	}
}

func historyUnknown(t *trial) {
	t.put(Put("Patient/a"))
	t.put(Delete("Patient/never"))
	for _, q := range []store.HistoryQuery{
		{Type: "Patient", ID: "never"}, {Type: "Observation", ID: "a"}, {Type: "Observation"}, {Type: "Patient", ID: "A"},
	} {
		q.Count = 10
		page, err := t.History(t.ctx, q)
		t.must(err)
		t.equal("the page", page, store.HistoryPage{HasTotal: page.HasTotal})
	}
}

// at is so many seconds after the start of the story, whose first commit is at second 1.
func at(seconds float64) time.Time { return Start.Add(time.Duration(seconds * float64(time.Second))) }

func historyBounds(t *trial) {
	all := reverse(t.story())
	for since := 0.0; since <= 7; since += 0.5 {
		for until := 0.0; until <= 7; until += 0.5 {
			q := store.HistoryQuery{Since: at(since), Until: at(until), Count: 3}
			want := slices.DeleteFunc(slices.Clone(all), func(v store.Version) bool {
				return v.LastUpdated.Before(q.Since) || !v.LastUpdated.Before(q.Until)
			})
			t.bounded(fmt.Sprintf("from %v until before %v", since, until), q, want)
		}
	}
	q := store.HistoryQuery{Since: at(3), Count: 100}
	want := slices.DeleteFunc(slices.Clone(all), func(v store.Version) bool { return v.LastUpdated.Before(q.Since) })
	t.bounded("since 3", q, want)
	t.bounded("since 3 in another zone", store.HistoryQuery{Since: q.Since.In(time.FixedZone("", -5*60*60))}, want)
}

// bounded compares the history of all, of a type and of a resource with what of them is wanted.
func (t *trial) bounded(what string, q store.HistoryQuery, want []store.Version) {
	t.Helper()
	t.equal("all "+what, tags(t.history(t, q)), tags(want))
	q.Type = "Patient"
	t.equal("Patients "+what, tags(t.history(t, q)), tags(only(want, "Patient", "")))
	q.ID = "b"
	t.equal("Patient/b "+what, tags(t.history(t, q)), tags(only(want, "Patient", "b")))
}

func historyAt(t *trial) {
	t.story()
	for _, c := range []struct {
		second float64
		want   []string
	}{
		{0.999, nil},
		{1, []string{"Patient/a 1"}},
		{1.999, []string{"Patient/a 1"}},
		{2, []string{"Patient/b 1", "Observation/o 1", "Patient/z 1", "Patient/a 1"}},
		{3, []string{"Patient/a 2", "Patient/b 1", "Observation/o 1", "Patient/z 1"}},
		{4, []string{"Patient/c 1", "Patient/b 2 deleted", "Patient/a 2", "Observation/o 1", "Patient/z 1"}},
		{5.5, []string{"Patient/c 1", "Patient/b 2 deleted", "Patient/a 2", "Observation/o 1", "Patient/z 1"}},
		{1000, []string{"Patient/a 3", "Patient/b 3", "Patient/c 1", "Observation/o 1", "Patient/z 1"}},
	} {
		q := store.HistoryQuery{At: at(c.second), Count: 2}
		t.equal(fmt.Sprintf("what was current at %v", c.second), tags(t.history(t, q)), append([]string{}, c.want...))
	}
	for second, want := range map[float64][]string{1: {}, 2: {"Patient/b 1"}, 4: {"Patient/b 2 deleted"}, 6: {"Patient/b 3"}} {
		t.equal("of Patient/b", tags(t.history(t, store.HistoryQuery{Type: "Patient", ID: "b", At: at(second)})), want)
	}
	t.equal("with Since", tags(t.history(t, store.HistoryQuery{At: at(4), Since: at(3), Until: at(4)})), []string{"Patient/a 2"})
}

func historyPeriod(t *trial) {
	t.story()
	for _, c := range []struct {
		from, to float64
		want     []string
	}{
		{0, 1, nil},
		{0, 1.001, []string{"Patient/a 1"}},
		{1, 3, []string{"Patient/b 1", "Patient/a 1"}},
		{1, 3.001, []string{"Patient/a 2", "Patient/b 1", "Patient/a 1"}},
		{3, 3, []string{"Patient/a 2", "Patient/b 1"}},
		{3, 2, []string{"Patient/a 2", "Patient/b 1"}}, // no period, the moment alone
		{3, 4.5, []string{"Patient/b 2 deleted", "Patient/a 2", "Patient/b 1"}},
		{0, 100, []string{"Patient/a 3", "Patient/b 3", "Patient/b 2 deleted", "Patient/a 2", "Patient/b 1", "Patient/a 1"}},
	} {
		got := t.history(t, store.HistoryQuery{Type: "Patient", At: at(c.from), AtEnd: at(c.to), Count: 2})
		got = slices.DeleteFunc(got, func(v store.Version) bool { return v.ID == "z" || v.ID == "c" })
		t.equal(fmt.Sprintf("what was current from %v until before %v", c.from, c.to), tags(got), append([]string{}, c.want...))
	}
}

func historySameMoment(t *trial) {
	for range 3 {
		t.put(Put("Patient/a"))
	}
	t.equal("at the moment", tags(t.history(t, store.HistoryQuery{At: Start})), []string{"Patient/a 3"})
	t.equal("around it", tags(t.history(t, store.HistoryQuery{At: at(-1), AtEnd: at(1)})), []string{"Patient/a 3"})
	t.equal("without a moment", len(t.history(t, store.HistoryQuery{})), 3)
}

func historyPages(t *trial) {
	all := reverse(t.story())
	for count := 1; count <= len(all)+1; count++ {
		for _, q := range []store.HistoryQuery{{}, {Type: "Patient"}, {Type: "Patient", ID: "a"}, {Since: at(2), Until: at(6)}, {At: at(4)}} {
			q.Count = count
			t.historyBothWays(q)
		}
	}
}

// historyBothWays walks to the last page and back, and expects the same pages again.
func (t *trial) historyBothWays(q store.HistoryQuery) {
	t.Helper()
	whole := q
	whole.Count = 1000
	page, err := t.History(t.ctx, whole)
	t.must(err)
	all := page.Versions
	var pages []store.HistoryPage
	for {
		page, err := t.History(t.ctx, q)
		t.must(err)
		start := min(len(pages)*q.Count, len(all))
		t.equal("a page", page.Versions, all[start:min(start+q.Count, len(all))])
		t.equal("whether there is one before", page.Prev != nil, len(pages) > 0)
		pages = append(pages, page)
		if page.HasTotal {
			t.equal("the total", page.Total, int64(len(all)))
		}
		if q.Cursor = page.Next; q.Cursor == nil || len(pages) > len(all) {
			break
		}
	}
	t.equal("the number of pages", len(pages), max(1, (len(all)+q.Count-1)/q.Count))
	for i := len(pages) - 1; i > 0; i-- {
		q.Cursor = pages[i].Prev
		page, err := t.History(t.ctx, q)
		t.must(err)
		t.equal("a page before", page.Versions, pages[i-1].Versions)
		t.equal("whether there is one before that", page.Prev != nil, i > 1)
		q.Cursor = page.Next
		page, err = t.History(t.ctx, q)
		t.must(err)
		t.equal("the page after that again", page.Versions, pages[i].Versions)
	}
}

func historyAsOf(t *trial) {
	t.story()
	for _, q := range []store.HistoryQuery{{}, {Type: "Patient"}, {Type: "Patient", ID: "a"}, {At: at(4)}, {Since: at(1)}} {
		if q.Count = 1; t.slow { // what is written between pages is on those of the next query
			q.Count = 4
		}
		want := t.history(t, q)
		first, err := t.History(t.ctx, q)
		t.must(err)
		got := first.Versions
		for q.Cursor = first.Next; q.Cursor != nil; {
			t.put(Put("Patient/a"), Put("Patient/new"), Put("Observation/o"))
			t.put(Delete("Patient/new"))
			page, err := t.History(t.ctx, q)
			t.must(err)
			got = append(got, page.Versions...)
			if page.HasTotal {
				t.equal("the total", page.Total, int64(len(want)))
			}
			q.Cursor = page.Next
		}
		t.equal("the history as of the first page", tags(got), tags(want))
	}
}

func historyTotal(t *trial) {
	made := t.story()
	for _, c := range []struct {
		query store.HistoryQuery
		want  int
	}{
		{store.HistoryQuery{}, len(made)},
		{store.HistoryQuery{Type: "Patient"}, len(only(made, "Patient", ""))},
		{store.HistoryQuery{Type: "Patient", ID: "a"}, 3},
		{store.HistoryQuery{Type: "Patient", ID: "never"}, 0},
		{store.HistoryQuery{Since: at(6)}, 2},
		{store.HistoryQuery{At: at(1)}, 1},
	} {
		page, err := t.History(t.ctx, c.query)
		t.must(err)
		t.equal("the page", page, store.HistoryPage{Total: int64(c.want), HasTotal: true})
	}
}

func historyCursors(t *trial) {
	t.story()
	queries := []store.HistoryQuery{
		{},
		{Type: "Patient"},
		{Type: "Observation"},
		{Type: "Patient", ID: "a"},
		{Type: "Patient", ID: "b"},
		{Since: at(1)},
		{Since: at(2)},
		{Until: at(1)},
		{At: at(3)},
		{At: at(3), AtEnd: at(4)},
	}
	for i, from := range queries {
		from.Count = 1
		page, err := t.History(t.ctx, from)
		t.must(err)
		if page.Next == nil {
			continue
		}
		for j, other := range queries {
			other.Count, other.Cursor = 2, page.Next
			if _, err := t.History(t.ctx, other); i != j {
				t.is(fmt.Sprintf("the cursor of %+v in %+v", from, other), err, store.ErrCursor)
			} else {
				t.must(err)
			}
		}
		for _, broken := range breakages(page.Next) {
			from.Cursor = broken
			_, err := t.History(t.ctx, from)
			t.is(fmt.Sprintf("the broken cursor %x", []byte(broken)), err, store.ErrCursor)
		}
	}
}

// breakages are what no engine should take for one of its cursors. Package fhir signs cursors, so
// an engine need not guard against a forger.
func breakages(c store.Cursor) []store.Cursor {
	return []store.Cursor{
		{}, {0}, c[:len(c)/2], c[:len(c)-1], append(slices.Clone(c), 'x'), []byte("cursor"), make([]byte, 500),
	}
}
