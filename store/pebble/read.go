package pebble

import (
	"context"

	lsm "github.com/cockroachdb/pebble/v2"

	"kiln/store"
)

// Read implements store.Reader. Two keys are read: the head under type and id, and the version that
// it names, which never changes.
func (r reader) Read(ctx context.Context, key store.Key) (store.Version, error) {
	version, err := r.read(ctx, key, 0)
	if err == nil && version.Deleted() {
		return store.Version{}, &store.GoneError{Tombstone: version}
	}
	return version, err
}

// ReadVersion implements store.Reader.
func (r reader) ReadVersion(ctx context.Context, key store.Key, version int64) (store.Version, error) {
	if version < 1 {
		version = -1
	}
	return r.read(ctx, key, version)
}

// read gives one version; number 0 is the newest.
func (r reader) read(ctx context.Context, key store.Key, number int64) (store.Version, error) {
	src, leave, err := r.direct(ctx)
	if err != nil {
		return store.Version{}, err
	}
	defer leave()
	s := r.store
	typ := s.dictionary.typeCode(key.Type)
	if typ == 0 {
		return store.Version{}, store.ErrNotFound
	}
	var buffer [96]byte
	h, err := getHead(src, headKey(buffer[:0], typ, key.ID))
	if err != nil {
		return store.Version{}, err
	}
	if number == 0 {
		number = h.version
	}
	if h.version == 0 || number < 1 || number > h.version {
		return store.Version{}, store.ErrNotFound
	}
	if r.at == nil && h.position > s.durable.position.Load() {
		if err := s.await(ctx, &s.durable.position, h.position); err != nil {
			return store.Version{}, err
		}
	}
	return s.getVersion(src, h.document, number)
}

// direct begins a call that reads keys which need not be of one state.
func (r reader) direct(ctx context.Context) (source, func(), error) {
	if r.at == nil {
		if err := r.store.enter(ctx); err != nil {
			return nil, nil, err
		}
		return r.store.db, r.store.leave, nil
	}
	v, err := r.open(ctx)
	if err != nil {
		return nil, nil, err
	}
	return v.source, v.leave, nil
}

// getVersion reads a version that there must be.
func (s *Store) getVersion(src source, document uint64, number int64) (store.Version, error) {
	var buffer [17]byte
	value, closer, err := src.Get(versionKey(buffer[:0], document, number))
	if err != nil {
		if ignoreNotFound(err) == nil {
			err = corrupt("a version is missing")
		}
		return store.Version{}, err
	}
	defer closer.Close()
	version, _, err := s.vocabularies.readVersion(s.dictionary, value, number)
	return version, err
}

// Guard implements store.Reader.
func (r reader) Guard(ctx context.Context, key string) (uint64, error) {
	src, leave, err := r.direct(ctx)
	if err != nil {
		return 0, err
	}
	defer leave()
	value, err := getNumber(src, guardKey(nil, key))
	if err == nil && r.at == nil {
		err = r.store.settle(ctx)
	}
	return value, err
}

// bounds are the options of an iterator over all keys with a prefix.
func bounds(prefix []byte) *lsm.IterOptions {
	return &lsm.IterOptions{LowerBound: prefix, UpperBound: after(prefix)}
}
