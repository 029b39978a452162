package memory

import (
	"context"
	"iter"
	"slices"

	"github.com/RaduBerinde/btreemap"

	"kiln/store"
)

// History implements store.Reader.
func (r reader) History(ctx context.Context, query store.HistoryQuery) (store.HistoryPage, error) {
	v, err := r.open(ctx)
	if err != nil {
		return store.HistoryPage{}, err
	}
	c := cursor{kind: historyCursor, fingerprint: query.Fingerprint(), at: v.at, preview: v.preview}
	if query.Cursor != nil {
		if c, err = c.read(query.Cursor); err != nil {
			return store.HistoryPage{}, err
		}
	}
	selected, err := v.asOf(c.at).history(ctx, query)
	if err != nil {
		return store.HistoryPage{}, err
	}
	page := store.HistoryPage{Total: int64(len(selected)), HasTotal: true}
	if query.Count > 0 {
		page.Versions, page.Next, page.Prev = cut(selected, c, query.Count)
	}
	return page, nil
}

// history selects versions, newest first.
func (v view) history(ctx context.Context, query store.HistoryQuery) ([]store.Version, error) {
	var selected []store.Version
	for candidate := range v.newestFirst(query) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if inBounds(query, candidate) && v.wasCurrent(query, candidate) {
			selected = append(selected, candidate.Version)
		}
	}
	return selected, nil
}

// newestFirst are the versions at the level of the query.
func (v view) newestFirst(query store.HistoryQuery) iter.Seq[*version] {
	return func(yield func(*version) bool) {
		if query.ID != "" {
			for _, found := range slices.Backward(v.versions(store.Key{Type: query.Type, ID: query.ID})) {
				if !yield(found) {
					return
				}
			}
			return
		}
		for _, found := range v.feed.Descend(btreemap.LE(v.at), btreemap.Min[store.Position]()) {
			if (query.Type == "" || query.Type == found.Type) && !yield(found) {
				return
			}
		}
	}
}

func inBounds(query store.HistoryQuery, candidate *version) bool {
	if !query.Since.IsZero() && candidate.LastUpdated.Before(query.Since) {
		return false
	}
	return query.Until.IsZero() || candidate.LastUpdated.Before(query.Until)
}

// wasCurrent reports whether the version was the last one of its resource at the moment, or some
// moment of the period, that is asked for.
func (v view) wasCurrent(query store.HistoryQuery, candidate *version) bool {
	if query.At.IsZero() {
		return true
	}
	begun := !candidate.LastUpdated.After(query.At) || candidate.LastUpdated.Before(query.AtEnd)
	versions := v.versions(candidate.Key)
	if candidate.VersionID == int64(len(versions)) {
		return begun
	}
	end := versions[candidate.VersionID].LastUpdated
	return begun && end.After(query.At) && end.After(candidate.LastUpdated)
}
