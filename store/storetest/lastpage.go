package storetest

import (
	"kiln/search"
	"kiln/store"
)

// lastPage expects every page of a query to lead to the last one, which is as Next comes to it.
func (t *trial) lastPage(text string, query *search.Query, pages []store.Page) {
	t.Helper()
	last := pages[len(pages)-1]
	for _, page := range pages {
		t.equal(text+": whether the last page is told of", page.Last != nil, page.HasTotal && len(pages) > 1)
		if page.Last == nil {
			continue
		}
		got, err := t.Search(t.ctx, query, page.Last)
		t.must(err)
		t.equal(text+": the last page", got.Matches, last.Matches)
		t.equal(text+": whether more follows the last page", got.Next != nil, false)
		t.equal(text+": the total on the last page", got.Total, page.Total)
		before, err := t.Search(t.ctx, query, got.Prev)
		t.must(err)
		t.equal(text+": the page before the last", before.Matches, pages[len(pages)-2].Matches)
		t.equal(text+": whether the last follows", before.Next != nil, true)
	}
}
