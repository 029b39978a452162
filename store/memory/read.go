package memory

import (
	"context"

	"kiln/search"
	"kiln/store"
)

// view is the store as of a position.
type view struct {
	*state
	at      store.Position
	preview uint64 // which preview; 0 for what is committed
}

// asOf is an earlier view.
func (v view) asOf(at store.Position) view {
	v.at = at
	return v
}

// versions are those of a resource, oldest first.
func (v view) versions(key store.Key) []*version {
	if d := v.document(key); d != nil {
		return d.asOf(v.at)
	}
	return nil
}

// reader implements store.Reader over whatever view there is at the time of the call.
type reader struct {
	view       func() (view, error)
	parameters *search.Parameters
}

func (r reader) open(ctx context.Context) (view, error) {
	if err := ctx.Err(); err != nil {
		return view{}, err
	}
	return r.view()
}

// Read implements store.Reader.
func (r reader) Read(ctx context.Context, key store.Key) (store.Version, error) {
	v, err := r.open(ctx)
	if err != nil {
		return store.Version{}, err
	}
	versions := v.versions(key)
	if len(versions) == 0 {
		return store.Version{}, store.ErrNotFound
	}
	last := versions[len(versions)-1].Version
	if last.Deleted() {
		return store.Version{}, &store.GoneError{Tombstone: last}
	}
	return last, nil
}

// ReadVersion implements store.Reader.
func (r reader) ReadVersion(ctx context.Context, key store.Key, version int64) (store.Version, error) {
	v, err := r.open(ctx)
	if err != nil {
		return store.Version{}, err
	}
	versions := v.versions(key)
	if version < 1 || version > int64(len(versions)) {
		return store.Version{}, store.ErrNotFound
	}
	return versions[version-1].Version, nil
}

// Guard implements store.Reader.
func (r reader) Guard(ctx context.Context, key string) (uint64, error) {
	v, err := r.open(ctx)
	if err != nil {
		return 0, err
	}
	_, value, _ := v.guards.Get(key)
	return value, nil
}
