package store

import (
	"context"
	"iter"

	"kiln/search"
)

// Matches walks all matches of a query, page by page. An error ends it.
func Matches(ctx context.Context, reader Reader, query *search.Query) iter.Seq2[Version, error] {
	return func(yield func(Version, error) bool) {
		var cursor Cursor
		for {
			page, err := reader.Search(ctx, query, cursor)
			if err != nil {
				yield(Version{}, err)
				return
			}
			for _, v := range page.Matches {
				if !yield(v, nil) {
					return
				}
			}
			if cursor = page.Next; cursor == nil {
				return
			}
		}
	}
}
