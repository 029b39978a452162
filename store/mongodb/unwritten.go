package mongodb

import (
	"context"

	"kiln/store"
)

// Reindex implements store.Reindexer.
func (s *Store) Reindex(ctx context.Context, step store.ReindexStep) (store.Reindexed, error) {
	panic("unwritten")
}
