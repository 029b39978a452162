package mongodb

import (
	"context"
	"fmt"
	"strconv"
	"sync/atomic"

	"go.mongodb.org/mongo-driver/v2/bson"

	"kiln/search"
	"kiln/store"
)

// reader implements store.Reader over the newest state, or over a fixed one until that is closed.
type reader struct {
	store  *Store
	fixed  *view
	closed *atomic.Bool // of fixed
}

// during makes a call on the state that there is at its time. What the call reads, it reads in the context that it gets.
func (r reader) during(ctx context.Context, call func(context.Context, *view) error) error {
	if err := r.store.enter(ctx); err != nil {
		return err
	}
	defer r.store.leave()
	v := r.fixed
	var since *bson.Timestamp
	if v != nil {
		since = v.shown
	}
	ctx, end, err := r.store.causal(ctx, since)
	if err != nil {
		return unanswered(ctx, err)
	}
	defer end()
	if v == nil {
		if v, err = r.store.now(ctx); err != nil {
			return unanswered(ctx, err)
		}
	} else if r.closed.Load() {
		return store.ErrClosed
	}
	return unanswered(ctx, call(ctx, v))
}

// unanswered is the error of a read, which tells where no server was to be had.
func unanswered(ctx context.Context, err error) error {
	if err = told(ctx, err); err != nil && ctx.Err() == nil && unreachable(err) {
		return fmt.Errorf("%w: %w", store.ErrUnreachable, err)
	}
	return err
}

// Read implements store.Reader.
func (r reader) Read(ctx context.Context, key store.Key) (found store.Version, err error) {
	err = r.during(ctx, func(ctx context.Context, v *view) error {
		found, err = v.read(ctx, key)
		return err
	})
	return found, err
}

// ReadVersion implements store.Reader.
func (r reader) ReadVersion(ctx context.Context, key store.Key, version int64) (found store.Version, err error) {
	err = r.during(ctx, func(ctx context.Context, v *view) error {
		found, err = v.readVersion(ctx, key, version)
		return err
	})
	return found, err
}

// History implements store.Reader.
func (r reader) History(ctx context.Context, query store.HistoryQuery) (page store.HistoryPage, err error) {
	err = r.during(ctx, func(ctx context.Context, v *view) error {
		page, err = v.history(ctx, query)
		return err
	})
	return page, err
}

// Search implements store.Reader.
func (r reader) Search(ctx context.Context, query *search.Query, cursor store.Cursor) (page store.Page, err error) {
	err = r.during(ctx, func(ctx context.Context, v *view) error {
		page, err = v.search(ctx, query, cursor)
		return err
	})
	return page, err
}

// Count implements store.Reader.
func (r reader) Count(ctx context.Context, query *search.Query) (n int64, err error) {
	err = r.during(ctx, func(ctx context.Context, v *view) error {
		n, err = v.count(ctx, query)
		return err
	})
	return n, err
}

// Guard implements store.Reader.
func (r reader) Guard(ctx context.Context, key string) (value uint64, err error) {
	err = r.during(ctx, func(ctx context.Context, v *view) error {
		value, err = v.guard(ctx, key)
		return err
	})
	return value, err
}

// bodyAlone leaves out what a version is found by.
var bodyAlone = bson.D{{Key: "ix", Value: 0}, {Key: "claims", Value: 0}}

func (v *view) read(ctx context.Context, key store.Key) (store.Version, error) {
	found, err := v.fetch(ctx, []store.Key{key}, bodyAlone)
	if err != nil {
		return store.Version{}, err
	}
	d := found[key]
	switch {
	case d == nil:
		return store.Version{}, store.ErrNotFound
	case d.Deleted:
		return store.Version{}, &store.GoneError{Tombstone: d.bare()}
	}
	return v.whole(ctx, d)
}

// whole is the version with its body.
func (v *view) whole(ctx context.Context, d *document) (store.Version, error) {
	whole := d.bare()
	if d.Deleted {
		return whole, nil
	}
	body, err := v.store.body(ctx, d)
	if err != nil {
		return store.Version{}, fmt.Errorf("reading the body of %s, version %d: %w", d.key(), d.Version, told(ctx, err))
	}
	whole.Body = body
	return whole, nil
}

func (v *view) readVersion(ctx context.Context, key store.Key, version int64) (store.Version, error) {
	name := edition{key, version}
	found, err := v.editions(ctx, []edition{name})
	if err != nil {
		return store.Version{}, err
	}
	d := found[name]
	if d == nil || d.Position > v.at && v.changed(key) != d {
		return store.Version{}, store.ErrNotFound
	}
	return v.whole(ctx, d)
}

// edition names a version of a resource.
type edition struct {
	store.Key
	version int64
}

// historyName is its name in the history of its type.
func (e edition) historyName() string { return e.ID + "/" + strconv.FormatInt(e.version, 10) }

// editions gives versions, those that there are, by now or in the preview: the newest of their resources, and
// the others from the history.
func (v *view) editions(ctx context.Context, names []edition) (map[edition]*document, error) {
	found := make(map[edition]*document, len(names))
	asked := map[string]map[string][]int64{} // versions by type and id
	for _, name := range names {
		if d := v.changed(name.Key); d != nil && d.Version == name.version {
			found[name] = d
			continue
		}
		if name.version < 1 || !isType(name.Type) {
			continue
		}
		if asked[name.Type] == nil {
			asked[name.Type] = map[string][]int64{}
		}
		asked[name.Type][name.ID] = append(asked[name.Type][name.ID], name.version)
	}
	for typ, versions := range asked {
		if err := v.editionsOf(ctx, typ, versions, found); err != nil {
			return nil, err
		}
	}
	return found, nil
}

func (v *view) editionsOf(ctx context.Context, typ string, versions map[string][]int64, found map[edition]*document) error {
	ids := make([]string, 0, len(versions))
	for id := range versions {
		ids = append(ids, id)
	}
	var older []string
	for d, err := range v.documents(ctx, typ, currentCollection(typ), bson.D{{Key: "_id", Value: oneOf(ids)}}, bodyAlone) {
		if err != nil {
			return err
		}
		for _, version := range versions[d.ID] {
			name := edition{d.key(), version}
			switch {
			case d.Version == version:
				found[name] = d
			case d.Version > version:
				older = append(older, name.historyName())
			}
		}
	}
	if len(older) == 0 {
		return nil
	}
	for d, err := range v.documents(ctx, typ, historyCollection(typ), bson.D{{Key: "_id", Value: oneOf(older)}}, bodyAlone) {
		if err != nil {
			return err
		}
		found[edition{d.key(), d.Version}] = d
	}
	return nil
}
