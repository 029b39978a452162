package pebble

import (
	"context"
	"slices"

	"kiln/store"
)

// Claims implements store.Store.
func (s *Store) Claims(ctx context.Context, key store.Key) ([]string, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.leave()
	typ := s.dictionary.typeCode(key.Type)
	if typ == 0 {
		return nil, nil
	}
	snapshot := s.db.NewSnapshot()
	defer snapshot.Close()
	h, err := getHead(snapshot, headKey(nil, typ, key.ID))
	if err != nil || !h.claims {
		return nil, err
	}
	value, closer, err := snapshot.Get(versionKey(nil, h.document, h.version))
	if err != nil {
		return nil, err
	}
	defer closer.Close()
	record, _, err := readVersionRecord(value)
	if err != nil {
		return nil, err
	}
	slices.Sort(record.claims)
	return slices.Compact(record.claims), s.settle(ctx)
}

// Buckets implements store.Store.
func (s *Store) Buckets(ctx context.Context) ([]string, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.leave()
	it, err := s.db.NewIter(bounds([]byte{keyRecord}))
	if err != nil {
		return nil, err
	}
	defer it.Close()
	var names []string
	now := s.options.Now()
	for ok := it.First(); ok; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		found, err := readRecord(it.Value())
		if err != nil {
			return nil, err
		}
		if found.expired(now) {
			ok = it.Next()
			continue
		}
		name, _, whole := readText(it.Key()[1:])
		if !whole {
			return nil, corrupt("the name of a record")
		}
		names = append(names, string(name))
		ok = it.SeekGE(after(bucketKey(nil, string(name))))
	}
	if err := it.Error(); err != nil {
		return nil, err
	}
	return names, s.settle(ctx)
}

// Limits implements store.Store.
func (s *Store) Limits() store.Limits { return store.Limits{TransactionBytes: maxBatch} }

// Shared implements store.Store: a folder belongs to one process.
func (s *Store) Shared() bool { return false }
