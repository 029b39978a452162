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

func (s *Store) Reindex(context.Context, store.ReindexStep) (store.Reindexed, error) {
	panic("unwritten")
}
