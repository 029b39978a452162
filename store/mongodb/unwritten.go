package mongodb

import (
	"context"

	"kiln/search"
	"kiln/store"
)

func (v *view) search(ctx context.Context, query *search.Query, cursor store.Cursor) (store.Page, error) {
	panic("unwritten")
}

func (v *view) count(ctx context.Context, query *search.Query) (int64, error) { panic("unwritten") }

// Reindex implements store.Reindexer.
func (s *Store) Reindex(ctx context.Context, step store.ReindexStep) (store.Reindexed, error) {
	panic("unwritten")
}
