package mongodb

import (
	"context"
	"errors"

	"kiln/store"
)

var errUnwritten = errors.New("unwritten")

func (s *Store) Reindex(context.Context, store.ReindexStep) (store.Reindexed, error) {
	return store.Reindexed{}, errUnwritten
}
