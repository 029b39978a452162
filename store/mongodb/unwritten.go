package mongodb

import (
	"context"
	"errors"

	"kiln/search"
	"kiln/store"
)

var errUnwritten = errors.New("unwritten")

func (v *view) search(ctx context.Context, query *search.Query, cursor store.Cursor) (store.Page, error) {
	return store.Page{}, errUnwritten
}

func (v *view) count(ctx context.Context, query *search.Query) (int64, error) { return 0, errUnwritten }

func (s *Store) Reindex(context.Context, store.ReindexStep) (store.Reindexed, error) {
	return store.Reindexed{}, errUnwritten
}
