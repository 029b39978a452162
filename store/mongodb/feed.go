package mongodb

import (
	"context"
	"math"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"kiln/store"
)

// Changes implements store.Store. The feed gives what is committed, in whatever process, and nothing else.
func (s *Store) Changes(ctx context.Context, after store.Position) (store.Feed, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.leave()
	s.lookout.start(s)
	f := &feed{store: s, last: int64(min(after, math.MaxInt64)), part: feedFirst}
	return store.NewTail(f.fill, s.lookout.watch, s.done), nil
}

// feedBatch is how many changes are read at once, without the bodies: those are read in parts, of which
// the first is short and the others of about feedBytes.
const (
	feedBatch = 1000
	feedFirst = 32
	feedMost  = 512
	feedBytes = 4 << 20
)

type feed struct {
	store *Store
	last  int64    // position of the last change given
	ahead []*event // those after it that have been read
	part  int      // how many bodies are read next
}

// fill gives the next changes, if there are any.
func (f *feed) fill(ctx context.Context) ([]store.Event, error) {
	if err := f.store.enter(ctx); err != nil {
		return nil, err
	}
	defer f.store.leave()
	ctx, end, err := f.store.causal(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer end()
	v, err := f.store.now(ctx)
	if err == nil && len(f.ahead) == 0 && f.last < v.at {
		err = f.read(ctx, v)
	}
	if err != nil || len(f.ahead) == 0 {
		return nil, told(ctx, err)
	}
	part := f.ahead[:min(f.part, len(f.ahead))]
	versions, err := v.versions(ctx, part)
	if err != nil {
		return nil, told(ctx, err)
	}
	events, bytes := make([]store.Event, len(part)), 0
	for i, version := range versions {
		f.last = part[i].Position
		events[i] = store.Event{Position: store.Position(f.last), Version: version}
		bytes += len(version.Body)
	}
	f.ahead = f.ahead[len(part):]
	f.part = min(max(feedBytes/(bytes/len(part)+1), 1), 2*f.part, feedMost)
	return events, nil
}

// read reads the next changes that are committed.
func (f *feed) read(ctx context.Context, v *view) error {
	filter := bson.D{{Key: "_id", Value: bson.D{{Key: "$gt", Value: f.last}, {Key: "$lte", Value: v.at}}}}
	o := options.Find().SetSort(bson.D{{Key: "_id", Value: 1}}).SetLimit(feedBatch)
	for e, err := range rows[event](ctx, v.feed(), filter, o) {
		if err != nil {
			f.ahead = nil // of these, all or none
			return err
		}
		f.ahead = append(f.ahead, e)
	}
	return nil
}
