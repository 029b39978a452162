package mongodb

import (
	"context"

	"kiln/store"
)

// Preview implements store.Store: the newest state, and over it the versions that the transaction would
// make.
func (s *Store) Preview(ctx context.Context, tx store.Transaction) (store.Snapshot, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.leave()
	ctx, end, err := s.causal(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer end()
	v, err := s.judge(ctx, tx)
	if err != nil {
		return nil, told(ctx, err)
	}
	return newSnapshot(v), nil
}
