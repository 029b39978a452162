package mongodb

import (
	"context"
	"sync/atomic"

	"kiln/search"
	"kiln/store"
)

// snapshot is a reader of one state, which is nothing but a position, and a preview what lies over it.
type snapshot struct{ reader }

func newSnapshot(v *view) *snapshot {
	v.store.snapshots.add(v)
	return &snapshot{reader{store: v.store, fixed: v, closed: new(atomic.Bool)}}
}

// Close implements store.Snapshot.
func (s *snapshot) Close() error {
	s.closed.Store(true)
	s.store.snapshots.remove(s.fixed)
	return nil
}

// Snapshot implements store.Store.
func (s *Store) Snapshot(ctx context.Context) (store.Snapshot, error) {
	var snap *snapshot
	err := s.newest().during(ctx, func(ctx context.Context, v *view) error {
		snap = newSnapshot(v)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return snap, nil
}

// newest is the reader of whatever is committed.
func (s *Store) newest() reader { return reader{store: s} }

// Read implements store.Reader.
func (s *Store) Read(ctx context.Context, key store.Key) (store.Version, error) {
	return s.newest().Read(ctx, key)
}

// ReadVersion implements store.Reader.
func (s *Store) ReadVersion(ctx context.Context, key store.Key, version int64) (store.Version, error) {
	return s.newest().ReadVersion(ctx, key, version)
}

// History implements store.Reader.
func (s *Store) History(ctx context.Context, query store.HistoryQuery) (store.HistoryPage, error) {
	return s.newest().History(ctx, query)
}

// Search implements store.Reader.
func (s *Store) Search(ctx context.Context, query *search.Query, cursor store.Cursor) (store.Page, error) {
	return s.newest().Search(ctx, query, cursor)
}

// Count implements store.Reader.
func (s *Store) Count(ctx context.Context, query *search.Query) (int64, error) {
	return s.newest().Count(ctx, query)
}

// Guard implements store.Reader.
func (s *Store) Guard(ctx context.Context, key string) (uint64, error) {
	return s.newest().Guard(ctx, key)
}
