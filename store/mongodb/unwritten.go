package mongodb

import "context"

func (s *Store) Reindex(context.Context, store.ReindexStep) (store.Reindexed, error) {
	panic("unwritten")
}
