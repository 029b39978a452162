package pebble

import (
	"context"
	"encoding/binary"

	lsm "github.com/cockroachdb/pebble/v2"

	"kiln/store"
)

// Changes implements store.Store. The feed gives what is on disk and nothing else.
func (s *Store) Changes(ctx context.Context, after store.Position) (store.Feed, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.leave()
	f := &feed{store: s, last: uint64(after)}
	return store.NewTail(f.fill, s.durable.watch, s.done), nil
}

// feedBatch is how many changes are read at once.
const feedBatch = 32

type feed struct {
	store *Store
	last  uint64 // position of the last change given
}

// fill gives the next changes that are on disk.
func (f *feed) fill(ctx context.Context) ([]store.Event, error) {
	s := f.store
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.leave()
	end := s.durable.position.Load()
	if f.last >= end {
		return nil, nil
	}
	it, err := s.db.NewIter(&lsm.IterOptions{LowerBound: feedKey(nil, f.last+1), UpperBound: feedKey(nil, end+1)})
	if err != nil {
		return nil, err
	}
	defer it.Close()
	events := make([]store.Event, 0, feedBatch)
	last := f.last
	for ok := it.First(); ok && len(events) < feedBatch; ok = it.Next() {
		p, err := readPlace(it.Value())
		if err != nil {
			return nil, err
		}
		version, err := s.getVersion(s.db, p.document, p.version)
		if err != nil {
			return nil, err
		}
		last = binary.BigEndian.Uint64(it.Key()[1:])
		events = append(events, store.Event{Position: store.Position(last), Version: version})
	}
	if err := it.Error(); err != nil {
		return nil, err
	}
	f.last = last
	return events, nil
}
