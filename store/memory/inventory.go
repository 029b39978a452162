package memory

import (
	"context"
	"slices"

	"github.com/RaduBerinde/btreemap"

	"kiln/store"
)

// Claims implements store.Store.
func (s *Store) Claims(ctx context.Context, key store.Key) ([]string, error) {
	v, err := s.reader.open(ctx)
	if err != nil {
		return nil, err
	}
	d := v.document(key)
	if d == nil {
		return nil, nil
	}
	claims := slices.Clone(d.last().claims)
	slices.Sort(claims)
	return slices.Compact(claims), nil
}

// Buckets implements store.Store.
func (s *Store) Buckets(ctx context.Context) ([]string, error) {
	v, err := s.reader.open(ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	now := s.options.Now()
	for key, record := range v.records.Ascend(btreemap.Min[recordKey](), btreemap.Max[recordKey]()) {
		if !expired(record, now) && (len(names) == 0 || names[len(names)-1] != key.bucket) {
			names = append(names, key.bucket)
		}
	}
	return names, nil
}

// Limits implements store.Store: there are none.
func (s *Store) Limits() store.Limits { return store.Limits{} }

// Shared implements store.Store: it lives in one process, unless Options say that it is to be taken for one
// that does not.
func (s *Store) Shared() bool { return s.options.Shared }
